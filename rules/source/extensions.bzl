"""The module extension that looks at the host: for its tools, for source builds, and for its C library.

It is not the `prebuilt` extension, whose result is the same on every machine. Here the repositories that it
declares are what differs, and Bazel fetches the tools when a source build is to run. Which C library the host has decides
nothing but what a build for the host gets.
"""

load("//rules/private:host_libc.bzl", "host_libc")
load("//rules/private:host_tools.bzl", "host_tools")

def _source_impl(mctx):
    host_libc(name = "rules_cgo_prebuilt_host_libc")
    host_tools(name = "rules_cgo_prebuilt_host_tools")
    return mctx.extension_metadata(reproducible = True)

source = module_extension(
    implementation = _source_impl,
    doc = "Declares the repositories that look at the host.",
)
