"""cgo_binary: a Go program that links C libraries, built by `go build` in one action.

It reads CcInfo as rules_go does, so that a library that links here links there: a static archive before
a position-independent one before a shared library; archives, then the C toolchain's own flags, then
shared libraries and each library's link flags; headers, include folders by their kind, and defines; a library's
runfiles and nothing else that it links.
"""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

# Stands for the action's working folder: `go build` runs the compiler elsewhere, so paths must be absolute.
_EXECROOT = "%EXECROOT%"

# What Go calls the constraints of a platform.
_GOOS = {"linux": "linux", "macos": "darwin", "windows": "windows"}
_GOARCH = {"aarch64": "arm64", "x86_64": "amd64"}

_BUILD = """\
set -eu
execroot=$PWD
source_folder=$(mktemp -d)
trap 'rm -rf "$source_folder"' EXIT
output=$1
shift
for source in "$@"; do
    cp -L "$source" "$source_folder/"
done
export CGO_ENABLED=1 GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GO111MODULE=on
export GOCACHE="${GOCACHE:-$source_folder/.cache}" GOPATH="$source_folder/.go"
export CC="$(echo "$CC_TEMPLATE" | sed "s|%EXECROOT%|$execroot|g")"
export CGO_CFLAGS="$(echo "$CFLAGS_TEMPLATE" | sed "s|%EXECROOT%|$execroot|g")"
export CGO_CXXFLAGS="$CGO_CFLAGS"
export CGO_LDFLAGS="$(echo "$LDFLAGS_TEMPLATE" | sed "s|%EXECROOT%|$execroot|g")"
cd "$source_folder"
[ -e go.mod ] || printf 'module cgo_binary\\n\\ngo 1.20\\n' > go.mod
# Without debugging information: for macOS it would take another program, dsymutil, to link that.
go build -trimpath -ldflags=-w -o "$execroot/$output" .
"""

def _absolute(path):
    return path if path.startswith("/") else _EXECROOT + "/" + path

def _quoted(flags):
    # The go command splits these variables at spaces, and understands quotes.
    return " ".join(["'%s'" % flag if " " in flag else flag for flag in flags])

def _compile_flags(compilation_context):
    flags = ["-D" + define for define in compilation_context.defines.to_list()]
    for flag, folders in (
        ("-I", compilation_context.includes),
        ("-iquote", compilation_context.quote_includes),
        ("-isystem", compilation_context.system_includes),
    ):
        for folder in folders.to_list():
            flags.extend([flag, _absolute(folder)])
    return flags

def _library_file(library):
    return (
        library.static_library or
        library.pic_static_library or
        library.interface_library or
        library.dynamic_library
    )

def _shared(file):
    return file.extension in ("dylib", "so") or ".so." in file.basename

def _shared_flags(ctx, file, binary):
    # By name and not by path: a library without a name of its own would be looked for at that path, which is
    # the action's. The loader finds it from the binary's folder: in the runfiles that this is in, or that it has.
    folder = file.short_path.rpartition("/")[0]
    upwards = "/".join([".."] * binary.short_path.count("/") + [folder])
    origin = "@loader_path" if file.extension == "dylib" else "$ORIGIN"
    flags = [
        "-L" + _absolute(file.dirname),
        "-Wl,-rpath,%s/%s" % (origin, upwards),
        "-Wl,-rpath,%s/%s.runfiles/%s/%s" % (origin, binary.basename, ctx.workspace_name, folder),
    ]
    if file.basename.startswith("lib") and file.extension in ("dylib", "so"):
        return flags + ["-l" + file.basename[len("lib"):-len("." + file.extension)]]
    return flags + ["-l:" + file.basename]

def _flag(flag, inputs):
    """A link flag, with the files that it names at their places."""
    for file in inputs:
        flag = flag.replace(file.path, _absolute(file.path))
    return flag

def _link_inputs(linking_context):
    archives, shared, flags, others = [], [], [], []
    for linker_input in linking_context.linker_inputs.to_list():
        flags.extend([_flag(flag, linker_input.additional_inputs) for flag in linker_input.user_link_flags])
        others.extend(linker_input.additional_inputs)
        for library in linker_input.libraries:
            file = _library_file(library)
            if _shared(file):
                shared.append(file)
            else:
                archives.append(file)
            if file == library.interface_library and library.dynamic_library:
                others.append(library.dynamic_library)
    return struct(archives = archives, flags = flags, others = others, shared = shared)

def _toolchain_flags(ctx, toolchain):
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    variables = cc_common.create_link_variables(
        cc_toolchain = toolchain,
        feature_configuration = features,
        is_linking_dynamic_library = False,
    )
    return struct(
        compiler = cc_common.get_tool_for_action(
            action_name = ACTION_NAMES.c_compile,
            feature_configuration = features,
        ),
        link = cc_common.get_memory_inefficient_command_line(
            action_name = ACTION_NAMES.cpp_link_executable,
            feature_configuration = features,
            variables = variables,
        ),
    )

def _go_name(ctx, names):
    for name, go_name in names.items():
        constraint = getattr(ctx.attr, "_" + name)[platform_common.ConstraintValueInfo]
        if ctx.target_platform_has_constraint(constraint):
            return go_name
    fail("the platform is none of " + ", ".join(names))

def _cgo_binary_impl(ctx):
    toolchain = find_cc_toolchain(ctx)
    of_toolchain = _toolchain_flags(ctx, toolchain)
    cc_info = cc_common.merge_cc_infos(direct_cc_infos = [dep[CcInfo] for dep in ctx.attr.cdeps])
    link = _link_inputs(cc_info.linking_context)
    binary = ctx.actions.declare_file(ctx.label.name)

    link_flags = [_absolute(file.path) for file in link.archives] + of_toolchain.link
    for file in link.shared:
        link_flags.extend(_shared_flags(ctx, file, binary))
    link_flags.extend(link.flags)

    ctx.actions.run_shell(
        mnemonic = "CgoBinary",
        progress_message = "Building cgo program %{label}",
        command = _BUILD,
        arguments = [binary.path] + [file.path for file in ctx.files.srcs],
        env = {
            "CC_TEMPLATE": _absolute(of_toolchain.compiler),
            "CFLAGS_TEMPLATE": _quoted(_compile_flags(cc_info.compilation_context)),
            "GOARCH": _go_name(ctx, _GOARCH),
            "GOOS": _go_name(ctx, _GOOS),
            "LDFLAGS_TEMPLATE": _quoted(link_flags),
        },
        inputs = depset(
            ctx.files.srcs + link.archives + link.shared + link.others,
            transitive = [cc_info.compilation_context.headers, toolchain.all_files],
        ),
        outputs = [binary],
        use_default_shell_env = True,
    )
    runfiles = ctx.runfiles().merge_all([dep[DefaultInfo].data_runfiles for dep in ctx.attr.cdeps])
    return [DefaultInfo(executable = binary, runfiles = runfiles)]

cgo_binary = rule(
    implementation = _cgo_binary_impl,
    doc = "A Go program of one package, with C libraries.",
    attrs = {
        "cdeps": attr.label_list(
            doc = "The C libraries.",
            providers = [CcInfo],
        ),
        "srcs": attr.label_list(
            doc = "The package's files; go.mod may be among them.",
            allow_files = True,
        ),
    } | {
        "_" + name: attr.label(
            default = "@platforms//{}:{}".format(setting, name),
            providers = [platform_common.ConstraintValueInfo],
        )
        for setting, names in (("os", _GOOS), ("cpu", _GOARCH))
        for name in names
    },
    executable = True,
    fragments = ["cpp"],
    toolchains = use_cc_toolchain(),
)
