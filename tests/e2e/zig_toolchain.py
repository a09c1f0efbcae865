"""C toolchains for cross-compiling in a test's workspace: `zig cc`."""

from __future__ import annotations

from tests.e2e.zig import TARGETS, zig_cache, zig_program

_CONSTRAINTS = {
    "darwin_arm64": ("macos", "aarch64"),
    "linux_amd64_musl": ("linux", "x86_64"),
    "linux_arm64": ("linux", "aarch64"),
    "windows_amd64": ("windows", "x86_64"),
}
"""Bazel's constraints for each platform's system and processor."""

_HEAD = """\
load("@rules_cc//cc/toolchains:cc_toolchain.bzl", "cc_toolchain")
load(":zig.bzl", "zig_config")

filegroup(
    name = "files",
    srcs = glob(["*.sh", "sdk/**"]),
)
"""

_TOOLCHAIN = """
zig_config(
    name = "{name}_config",
    platform = "{name}",
    target = "{target}",
)

cc_toolchain(
    name = "{name}_cc",
    all_files = ":files",
    ar_files = ":files",
    compiler_files = ":files",
    dwp_files = ":files",
    linker_files = ":files",
    objcopy_files = ":files",
    strip_files = ":files",
    toolchain_config = ":{name}_config",
    visibility = ["//visibility:public"],
)

toolchain(
    name = "{name}_toolchain",
    target_compatible_with = [{constraints}],
    toolchain = ":{name}_cc",
    toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
)

platform(
    name = "{name}",
    constraint_values = [{constraints}],
)
"""

_CONFIG = """\
load("@rules_cc//cc:action_names.bzl", "ALL_CC_COMPILE_ACTION_NAMES", "ALL_CC_LINK_ACTION_NAMES")
load("@rules_cc//cc:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")

# As Bazel's own toolchains for Windows have it: a program finds its DLLs beside it.
_FEATURES = {"windows_amd64": [feature(name = "copy_dynamic_libraries_to_binary", enabled = True)]}

# Bazel chooses by it what its built-in features say to a linker.
_LIBC = {"darwin_arm64": "macosx"}

# In two words, as Apple's toolchains say it; not at all where the compiler's script does.
def _target_features(target):
    if not target:
        return []
    return [feature(
        name = "target",
        enabled = True,
        flag_sets = [flag_set(
            actions = ALL_CC_COMPILE_ACTION_NAMES + ALL_CC_LINK_ACTION_NAMES,
            flag_groups = [flag_group(flags = ["-target", target])],
        )],
    )]

def _zig_config_impl(ctx):
    programs = {"ar": "ar.sh", "gcc": ctx.attr.platform + ".sh"}
    others = ["cpp", "gcov", "ld", "nm", "objdump", "strip"]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        compiler = "clang",
        cxx_builtin_include_directories = ["/"],
        features = _FEATURES.get(ctx.attr.platform, []) + _target_features(ctx.attr.target),
        target_cpu = ctx.attr.platform,
        target_libc = _LIBC.get(ctx.attr.platform, "unknown"),
        target_system_name = ctx.attr.platform,
        tool_paths = [tool_path(name = name, path = path) for name, path in programs.items()] +
                     [tool_path(name = name, path = "/bin/false") for name in others],
        toolchain_identifier = "zig_" + ctx.attr.platform,
    )

zig_config = rule(
    implementation = _zig_config_impl,
    attrs = {
        "platform": attr.string(),
        "target": attr.string(),
    },
    provides = [CcToolchainConfigInfo],
)
"""

_SCRIPT = """\
#!/bin/bash
export ZIG_GLOBAL_CACHE_DIR={cache} ZIG_LOCAL_CACHE_DIR={cache}
exec {zig} {command} "$@"
"""

# The part of a library in Apple's SDK that a linker needs; zig has the C library only.
_SDK_LIBRARY = """\
--- !tapi-tbd
tbd-version: 4
targets: [ arm64-macos ]
install-name: '{path}'
exports:
  - targets: [ arm64-macos ]
    symbols: [ {symbols} ]
...
"""

REGISTER = 'register_toolchains("//zig:all")\n'
"""What MODULE.bazel says."""


def zig_files(*, target_in_flags: bool = False) -> dict[str, str | bytes]:
    """The files of the package `//zig`: a toolchain and a platform for each of `_CONSTRAINTS`.

    Args:
        target_in_flags: Whether the toolchain's flags name the target, not the compiler's script.
    """
    build = _HEAD
    zig, cache = zig_program(), zig_cache()
    cache.mkdir(parents=True, exist_ok=True)
    files: dict[str, str | bytes] = {
        "zig/zig.bzl": _CONFIG,
        "zig/ar.sh": _SCRIPT.format(cache=cache, zig=zig, command="ar"),
    }
    for name, (system, cpu) in _CONSTRAINTS.items():
        labels = [f"@platforms//os:{system}", f"@platforms//cpu:{cpu}"]
        if name.endswith("_musl"):
            labels.append("@rules_cgo_prebuilt//rules/libc:musl")
        build += _TOOLCHAIN.format(
            name=name,
            constraints=", ".join(f'"{one}"' for one in labels),
            target=TARGETS[name] if target_in_flags else "",
        )
        command = "cc" if target_in_flags else f"cc -target {TARGETS[name]}"
        if system == "macos":
            command += ' -F"$(dirname "$0")/sdk" -L"$(dirname "$0")/sdk"'
        if system == "windows":
            # Go compiles its own C code with -Werror, and zig does not use -mthreads.
            command += " -Qunused-arguments"
        files[f"zig/{name}.sh"] = _SCRIPT.format(cache=cache, zig=zig, command=command)
    framework = "/System/Library/Frameworks/Security.framework/Versions/A/Security"
    files["zig/sdk/Security.framework/Security.tbd"] = _SDK_LIBRARY.format(
        path=framework, symbols="_SecRandomCopyBytes"
    )
    # Go's runtime links it.
    files["zig/sdk/libresolv.tbd"] = _SDK_LIBRARY.format(
        path="/usr/lib/libresolv.9.dylib", symbols="_res_9_ninit"
    )
    return {**files, "zig/BUILD.bazel": build}


def zig_options(platform: str) -> list[str]:
    """Bazel's options to build for a platform."""
    return [
        f"--platforms=//zig:{platform}",
        # The sandbox has a /tmp of its own, and the tests' cache may be below the real one.
        f"--sandbox_add_mount_pair={zig_program().parent}",
        f"--sandbox_writable_path={zig_cache()}",
    ]
