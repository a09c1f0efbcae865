"""A library's files as the providers that `cc_library` gives, whoever made the files."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load(":link_flags.bzl", "link_flags")

LINK_ATTRIBUTES = {
    "alwayslink": attr.bool(
        doc = "Link all of the static archives, also what nothing refers to.",
    ),
    "defines": attr.string_list(
        doc = "`NAME` or `NAME=VALUE`, for the library and all that depend on it.",
    ),
    "linkopts": attr.string_list(
        doc = "Options for the linker, after the libraries; `-framework X` is one string.",
    ),
}

def _libraries_to_link(ctx, static_libraries, shared_libraries, interface_libraries):
    libraries = [
        cc_common.create_library_to_link(
            actions = ctx.actions,
            static_library = archive,
            alwayslink = ctx.attr.alwayslink,
        )
        for archive in static_libraries
    ]
    if shared_libraries:
        # What Bazel wants to know of the toolchain to link a shared library; static archives need none of it.
        cc_toolchain = find_cc_toolchain(ctx)
        feature_configuration = cc_common.configure_features(
            ctx = ctx,
            cc_toolchain = cc_toolchain,
            requested_features = ctx.features,
            unsupported_features = ctx.disabled_features,
        )
        libraries += [
            cc_common.create_library_to_link(
                actions = ctx.actions,
                cc_toolchain = cc_toolchain,
                feature_configuration = feature_configuration,
                dynamic_library = shared,
                interface_library = interface,
            )
            for shared, interface in zip(shared_libraries, interface_libraries or [None] * len(shared_libraries))
        ]
    return libraries

def library_info(ctx, *, static_libraries, shared_libraries, interface_libraries, headers, include_dirs):
    """The providers of a library.

    Args:
        ctx: the context of a rule that has `LINK_ATTRIBUTES` and the C toolchain.
        static_libraries: the archives' files, in link order.
        shared_libraries: the shared libraries' files, in link order.
        interface_libraries: the import libraries' files: one for each shared library, or none.
        headers: the headers' files.
        include_dirs: the folders to be searched for headers, relative to the execution root.

    Returns:
        A list of DefaultInfo and CcInfo.
    """
    compilation_context = cc_common.create_compilation_context(
        headers = depset(headers),
        system_includes = depset(include_dirs),
        defines = depset(ctx.attr.defines),
    )
    linker_input = cc_common.create_linker_input(
        owner = ctx.label,
        # In the order that a linker must see them in.
        libraries = depset(
            _libraries_to_link(ctx, static_libraries, shared_libraries, interface_libraries),
            order = "topological",
        ),
        user_link_flags = link_flags(ctx.attr.linkopts),
    )
    return [
        DefaultInfo(
            files = depset(static_libraries + shared_libraries),
            runfiles = ctx.runfiles(files = shared_libraries),
        ),
        CcInfo(
            compilation_context = compilation_context,
            linking_context = cc_common.create_linking_context(linker_inputs = depset([linker_input])),
        ),
    ]
