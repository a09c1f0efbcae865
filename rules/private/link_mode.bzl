"""How a spoke's files get out of the store: what the rules know of it, and the fetcher does not."""

LINK_MODES = ["auto", "reflink", "hardlink", "copy"]

# Bazel 9.0 and 9.1 take a new ctime for an outside edit and fetch again; another hard link of a file gives it a new one.
_REFETCHES = ("9.0.", "9.1.")

def link_mode_error(value):
    """What is wrong with a link mode of MODULE.bazel; None where nothing is. Pure.

    Args:
        value: the mode; empty where MODULE.bazel says nothing.
    """
    if value in [""] + LINK_MODES:
        return None
    return "link_mode is '{}'\n  next: use one of {}".format(value, ", ".join(LINK_MODES))

def link_options(mode, bazel_version):
    """Options of `cgo-prebuilt fetch`. Pure.

    The rules compare each file with the lock before anything uses it, so a write through a hard link does no harm: even for root,
    whom no file mode keeps from it, `auto` may make some.

    Args:
        mode: the mode of MODULE.bazel; empty where it says nothing.
        bazel_version: Bazel's version; empty where it has none.

    Returns:
        A list of options.
    """
    shares = "no" if bazel_version.startswith(_REFETCHES) else "yes"
    return ["--auto-hard-links=" + shares] + (["--default-link-mode=" + mode] if mode else [])
