"""What a hub selects where there is nothing to link: an error that can be acted on."""

def _unsupported_platform_impl(ctx):
    fail("\n".join([
        "",
        "{} has no prebuilt for the platform {}".format(
            ctx.attr.library,
            ctx.fragments.platform.platform,
        ),
        "  it has: " + ", ".join(ctx.attr.supported),
        "  next: build for one of these with --platforms, or add `<GOOS>_<GOARCH>: {}` under 'platforms'" +
        " in the library's prebuilt.yaml, publish the archive and run `cgo-prebuilt lock`" + ctx.attr.hint,
    ]))

unsupported_platform = rule(
    implementation = _unsupported_platform_impl,
    doc = "Fails at analysis, naming the platform that was asked for and those that there are.",
    attrs = {
        "hint": attr.string(
            doc = "What else can be done; empty, or a line with a line feed before it.",
        ),
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

def _failing_library_impl(ctx):
    fail("\n\n" + ctx.attr.message)

failing_library = rule(
    implementation = _failing_library_impl,
    doc = "Fails at analysis with a message.",
    attrs = {
        "message": attr.string(
            doc = "What is wrong and what to do about it.",
            mandatory = True,
        ),
    },
)
