"""The link options that a lock may have without permission. Pure; `link_options.py` decides the same."""

load("//tools/cgo_prebuilt:locks/link_options.bzl", "BEGINNINGS", "ENDINGS", "PAIRS", "REFUSED", "WORDS")

# The fetcher's variable that allows more words.
ALLOW_LINKOPTS = "CGO_PREBUILT_ALLOW_LINKOPTS"

def refused_linkopt(linkopts, allowed):
    """Finds a link option that could run a program or read options from elsewhere.

    Args:
        linkopts: a lock's options, each of one or several words.
        allowed: the words that the root module allows.

    Returns:
        The first option that is neither known to be harmless nor allowed, or None.
    """
    for text in linkopts:
        if not _harmless(text.split(" "), allowed):
            return text
    return None

def check_linkopts(library, linkopts, allowed):
    """Fails if a link option is refused.

    Args:
        library: the library's name.
        linkopts: as in `refused_linkopt`.
        allowed: as in `refused_linkopt`.
    """
    refused = refused_linkopt(linkopts, allowed)
    if refused != None:
        fail(("\n\nthe lock of {} has the link option {}, which could run a program\n  next: if you trust it, allow its words" +
              " in the root module: prebuilt.defaults(allow_linkopts = {})").format(library, repr(refused), repr(refused.split(" "))))

def _harmless(words, allowed):
    if len(words) == 2 and words[0] in PAIRS:
        return _is_value(words[1])
    return all([word in allowed or _is_harmless_word(word) for word in words])

def _is_harmless_word(word):
    if any([word.startswith(beginning) for beginning in REFUSED]):
        return False
    if word in WORDS:
        return True
    if any([word.endswith(ending) for ending in ENDINGS]) and _is_value(word):
        return True
    return any([
        word.startswith(beginning) and _is_value(word[len(beginning):])
        for beginning in BEGINNINGS
    ])

def _is_value(text):
    return text != "" and text[0] not in "-@" and not any([character in text for character in (",", "'", '"', "\\")])
