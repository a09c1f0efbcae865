"""The targets that a hub selects if there is nothing to link: they fail with an error and its remedy."""

def _asked_platform(label, platform):
    return "the platform {}{}".format(label, ", which is {}".format(platform) if platform else "")

def no_source_message(library, label, platform, flavors):
    """Returns the error for a source build of a library without a source. Pure.

    Args:
        library: the library's name.
        label: the label of Bazel's platform.
        platform: that platform by our name; empty if it has none.
        flavors: a dict from a flavor's name to its platforms.

    Returns:
        Text of several lines.
    """
    prebuilts = {platform: None for platforms in flavors.values() for platform in platforms}
    return "\n".join([
        "{} cannot be built from source: it has no source".format(library),
        "  for: " + _asked_platform(label, platform),
        "  it has prebuilts for: " + (", ".join(sorted(prebuilts)) or "no platform"),
        "  next: leave --@{}//:origin=source out, or `origin = \"source\"`; or add to prebuilt.library".format(library) +
        " `source = \"//some:target\"`, with CcInfo; or add `source:` to the library's prebuilt.yaml and run `cgo-prebuilt lock`",
    ])

def unsupported_message(library, label, platform, flavor, flavors, hint):
    """Returns the error for a library without a prebuilt for a platform. Pure.

    Args:
        library: the library's name.
        label: the label of Bazel's platform.
        platform: that platform by our name; empty if it has none.
        flavor: the requested flavor; empty for a library without flavors.
        flavors: a dict from a flavor's name to its platforms.
        hint: another remedy; empty, or a line with a line feed before it.

    Returns:
        Text of several lines.
    """
    asked = _asked_platform(label, platform)
    listed = ", ".join(sorted(flavors[flavor])) or "none"
    steps = ["build for one of these with --platforms"]
    below = "'platforms'"
    if flavor:
        lines = [
            "{} has no prebuilt of the flavor {} for {}".format(library, flavor, asked),
            "  of this flavor it has: " + listed,
        ]
        there = [name for name, platforms in flavors.items() if platform in platforms]
        if there:
            lines.append("  for this platform it has the flavors: " + ", ".join(there))
            steps.append("choose another flavor with --@{}//:flavor={}".format(library, there[0]))
        below = "'platforms' of the flavor"
    else:
        lines = [
            "{} has no prebuilt for {}".format(library, asked),
            "  it has: " + listed,
        ]
    steps.append("or add `{}: {{}}` under {} in the library's prebuilt.yaml, publish the archive and run `cgo-prebuilt lock`".format(
        platform or "<GOOS>_<GOARCH>",
        below,
    ))
    return "\n".join(lines + ["  next: " + ", ".join(steps) + hint])

def _unsupported_platform_impl(ctx):
    fail("\n" + unsupported_message(
        ctx.attr.library,
        ctx.fragments.platform.platform,
        ctx.attr.platform_name,
        ctx.attr.flavor,
        ctx.attr.flavors,
        ctx.attr.hint,
    ))

_PLATFORM_ATTRIBUTES = {
    "flavors": attr.string_list_dict(
        doc = "The platforms with prebuilts, by flavor.",
        mandatory = True,
    ),
    "library": attr.string(
        doc = "The library's name.",
        mandatory = True,
    ),
    "platform_name": attr.string(
        doc = "The target platform by our name; empty if it has none.",
    ),
}

unsupported_platform = rule(
    implementation = _unsupported_platform_impl,
    doc = "Fails at analysis with the requested platform and the available ones.",
    attrs = _PLATFORM_ATTRIBUTES | {
        "flavor": attr.string(
            doc = "The requested flavor; empty for a library without flavors.",
        ),
        "hint": attr.string(
            doc = "Another remedy; empty, or a line with a line feed before it.",
        ),
    },
    fragments = ["platform"],
)

def _no_source_impl(ctx):
    fail("\n\n" + no_source_message(
        ctx.attr.library,
        ctx.fragments.platform.platform,
        ctx.attr.platform_name,
        ctx.attr.flavors,
    ))

no_source = rule(
    implementation = _no_source_impl,
    doc = "Fails at analysis if a library without a source is to be built from source.",
    attrs = _PLATFORM_ATTRIBUTES,
    fragments = ["platform"],
)

def _failing_library_impl(ctx):
    fail("\n\n" + ctx.attr.message)

failing_library = rule(
    implementation = _failing_library_impl,
    doc = "Fails at analysis with a message.",
    attrs = {
        "message": attr.string(
            doc = "The error and its remedy.",
            mandatory = True,
        ),
    },
)
