"""What actionlint does not ask of the workflows: least rights, and actions that cannot change unseen."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
PRESUBMIT = yaml.safe_load((REPOSITORY / ".bcr" / "presubmit.yml").read_text())["bcr_test_module"]

# The Central Registry verifies what these two attest, and knows them only by a version tag.
BY_TAG = {
    "bazel-contrib/.github/.github/workflows/release_ruleset.yaml",
    "bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml",
}

# What other people copy, or read in a program's answer.
TEXTS = [
    path
    for folder in ("docs", "examples", "tools/cgo_prebuilt")
    for path in sorted((REPOSITORY / folder).rglob("*"))
    if path.suffix in (".md", ".py", ".yaml", ".yml")
] + [REPOSITORY / "README.md"]

# The first with Node.js 24 of the actions that our own workflows do not use.
NODE24 = {"actions/attest-build-provenance": 4, "actions/cache": 5}


def loaded(path: Path) -> dict[str, Any]:
    """A workflow; YAML reads its key `on` as true."""
    workflow: dict[str, Any] = yaml.safe_load(path.read_text())
    return workflow


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_an_action_is_pinned_by_its_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (\S+)@(\S+)(.*)$", path.read_text(), flags=re.MULTILINE)
    assert used
    for action, reference, rest in used:
        if action in BY_TAG:
            assert re.fullmatch(r"v\d+\.\d+\.\d+", reference), action
        else:
            assert re.fullmatch(r"[0-9a-f]{40}", reference), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_a_workflow_begins_with_no_right_to_write(path: Path) -> None:
    assert loaded(path)["permissions"] in ({}, {"contents": "read"})


def test_continuous_integration_runs_the_bazels_and_systems_that_the_registry_does() -> None:
    matrix = loaded(REPOSITORY / ".github/workflows/ci.yml")["jobs"]["bazel"]["strategy"]["matrix"]
    assert matrix["bazel"] == PRESUBMIT["matrix"]["bazel"]
    systems = {runner.split("-")[0] for runner in matrix["runner"]}
    assert systems == {"macos", "ubuntu", "windows"}
    assert {"macos", "windows"} < set(PRESUBMIT["matrix"]["platform"])


def test_a_release_runs_no_test_that_its_runner_lacks_packages_for() -> None:
    release = loaded(REPOSITORY / ".github/workflows/release.yml")["jobs"]["release"]
    command = release["with"]["bazel_test_command"].split()
    assert command == ["bazel", "test", "--test_tag_filters=-local", "//..."]
    assert '"local"' in (REPOSITORY / "tests/unit/BUILD.bazel").read_text()


def test_what_runs_the_end_to_end_tests_allows_bazel_s_sandbox_its_namespaces() -> None:
    steps = loaded(REPOSITORY / ".github/workflows/ci.yml")["jobs"]["test"]["steps"]
    commands = [step.get("run", "") for step in steps]
    allowed = "sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0"
    assert commands.index(allowed) < commands.index("make test")
    page = (REPOSITORY / "docs/hermetic-ci.md").read_text(encoding="utf-8")
    assert f"```sh\n{allowed}\n```" in page
    steps = re.findall(r"^  - run: (.*)$", page, re.MULTILINE)
    assert steps.index(allowed) == 0, "and so has the workflow that users copy"


def test_what_users_copy_has_the_actions_that_our_own_has() -> None:
    """Runners no longer start what Node.js 20 runs, as the majors before these do."""
    majors = dict(NODE24)
    for path in WORKFLOWS:
        for action, major in re.findall(r"uses: (actions/[\w-]+)@\S+ # v(\d+)", path.read_text()):
            assert majors.setdefault(action, int(major)) == int(major), path.name
    copied: dict[str, str] = {}
    for path in TEXTS:
        used = re.findall(r"uses: ([\w/-]+)@(\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for action, version in used:
            assert version == f"v{majors[action]}", f"{action} in {path}"
        copied.update(used)
    assert copied.keys() >= {"actions/checkout", "actions/upload-artifact", *NODE24}


def test_the_presubmit_runs_a_workspace_that_is_there() -> None:
    assert (REPOSITORY / PRESUBMIT["module_path"] / "MODULE.bazel").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such right")
def test_the_script_that_makes_the_release_can_be_run() -> None:
    # Its path is fixed by release_ruleset.yaml.
    assert os.access(REPOSITORY / ".github" / "workflows" / "release_prep.sh", os.X_OK)
