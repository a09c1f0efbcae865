"""The program that compares files with their hashes, built for the machine that runs it.

Linking needs a C toolchain anyway, so a small C program adds no requirement. A worker that only cross-compiles may lack a
toolchain for itself; then a shell script does the same with the worker's tools.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")

VerifierInfo = provider(
    doc = "The program or script that compares files with their hashes.",
    fields = {
        "program": "The program; None without a C toolchain for this platform.",
        "script": "The script to source instead.",
    },
)

def _verifier_impl(ctx):
    toolchain = find_cc_toolchain(ctx, mandatory = False)
    if not toolchain:
        return [VerifierInfo(program = None, script = ctx.file.script)]
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    _, outputs = cc_common.compile(
        name = ctx.label.name,
        actions = ctx.actions,
        cc_toolchain = toolchain,
        feature_configuration = features,
        srcs = [ctx.file.source],
    )
    linked = cc_common.link(
        name = ctx.label.name,
        actions = ctx.actions,
        cc_toolchain = toolchain,
        compilation_outputs = outputs,
        feature_configuration = features,
    )
    return [VerifierInfo(program = linked.executable, script = ctx.file.script)]

verifier = rule(
    implementation = _verifier_impl,
    doc = "Builds the program that compares files with their hashes.",
    attrs = {
        "script": attr.label(
            allow_single_file = True,
            doc = "The shell script for platforms without a C toolchain.",
            mandatory = True,
        ),
        "source": attr.label(
            allow_single_file = [".c"],
            doc = "The program's source.",
            mandatory = True,
        ),
    },
    fragments = ["cpp"],
    provides = [VerifierInfo],
    toolchains = use_cc_toolchain(mandatory = False),
)
