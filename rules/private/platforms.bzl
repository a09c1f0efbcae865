"""The Bazel half of the table of platforms; `tools/cgo_prebuilt/platforms.py` holds the other, and a test
keeps the two equal."""

load("@bazel_skylib//lib:selects.bzl", "selects")

_OS = {
    "darwin": "@platforms//os:macos",
    "freebsd": "@platforms//os:freebsd",
    "linux": "@platforms//os:linux",
    "windows": "@platforms//os:windows",
}

_CPU = {
    "386": "@platforms//cpu:x86_32",
    "amd64": "@platforms//cpu:x86_64",
    "arm": "@platforms//cpu:armv7",
    "arm64": "@platforms//cpu:aarch64",
    "ppc64le": "@platforms//cpu:ppc64le",
    "riscv64": "@platforms//cpu:riscv64",
    "s390x": "@platforms//cpu:s390x",
}

_ARCHITECTURES = {
    "darwin": ["amd64", "arm64"],
    "freebsd": ["amd64", "arm64"],
    "linux": ["386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"],
    "windows": ["386", "amd64", "arm64"],
}

PLATFORMS = sorted([
    "_".join([os, arch] + libc)
    for os, architectures in _ARCHITECTURES.items()
    for arch in architectures
    for libc in ([[], ["musl"]] if os == "linux" else [[]])
])

def constraints_of(platform):
    """The constraints of a platform.

    Args:
        platform: one of `PLATFORMS`.

    Returns:
        A struct of `os` and `cpu`, labels of constraint values, and `libc`: `glibc`, `musl` or, where the
        operating system has one C library, None.
    """
    parts = platform.split("_")
    libc = None
    if parts[0] == "linux":
        libc = "musl" if parts[-1] == "musl" else "glibc"
    return struct(os = _OS[parts[0]], cpu = _CPU[parts[1]], libc = libc)

def platform_name():
    """A select() of the target platform's name; empty if it is none of `PLATFORMS`."""
    return select({setting_of(platform): platform for platform in PLATFORMS} | {"//conditions:default": ""})

def setting_of(platform):
    """The label of the config_setting that is true on a platform."""
    return Label("//rules/platforms:" + platform)

def platform_setting(name):
    """Declares the config_setting of a platform.

    Args:
        name: one of `PLATFORMS`.
    """
    constraints = constraints_of(name)
    if constraints.libc == None:
        native.config_setting(
            name = name,
            constraint_values = [constraints.os, constraints.cpu],
        )
        return
    native.config_setting(
        name = name + "_any_libc",
        constraint_values = [constraints.os, constraints.cpu],
    )
    selects.config_setting_group(
        name = name,
        match_all = [
            ":{}_any_libc".format(name),
            "//rules/libc:is_" + constraints.libc,
        ],
    )
