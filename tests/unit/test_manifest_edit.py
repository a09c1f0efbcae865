"""The version in a manifest, changed as a person would."""

from __future__ import annotations

import pytest
import yaml

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.manifests.manifest_edit import with_version, with_withdrawn


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'withdrawn: {"v1": "it: \\"crashes\\""}\n'),
        ("withdrawn: {v0: old} # why\n", 'withdrawn: {v0: old, "v1": "it: \\"crashes\\""} # why\n'),
        ("withdrawn: {}\n", 'withdrawn: {"v1": "it: \\"crashes\\""}\n'),
        (
            "withdrawn: # why\n    v0: old\n",
            'withdrawn: # why\n    "v1": "it: \\"crashes\\""\n    v0: old\n',
        ),
        ("withdrawn:\nheaders: []\n", 'withdrawn:\n  "v1": "it: \\"crashes\\""\nheaders: []\n'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_reason_is_added(before: str, after: str, end: str) -> None:
    head = "name: vec # a library\n"
    changed = with_withdrawn((head + before).replace("\n", end), "v1", 'it: "crashes"', where="m")
    assert changed == (head + after).replace("\n", end)
    assert with_withdrawn(changed, "v1", 'it: "crashes"', where="m") == changed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('withdrawn: {"v1": "old: \\"", v0: old} # why\n', 'withdrawn: {"v1": "new", v0: old} # why\n'),
        ("withdrawn:\n  v10: no\n  v1: 'old' # why\n", "withdrawn:\n  v10: no\n  \"v1\": \"new\" # why\n"),
        ("withdrawn:\n  'v1': old\n  v0: old\n", 'withdrawn:\n  "v1": "new"\n  v0: old\n'),
    ],
)  # fmt: skip
def test_a_reason_is_replaced_by_another(before: str, after: str) -> None:
    head = "name: vec # a library\n"
    assert with_withdrawn(head + before, "v1", "new", where="m") == head + after


@pytest.mark.parametrize("why", ["es stürzt ab", "{it}: 'crashes', #7", "it crashes \U0001f4a5"])
def test_a_second_version_and_a_second_reason_can_be_written(why: str) -> None:
    text = "name: vec\n"
    for version, reason in (("v1", why), ("v2", why), ("v1", "again"), ("v1", why)):
        text = with_withdrawn(text, version, reason, where="m")
    assert yaml.safe_load(text)["withdrawn"] == {"v1": why, "v2": why}


@pytest.mark.parametrize(
    "text",
    ["{name: vec}", "name: vec\nwithdrawn: {v0: old,\n}\n", "withdrawn:\n  v1: >\n    other\n"],
)
def test_reasons_that_are_written_in_other_ways_are_left_to_people(text: str) -> None:
    with pytest.raises(ManifestError, match="'withdrawn' cannot be extended there") as caught:
        with_withdrawn(text, "v1", "it crashes", where="prebuilt.yaml")
    assert 'write "v1": "it crashes" into it by hand' in str(caught.value.remedy)
