"""The target platform as a provider, so that rules get it from an attribute instead of a select()."""

PlatformNameInfo = provider(
    doc = "The platform of a configuration.",
    fields = {"name": "One of `PLATFORMS`; empty for others."},
)

def _platform_name_target_impl(ctx):
    return [PlatformNameInfo(name = ctx.attr.platform)]

platform_name_target = rule(
    implementation = _platform_name_target_impl,
    doc = "Provides the platform of the configuration in which it is analyzed.",
    attrs = {
        "platform": attr.string(
            doc = "The name.",
            mandatory = True,
        ),
    },
    provides = [PlatformNameInfo],
)
