"""`prebuilt.defaults`: what the root module says for all libraries at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release
from tests.e2e.test_fallback import PREBUILT, SOURCE

_ROOT = MODULE.replace("prebuilt.library", "prebuilt.defaults({})\nprebuilt.library")
_SOURCE_BUILD = """\
load("@rules_cc//cc:cc_library.bzl", "cc_library")

cc_library(
    name = "native",
    srcs = ["answer.c"],
    hdrs = ["answer.h"],
    includes = ["."],
    visibility = ["//visibility:public"],
)
"""


@pytest.fixture
def mirror(tmp_path: Path, release: Release) -> Path:
    """Copy the published files to a folder, and remove the archive from the server."""
    folder = tmp_path / "mirror"
    shutil.copytree(release.server.folder, folder)
    (release.server.folder / release.archive("linux_amd64")).unlink()
    return folder


def consumer(workspace: MakeWorkspace, release: Release, module: str) -> Workspace:
    return workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
            "native/BUILD.bazel": _SOURCE_BUILD,
            "native/answer.h": '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n',
            "native/answer.c": "int answer(void) { return 43; }\n",
        },
        module=module,
    )


@pytest.mark.parametrize("transport", ["python", "bazel"])
def test_a_mirror_for_all_libraries_is_the_only_place_until_a_variable_names_another(
    workspace: MakeWorkspace, release: Release, mirror: Path, tmp_path: Path, transport: str
) -> None:
    said = f'mirror = "{mirror.as_uri()}", transport = "{transport}"'
    made = consumer(workspace, release, _ROOT.format(said))
    elsewhere = {
        "CGO_PREBUILT_MIRROR": f"{release.server.url}/nothing",
        "CGO_PREBUILT_CACHE": str(tmp_path / "empty-store"),
    }
    failed = made.bazel("build", "//:main_cc", env=elsewhere)
    assert failed.code != 0
    assert f"{release.server.url}/nothing/{release.archive('linux_amd64')}" in failed.stderr
    release.server.requests.clear()
    assert made.bazel("run", "//:main_cc").checked().stdout == PREBUILT
    assert release.server.requests == []


def test_a_library_of_the_root_module_overrides_the_defaults(
    workspace: MakeWorkspace, release: Release
) -> None:
    source = ', source = "//native"'
    module = _ROOT.format('origin = "source"').replace('.lock.json"', f'.lock.json"{source}')
    made = consumer(workspace, release, module)
    assert made.bazel("run", "//:main_cc").checked().stdout == SOURCE
    assert release.server.requests == []
    own = module.replace(source, source + ', origin = "prebuilt"')
    made.write({"MODULE.bazel": (made.path / "MODULE.bazel").read_text().replace(module, own)})
    assert made.bazel("run", "//:main_cc").checked().stdout == PREBUILT


def test_the_defaults_win_over_a_library_of_another_module(
    workspace: MakeWorkspace, release: Release
) -> None:
    """Only the root module may set them."""
    other = MODULE.replace('.lock.json"', '.lock.json", origin = "source", source = "//:none"')
    root = MODULE.replace('prebuilt.library(name = "answer", lock = "//:answer.lock.json")\n', "")
    root = root.replace("use_repo", 'prebuilt.defaults(origin = "prebuilt")\nuse_repo')
    root += 'bazel_dep(name = "other")\n'
    root += 'local_path_override(module_name = "other", path = "other")\n'
    made = consumer(workspace, release, root)
    named = 'module(name = "other")\nbazel_dep(name = "rules_cgo_prebuilt")\n'
    made.write(
        {
            "other/BUILD.bazel": "",
            "other/MODULE.bazel": named + other,
            "other/answer.lock.json": release.lock.read_bytes(),
        }
    )
    assert made.bazel("run", "//:main_cc").checked().stdout == PREBUILT
    refused = other.replace("use_repo", "prebuilt.defaults()\nuse_repo")
    made.write({"other/MODULE.bazel": named + refused})
    failed = made.bazel("build", "//:main_cc")
    assert (
        "module other: prebuilt.defaults\n  next: only the root module may use it" in failed.stderr
    )


def test_an_invalid_default_is_an_error(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release, _ROOT.format('transport = "curl"'))
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    assert 'library answer: transport is "curl"' in failed.stderr
    assert "set it to one of python, bazel" in failed.stderr
    text = (made.path / "MODULE.bazel").read_text()
    made.write({"MODULE.bazel": text.replace('transport = "curl"', 'link_mode = "symlink"')})
    failed = made.bazel("build", "//:main_cc")
    assert "library answer: link_mode is 'symlink'" in failed.stderr
    assert "use one of auto, reflink, hardlink, copy" in failed.stderr


def test_files_are_linked_or_copied_as_the_defaults_say(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release, _ROOT.format('link_mode = "hardlink"'))
    base = Path(made.bazel("info", "output_base").checked().stdout.strip())

    def names_of_the_library() -> int:
        made.bazel("build", "//:main_cc").checked()
        (library,) = base.glob("external/*answer__linux_amd64/lib/libanswer.a")
        return library.stat().st_nlink

    assert names_of_the_library() == 2
    text = (made.path / "MODULE.bazel").read_text()
    made.write({"MODULE.bazel": text.replace('"hardlink"', '"copy"')})
    assert names_of_the_library() == 1


_METADATA = """\
PackageMetadataInfo = provider(fields = ["purl"])

