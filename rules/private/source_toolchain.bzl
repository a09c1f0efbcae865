"""The toolchain of source builds: the tools other than Bazel's C toolchain."""

load("//tools/cgo_prebuilt:source/build_tools.bzl", "RUST_TARGETS", "TOOLS")
load(":source_platform.bzl", "PlatformNameInfo")

SourceBuildToolchainInfo = provider(
    doc = """\
The tools of source builds, except the C toolchain. Each is None if missing, else a struct of `path`, absolute or relative to
the execution root, and `files`, the FilesToRunProvider that an action needs to run it, or None.""",
    fields = {
        "cargo": "Cargo.",
        "cmake": "CMake.",
        "data": "A depset of other files that the tools need.",
        "env": "A dict of environment variables for the tools.",
        "exec_platform": "The platform that the tools run on, by Go's name; empty if unknown.",
        "make": "make.",
        "platform": "The platform to build for, by Go's name; empty if unknown.",
        "rust_host": "The Rust target that `rustc` builds for by default; empty if unknown.",
        "rust_toolchains": "The folders of rustup's toolchains, by name, for libraries that require one.",
        "rust_target": "The Rust target to build for; empty if unknown.",
        "rustc": "The Rust compiler.",
        "versions": "The tools' versions, so that an update changes the actions that use them.",
    },
)

def _tool(ctx, name):
    label = getattr(ctx.attr, name)
    path = getattr(ctx.attr, name + "_path")
    if label and path:
        fail("{}: '{}' and '{}_path' are both set\n  next: remove one".format(ctx.label, name, name))
    if label:
        runner = label[DefaultInfo].files_to_run
        if not runner.executable:
            fail("{}: {} is not a program\n  next: give the label of one to '{}'".format(ctx.label, label.label, name))
        return struct(path = runner.executable.path, files = runner)
    return struct(path = path, files = None) if path else None

def _source_build_toolchain_impl(ctx):
    platform = ctx.attr._platform[PlatformNameInfo].name
    info = SourceBuildToolchainInfo(
        data = depset(ctx.files.data),
        env = ctx.attr.env,
        exec_platform = ctx.attr._exec_platform[PlatformNameInfo].name,
        platform = platform,
        rust_host = ctx.attr.rust_host,
        rust_target = ctx.attr.rust_target or RUST_TARGETS.get(platform, ""),
        rust_toolchains = ctx.attr.rust_toolchains,
        versions = ctx.attr.versions,
        **{name: _tool(ctx, name) for name in TOOLS}
    )
    return [info, platform_common.ToolchainInfo(source_build = info)]

def _tool_attributes():
    attributes = {}
    for name in TOOLS:
        attributes[name] = attr.label(
            allow_files = True,
            cfg = "exec",
            doc = "The program `{}`, which Bazel uploads to remote executors.".format(name),
        )
        attributes[name + "_path"] = attr.string(
            doc = "Alternatively, the absolute path of `{}` on every machine that runs it.".format(name),
        )
    return attributes

source_build_toolchain = rule(
    implementation = _source_build_toolchain_impl,
    doc = """\
Tools for building libraries from source, to register as a toolchain of `//rules/source:toolchain_type`. Tools that no
build uses can be left out.

    source_build_toolchain(
        name = "hermetic",
        cargo = "@rust_linux_x86_64__x86_64-unknown-linux-gnu__stable_tools//:cargo",
        rustc = "@rust_linux_x86_64__x86_64-unknown-linux-gnu__stable_tools//:rustc",
        data = [
            "@rust_linux_x86_64__x86_64-unknown-linux-gnu__stable_tools//:rust_std-x86_64-unknown-linux-gnu",
            "@rust_linux_x86_64__x86_64-unknown-linux-gnu__stable_tools//:rustc_lib",
        ],
        rust_host = "x86_64-unknown-linux-gnu",
    )

    toolchain(
        name = "hermetic_toolchain",
        exec_compatible_with = ["@platforms//os:linux", "@platforms//cpu:x86_64"],
        toolchain = ":hermetic",
        toolchain_type = "@rules_cgo_prebuilt//rules/source:toolchain_type",
    )

Bazel sends tools that are labels to remote workers. For tools given by path, `exec_compatible_with` selects the workers that
have them, by a constraint value of `@rules_cgo_prebuilt//rules/source:tools`: see "Remote execution" in docs/hermetic-ci.md.
""",
    attrs = _tool_attributes() | {
        "data": attr.label_list(
            allow_files = True,
            cfg = "exec",
            doc = "Other files that the tools need, such as Rust's standard library.",
        ),
        "env": attr.string_dict(
            doc = "Environment variables for the tools. A library's own commands are found on `PATH`.",
        ),
        "rust_host": attr.string(
            doc = "The default Rust target of `rustc`, as `rustc -vV` prints it. Without it, the target is always" +
                  " passed to cargo.",
        ),
        "rust_target": attr.string(
            doc = "The Rust target to build for, instead of the platform's usual one.",
        ),
        "rust_toolchains": attr.string_dict(
            doc = "The absolute folders of other Rust toolchains, by the names in a library's `rust_toolchain`.",
        ),
        "versions": attr.string_list(
            doc = "The versions of tools that are given by path, whose changes Bazel cannot detect.",
        ),
        "_exec_platform": attr.label(
            cfg = "exec",
            default = "//rules/source:platform",
            providers = [PlatformNameInfo],
        ),
        "_platform": attr.label(
            default = "//rules/source:platform",
            providers = [PlatformNameInfo],
        ),
    },
    provides = [platform_common.ToolchainInfo, SourceBuildToolchainInfo],
)
