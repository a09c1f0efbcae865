"""`source_library`: a native library that cargo, make, cmake or any command builds, in one sandboxed action."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("//tools/cgo_prebuilt:source/build_tools.bzl", "TOOLS")
load(":c_toolchain.bzl", "require_program")
load(":library_info.bzl", "LINK_ATTRIBUTES", "library_info")
load(":source_c_toolchain.bzl", "source_c_toolchain")
load(":source_cores.bzl", "CORES", "resources_of")
load(":source_flags.bzl", "build_environment")
load(":source_plan.bzl", "check_build", "choose_rust", "cross_rust_target", "steps_of", "tools_needed")
load(":source_script.bzl", "write_script")
load(":source_tools.bzl", "absent_rust_error", "join_path", "missing_tool_error", "path_below")

_TOOLCHAIN_TYPE = "//rules/source:toolchain_type"

def _source_folders(ctx):
    """The sources by their root in the execution root: the workspace's, or one for generated files."""
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

def _checked_steps(ctx):
    steps = steps_of(ctx.attr.tool, ctx.attr.args, ctx.attr.target, ctx.attr.then)
    for step in steps:
        problem = check_build(step.tool, step.args, step.target)
        if problem:
            fail("{}: {}".format(ctx.label, problem))
    return steps

def _tools_for(ctx, steps):
    """Returns the toolchain's tools with the requested Rust, and the release of Rust to check."""
    tools = ctx.toolchains[_TOOLCHAIN_TYPE].source_build
    for step in steps:
        for name in tools_needed(step.tool, step.args):
            if getattr(tools, name) == None:
                fail(missing_tool_error(name, ctx.label, step.tool))
    rust = choose_rust(ctx.attr.rust_toolchain, ctx.attr.rust_channel, tools.rust_toolchains)
    if rust.absent:
        fail(absent_rust_error(rust.absent, ctx.label, tools.rust_toolchains.keys()))
    if rust.sysroot:
        suffix = ".exe" if rust.sysroot[1:2] == ":" else ""
        programs = {
            name: struct(path = "{}/bin/{}{}".format(rust.sysroot, name, suffix), files = None)
            for name in ("cargo", "rustc")
        }
        fields = {name: getattr(tools, name) for name in dir(tools) if name not in ("to_json", "to_proto")}
        tools = struct(**(fields | programs))
    return struct(rust = rust, tools = tools)

def _cross_target(ctx, steps, tools):
    """The target to pass to cargo; an empty string if its default is right, or no step runs cargo."""
    if not [step for step in steps if step.tool == "cargo"]:
        return ""
    if not tools.rust_target:
        fail("{}: the Rust target of the platform is unknown\n".format(ctx.label) +
             "  next: set rust_target in a source_build_toolchain for it")
    return cross_rust_target("cargo", tools.rust_target, tools.rust_host)

