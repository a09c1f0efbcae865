"""What a hub selects where there is nothing to link: an error that can be acted on."""

def _asked_platform(label, platform):
    return "the platform {}{}".format(label, ", which is {}".format(platform) if platform else "")

def no_source_message(library, label, platform, flavors):
    """Return the error for a library that is to be built from source and has none. Pure.

    Args:
        library: the library's name.
        label: the label of Bazel's platform.
        platform: what the library's platforms call it; empty where they have no word for it.
        flavors: a dict from a flavor's name to the platforms that it has.

    Returns:
        Text of several lines.
    """
    prebuilts = {platform: None for platforms in flavors.values() for platform in platforms}
    return "\n".join([
        "{} cannot be built from source: there is none".format(library),
        "  for: " + _asked_platform(label, platform),
        "  it has prebuilts for: " + (", ".join(sorted(prebuilts)) or "no platform"),
        "  next: leave --@{}//:origin=source out, or `origin = \"source\"`; or add to prebuilt.library".format(library) +
        " `source = \"//some:target\"`, with CcInfo; or add `source:` to the library's prebuilt.yaml and run `cgo-prebuilt lock`",
    ])

def unsupported_message(library, label, platform, flavor, flavors, hint):
    """What to say where a library has no prebuilt for a platform. Pure.

    Args:
        library: the library's name.
        label: the label of Bazel's platform.
        platform: what the library's platforms call it; empty where they have no word for it.
        flavor: the flavor that is wanted; empty where the library has none.
        flavors: a dict from a flavor's name to the platforms that it has.
        hint: what else can be done; empty, or a line with a line feed before it.

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
        doc = "The platforms that there are, by flavor.",
        mandatory = True,
    ),
    "library": attr.string(
        doc = "The library's name.",
        mandatory = True,
    ),
    "platform_name": attr.string(
        doc = "What the library's platforms call the one that is built for; empty where they have no word for it.",
    ),
}

unsupported_platform = rule(
    implementation = _unsupported_platform_impl,
    doc = "Fails at analysis, naming the platform that was asked for and those that there are.",
    attrs = _PLATFORM_ATTRIBUTES | {
        "flavor": attr.string(
            doc = "The flavor that is wanted; empty where the library has none.",
        ),
        "hint": attr.string(
            doc = "What else can be done; empty, or a line with a line feed before it.",
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
    doc = "Fails at analysis where a library is to be built from source and has none.",
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
            doc = "What is wrong and what to do about it.",
            mandatory = True,
        ),
    },
)
