"""The local module registry, for a Bazel that cannot reach the central one.

Debian packages the rule sets that Bazel itself needs, in one version each. The registry is written
from the table below: which versions are required (by Bazel's built-in modules, by ours, and by
their dependencies), and where Debian's copy of the module is. One copy serves as all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

_SHARED = "/usr/share/bazel"


@dataclass(frozen=True)
class Module:
    """A module of the registry.

    Attributes:
        name: The module's name.
        versions: Every version that something requires.
        path: Debian's copy of it; None for an empty module, which is enough for what is named in a
            module file but never loaded by a C, C++ or Go build.
        body: The rest of its MODULE.bazel, after `module(...)`.
        compatibility_level: That of the Central Registry's versions, some of which a test may add.
    """

    name: str
    versions: tuple[str, ...]
    path: str | None = None
    body: str = ""
    compatibility_level: int = 1


_RULES_CC = """\
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "0.0.11")
cc_configure = use_extension("//cc:extensions.bzl", "cc_configure_extension")
use_repo(cc_configure, "local_config_cc", "local_config_cc_toolchains")
register_toolchains("@local_config_cc_toolchains//:all")
"""

_BAZEL_SKYLIB = """\
bazel_dep(name = "platforms", version = "0.0.11")
bazel_dep(name = "rules_license", version = "1.0.0")
register_toolchains(
    "//toolchains/unittest:cmd_toolchain",
    "//toolchains/unittest:bash_toolchain",
)
"""

_PLATFORMS = """\
bazel_dep(name = "rules_license", version = "1.0.0")
host_platform = use_extension("//host:extension.bzl", "host_platform")
use_repo(host_platform, "host_platform")
"""

_BAZEL_FEATURES = """\
bazel_dep(name = "bazel_skylib", version = "1.7.1")
version = use_extension("//private:extensions.bzl", "version_extension")
use_repo(version, "bazel_features_globals", "bazel_features_version")
"""

_RULES_SHELL = """\
bazel_dep(name = "bazel_features", version = "1.18.0")
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "0.0.11")
sh_configure = use_extension("//shell/private/extensions:sh_configure.bzl", "sh_configure")
use_repo(sh_configure, "local_config_shell")
register_toolchains("@local_config_shell//:all")
"""

_RULES_JAVA = """\
bazel_dep(name = "bazel_features", version = "1.18.0")
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "0.0.11")
bazel_dep(name = "rules_cc", version = "0.1.1")
bazel_dep(name = "rules_license", version = "1.0.0")
toolchains = use_extension("//java:extensions.bzl", "toolchains")
use_repo(
    toolchains,
    "local_jdk",
    "remote_java_tools",
    "remote_java_tools_darwin_arm64",
    "remote_java_tools_darwin_x86_64",
    "remote_java_tools_linux",
    "remote_java_tools_windows",
)
register_toolchains("@local_jdk//:runtime_toolchain_definition")
"""

_RULES_PYTHON = """\
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "0.0.11")
bazel_dep(name = "rules_proto", version = "4.0.0")
register_toolchains("@bazel_tools//tools/python:autodetecting_toolchain")
"""

_RULES_PROTO = """\
bazel_dep(name = "bazel_features", version = "1.18.0")
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "rules_license", version = "1.0.0")
"""

_STARDOC = """\
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "rules_java", version = "7.6.5")
"""

# What `bazel mod` makes Bazel's built-in module load from buildozer's.
_BUILDOZER_BINARY = """\
def _no_buildozer_impl(rctx):
    rctx.file("BUILD.bazel")

_no_buildozer = repository_rule(implementation = _no_buildozer_impl)

def _buildozer_binary_impl(_mctx):
    _no_buildozer(name = "buildozer_binary")

buildozer_binary = module_extension(implementation = _buildozer_binary_impl)
"""

MODULES: tuple[Module, ...] = (
    Module("apple_support", ("1.23.1",)),
    Module("bazel_features", ("1.11.0", "1.18.0"), f"{_SHARED}/tools/features", _BAZEL_FEATURES, 0),
    Module("bazel_skylib", ("1.7.1", "1.9.1"), f"{_SHARED}/tools/skylib", _BAZEL_SKYLIB),
    Module("buildozer", ("7.1.2",), compatibility_level=0),
    Module("package_metadata", ("0.0.5",), compatibility_level=0),
    Module(
        "platforms",
        ("0.0.7", "0.0.9", "0.0.10", "0.0.11", "1.1.0"),
        f"{_SHARED}/tools/platforms",
        _PLATFORMS,
    ),
    Module("protobuf", ("3.19.6", "21.7")),
    Module("rules_cc", ("0.0.11", "0.0.17", "0.1.1", "0.2.17"), f"{_SHARED}/rules/cc", _RULES_CC),
    Module("rules_java", ("7.6.5",), f"{_SHARED}/rules/java", _RULES_JAVA),
    Module("rules_license", ("0.0.3", "1.0.0"), f"{_SHARED}/rules/license"),
    Module("rules_proto", ("4.0.0", "5.3.0-21.7"), f"{_SHARED}/rules/proto", _RULES_PROTO),
    Module("rules_python", ("0.22.1",), f"{_SHARED}/rules/python", _RULES_PYTHON),
    Module("rules_shell", ("0.3.0", "0.4.0"), f"{_SHARED}/rules/shell", _RULES_SHELL, 0),
    Module("stardoc", ("0.8.1",), f"{_SHARED}/tools/stardoc", _STARDOC),
    Module("zlib", ("1.3.1.bcr.3",)),
)
"""The modules that Debian's Bazel 7.7.1, this module and the tests' workspaces require."""


def registry_files(modules: tuple[Module, ...], folder: PurePosixPath) -> dict[str, str]:
    """Return the files of a registry.

    Args:
        modules: The modules that it offers.
        folder: The registry's folder, as Bazel sees it.

    Returns:
        The text of each file, by its path relative to `folder`; the format is that of Bazel's index
        registries.
    """
    files = {
        "bazel_registry.json": "{}\n",
        "empty/MODULE.bazel": "",
        "empty/BUILD.bazel": "",
        "empty/buildozer_binary.bzl": _BUILDOZER_BINARY,
    }
    for module in modules:
        for version in module.versions:
            entry = f"modules/{module.name}/{version}"
            level = module.compatibility_level
            head = f'module(name = "{module.name}", version = "{version}", compatibility_level = {level})'
            files[f"{entry}/MODULE.bazel"] = f"{head}\n{module.body}"
            source = {"type": "local_path", "path": module.path or str(folder / "empty")}
            files[f"{entry}/source.json"] = json.dumps(source) + "\n"
    return files
