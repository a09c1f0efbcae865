"""What to say of the tools of source builds, and where their files are. Pure functions."""

load("//tools/cgo_prebuilt:source/build_tools.bzl", "INSTALL")

def missing_tool_error(missing, wanted_by, tool):
    """What to say where a toolchain lacks a tool.

    Args:
        missing: the tool's name, one of `TOOLS`.
        wanted_by: the label of the target that is to be built.
        tool: what that builds with.

    Returns:
        Text of several lines.
    """
    return "\n".join([
        "",
        "",
        "{} builds with {}, and there is no {} here".format(wanted_by, tool, missing),
        "  next: {}; or register a toolchain that has one: see source_build_toolchain in @rules_cgo_prebuilt//rules:toolchain.bzl".format(
            INSTALL[missing],
        ),
    ])

def absent_tool_error(path, missing, wanted_by, tool):
    """What to say where a tool is not where the toolchain says that it is: on a remote worker, most likely.

    Args:
        path: where it was looked for.
        missing: the tool's name, one of `TOOLS`.
        wanted_by: the label of the target that is to be built.
        tool: what that builds with.

    Returns:
        Text of two lines.
    """
    return "\n".join([
        "{} builds with {}, and there is no {} on the machine that this runs on".format(wanted_by, tool, path),
        "  next: there, {}; or register a toolchain that brings {}, or says which workers have it where:".format(
            INSTALL[missing],
            missing,
        ) + " see source_build_toolchain in @rules_cgo_prebuilt//rules:toolchain.bzl",
    ])

def path_below(short_path, folder):
    """A file's path relative to a folder of its repository.

    Args:
        short_path: as Bazel has it: `a/b.c`, or `../repository/a/b.c`.
        folder: relative to the repository's root; empty for the root.

    Returns:
        The path, or None where the file is not below the folder.
    """
    if short_path.startswith("../"):
        short_path = short_path.split("/", 2)[2]
    if not folder:
        return short_path
    return short_path[len(folder) + 1:] if short_path.startswith(folder + "/") else None

def join_path(*parts):
    """Joins paths; an empty one and `.` are nothing."""
    return "/".join([part.strip("/") for part in parts if part.strip("/") not in ("", ".")])
