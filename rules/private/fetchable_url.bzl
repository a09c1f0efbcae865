"""Decide whether a URL can be fetched. Pure; `Url.is_fetchable` in url.py decides the same."""

def is_fetchable(url):
    """Returns whether a URL has a supported scheme and, for http and https, a host and no invalid port.

    Args:
        url: a text.

    Returns:
        A bool.
    """
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "file":
        host, slash, _ = rest[2:].partition("/") if rest.startswith("//") else ("", rest[:1], "")
        return slash == "/" and _is_plain(host)
    if scheme.lower() not in ("http", "https") or not rest.startswith("//"):
        return False
    place = rest[2:]
    for end in "/?#".elems():
        place = place.partition(end)[0]
    place = place.rpartition("@")[2]
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not host or not bracket:
            return False
    else:
        host, colon, port = place.partition(":")
        port = colon + port
        if not host or not _is_plain(host):
            return False
    return not port or (port[0] == ":" and _is_port(port[1:]))

def _is_plain(host):
    return not [character for character in "[]?#@: ".elems() if character in host]

def _is_port(text):
    if not text.isdigit() or len(text) > 5:
        return False
    return len(text) < 5 or (text[0] != "0" and int(text) <= 65535)
