"""The variables of one library, and the version that they select. Pure functions."""

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
    """Chooses the selected version.

    Args:
        variables: the value of each of `library_variables`, or None.
        attribute: the tag's value; empty if not set.

    Returns:
        A struct of `version`, empty for the default, and `variable`, the variable that selects it, or an empty string.
    """
    for name, value in variables.items():
        if value:
            return struct(version = value, variable = name)
    return struct(version = attribute, variable = "")

def wrong_version_remedy(library, variable, versions):
    """The remedy if a variable selects a version that is not in the lock.

    Args:
        library: the library's name in its lock.
        variable: the variable.
        versions: the versions in the lock.

    Returns:
        Text.
    """
    own = library_variables(library, "VERSION")[0]
    listed = ", ".join(versions)
    if variable == own:
        return "unset {}, or set it to one of {}".format(variable, listed)
    return "unset {} if it is another program's, or set {}, which takes precedence, to one of {}".format(variable, own, listed)
