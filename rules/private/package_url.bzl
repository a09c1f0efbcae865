"""The package URL of a library, its name in bills of materials. Pure functions."""

# The characters that need not be encoded in a purl (package-url/purl-spec).
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:"

# The encodings of other characters in URLs and versions; servers or the lock refuse the rest.
_ENCODED = {
    " ": "%20",
    "!": "%21",
    "#": "%23",
    "$": "%24",
    "%": "%25",
    "&": "%26",
    "'": "%27",
    "(": "%28",
    ")": "%29",
    "*": "%2A",
    "+": "%2B",
    ",": "%2C",
    "/": "%2F",
    ";": "%3B",
    "=": "%3D",
    "?": "%3F",
    "@": "%40",
    "[": "%5B",
    "]": "%5D",
}

def _encoded(text):
    return "".join([
        character if character in _PLAIN else _ENCODED.get(character, "_")
        for character in text.elems()
    ])

def package_url(name, version, archives):
    """The package URL of a prebuilt.

    Args:
        name: the lock's name.
        version: its version.
        archives: the platform's archives in the lock, a list of dicts.

    Returns:
        `pkg:github/OWNER/REPO@TAG` for a release on GitHub, else `pkg:generic/NAME@VERSION` with the first archive's hash, and
        its URL unless that has a query.
    """
    urls = [url for archive in archives for url in archive["urls"]]
    for url in urls:
        parts = url.split("/")
        if url.startswith("https://github.com/") and len(parts) > 8 and parts[5:7] == ["releases", "download"]:
            return "pkg:github/{}/{}@{}".format(parts[3].lower(), parts[4].lower(), _encoded(parts[7]))
    qualifiers = ["checksum=sha256:" + archive["sha256"] for archive in archives[:1]]

    # A query may be a signature, and text before an @ may be a password.
    qualifiers += ["download_url=" + _encoded(url) for url in urls[:1] if "?" not in url and "@" not in url]
    return "pkg:generic/{}@{}?{}".format(_encoded(name), _encoded(version), "&".join(qualifiers))

def metadata_of(rule, url):
    """The texts in a spoke's files for the module package_metadata.

    Args:
        rule: the label of the file that defines the rule `package_metadata`; None for empty texts.
        url: the package URL.

    Returns:
        A struct of texts: `loads` and `target` for BUILD.bazel, and `repo` for REPO.bazel.
    """
    if not rule:
        return struct(loads = "", repo = "", target = "")
    return struct(
        loads = "load({}, \"package_metadata\")".format(json.encode(str(rule))),
        repo = "repo(default_package_metadata = [\"//:package_metadata\"])\n",
        target = "package_metadata(\n    name = \"package_metadata\",\n    purl = {},\n)".format(json.encode(url)),
    )
