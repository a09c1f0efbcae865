"""The module extension that depends on the host: its tools, for source builds, and its C library.

It is separate from the extension `prebuilt`, whose result is the same on every machine. Here the contents of the repositories
differ, and Bazel fetches the tools only for a source build. The host's C library affects only builds for the host.
"""

load("//rules/private:host_libc.bzl", "host_libc")
load("//rules/private:host_tools.bzl", "host_tools")

def _source_impl(mctx):
    host_libc(name = "rules_cgo_prebuilt_host_libc")
    host_tools(name = "rules_cgo_prebuilt_host_tools")
    return mctx.extension_metadata(reproducible = True)

source = module_extension(
    implementation = _source_impl,
    doc = "Declares the repositories that depend on the host.",
)