def _source_library_impl(ctx):
    steps = _checked_steps(ctx)
    chosen = _tools_for(ctx, steps)
    tools = chosen.tools
    c = source_c_toolchain(ctx, find_cc_toolchain(ctx))
    if ctx.attr.localize:
        require_program(ctx.label, c, "objcopy", c.objcopy, "objcopy_embed_data")
    env = build_environment(c.env, tools.env, ctx.attr.env)

    lists = {}
    for number, (folder, paths) in enumerate(_source_folders(ctx).items()):
        file = ctx.actions.declare_file("{}.source_build.{}.txt".format(ctx.label.name, number))

        # "./", so that tar does not read a name with a leading dash as an option.
        ctx.actions.write(file, "".join(["./{}\n".format(path) for path in paths]))
        lists[folder] = file

    static_libraries = _declare_outputs(ctx, ctx.attr.static_library)
    shared_libraries = _declare_outputs(ctx, ctx.attr.shared_library)
    interface_libraries = _declare_outputs(ctx, ctx.attr.interface_library)
    generated_headers = _declare_outputs(ctx, ctx.attr.generated_headers)
    generated_runtime_files = _declare_outputs(ctx, ctx.attr.generated_runtime_files)
    files = static_libraries + shared_libraries + interface_libraries + generated_headers + generated_runtime_files
    paths = ctx.attr.static_library + ctx.attr.shared_library + ctx.attr.interface_library + ctx.attr.generated_headers + ctx.attr.generated_runtime_files
    if not static_libraries and not shared_libraries:
        fail("{}: no library is named\n  next: set 'static_library' or 'shared_library' to what the build writes".format(ctx.label))
    outputs = dict(zip(paths, files))
    for path in ctx.attr.alwayslink + ctx.attr.circular:
        if path not in ctx.attr.static_library:
            fail("{}: 'static_library' has no {}\n  next: correct 'alwayslink' or 'circular'".format(ctx.label, path))

    script = write_script(
        ctx,
        steps = steps,
        tools = tools,
        rust = chosen.rust,
        c = c,
        cross_target = _cross_target(ctx, steps, tools),
        lists = lists,
        outputs = outputs,
        env = env,
    )
    ctx.actions.run_shell(
        # Bazel's shell runs it, since Windows cannot run a script as a program.
        command = 'exec "$BASH" "$1"',
        arguments = [script.path],
        # Variables of the action, not of the script, since Bazel adds Xcode's variables for Apple's toolchains.
        env = env,
        inputs = depset(
            ctx.files.srcs + ctx.files.crates + lists.values() + [script],
            transitive = [c.files, tools.data],
        ),
        outputs = files,
        tools = [getattr(tools, name).files for name in TOOLS if getattr(tools, name) and getattr(tools, name).files],
        execution_requirements = {"requires-network" if ctx.attr.allow_network else "block-network": ""},
        mnemonic = "SourceBuild",
        progress_message = "Building %{label} from source with " + ", ".join([step.tool for step in steps]),
        resource_set = resources_of(ctx.attr.cores),
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
        runtime_files = ctx.files.runtime_files + generated_runtime_files,
    )

