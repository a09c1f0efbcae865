"""go_library and go_binary, as far as the guides use them: a program of one package, built by `cgo_binary`."""

load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def _go_library_impl(ctx):
    if ctx.attr.cdeps and not ctx.attr.cgo:
        fail("cdeps without cgo = True: rules_go does not take them either")
    runfiles = ctx.runfiles().merge_all([dep[DefaultInfo].data_runfiles for dep in ctx.attr.cdeps])
    return [
        DefaultInfo(files = depset(ctx.files.srcs), runfiles = runfiles),
        cc_common.merge_cc_infos(direct_cc_infos = [dep[CcInfo] for dep in ctx.attr.cdeps]),
    ]

go_library = rule(
    implementation = _go_library_impl,
    doc = "A package's files and C libraries, for the binary that embeds it.",
    attrs = {
        "cdeps": attr.label_list(
            doc = "The C libraries.",
            providers = [CcInfo],
        ),
        "cgo": attr.bool(doc = "Whether a file has `import \"C\"`."),
        "importpath": attr.string(doc = "The package's import path."),
        "srcs": attr.label_list(
            doc = "The package's files.",
            allow_files = [".go"],
        ),
    },
)

def go_binary(name, srcs = [], cdeps = [], cgo = False, embed = [], **kwargs):
    """A program.

    Args:
        name: of the target.
        srcs: the package's files.
        cdeps: the C libraries.
        cgo: whether a file has `import "C"`.
        embed: go_library targets of the same package.
        **kwargs: attributes of every rule.
    """
    if cdeps and not cgo:
        fail("cdeps without cgo = True: rules_go does not take them either")
    cgo_binary(
        name = name,
        srcs = srcs + embed,
        cdeps = cdeps + embed,
        **kwargs
    )
