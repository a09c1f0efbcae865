"""The module extension that finds the host's tools for source builds.

It is not the `prebuilt` extension, whose result is the same on every machine. Here the repository that it declares is
what differs, and Bazel fetches that when a source build is to run.
"""

load("//rules/private:host_tools.bzl", "host_tools")

def _source_impl(mctx):
    host_tools(name = "rules_cgo_prebuilt_host_tools")
    return mctx.extension_metadata(reproducible = True)

source = module_extension(
    implementation = _source_impl,
    doc = "Declares the repository that finds the host's tools.",
)
