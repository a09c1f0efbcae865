"""`source_library`: a native library that cargo, make, cmake or any command builds, in one sandboxed action."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//tools/cgo_prebuilt:source/build_tools.bzl", "ENVIRONMENT", "TOOLS")
load(":c_toolchain.bzl", "require_program")
load(":library_info.bzl", "LINK_ATTRIBUTES", "library_info")
load(":source_c_toolchain.bzl", "source_c_toolchain")
load(":source_flags.bzl", "JOBS", "SETTINGS", "absolute_path", "build_environment", "in_double_quotes", "shell_line", "shell_words", "target_flags")
load(":source_plan.bzl", "built_path", "check_build", "command_lines", "cross_arguments", "cross_rust_target", "tools_needed")
load(":source_tools.bzl", "absent_tool_error", "join_path", "missing_tool_error", "path_below")

_TOOLCHAIN_TYPE = "//rules/source:toolchain_type"

def _source_folders(ctx):
    """The sources by the folder that they are below in the execution root: the workspace's own, generated ones."""
    folder = join_path(ctx.label.package, ctx.attr.path)
    folders = {}
    for file in ctx.files.srcs:
        below = path_below(file.short_path, folder)
        if below == None:
            fail("{}: {} is not in the folder {}\n  next: correct 'path' or 'srcs'".format(
                ctx.label,
                file.short_path,
                repr(folder),
            ))
        folders.setdefault(file.path[:-len(below)].rstrip("/") or ".", []).append(below)
    return folders

def _declare_outputs(ctx, paths):
    return [ctx.actions.declare_file(join_path(ctx.label.name, path)) for path in paths]

def _require_tools(ctx, tools):
    for name in tools_needed(ctx.attr.tool, ctx.attr.args):
        if getattr(tools, name) == None:
            fail(missing_tool_error(name, ctx.label, ctx.attr.tool))

def _lines_that_look_for_tools(ctx, tools):
    """Shell lines for tools that are given by path: only where the action runs is known whether they are there."""
    lines = []
    for name in tools_needed(ctx.attr.tool, ctx.attr.args):
        tool = getattr(tools, name)
        if not tool.files:
            problem = absent_tool_error(tool.path, name, ctx.label, ctx.attr.tool)
            lines.append("look_for {} {}".format(in_double_quotes(tool.path), in_double_quotes(problem)))
    return lines

def _cross_rust_target(ctx, tools):
    if ctx.attr.tool == "cargo" and not tools.rust_target:
        fail("{}: Rust's name of the platform that is built for is not known\n".format(ctx.label) +
             "  next: set rust_target in a source_build_toolchain for it")
    return cross_rust_target(ctx.attr.tool, tools.rust_target, tools.rust_host)

def _shell_lines(ctx, tools, cross_target):
    """The lines of the script that build."""
    cross = cross_arguments(ctx.attr.tool, tools.platform, tools.exec_platform, cross_target)
    lines = []
    for words in command_lines(
        ctx.attr.tool,
        ctx.attr.args,
        ctx.attr.target,
        cross = cross,
        settings = [SETTINGS],
        jobs = JOBS,
        offline = not ctx.attr.allow_network,
    ):
        if ctx.attr.tool != "command":
            words = [absolute_path(getattr(tools, words[0]).path)] + words[1:]
        lines.append(shell_line(words))
    return "\n".join(["prepare_{}".format(ctx.attr.tool)] + lines)

def _write_script(ctx, tools, c, cross_target, lists, outputs, env):
    copies = [
        "copy {} {}".format(in_double_quotes(folder), in_double_quotes(absolute_path(file.path)))
        for folder, file in lists.items()
    ]
    collects = [
        "collect {} {}".format(
            in_double_quotes(built_path(path, cross_target)),
            in_double_quotes(absolute_path(file.path)),
        )
        for path, file in outputs.items()
    ]
    if ctx.attr.localize:
        collects += [
            "localize {}".format(in_double_quotes(absolute_path(outputs[path].path)))
            for path in ctx.attr.static_library
        ]
    script = ctx.actions.declare_file(ctx.label.name + ".source_build.sh")
    of_tool = target_flags if ctx.attr.tool == "cargo" else list
    values = {
        "ar": c.archiver.path if c.archiver else "",
        "arflags": c.archiver.flags if c.archiver else "",
        "cc": c.cc,
        "cflags": shell_words(of_tool(c.cflags)),
        "cxx": c.cxx,
        "cxxflags": shell_words(of_tool(c.cxxflags)),
        "given": " ".join(sorted(env)),
        "label": str(ctx.label),
        "ldflags": shell_words(c.ldflags),
        "make": absolute_path(tools.make.path) if "make" in tools_needed(ctx.attr.tool, ctx.attr.args) else "",
        "objcopy": c.objcopy,
        "remap": "-ffile-prefix-map" if c.remaps_paths else "",
        "rust_cross_target": cross_target,
        "rust_target": tools.rust_target,
        "rustc": absolute_path(tools.rustc.path) if tools.rustc else "",
        "tool": ctx.attr.tool,
    }
    ctx.actions.expand_template(
        template = ctx.file._template,
        output = script,
        substitutions = {"{%s}" % name: in_double_quotes(value) for name, value in values.items()} | {
            "{build}": _shell_lines(ctx, tools, cross_target),
            "{collect_outputs}": "\n".join(collects),
            "{copy_sources}": "\n".join(copies),
            "{environment}": " ".join([in_double_quotes("=".join(item)) for item in ENVIRONMENT.items()]),
            "{keep_global}": " ".join([
                in_double_quotes("--keep-global-symbol=" + pattern)
                for pattern in ctx.attr.localize
            ]),
            "{look_for_tools}": "\n".join(_lines_that_look_for_tools(ctx, tools)),
            "{rust_link_flags}": " ".join([in_double_quotes("-Clink-arg=" + flag) for flag in c.ldflags]),
            "{relocatable_flags}": " ".join([in_double_quotes(flag) for flag in c.relocatable_flags]),
            "{versions}": ", ".join(tools.versions),
        },
        is_executable = True,
    )
    return script

