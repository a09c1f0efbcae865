"""What to say of the tools of source builds, and where their files are. Pure functions."""

load("//tools/cgo_prebuilt:source/build_tools.bzl", "INSTALL")

def missing_tool_error(missing, wanted_by, tool):
    """What to say where a toolchain lacks a tool.

    Args:
        missing: the tool's name, one of `TOOLS`.
        wanted_by: the label of the target being built.
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
        wanted_by: the label of the target being built.
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

def absent_program_error(name, wanted_by):
    """What to say where a program that the library names is not on the build's PATH.

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
    """What to say where a Rust toolchain is needed that rustup does not have.

    Args:
        name: the toolchain.
        wanted_by: the label of the target being built.
        there: the toolchains that there are.

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
    """What to say where the Rust compiler is of another release than the library asks for.

    Args:
        release: the one that is asked for.
        wanted_by: the label of the target being built.

    Returns:
        Text of two lines.
    """
    return "\n".join([
        "{} builds with Rust {}, and the rustc here is of another release".format(wanted_by, release),
        "  next: rustup toolchain install {}; or register a toolchain that has it".format(release),
    ])

def crates_error(sums, label):
    """What to say where `crates` is not what `cgo-prebuilt crates` writes.

    Args:
        sums: how many files are called SHA256SUMS.
        label: the library's.
    """
    return "{}: 'crates' has {} files called SHA256SUMS\n  next: give it one folder that `cgo-prebuilt crates` wrote".format(label, sums)

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
