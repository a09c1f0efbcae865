"""Find programs on the PATH, and fetch again when one is installed later."""

def candidates(name, path, windows):
    """The paths at which a program may be. Pure.

    Args:
        name: the program.
        path: the PATH.
        windows: whether this is Windows.
    """
    separator = ";" if windows else ":"
    suffix = ".exe" if windows else ""
    return [folder + "/" + name + suffix for folder in path.split(separator) if folder]

def _is_absolute(path):
    return path.startswith("/") or path[1:2] == ":"

def watch_candidates(rctx, name):
    """Makes Bazel fetch the repository again when a program appears on the PATH.

    Args:
        rctx: a repository's context.
        name: the program.
    """
    for candidate in candidates(name, rctx.getenv("PATH") or "", rctx.os.name.startswith("windows")):
        if _is_absolute(candidate):
            rctx.watch(candidate)