def _source_library_impl(ctx):
    problem = check_build(ctx.attr.tool, ctx.attr.args, ctx.attr.target)
    if problem:
        fail("{}: {}".format(ctx.label, problem))
    tools = ctx.toolchains[_TOOLCHAIN_TYPE].source_build
    _require_tools(ctx, tools)
    c = source_c_toolchain(ctx, find_cc_toolchain(ctx))
    if ctx.attr.localize:
        require_program(ctx.label, c, "objcopy", c.objcopy, "objcopy_embed_data")
    env = build_environment(c.env, tools.env, ctx.attr.env)
    cross_target = _cross_rust_target(ctx, tools)

    lists = {}
    for number, (folder, paths) in enumerate(_source_folders(ctx).items()):
        file = ctx.actions.declare_file("{}.source_build.{}.txt".format(ctx.label.name, number))

        # "./": a name that begins with a dash is no option of tar.
        ctx.actions.write(file, "".join(["./{}\n".format(path) for path in paths]))
        lists[folder] = file

    static_libraries = _declare_outputs(ctx, ctx.attr.static_library)
    shared_libraries = _declare_outputs(ctx, ctx.attr.shared_library)
    interface_libraries = _declare_outputs(ctx, ctx.attr.interface_library)
    generated_headers = _declare_outputs(ctx, ctx.attr.generated_headers)
    files = static_libraries + shared_libraries + interface_libraries + generated_headers
    paths = ctx.attr.static_library + ctx.attr.shared_library + ctx.attr.interface_library + ctx.attr.generated_headers
    if not static_libraries and not shared_libraries:
        fail("{}: no library is named\n  next: set 'static_library' or 'shared_library' to what the build writes".format(ctx.label))
    outputs = dict(zip(paths, files))
    for path in ctx.attr.alwayslink + ctx.attr.circular:
        if path not in ctx.attr.static_library:
            fail("{}: 'static_library' has no {}\n  next: correct 'alwayslink' or 'circular'".format(ctx.label, path))

    script = _write_script(ctx, tools, c, cross_target, lists, outputs, env)
    ctx.actions.run_shell(
        # Bazel's own shell runs it, on Windows too, where a script is no program.
        command = 'exec "$BASH" "$1"',
        arguments = [script.path],
        # Of the action, not only of what the script runs: for Apple's toolchains Bazel adds what it knows of Xcode.
        env = env,
        inputs = depset(
            ctx.files.srcs + lists.values() + [script],
            transitive = [c.files, tools.data],
        ),
        outputs = files,
        tools = [getattr(tools, name).files for name in TOOLS if getattr(tools, name) and getattr(tools, name).files],
        execution_requirements = {"requires-network" if ctx.attr.allow_network else "block-network": ""},
        mnemonic = "SourceBuild",
        progress_message = "Building %{label} from source with " + ctx.attr.tool,
    )
    source_root = join_path(ctx.label.workspace_root, ctx.label.package, ctx.attr.path)
    output_root = join_path(ctx.bin_dir.path, ctx.label.workspace_root, ctx.label.package, ctx.label.name)
    roots = ([source_root] if ctx.files.headers else []) + ([output_root] if generated_headers else [])
    return library_info(
        ctx,
        static_libraries = static_libraries,
        shared_libraries = shared_libraries,
        interface_libraries = interface_libraries,
        headers = ctx.files.headers + generated_headers,
        include_dirs = [join_path(root, folder) or "." for root in roots for folder in ctx.attr.include_dirs],
        alwayslink = [outputs[path] for path in ctx.attr.alwayslink],
        circular = [outputs[path] for path in ctx.attr.circular],
    )

