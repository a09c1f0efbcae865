"""Which C library the platform that is built for has. Its platform says, or a flag; Bazel's own host platform says nothing."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

_GLIBC = "glibc"
_MUSL = "musl"

# The platforms that Bazel makes of the machine that it runs on, with its system and its processor and nothing else.
_DETECTED = [Label("@bazel_tools//tools:host_platform"), Label("@platforms//host")]

def chosen_libc(flag, platform, has_musl, host_libc):
    """Decides. Pure.

    Args:
        flag: `auto`, or the C library that the command line says.
        platform: the label of the platform that is built for.
        has_musl: whether that has the constraint value of musl.
        host_libc: the C library of the machine that Bazel runs on.

    Returns:
        `glibc`, which also stands for any system that has but one C library, or `musl`.
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
    doc = "The C library of the platform that is built for, as a value for a config_setting.",
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
