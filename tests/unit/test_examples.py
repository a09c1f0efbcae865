"""The manifests of the examples whose archives are on the internet: they are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cgo_prebuilt.go_modules.gazelle_lines import include_command, patch_command
from cgo_prebuilt.manifests.manifest import read_manifest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", ["lancedb", "filecoin_ffi"])
def test_the_manifest_of_a_real_release_is_read(name: str) -> None:
    manifest = read_manifest(EXAMPLES / name / "prebuilt.yaml")
    assert manifest.name == name
    listed = [str(spec.platform) for spec in manifest.platforms]
    assert listed[:4] == ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"]


@pytest.mark.parametrize("name", ["lancedb", "filecoin_ffi"])
def test_the_patches_are_what_the_command_prints_today(name: str) -> None:
    manifest = read_manifest(EXAMPLES / name / "prebuilt.yaml")
    text = (EXAMPLES / name / "MODULE.bazel").read_text()
    # No glob: what the manifest promises is what the lock has.
    interfaces = [spec.interface for spec in manifest.platforms]
    for command in (patch_command(name), include_command(interfaces)):
        assert json.dumps(command) in text
