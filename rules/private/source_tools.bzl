"""Errors about the tools of source builds, and paths of files. Pure functions."""

load("//tools/cgo_prebuilt:source/build_tools.bzl", "INSTALL")

def missing_tool_error(missing, wanted_by, tool):
    """Returns the error if a toolchain lacks a tool.

    Args:
        missing: the tool's name, one of `TOOLS`.
        wanted_by: the label of the target being built.
        tool: the tool of that target.

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
    """Returns the error if a tool is not at the toolchain's path, most likely on a remote worker.

    Args:
        path: the toolchain's path.
        missing: the tool's name, one of `TOOLS`.
        wanted_by: the label of the target being built.
        tool: the tool of that target.

    Returns:
        Text of two lines.
    """
    return "\n".join([
        "{} builds with {}, and there is no {} on the machine that this runs on".format(wanted_by, tool, path),
        "  next: on that machine, {}; or register a toolchain that provides {}, or that names the workers and the path:".format(
            INSTALL[missing],
            missing,
        ) + " see source_build_toolchain in @rules_cgo_prebuilt//rules:toolchain.bzl",
    ])

def absent_program_error(name, wanted_by):
    """Returns the error if a program of the library is not on the build's PATH.

    Args:
        name: the program.
        wanted_by: the label of the target being built.

    Returns:
        Text of two lines.
    """
    return "\n".join([
        "{} builds with {}, and there is no {} on the PATH of the build".format(wanted_by, name, name),
        "  next: {}; or set PATH in 'env' of the library or of a source_build_toolchain".format(
            INSTALL.get(name, "install {} in /usr/local/bin or /usr/bin".format(name)),
        ),
    ])

def absent_rust_error(name, wanted_by, there):
    """Returns the error if rustup lacks a required Rust toolchain.

    Args:
        name: the toolchain.
        wanted_by: the label of the target being built.
        there: the available toolchains.

    Returns:
        Text of several lines.
    """
    return "\n".join([
        "",
        "",
        "{} builds with Rust {}, which is not here; there is {}".format(wanted_by, name, ", ".join(there) or "no rustup"),
        "  next: rustup toolchain install {}; or register a toolchain that has it: see source_build_toolchain".format(name) +
        " in @rules_cgo_prebuilt//rules:toolchain.bzl",
    ])

def other_rust_error(release, wanted_by):
    """Returns the error if the Rust compiler has a different release than the library requires.

    Args:
        release: the required release.
        wanted_by: the label of the target being built.

    Returns:
        Text of two lines.
    """
    return "\n".join([
        "{} builds with Rust {}, and the rustc here is of another release".format(wanted_by, release),
        "  next: rustup toolchain install {}; or register a toolchain that has it".format(release),
    ])

def crates_error(sums, label):
    """Returns the error if `crates` is not the output of `cgo-prebuilt crates`.

    Args:
        sums: the number of files named SHA256SUMS.
        label: the library's label.
    """
    return "{}: 'crates' has {} files called SHA256SUMS\n  next: give it one folder that `cgo-prebuilt crates` wrote".format(label, sums)

def path_below(short_path, folder):
    """A file's path relative to a folder of its repository.

    Args:
        short_path: the file's `short_path`: `a/b.c`, or `../repository/a/b.c`.
        folder: relative to the repository's root; empty for the root.

    Returns:
        The path, or None if the file is not below the folder.
    """
    if short_path.startswith("../"):
        short_path = short_path.split("/", 2)[2]
    if not folder:
        return short_path
    return short_path[len(folder) + 1:] if short_path.startswith(folder + "/") else None

def join_path(*parts):
    """Joins paths; ignores empty ones and `.`."""
    return "/".join([part.strip("/") for part in parts if part.strip("/") not in ("", ".")])
