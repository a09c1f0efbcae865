"""The rule that exposes a spoke's files, to its users like a `cc_library`."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load(":library_info.bzl", "LINK_ATTRIBUTES", "library_info")
load(":system_libraries.bzl", "system_libraries")
load(":verified_files.bzl", "VERIFIER_ATTRIBUTES", "verified_files")

def _prebuilt_library_impl(ctx):
    root = ctx.label.workspace_root
    libraries = ctx.files.static_libraries + ctx.files.shared_libraries + ctx.files.interface_libraries
    return library_info(
        ctx,
        static_libraries = ctx.files.static_libraries,
        shared_libraries = ctx.files.shared_libraries,
        interface_libraries = ctx.files.interface_libraries,
        headers = ctx.files.headers,
        runtime_files = ctx.files.runtime_files,
        alwayslink = ctx.files.alwayslink,
        circular = ctx.files.circular,
        include_dirs = [root if folder == "." else root + "/" + folder for folder in ctx.attr.include_dirs],
        link_inputs = system_libraries(ctx),
        verified = [verified_files(ctx, libraries + ctx.files.headers + ctx.files.runtime_files)],
    )

prebuilt_library = rule(
    implementation = _prebuilt_library_impl,
    doc = "Exposes existing library files, as `cc_library` exposes those that it builds.",
    attrs = LINK_ATTRIBUTES | VERIFIER_ATTRIBUTES | {
        "alwayslink": attr.label_list(
            allow_files = True,
            doc = "The static archives that are linked as a whole, including unreferenced objects.",
        ),
        "circular": attr.label_list(
            allow_files = True,
            doc = "The static archives with circular dependencies.",
        ),
        "headers": attr.label_list(
            allow_files = True,
            doc = "The public headers.",
        ),
        "include_dirs": attr.string_list(
            doc = "Include folders, relative to the repository's root.",
        ),
        "interface_libraries": attr.label_list(
            allow_files = True,
            doc = "Import libraries, one for each shared library or none at all.",
        ),
        "requires_system": attr.string_list(
            doc = "The system software that the library's link options need, for people.",
        ),
        "runtime_files": attr.label_list(
            allow_files = True,
            doc = "Files that a program reads or loads at run time; they are in the runfiles of all users of the library.",
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
    # Optional, so that platforms without a toolchain can be analyzed (`bazel cquery --platforms=`).
    toolchains = use_cc_toolchain(mandatory = False),
)