source_library = rule(
    implementation = _source_library_impl,
    doc = """\
A native library that its own build system builds. To its users it is a `cc_library`.

    source_library(
        name = "vecsearch",
        srcs = glob(["native/**"], exclude = ["native/target/**"]),
        headers = ["native/include/vecsearch.h"],
        include_dirs = ["include"],
        linkopts = ["-lm", "-ldl", "-lpthread"],
        path = "native",
        static_library = ["target/release/libvecsearch.a"],
        tool = "cargo",
    )

The build is one action, in a folder of its own that holds `srcs` and nothing else. It is without the user's own
configuration and, where Bazel's sandbox can block it, without a network. The C compiler, the archiver and their flags are those of Bazel's C toolchain; the other tools
are those of the toolchain `//rules/source:toolchain_type`. It is optimized whatever the compilation mode is.

* `cargo` runs `cargo build --release --locked --offline`, so crates must be vendored: commit what `cargo vendor` writes, and
  the `.cargo/config.toml` that it prints. Outputs are below `target/release`, for a cross build too.
* `make` runs `make CC=... CXX=... AR=... RANLIB=...` with `LDFLAGS` in its environment.
* `cmake` configures into the folder `build` and builds there; outputs are below `build`.
* `command` runs `args`, with `CC`, `CXX`, `AR`, `CFLAGS`, `CXXFLAGS` and `LDFLAGS` in its environment.

The C toolchain's flags are those of its optimized mode, without warnings. `--copt`, `--linkopt` and their like are not passed.
The project's own flags win over them:

| tool | where the flags are passed | which |
|---|---|---|
| `cargo` | `CFLAGS_<target>` and `CXXFLAGS_<target>`, which the `cc` crate puts behind a build script's own | what is compiled for and with: target, sysroot, folders, `-m...`. Not `-O`, `-g`, `-DNDEBUG`, `_FORTIFY_SOURCE`, `-fstack-protector`: the profile and build scripts decide those |
| `make` | with the compiler's name in `CC` and `CXX`, before the makefile's `CFLAGS` | all |
| `cmake` | `CMAKE_<LANG>_FLAGS`, before those of the build type and of targets | all |
| `command` | `CFLAGS` and `CXXFLAGS` | all |
""",
    attrs = LINK_ATTRIBUTES | {
        "allow_network": attr.bool(
            doc = "Let the build use the network, and tag its action `requires-network`. What it downloads is neither" +
                  " verified nor known to Bazel.",
        ),
        "alwayslink": attr.string_list(
            doc = "Those of `static_library` that are linked as a whole, also what nothing refers to.",
        ),
        "args": attr.string_list(
            doc = "Arguments for the tool; for `command`, the whole command line.",
        ),
        "circular": attr.string_list(
            doc = "Those of `static_library` that need each other, whatever their order.",
        ),
        "env": attr.string_dict(
            doc = "Variables to be set for the build.",
        ),
        "generated_headers": attr.string_list(
            doc = "Public headers that the build writes, relative to `path`.",
        ),
        "headers": attr.label_list(
            allow_files = True,
            doc = "Public headers that are there before the build.",
        ),
        "include_dirs": attr.string_list(
            default = ["."],
            doc = "Folders that headers are searched in, relative to `path`.",
        ),
        "interface_library": attr.string_list(
            doc = "Import libraries that the build writes, relative to `path`: one for each shared library or none.",
        ),
        "localize": attr.string_list(
            doc = "Globs of the symbols of `static_library` that stay global, such as `vec_*`; all others are made local." +
                  " Two libraries that each hold a copy of a third one (two Rust ones, each with its std) can then be linked" +
                  " into one program. ELF only; with the C toolchain's compiler and objcopy.",
        ),
        "path": attr.string(
            default = ".",
            doc = "The folder that is built, relative to this package.",
        ),
        "shared_library": attr.string_list(
            doc = "Shared libraries that the build writes, relative to `path`, in link order.",
        ),
        "srcs": attr.label_list(
            allow_files = True,
            doc = "All that the build reads, below `path`: the sources, vendored dependencies, lock files.",
            mandatory = True,
        ),
        "static_library": attr.string_list(
            doc = "Static archives that the build writes, relative to `path`, in link order.",
        ),
        "target": attr.string(
            doc = "What make is to make, or the CMake target; the project's default where it is empty.",
        ),
        "tool": attr.string(
            doc = "What builds it: `cargo`, `cmake`, `make` or `command`.",
            mandatory = True,
            values = ["cargo", "cmake", "command", "make"],
        ),
        "_template": attr.label(
            allow_single_file = True,
            default = "//rules/private/templates:source_build.sh",
        ),
    },
    fragments = ["cpp"],
    provides = [CcInfo],
    toolchains = use_cc_toolchain() + [_TOOLCHAIN_TYPE],
)