_rule = rule(
    implementation = lambda ctx: [PackageMetadataInfo(purl = ctx.attr.purl)],
    attrs = {"purl": attr.string()},
)

def package_metadata(name, purl):
    _rule(name = name, purl = purl, applicable_licenses = [], visibility = ["//visibility:public"])
"""
_SBOM = """\
load("@package_metadata//rules:package_metadata.bzl", "PackageMetadataInfo")

def _sbom_impl(target, ctx):
    for metadata in ctx.rule.attr.applicable_licenses:
        if PackageMetadataInfo in metadata:
            print("PURL", target.label.name, metadata[PackageMetadataInfo].purl)
    return []

sbom = aspect(implementation = _sbom_impl, attr_aspects = ["cdeps", "deps"])
"""


def test_a_bill_of_materials_of_a_program_lists_the_library_and_its_licenses(
    workspace: MakeWorkspace, release: Release
) -> None:
    """Use the part of the module package_metadata that matters: its rule, and an aspect for it."""
    lock = json.loads(release.lock.read_text())
    platform = lock["versions"]["v1.0.0"]["platforms"]["linux_amd64"]
    platform["licenses"] = ["include/answer.h"]
    made = consumer(workspace, release, _ROOT.format(""))
    made.write({"answer.lock.json": json.dumps(lock)})
    found = made.bazel("cquery", "@answer//:licenses", "--output=files").checked()
    assert found.stdout.strip().endswith("answer__linux_amd64/include/answer.h")

    text = (made.path / "MODULE.bazel").read_text()
    rule = 'metadata_rule = "@package_metadata//rules:package_metadata.bzl"'
    module = (
        text.replace("prebuilt.defaults()", f"prebuilt.defaults({rule})")
        + 'bazel_dep(name = "package_metadata")\n'
        + 'local_path_override(module_name = "package_metadata", path = "metadata")\n'
    )
    made.write(
        {
            "MODULE.bazel": module,
            "metadata/MODULE.bazel": 'module(name = "package_metadata")\n',
            "metadata/BUILD.bazel": "",
            "metadata/rules/BUILD.bazel": "",
            "metadata/rules/package_metadata.bzl": _METADATA,
            "sbom.bzl": _SBOM,
        }
    )
    listed = made.bazel("build", "//:main_go", "--aspects=//:sbom.bzl%sbom").checked()
    sha256 = platform["archives"][0]["sha256"]
    assert f"PURL answer pkg:generic/answer@v1.0.0?checksum=sha256:{sha256}&" in listed.stderr
    assert made.bazel("run", "//:main_go").checked().stdout == PREBUILT
