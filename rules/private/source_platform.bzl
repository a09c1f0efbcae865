"""The platform that is built for, as a provider: a rule learns it from an attribute, and the select() is elsewhere."""

PlatformNameInfo = provider(
    doc = "The platform of a configuration.",
    fields = {"name": "One of `PLATFORMS`; empty for any other."},
)

def _platform_name_target_impl(ctx):
    return [PlatformNameInfo(name = ctx.attr.platform)]

platform_name_target = rule(
    implementation = _platform_name_target_impl,
    doc = "Names the platform of the configuration that it is analyzed in.",
    attrs = {
        "platform": attr.string(
            doc = "The name.",
            mandatory = True,
        ),
    },
    provides = [PlatformNameInfo],
)
