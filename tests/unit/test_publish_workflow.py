"""The workflow that a publisher copies: it finds out early what `publish` would refuse in the end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
JOBS: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs/publish/release.yml").read_text())["jobs"]
EXAMPLE = REPOSITORY / "examples/vecsearch/prebuilt.yaml"


@pytest.mark.skipif(shutil.which("bash") is None, reason="the step is for bash")
@pytest.mark.parametrize(
    ("line", "tag", "code"),
    [
        ("version: v0.3.0", "v0.3.0", 0),
        ('version: "0.3.0" # the newest', "0.3.0", 0),
        ("version: v0.3.0", "v0.3.1", 1),
        ("version: v0.3.0", "v0.3.0-rc.1", 1),
        ("# version: v0.3.0", "v0.3.0", 1),
    ],
)
def test_a_tag_that_is_not_the_version_ends_it_before_anything_is_built(
    tmp_path: Path, line: str, tag: str, code: int
) -> None:
    (tmp_path / "prebuilt.yaml").write_text(f"name: vec\n{line}\nurls: []\n")
    script = JOBS["check"]["steps"][-1]["run"]
    variables = {**os.environ, "GITHUB_REF_NAME": tag}
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=variables, capture_output=True, check=False
    )
    assert done.returncode == code
    assert (b"::error file=prebuilt.yaml::the tag is " in done.stdout) == bool(code)
    assert JOBS["build"]["needs"] == "check"


def test_it_builds_for_the_glibc_that_the_example_s_manifest_requires() -> None:
    platforms = yaml.safe_load(EXAMPLE.read_text())["platforms"]
    for built in JOBS["build"]["strategy"]["matrix"]["include"]:
        glibc = platforms[built["platform"]].get("requires", {}).get("glibc")
        assert built.get("zig") in ({None, ""} if glibc is None else {f".{glibc}"})
