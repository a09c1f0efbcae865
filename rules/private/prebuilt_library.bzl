"""The rule that a spoke's files are exposed through: to its users, a `cc_library`."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load(":link_flags.bzl", "link_flags")

def _dynamic_linker_inputs(ctx):
    """What Bazel wants to know of the toolchain to link a shared library; static archives need none of it."""
    cc_toolchain = find_cc_toolchain(ctx)
    return struct(
        cc_toolchain = cc_toolchain,
        feature_configuration = cc_common.configure_features(
            ctx = ctx,
            cc_toolchain = cc_toolchain,
            requested_features = ctx.features,
            unsupported_features = ctx.disabled_features,
        ),
    )

def _libraries_to_link(ctx):
    libraries = [
        cc_common.create_library_to_link(
            actions = ctx.actions,
            static_library = archive,
            alwayslink = ctx.attr.alwayslink,
        )
        for archive in ctx.files.static_libraries
    ]
    if ctx.files.shared_libraries:
        inputs = _dynamic_linker_inputs(ctx)
        interfaces = ctx.files.interface_libraries or [None] * len(ctx.files.shared_libraries)
        libraries += [
            cc_common.create_library_to_link(
                actions = ctx.actions,
                cc_toolchain = inputs.cc_toolchain,
                feature_configuration = inputs.feature_configuration,
                dynamic_library = shared,
                interface_library = interface,
            )
            for shared, interface in zip(ctx.files.shared_libraries, interfaces)
        ]
    return libraries

def _prebuilt_library_impl(ctx):
    root = ctx.label.workspace_root
    compilation_context = cc_common.create_compilation_context(
        headers = depset(ctx.files.headers),
        system_includes = depset([
            root if folder == "." else root + "/" + folder
            for folder in ctx.attr.include_dirs
        ]),
        defines = depset(ctx.attr.defines),
    )
    linker_input = cc_common.create_linker_input(
        owner = ctx.label,
        # In the order of the manifest, which is the order in which a linker must see them.
        libraries = depset(_libraries_to_link(ctx), order = "topological"),
        user_link_flags = link_flags(ctx.attr.linkopts),
    )
    files = depset(ctx.files.static_libraries + ctx.files.shared_libraries)
    return [
        DefaultInfo(
            files = files,
            runfiles = ctx.runfiles(files = ctx.files.shared_libraries),
        ),
        CcInfo(
            compilation_context = compilation_context,
            linking_context = cc_common.create_linking_context(
                linker_inputs = depset([linker_input]),
            ),
        ),
    ]

prebuilt_library = rule(
    implementation = _prebuilt_library_impl,
    doc = "Exposes library files that are there already, as `cc_library` exposes those that it builds.",
    attrs = {
        "alwayslink": attr.bool(
            doc = "Link all of the static archives, also what nothing refers to.",
        ),
        "defines": attr.string_list(
            doc = "`NAME` or `NAME=VALUE`, for the library and all that depend on it.",
        ),
        "headers": attr.label_list(
            allow_files = True,
            doc = "The public headers.",
        ),
        "include_dirs": attr.string_list(
            doc = "Folders that headers are searched in, relative to the repository's root.",
        ),
        "interface_libraries": attr.label_list(
            allow_files = True,
            doc = "Import libraries, one for each shared library or none at all.",
        ),
        "linkopts": attr.string_list(
            doc = "Options for the linker, after the libraries; `-framework X` is one string.",
        ),
        "shared_libraries": attr.label_list(
            allow_files = True,
            doc = "Shared libraries, in link order.",
        ),
        "static_libraries": attr.label_list(
            allow_files = True,
            doc = "Static archives, in link order.",
        ),
    },
    fragments = ["cpp"],
    provides = [CcInfo],
    # Optional, so that a platform can be analyzed (`bazel cquery --platforms=`) that no toolchain here builds for.
    toolchains = use_cc_toolchain(mandatory = False),
)
