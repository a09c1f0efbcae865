"""The providers of `cc_library` for a library's files, prebuilt or not."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load(":archive_flags.bzl", "APPLE", "GNU", "MSVC", "circular_range", "twins", "whole_archive_arguments")
load(":joined_archive.bzl", "join_archives")
load(":link_flags.bzl", "link_flags")
load(":whole_archive.bzl", "whole_archive")

LINK_ATTRIBUTES = {
    "defines": attr.string_list(
        doc = "`NAME` or `NAME=VALUE`, for the library and its users.",
    ),
    "deps": attr.label_list(
        doc = "Libraries that this one needs, linked after it.",
        providers = [CcInfo],
    ),
    "linkopts": attr.string_list(
        doc = "Options for the linker, after the libraries; `-framework X` is one string.",
    ),
    "_apple": attr.label(
        default = "@platforms//os:macos",
        providers = [platform_common.ConstraintValueInfo],
    ),
}

# The compilers whose linkers do not use -Wl options.
_MSVC_COMPILERS = ["clang-cl", "msvc-cl"]

def _linker_of(ctx, toolchain):
    if ctx.target_platform_has_constraint(ctx.attr._apple[platform_common.ConstraintValueInfo]):
        return APPLE
    return MSVC if toolchain and toolchain.compiler in _MSVC_COMPILERS else GNU

def _joined(ctx, toolchain, linker, archives, circular, verified):
    """The archives, with one joined archive instead of the circular ones."""
    first, end = circular_range(linker, [file.path for file in archives], [file.path for file in circular])
    if first == end or not toolchain:
        return archives
    return archives[:first] + [join_archives(ctx, toolchain, archives[first:end], verified)] + archives[end:]

def _whole(ctx, toolchain, linker, archives, verified):
    """Prepares archives to be linked as a whole: returns their replacements, flags, and the files that the flags name."""
    if not archives or not toolchain:
        return struct(archives = archives, flags = [], inputs = [])
    if linker == MSVC:
        paths = [archive.path for archive in archives]
        return struct(archives = [], flags = whole_archive_arguments(linker, paths), inputs = archives)
    whole = whole_archive(ctx, toolchain, linker, archives, verified)
    return struct(archives = [whole.archive], flags = [whole.flag], inputs = [])

def _libraries_to_link(ctx, toolchain, archives, shared_libraries, interface_libraries, twin_of):
    """Libraries to link, each with an archive, a shared library, or both, between which the link mode chooses."""
    of_shared = {}
    if shared_libraries:
        # Bazel needs the toolchain's features for shared libraries; static archives need none.
        of_shared = {
            "cc_toolchain": toolchain,
            "feature_configuration": cc_common.configure_features(
                ctx = ctx,
                cc_toolchain = toolchain,
                requested_features = ctx.features,
                unsupported_features = ctx.disabled_features,
            ),
        }
    shared = {file.path: file for file in shared_libraries}
    interface = dict(zip(shared.keys(), interface_libraries))
    forms = [(archive, twin_of.get(archive.path)) for archive in archives]
    forms += [(None, path) for path in shared if path not in twin_of.values()]
    return [
        cc_common.create_library_to_link(
            actions = ctx.actions,
            static_library = archive,
            dynamic_library = shared.get(path),
            interface_library = interface.get(path),
            **(of_shared if path else {})
        )
        for archive, path in forms
    ]

def library_info(
        ctx,
        *,
        static_libraries,
        shared_libraries,
        interface_libraries,
        headers,
        include_dirs,
        alwayslink = [],
        circular = [],
        runtime_files = [],
        link_inputs = [],
        verified = []):
    """The providers of a library.

    Args:
        ctx: the context of a rule that has `LINK_ATTRIBUTES` and the C toolchain.
        static_libraries: the archives' files, in link order.
        shared_libraries: the shared libraries' files, in link order.
        interface_libraries: the import libraries' files: one for each shared library, or none.
        headers: the headers' files.
        include_dirs: the folders to be searched for headers, relative to the execution root.
        alwayslink: the archives that are linked as a whole.
        circular: the archives with circular dependencies.
        runtime_files: the files that a program needs at run time, and that are not linked.
        link_inputs: additional inputs of links.
        verified: files that exist only if all others are correct; every user of a file depends on them.

    Returns:
        A list of DefaultInfo, OutputGroupInfo and CcInfo.
    """
    dependencies = [dep[CcInfo] for dep in ctx.attr.deps]

    # There is no toolchain if a platform is only analyzed. Then nothing is linked, and providers that need a toolchain are
    # left out.
    toolchain = find_cc_toolchain(ctx, mandatory = False)
    linker = _linker_of(ctx, toolchain)
    whole = _whole(ctx, toolchain, linker, alwayslink, verified)
    archives = whole.archives + [file for file in static_libraries if file not in alwayslink]
    archives = _joined(ctx, toolchain, linker, archives, circular, verified)
    libraries = _libraries_to_link(
        ctx,
        toolchain,
        archives,
        shared_libraries if toolchain else [],
        interface_libraries,
        twins(
            [file.path for file in static_libraries],
            [file.path for file in shared_libraries],
        ),
    )
    linker_input = cc_common.create_linker_input(
        owner = ctx.label,
        # In link order.
        libraries = depset(libraries, order = "topological"),
        user_link_flags = whole.flags + link_flags(ctx.attr.linkopts),
        additional_inputs = depset(whole.inputs + link_inputs + verified),
    )
    own = CcInfo(
        compilation_context = cc_common.create_compilation_context(
            headers = depset(headers + verified),
            system_includes = depset(include_dirs),
            defines = depset(ctx.attr.defines),
        ),
        linking_context = cc_common.create_linking_context(linker_inputs = depset([linker_input])),
    )

    # Bazel links a shared library by a symbolic link in a folder with a short name. Programs load it by that link, so it
    # must be in the runfiles.
    runfiles = ctx.runfiles(files = shared_libraries + runtime_files + [
        library.dynamic_library
        for library in libraries
        if library.dynamic_library
    ])
    return [
        DefaultInfo(
            files = depset(static_libraries + shared_libraries),
            runfiles = runfiles.merge_all([dep[DefaultInfo].default_runfiles for dep in ctx.attr.deps]),
        ),
        # For other uses of the files, such as `data`.
        OutputGroupInfo(_validation = depset(verified)),
        cc_common.merge_cc_infos(
            direct_cc_infos = [own],
            cc_infos = dependencies,
        ),
    ]
