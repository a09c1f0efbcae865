"""The tools and command lines that build a library from its source. Pure functions.

`tools/cgo_prebuilt/source/command_lines.py` decides the same at a prompt, from the same table.
"""

load(
    "//tools/cgo_prebuilt:source/build_tools.bzl",
    "BUILT_FOLDERS",
    "CMAKE_PROCESSORS",
    "CMAKE_SYSTEMS",
    "COMMANDS",
    "NEEDED_TOOLS",
    "NOT_SOURCE",
    "TARGET_OPTIONS",
)

def tools_needed(tool, args):
    """The programs that a build runs, except those that only its files name.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        args: the tool's arguments.

    Returns:
        A list of names out of `TOOLS`.
    """
    return [
        name
        for name in NEEDED_TOOLS[tool]
        if not (tool == "cmake" and name == "make" and _names_generator(args))
    ]

def cross_rust_target(tool, target, host):
    """The Rust target to pass to cargo; empty if it is the default.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        target: the Rust target to build for.
        host: the Rust target that the compiler builds for by default.
    """
    return target if tool == "cargo" and target != host else ""

def cross_arguments(tool, platform, host, rust_target):
    """The arguments that name the target, in a cross build.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        platform: the platform to build for; empty if unknown.
        host: the platform that builds; empty if unknown.
        rust_target: from `cross_rust_target`.

    Returns:
        A list of strings.
    """
    if tool == "cargo":
        return ["--target", rust_target] if rust_target else []
    if tool != "cmake" or not platform or same_machine(platform, host):
        return []
    parts = platform.split("_")
    return [
        "-DCMAKE_SYSTEM_NAME=" + CMAKE_SYSTEMS[parts[0]],
        "-DCMAKE_SYSTEM_PROCESSOR=" + CMAKE_PROCESSORS[parts[1]],
    ]

def same_machine(platform, other):
    """Whether two platforms have the same system and architecture; the C library depends on the compiler."""
    return platform.split("_")[:2] == other.split("_")[:2]

def command_lines(tool, args, target, *, cross, settings, jobs, offline):
    """The command lines of a build.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        args: the tool's arguments; for `command`, the whole command line.
        target: the target to build; empty for the default.
        cross: from `cross_arguments`.
        settings: the tool's options for compilers and folders.
        jobs: the number of parallel jobs.
        offline: whether to forbid cargo downloads.

    Returns:
        A list of lists of strings.
    """
    words = {
        "{args}": args,
        "{cross}": cross,
        "{generator}": [] if _names_generator(args) else ["-G", "Unix Makefiles"],
        "{locked}": _unless_given(["--locked"], args),
        "{offline}": _unless_given(["--offline"] if offline else [], args),
        "{profile}": [] if _names_profile(args) else ["--release"],
        "{settings}": settings,
        "{target}": TARGET_OPTIONS.get(tool, []) + [target] if target else [],
    }
    return [
        [word for pattern in line for word in words.get(pattern, [pattern.replace("{jobs}", jobs)])]
        for line in COMMANDS[tool]
    ]

def built_path(path, rust_target):
    """The path to which a build writes an output.

    Args:
        path: the path in a native build: `target/release/libx.a`.
        rust_target: from `cross_rust_target`.
    """
    if rust_target and path.startswith("target/"):
        return "target/{}/{}".format(rust_target, path[len("target/"):])
    return path

def is_source(name, tool):
    """Whether an entry of a source's folder is a source, not a leftover of a build or Git."""
    return name not in NOT_SOURCE + BUILT_FOLDERS.get(tool, []) and not name.startswith("bazel-")

def steps_of(tool, args, target, then):
    """The steps of a build.

    Args:
        tool: the tool of the first step.
        args: its arguments.
        target: its target.
        then: the further steps, from `build_step`.

    Returns:
        A list of structs of `tool`, `args` and `target`.
    """
    first = struct(tool = tool, args = args, target = target)
    return [first] + [struct(**json.decode(step)) for step in then]

def build_step(tool, args = [], target = ""):
    """A step of a build, for `then` of a `source_library`.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        args: the tool's arguments; for `command`, the whole command line.
        target: the target of make or CMake.

    Returns:
        A string.
    """
    return json.encode({"args": args, "target": target, "tool": tool})

def choose_rust(pinned, channel, toolchains):
    """Chooses the Rust toolchain that builds a library.

    Args:
        pinned: the toolchain that the library requires, by rustup's name; empty for any.
        channel: the channel in its `rust-toolchain.toml`; empty without one.
        toolchains: the folders of rustup's toolchains by name; empty if Rust is not rustup's.

    Returns:
        A struct of `sysroot`, the folder of the toolchain to use instead of the default; `release`, the required release of the
        default one; and `absent`, a required toolchain that is missing. All are empty if the default one is right.
    """
    wanted = pinned or (channel if toolchains else "")
    names = [name for name in toolchains if name == wanted or name.startswith(wanted + ".")] if wanted else []
    sysroot = toolchains[wanted] if wanted in toolchains else (toolchains[names[-1]] if names else "")
    is_release = wanted[:1].isdigit()
    return struct(
        absent = wanted if wanted and not sysroot and not (pinned and is_release) else "",
        release = pinned if pinned and not sysroot and is_release else "",
        sysroot = sysroot,
    )

def cargo_locks(args_of_steps):
    """The possible paths of `Cargo.lock` for cargo's steps: the folder of the manifest, and those above.

    Args:
        args_of_steps: the arguments of each step.

    Returns:
        A list of paths, relative to the source's root.
    """
    folders = {"": None}
    for args in args_of_steps:
        for index, arg in enumerate(args):
            manifest = args[index + 1] if arg == "--manifest-path" and index + 1 < len(args) else ""
            if arg.startswith("--manifest-path="):
                manifest = arg.partition("=")[2]
            parts = manifest.split("/")[:-1]
            for end in range(len(parts)):
                folders["/".join(parts[:end + 1]) + "/"] = None
    return [folder + "Cargo.lock" for folder in folders]

def channel_of(text):
    """The channel in a `rust-toolchain.toml`, or in a `rust-toolchain`, which may hold its name only; empty without one.

    Args:
        text: the file's text.

    Returns:
        A string, the toolchain by rustup's name.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and "=" not in lines[0] and not lines[0].startswith("["):
        return lines[0]
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "channel":
            return value.partition("#")[0].strip().strip("\"'")
    return ""

def check_build(tool, args, target):
    """Checks a build step for contradictions.

    Args:
        tool: `cargo`, `cmake`, `command` or `make`.
        args: its arguments.
        target: its target.

    Returns:
        The error, a string; or None.
    """
    if tool not in COMMANDS:
        return "the tool of a step is {}\n  next: use one of {}".format(repr(tool), ", ".join(COMMANDS))
    if target and tool not in TARGET_OPTIONS:
        return "'target' is for make and cmake\n  next: put what {} is to build into 'args'".format(tool)
    if tool == "command" and not args:
        return "the command is empty\n  next: put the whole command line into 'args'"
    return None

def _names_generator(args):
    return any([arg.startswith("-G") for arg in args])

def _names_profile(args):
    return any([arg in ("--release", "-r") or arg.startswith("--profile") for arg in args])

def _unless_given(flags, args):
    """The flags that are not among the given ones: cargo refuses duplicates."""
    return [flag for flag in flags if flag not in args]
