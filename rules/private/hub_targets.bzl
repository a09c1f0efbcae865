"""The targets of a hub that select a prebuilt: by flavor, if there are flavors, then by platform."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":failing_library.bzl", "no_source", "unsupported_platform")
load(":platforms.bzl", "platform_name")

def of_flavor(target, flavor):
    """The name, or label, of the target for a flavor."""
    return target + "_of_" + flavor if flavor else target

def choice_error(library, flag, value, values):
    """Returns the error for an invalid value of a hub's build flag. Pure.

    Args:
        library: the library's name.
        flag: the flag's name, `flavor` or `origin`.
        value: the value.
        values: the valid ones.

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
    doc = "A build flag of a hub.",
    attrs = {
        "library": attr.string(
            doc = "The library's name.",
            mandatory = True,
        ),
        # Bazel reads this attribute only if a target sets it.
        "scope": attr.string(
            doc = "`universal`: also applies to tools that the build runs. In Bazel 10, they would get the default otherwise.",
        ),
        "values": attr.string_list(
            doc = "The valid values.",
            mandatory = True,
        ),
    },
)

# The targets have fixed names, like those of the hub's template.
# buildifier: disable=unnamed-macro
def prebuilt_targets(library, flavor, flavors, by_platform, prebuilt, licenses, hint):
    """Declares `:by_platform` and `:from_prebuilt`, for the origins `auto` and `prebuilt`, and the flag `:flavor`.

    Also declares the failing targets `:unsupported_platform` and `:no_source`.

    Args:
        library: the library's name.
        flavor: the flavor to use, unless the build flag `:flavor` selects another one.
        flavors: a dict from a flavor's name to its platforms; a library without flavors has one with an empty name.
        by_platform: a dict from a flavor's name to the branches of a select() on the platform.
        prebuilt: the same for the origin `prebuilt`.
        licenses: the same for the license files.
        hint: another remedy on a platform without a prebuilt.
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
        # Public, for users' targets.
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
