"""Find values in a lock that some compiler or linker cannot take. Pure; `lock_checks.py` decides the same."""

# The ASCII characters that C identifiers cannot have.
_NO_NAME = " !\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~".elems()
_DIGITS = "0123456789".elems()

def interface_problem(described):
    """Returns why the values of a platform, or of a source, cannot be passed to every compiler and linker.

    Args:
        described: the lock's value for it, a dict.

    Returns:
        A text, or None.
    """
    if "" in described.get("linkopts", []):
        return "'linkopts' has an empty option"
    for define in described.get("defines", []):
        name = define.partition("=")[0]
        if not name or name[0] in _DIGITS or any([character in name for character in _NO_NAME]):
            return "'defines' has {}, which is neither NAME nor NAME=VALUE".format(repr(define))
        if "'" in define and '"' in define:
            return "'defines' has {}, with both kinds of quotes, which cgo cannot take".format(repr(define))
    for path in described.get("shared_library", []):
        if "," in path.rpartition("/")[0]:
            return "'shared_library' has {}, in a folder with a comma, which linkers split".format(repr(path))
    return None
