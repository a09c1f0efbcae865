"""The C library of the target platform, by its constraints or a flag; Bazel's default host platform does not name one."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

_GLIBC = "glibc"
_MUSL = "musl"

# The platforms that Bazel generates for its own machine, with operating system and processor only.
_DETECTED = [Label("@bazel_tools//tools:host_platform"), Label("@platforms//host")]

def chosen_libc(flag, platform, has_musl, host_libc):
    """Decides the C library of the target platform. Pure.

    Args:
        flag: `auto`, or the C library on the command line.
        platform: the label of the target platform.
        has_musl: whether that has the constraint value of musl.
        host_libc: the C library of the machine that Bazel runs on.

    Returns:
        `musl`; or `glibc`, also for systems with only one C library.
    """
    if flag != "auto":
        return flag
    if has_musl:
        return _MUSL
    return host_libc if platform in _DETECTED else _GLIBC

def _target_libc_impl(ctx):
    return [config_common.FeatureFlagInfo(value = chosen_libc(
        ctx.attr.flag[BuildSettingInfo].value,
        ctx.fragments.platform.platform,
        ctx.target_platform_has_constraint(ctx.attr.musl[platform_common.ConstraintValueInfo]),
        ctx.attr.host_libc,
    ))]

target_libc = rule(
    implementation = _target_libc_impl,
    doc = "The C library of the target platform, as a value for a config_setting.",
    attrs = {
        "flag": attr.label(
            doc = "The build flag.",
            mandatory = True,
            providers = [BuildSettingInfo],
        ),
        "host_libc": attr.string(
            doc = "The C library of the machine that Bazel runs on.",
            mandatory = True,
        ),
        "musl": attr.label(
            doc = "The constraint value of platforms that have musl.",
            mandatory = True,
            providers = [platform_common.ConstraintValueInfo],
        ),
    },
    fragments = ["platform"],
    provides = [config_common.FeatureFlagInfo],
)
