"""The rule that a spoke's files are exposed through: to its users, a `cc_library`."""

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
    doc = "Exposes library files that are there already, as `cc_library` exposes those that it builds.",
    attrs = LINK_ATTRIBUTES | VERIFIER_ATTRIBUTES | {
        "alwayslink": attr.label_list(
            allow_files = True,
            doc = "Those of the static archives that are linked as a whole, also what nothing refers to.",
        ),
        "circular": attr.label_list(
            allow_files = True,
            doc = "Those of the static archives that need each other, whatever their order.",
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
        "requires_system": attr.string_list(
            doc = "What the system must have for the library's link options, in words for people.",
        ),
        "runtime_files": attr.label_list(
            allow_files = True,
            doc = "What a program reads or loads when it runs: it is in the runfiles of all that depends on the library.",
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
