"""What a hub selects where a library has no prebuilt: an error that can be acted on."""

def _unsupported_platform_impl(ctx):
    fail("\n".join([
        "",
        "{} has no prebuilt for the platform {}".format(
            ctx.attr.library,
            ctx.fragments.platform.platform,
        ),
        "  it has: " + ", ".join(ctx.attr.supported),
        "  next: build for one of these with --platforms, or add `<GOOS>_<GOARCH>: {}` under 'platforms'" +
        " in the library's prebuilt.yaml, publish the archive and run `cgo-prebuilt lock`",
    ]))

unsupported_platform = rule(
    implementation = _unsupported_platform_impl,
    doc = "Fails at analysis, naming the platform that was asked for and those that there are.",
    attrs = {
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        "supported": attr.string_list(
            doc = "The platforms that there are.",
        ),
    },
    fragments = ["platform"],
)
