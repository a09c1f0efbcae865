"""How a spoke's files leave the store: the part of the decision that depends on Bazel."""

LINK_MODES = ["auto", "reflink", "hardlink", "copy"]

# Bazel 9.0 and 9.1 fetch again after a change of ctime, which a further hard link of a file causes.
_REFETCHES = ("9.0.", "9.1.")

def link_mode_error(value):
    """Returns the error for an invalid link mode in MODULE.bazel, or None. Pure.

    Args:
        value: the mode; empty if not set.
    """
    if value in [""] + LINK_MODES:
        return None
    return "link_mode is '{}'\n  next: use one of {}".format(value, ", ".join(LINK_MODES))

def link_mode_options(mode, bazel_version):
    """Options of `cgo-prebuilt fetch`. Pure.

    The rules compare each file with the lock before its use, so a write through a hard link is harmless. Therefore `auto` may
    make hard links even for root, who can write to read-only files.

    Args:
        mode: the mode in MODULE.bazel; empty if not set.
        bazel_version: Bazel's version; empty if unknown.

    Returns:
        A list of options.
    """
    shares = "no" if bazel_version.startswith(_REFETCHES) else "yes"
    return ["--auto-hard-links=" + shares] + (["--default-link-mode=" + mode] if mode else [])
