"""The page about source builds: its manifest is one."""

from __future__ import annotations

import re

import yaml

from cgo_prebuilt.locks.lock import Build
from tests.guide import REPOSITORY
from tests.unit.library_case import manifest

PAGE = (REPOSITORY / "docs/build-from-source.md").read_text(encoding="utf-8")


def test_its_manifest_is_read_as_it_says() -> None:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    platforms = {"linux_amd64": {}, "windows_amd64": {"linkopts": ["-lws2_32"]}}
    source = manifest(version="v1.2.3", platforms=platforms, **yaml.safe_load(found[1])).source
    assert source is not None
    assert source.strip_prefix == "vecsearch-1.2.3"
    assert source.steps == (
        Build("cargo", ("--package", "vecsearch-c"), toolchain="1.84.0"),
        Build("command", ("sh", "headers.sh")),
    )
    windows = source.of_platform("windows_amd64")
    assert len(windows.steps) == 1
    assert windows.outputs.linkopts == ("-lws2_32",)
    assert windows.vendor
