"""The targets of a hub that select a prebuilt: by flavor, where there are flavors, then by platform."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":failing_library.bzl", "no_source", "unsupported_platform")
load(":platforms.bzl", "platform_name")

def of_flavor(target, flavor):
    """The name, or label, of a target that there is one of for each flavor."""
    return target + "_of_" + flavor if flavor else target

def choice_error(library, flag, value, values):
    """What to say where a build flag of a hub has a value that it cannot have. Pure.

    Args:
        library: the library's name.
        flag: the flag's name, `flavor` or `origin`.
        value: the value.
        values: those that there are.

    Returns:
        Text of several lines.
    """
    more = ", or add `{}: {{}}` under 'flavors' in the library's prebuilt.yaml, publish its archives and run `cgo-prebuilt lock`"
    return "\n".join([
        "{} has no {} {}".format(library, flag, value),
        "  it has: " + ", ".join(values),
        "  next: choose one of these with --@{}//:{}".format(library, flag) + (more.format(value) if flag == "flavor" else ""),
    ])

def _choice_flag_impl(ctx):
    value = ctx.build_setting_value
    if value not in ctx.attr.values:
        fail("\n\n" + choice_error(ctx.attr.library, ctx.label.name, value, ctx.attr.values))
    return [BuildSettingInfo(value = value)]

choice_flag = rule(
    implementation = _choice_flag_impl,
    build_setting = config.string(flag = True),
    doc = "Which library is wanted, in one of its ways.",
    attrs = {
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        # Bazel reads it, and only where a target sets it.
        "scope": attr.string(
            doc = "`universal`: tools that the build itself runs get the same library. Bazel 10 would give them the default one.",
        ),
        "values": attr.string_list(
            doc = "The values that there are.",
            mandatory = True,
        ),
    },
)

# The targets' names are the hub's own, as those of its template are.
# buildifier: disable=unnamed-macro
def prebuilt_targets(library, flavor, flavors, by_platform, prebuilt, licenses, hint):
    """Declares `:by_platform` and `:from_prebuilt`, what the origins `auto` and `prebuilt` stand for, and `:flavor`.

    And what fails where there is neither: `:unsupported_platform` and `:no_source`.

    Args:
        library: the library's name.
        flavor: the flavor to take, unless the build flag `:flavor` says another.
        flavors: a dict from a flavor's name to its platforms; of a library without flavors, of one without a name.
        by_platform: a dict from a flavor's name to the branches of a select() on the platform.
        prebuilt: the same, for those who want a prebuilt and nothing else.
        licenses: the same, for its license files.
        hint: what else can be done on a platform that has none.
    """
    no_source(
        name = "no_source",
        flavors = flavors,
        library = library,
        platform_name = platform_name(),
        tags = ["manual"],
        visibility = ["//visibility:private"],
    )
    for name in flavors:
        native.alias(
            name = of_flavor("by_platform", name),
            actual = select(by_platform[name]),
            visibility = ["//visibility:private"],
        )
        native.alias(
            name = of_flavor("from_prebuilt", name),
            actual = select(prebuilt[name]),
            visibility = ["//visibility:private"],
        )
        native.alias(
            name = of_flavor("licenses_by_platform", name),
            actual = select(licenses[name]),
            visibility = ["//visibility:private"],
        )
        unsupported_platform(
            name = of_flavor("unsupported_platform", name),
            flavor = name,
            flavors = flavors,
            hint = hint,
            library = library,
            platform_name = platform_name(),
            tags = ["manual"],
            visibility = ["//visibility:private"],
        )
    if not flavor:
        return
    choice_flag(
        name = "flavor",
        build_setting_default = flavor,
        library = library,
        scope = "universal",
        values = flavors.keys(),
    )
    for name in flavors:
        # For targets of the user's own, too.
        native.config_setting(
            name = "flavor_is_" + name,
            flag_values = {":flavor": name},
        )
        native.alias(
            name = "of_flavor_" + name,
            actual = of_flavor(":by_platform", name),
        )
    for target in ["by_platform", "from_prebuilt", "licenses_by_platform"]:
        native.alias(
            name = target,
            actual = select({
                ":flavor_is_" + name: of_flavor(":" + target, name)
                for name in flavors
            }),
            visibility = ["//visibility:private"],
        )
