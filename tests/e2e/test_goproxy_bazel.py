"""The BUILD.bazel of a platform's module, in a real Bazel.

rules_go and gazelle are not available here. A stand-in for `go_library` checks what that gets: sources
that exist, and C dependencies. Linking is done by a C++ and a cgo program.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeWorkspace
from tests.e2e.go_release import (
    LINKING_PROGRAM,
    GoRelease,
    compile_shared_form,
    make_release,
    needs_linux_amd64,
)

pytestmark = needs_linux_amd64()

_GO_LIBRARY = """\
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def _go_library_impl(ctx):
    if not ctx.attr.cgo or not ctx.attr.importpath:
        fail("a library for cgo with an import path is expected")
    return [DefaultInfo(files = depset(ctx.files.srcs))]

go_library = rule(
    implementation = _go_library_impl,
    attrs = {
        "cdeps": attr.label_list(providers = [CcInfo]),
        "cgo": attr.bool(),
        "deps": attr.label_list(),
        "importpath": attr.string(),
        "srcs": attr.label_list(allow_files = [".go"]),
    },
)
"""

_PLATFORM = """\
config_setting(
    name = "linux_amd64",
    constraint_values = ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    visibility = ["//visibility:public"],
)

config_setting(
    name = "linux_arm64",
    constraint_values = ["@platforms//os:linux", "@platforms//cpu:aarch64"],
    visibility = ["//visibility:public"],
)
"""

_DEPENDENCIES = """
bazel_dep(name = "bazel_skylib", version = "1.7.1")
bazel_dep(name = "platforms", version = "1.1.0")
bazel_dep(name = "rules_cc", version = "0.2.17")
"""

# The names that gazelle's go_deps gives to its repositories, and those that it can see.
_MODULE = """\
bazel_dep(name = "rules_go", repo_name = "io_bazel_rules_go")
bazel_dep(name = "tiny_linux_amd64", repo_name = "test_acme_go_tiny_linux_amd64")
local_path_override(module_name = "rules_go", path = "rules_go")
local_path_override(module_name = "tiny_linux_amd64", path = "linux_amd64")
"""

_BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "main_cc",
    srcs = ["main.cc"],
    deps = ["@test_acme_go_tiny_linux_amd64//:cc"],
)

cgo_binary(
    name = "main_go",
    srcs = ["main.go"],
    cdeps = ["@test_acme_go_tiny_linux_amd64//:cc"],
)
"""

_MAIN_CC = """\
#include <cstdio>
extern "C" {
#include "tiny/tiny.h"
}
int main() { std::printf("the answer is %d\\n", tiny_answer()); }
"""


_IN_ORDER = "static_library: [lib/libtiny.a, lib/libbase.a]\n"
# In an order that does not link; the manifest says that each needs the other.
_CIRCULAR = """\
static_library: [lib/libbase.a, lib/libtiny.a]
circular: [lib/libbase.a, lib/libtiny.a]
"""
# Two forms of one library: the archive, and a shared library that holds all of it.
_TWO_FORMS = f"{_IN_ORDER}shared_library: lib/libtiny.so\n"


def make_another(release: GoRelease, libraries: str) -> None:
    """Packs the same archives as another library for linux_amd64, with a shared form of them."""
    manifest = release.folder / "prebuilt.yaml"
    text = manifest.read_text().replace(_IN_ORDER, libraries)
    manifest.write_text(text.replace(", linux_arm64: {}", ""))
    stage = release.folder / "stage-linux_amd64"
    compile_shared_form(stage, "linux_amd64", 42)
    (release.dist / "SHA256SUMS").unlink()
    release.run(
        "pack", "prebuilt.yaml", "--platform", "linux_amd64",
        "--from", stage, "--output", "dist",
    )  # fmt: skip


def _unzip(file: Path, folder: str) -> dict[str, str | bytes]:
    with zipfile.ZipFile(file) as archive:
        return {
            f"{folder}/{name.partition('@v0.3.0/')[2]}": archive.read(name)
            for name in archive.namelist()
        }


@pytest.mark.parametrize(
    "libraries", [_IN_ORDER, pytest.param(_CIRCULAR, marks=pytest.mark.slow), _TWO_FORMS]
)
def test_bazel_links_what_the_modules_hold(
    workspace: MakeWorkspace, tmp_path: Path, libraries: str
) -> None:
    release = make_release(tmp_path / "tiny")
    if libraries is not _IN_ORDER:
        make_another(release, libraries)
    release.build().checked()
    program = LINKING_PROGRAM.replace('"tiny.h"', '"tiny/tiny.h"').replace("#define TINY 1\n", "")
    made = workspace(
        {
            **_unzip(release.file(".zip", "!tiny-linux-amd64"), "linux_amd64"),
            **_unzip(release.file(".zip"), "forwarding"),
            "linux_amd64/MODULE.bazel": 'module(name = "tiny_linux_amd64")\n'
            'bazel_dep(name = "rules_go", repo_name = "io_bazel_rules_go")\n' + _DEPENDENCIES,
            "rules_go/MODULE.bazel": f'module(name = "rules_go")\n{_DEPENDENCIES}',
            "rules_go/go/BUILD.bazel": "",
            "rules_go/go/def.bzl": _GO_LIBRARY,
            "rules_go/go/platform/BUILD.bazel": _PLATFORM,
            "BUILD.bazel": _BUILD,
            "main.cc": _MAIN_CC,
            "main.go": "\n".join(line for line in program.split("\n") if "_ " not in line),
        },
        module=_MODULE,
    )
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert made.bazel("run", "//:main_go").checked().stdout == "the answer is 42\n"
    dynamic = made.bazel("run", "//:main_cc", "--dynamic_mode=fully").checked()
    assert dynamic.stdout == "the answer is 42\n"
    linked = made.bazel("aquery", "mnemonic(CppLink, //:main_cc)", "--dynamic_mode=fully")
    assert ("libtiny.so" in linked.checked().stdout) is (libraries is _TWO_FORMS)
    made.bazel("build", "//forwarding:Tiny", "//forwarding:go_default_library").checked()
    needed = made.bazel("cquery", "deps(//forwarding:Tiny)").checked().stdout
    assert ("libtiny_circular.a" if libraries is _CIRCULAR else "libtiny.a") in needed
