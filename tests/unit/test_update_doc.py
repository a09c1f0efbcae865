"""What `docs/update` has to be copied: the workflow's script and Renovate's expressions are run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS: list[dict[str, Any]] = yaml.safe_load(
    (REPOSITORY / "docs/update/update.yml").read_text(encoding="utf-8")
)["jobs"]["update"]["steps"]
RENOVATE: dict[str, Any] = json.loads((REPOSITORY / "docs/update/renovate.json").read_text())
MANAGERS: list[dict[str, Any]] = RENOVATE["customManagers"]

PLAIN = """name: tally
version: 1.1.0  # the newest
urls: ["https://github.com/acme/tally/releases/download/v{version}/{file}"]
"""
COMMENT = """name: tally
# renovate: datasource=custom.tally
version: "1.1.0"
urls: ["https://downloads.example.com/{version}/{file}"]
"""


def found(text: str) -> list[dict[str, str | None]]:
    """What each manager finds in a manifest, where it finds something."""
    expressions = [one.replace("(?<", "(?P<") for item in MANAGERS for one in item["matchStrings"]]
    return [match.groupdict() for one in expressions for match in re.finditer(one, text)]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (PLAIN, {"currentValue": "1.1.0", "depName": "acme/tally"}),
        (COMMENT, {"currentValue": "1.1.0", "depName": None, "datasource": "custom.tally"}),
        (
            COMMENT.replace("tally\nversion", "tally depName=lib\nversion"),
            {"currentValue": "1.1.0", "depName": "lib", "datasource": "custom.tally"},
        ),
    ],
)
def test_renovate_finds_the_version_once(text: str, groups: dict[str, str]) -> None:
    assert found(text) == [groups]


@pytest.mark.parametrize("name", ["lancedb", "filecoin_ffi"])
def test_renovate_finds_the_version_of_real_manifests(name: str) -> None:
    text = (REPOSITORY / "examples" / name / "prebuilt.yaml").read_text(encoding="utf-8")
    (groups,) = found(text)
    manifest = yaml.safe_load(text)
    assert groups["currentValue"] == manifest["version"]
    assert f"https://github.com/{groups['depName']}/releases/" in manifest["urls"][0]


@pytest.mark.parametrize(
    ("file", "taken"),
    [
        ("prebuilt.yaml", True),
        ("native/prebuilt.yaml", True),
        ("third_party/tally.yaml", True),
        ("third_party/tally.lock.json", False),
        ("deploy/third_party/tally.yaml", False),
    ],
)
def test_renovate_reads_manifests(file: str, taken: bool) -> None:
    for manager in MANAGERS:
        patterns = [pattern.strip("/") for pattern in manager["managerFilePatterns"]]
        assert any(re.search(pattern, file) for pattern in patterns) == taken


def test_renovate_takes_the_v_off_a_tag() -> None:
    (template,) = [
        one["extractVersionTemplate"] for one in MANAGERS if "extractVersionTemplate" in one
    ]
    match = re.search(template.replace("(?<", "(?P<"), "v1.1.0")
    assert match is not None
    assert match["version"] == "1.1.0"


def test_the_command_that_renovate_may_run_is_the_one_that_it_runs() -> None:
    page = (REPOSITORY / "docs/update.md").read_text(encoding="utf-8")
    own = json.loads(page.split("```json\n")[1].split("```")[0])
    (rule,) = own["packageRules"]
    (command,) = rule["postUpgradeTasks"]["commands"]
    command = command.replace("{{{packageFile}}}", "third_party/tally.yaml")
    assert any(re.search(allowed, command) for allowed in own["allowedCommands"])


@pytest.mark.skipif(shutil.which("bash") is None, reason="the step is for bash")
def test_the_workflow_opens_one_pull_request(tmp_path: Path) -> None:
    here, origin, tools = tmp_path / "here", tmp_path / "origin", tmp_path / "bin"
    tools.mkdir()
    gh = tools / "gh"
    gh.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> "$RUNNER_TEMP/gh.txt"\n')
    gh.chmod(0o755)
    (tmp_path / "changes.txt").write_text("+ v1.2.0\n")
    environ = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "MANIFEST": "tally.yaml",
        "GIT_CONFIG_GLOBAL": str(tmp_path / "none"),
    }

    def git(*arguments: str | Path) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        command = ["git", "-C", here, *identity, *arguments]
        return subprocess.run(
            command, env=environ, check=True, capture_output=True, text=True
        ).stdout

    def open_pull_request() -> None:
        script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[-1]["run"]]
        subprocess.run(script, cwd=here, env=environ, check=True, capture_output=True)

    subprocess.run(["git", "init", "-q", "--bare", origin], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", here], check=True)
    (here / "tally.yaml").write_text(PLAIN)
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("remote", "add", "origin", origin)
    git("push", "-q", "origin", "main")
    open_pull_request()
    assert not (tmp_path / "gh.txt").exists()  # nothing has changed
    for _ in range(2):
        (here / "tally.yaml").write_text(PLAIN.replace("1.1.0", "1.2.0"))
        open_pull_request()
        git("switch", "-q", "main")
    options = (tmp_path / "gh.txt").read_text().splitlines()
    assert options.count("create") == 1
    assert options[options.index("--head") + 1] == "update-tally-1.2.0"
    assert options[options.index("--title") + 1] == "Update tally to 1.2.0"
    assert "+ v1.2.0" in (tmp_path / "body.md").read_text()
    assert git("ls-remote", "--heads", "origin").count("update-tally-1.2.0") == 1
