"""The version in a manifest, changed as a person would."""

from __future__ import annotations

import pytest
import yaml

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.manifests.manifest_edit import with_version


@pytest.mark.parametrize(
    ("line", "version", "changed"),
    [
        ("version: v1.2.3", "v1.2.4", "version: v1.2.4"),
        ("version: v1.2.3  # see CHANGES", "v2.0.0-rc.1", "version: v2.0.0-rc.1  # see CHANGES"),
        ('version: "1.10"', "1.20", 'version: "1.20"'),
        ("version:   'x'", "release/7", 'version: "release/7"'),
        ("version: v1.2.3\r", "v1.2.4", "version: v1.2.4\r"),
        ("version: v1.2.3 # the latest\r", "v1.2.4", "version: v1.2.4 # the latest\r"),
    ],
)
def test_only_the_version_changes(line: str, version: str, changed: str) -> None:
    before = f"# a library\nname: vec\n{line}\nplatforms:\n  linux_amd64: {{}}\n"
    after = with_version(before, version, where="prebuilt.yaml")
    assert after == before.replace(line, changed)
    assert yaml.safe_load(after)["version"] == version


@pytest.mark.parametrize("text", ["{name: vec, version: v1}", "version:\n  v1\n", "name: vec\n"])
def test_a_version_that_is_not_on_its_own_line_is_left_to_people(text: str) -> None:
    with pytest.raises(ManifestError, match="not on a line of its own") as caught:
        with_version(text, "v2", where="prebuilt.yaml")
    assert "set it to v2 by hand" in str(caught.value.remedy)
