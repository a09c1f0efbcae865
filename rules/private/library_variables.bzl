"""The variables that are one library's own, and the version that they ask for. Pure functions."""

_NAMED = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

def library_variables(library, setting):
    """The variables for a setting of one library; `library_variables` in settings.py has the same rule.

    Args:
        library: the library's name in its lock.
        setting: `VERSION`.

    Returns:
        The names: for `lancedb-go`, `CGO_PREBUILT_LANCEDB_GO_VERSION`, which takes precedence, and `LANCEDB_GO_VERSION`.
    """
    name = "".join([
        letter if letter in _NAMED else "_"
        for letter in library.upper().elems()
    ])
    return ["CGO_PREBUILT_{}_{}".format(name, setting), "{}_{}".format(name, setting)]

def asked_version(variables, attribute):
    """Chooses the version that somebody asks for.

    Args:
        variables: the value of each of `library_variables`, or None.
        attribute: what the tag says; empty where it says nothing.

    Returns:
        A struct of `version`, empty where nobody asks for one, and `variable`, the name of the one that does or an empty string.
    """
    for name, value in variables.items():
        if value:
            return struct(version = value, variable = name)
    return struct(version = attribute, variable = "")

def wrong_version_remedy(library, variable, versions):
    """What to do where a variable asks for a version that is not in the lock.

    Args:
        library: the library's name in its lock.
        variable: the one of its variables that asks.
        versions: those that the lock has.

    Returns:
        Text.
    """
    own = library_variables(library, "VERSION")[0]
    listed = ", ".join(versions)
    if variable == own:
        return "unset {}, or set it to one of {}".format(variable, listed)
    return "unset {} if it is another program's, or set {}, which takes precedence, to one of {}".format(variable, own, listed)