source_library = rule(
    implementation = _source_library_impl,
    doc = """\
A native library that is built by its own build system. Its users see a `cc_library`.

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

The build is one action, in a separate folder with `srcs` only. It does not use the user's configuration and, if Bazel's
sandbox can block it, no network. The C compiler, the archiver and their flags are those of Bazel's C toolchain; the other
tools are those of the toolchain `//rules/source:toolchain_type`. It is always optimized, whatever the compilation mode is.

* `cargo` runs `cargo build --release --locked --offline`, so the crates must be present: set `vendor: true` in the manifest of a
  lock's source; give their archives in `crates`; or commit the output of `cargo vendor` and the `.cargo/config.toml` that it
  prints. Outputs are below `target/release`, even in a cross build.
* `make` runs `make CC=... CXX=... AR=... RANLIB=...` with `LDFLAGS` in its environment.
* `cmake` configures into the folder `build` and builds there; outputs are below `build`.
* `command` runs `args`, with `CC`, `CXX`, `AR`, `CFLAGS`, `CXXFLAGS` and `LDFLAGS` in its environment.

The C toolchain's flags are those of its optimized mode, without warnings. `--copt`, `--linkopt` and the like are not passed.
The project's own flags override them:

| tool | where the flags are passed | which |
|---|---|---|
| `cargo` | `CFLAGS_<target>` and `CXXFLAGS_<target>`, which the `cc` crate puts after those of a build script | flags for target and headers: target, sysroot, folders, `-m...`. Not `-O`, `-g`, `-DNDEBUG`, `_FORTIFY_SOURCE`, `-fstack-protector`: the profile and build scripts decide those |
| `make` | with the compiler's name in `CC` and `CXX`, before the makefile's `CFLAGS` | all |
| `cmake` | `CMAKE_<LANG>_FLAGS`, before those of the build type and of targets | all |
| `command` | `CFLAGS` and `CXXFLAGS` | all |
""",
    attrs = LINK_ATTRIBUTES | {
        "allow_network": attr.bool(
            doc = "Let the build use the network, and tag its action `requires-network`. Its downloads are neither" +
                  " verified nor known to Bazel.",
        ),
        "alwayslink": attr.string_list(
            doc = "The archives of `static_library` that are linked as a whole, including unreferenced objects.",
        ),
        "args": attr.string_list(
            doc = "Arguments for the tool; for `command`, the whole command line.",
        ),
        "circular": attr.string_list(
            doc = "The archives of `static_library` with circular dependencies.",
        ),
        "cores": attr.int(
            default = 0,
            doc = "The number of parallel jobs, for which Bazel reserves cores on this machine." +
                  " 0: one for each core, of which Bazel reserves 4.",
            values = CORES,
        ),
        "crates": attr.label_list(
            allow_files = [".crate", ".tar", "SHA256SUMS"],
            doc = "The crates that cargo uses instead of crates.io and Git: archives and their SHA256SUMS, as `cgo-prebuilt crates`" +
                  " writes them. For a lock whose source has `vendor: true`, they are added automatically.",
        ),
        "env": attr.string_dict(
            doc = "Environment variables of the build.",
        ),
        "generated_headers": attr.string_list(
            doc = "Public headers that the build writes, relative to `path`.",
        ),
        "generated_runtime_files": attr.string_list(
            doc = "Files that the build writes and a program reads or loads at run time, relative to `path`.",
        ),
        "headers": attr.label_list(
            allow_files = True,
            doc = "Public headers that exist before the build.",
        ),
        "include_dirs": attr.string_list(
            default = ["."],
            doc = "Include folders, relative to `path`.",
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
        "runtime_files": attr.label_list(
            allow_files = True,
            doc = "Files that a program reads or loads at run time, and that exist before the build.",
        ),
        "rust_channel": attr.string(
            doc = "The channel of the `rust-toolchain.toml` in the sources. It is used if the toolchain's Rust is rustup's," +
                  " and ignored elsewhere, as cargo does.",
        ),
        "rust_toolchain": attr.string(
            doc = "The Rust toolchain that the build needs, by rustup's name, such as `1.84.0`: one that rustup has, or the" +
                  " toolchain's Rust if it is this release. Any other one is an error.",
        ),
        "shared_library": attr.string_list(
            doc = "Shared libraries that the build writes, relative to `path`, in link order.",
        ),
        "srcs": attr.label_list(
            allow_files = True,
            doc = "All files that the build reads, below `path`: the sources, vendored dependencies, lock files.",
            mandatory = True,
        ),
        "static_library": attr.string_list(
            doc = "Static archives that the build writes, relative to `path`, in link order.",
        ),
        "target": attr.string(
            doc = "The target of make or CMake; the project's default if empty.",
        ),
        "then": attr.string_list(
            doc = "Further steps, in order, each from `build_step`: such as a second command that writes headers.",
        ),
        "tools": attr.string_list(
            doc = "Other programs that the build runs, such as `protoc`. If one is not on the build's PATH, the build fails" +
                  " before it begins.",
        ),
        "tool": attr.string(
            doc = "The build tool: `cargo`, `cmake`, `make` or `command`.",
            mandatory = True,
            values = ["cargo", "cmake", "command", "make"],
        ),
        "_template": attr.label(
            allow_single_file = True,
            default = "//rules/private/templates:source_build.sh",
        ),
        # Its action needs two toolchains, so both must be for the machine that it runs on. With automatic execution groups
        # (Bazel 10) each would be chosen alone.
        "_use_auto_exec_groups": attr.bool(default = False),
    },
    fragments = ["cpp"],
    provides = [CcInfo],
    toolchains = use_cc_toolchain() + [_TOOLCHAIN_TYPE],
)
