"""The tools of source builds: which build needs which, and what to say where one is missing. Pure functions."""

# The tools that a toolchain may have.
TOOLS = ["cargo", "cmake", "make", "rustc"]

_NEEDED = {
    "cargo": ["cargo", "rustc"],
    "cmake": ["cmake", "make"],
    "command": [],
    "make": ["make"],
}

_INSTALL = {
    "cargo": "install Rust: https://rustup.rs, or `apt install cargo`, `dnf install cargo`, `brew install rust`",
    "cmake": "install CMake: `apt install cmake`, `dnf install cmake`, `brew install cmake`, `winget install cmake`",
    "make": "install make: `apt install make`, `dnf install make`, `xcode-select --install`",
    "rustc": "install Rust: https://rustup.rs, or `apt install rustc`, `dnf install rust`, `brew install rust`",
}

def tools_needed(tool):
    """The tools of a toolchain that a build with `tool` needs: a list of names out of `TOOLS`."""
    return _NEEDED[tool]

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
            _INSTALL[missing],
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
            _INSTALL[missing],
            missing,
        ) + " see source_build_toolchain in @rules_cgo_prebuilt//rules:toolchain.bzl",
    ])

def check_build(tool, args, target):
    """Looks for contradictions in how a library is to be built.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        args: its arguments.
        target: what it is to make.

    Returns:
        What is wrong, a string; or None.
    """
    if target and tool not in ("cmake", "make"):
        return "'target' is for make and cmake\n  next: put what {} is to build into 'args'".format(tool)
    if tool == "command" and not args:
        return "the command is empty\n  next: put the whole command line into 'args'"
    return None

def cargo_arguments(args, allow_network):
    """The arguments of `cargo build`; one that is there already is not said twice, which cargo refuses.

    Args:
        args: the library's own.
        allow_network: whether cargo may download what the sources do not hold.

    Returns:
        A list of strings.
    """
    arguments = []
    if not [arg for arg in args if arg in ("--release", "-r") or arg.startswith("--profile")]:
        arguments.append("--release")
    for flag in ["--locked"] + ([] if allow_network else ["--offline"]):
        if flag not in args:
            arguments.append(flag)
    return arguments + args

def built_path(path, tool, cross_target):
    """Where a build leaves an output. Pure.

    Args:
        path: as it is where nothing is cross-compiled: `target/release/libx.a`.
        tool: what builds it.
        cross_target: the Rust target that is cross-compiled for, or an empty string.
    """
    if tool == "cargo" and cross_target and path.startswith("target/"):
        return "target/{}/{}".format(cross_target, path[len("target/"):])
    return path

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
