from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.machine_needs import Needs, judge, main

TESTS = Path(__file__).resolve().parents[1]
ALL = frozenset({"cc", "go", "cargo", "npm", "git", "bazel", "pwsh", "apt-get"})


def needs_of(
    *programs: str,
    environment: Mapping[str, str] | None = None,
    system: str = "linux",
    is_root: bool = True,
    has_venv: bool = True,
) -> Needs:
    return judge(
        programs.__contains__,
        environment or {},
        system=system,
        is_root=is_root,
        has_venv=has_venv,
    )


@pytest.mark.parametrize("program", ["cc", "go", "cargo", "npm", "git"])
def test_a_run_without_a_compiler_or_language_cannot_start(program: str) -> None:
    assert [line.partition(":")[0] for line in needs_of(*ALL - {program}).missing] == [program]


def test_python_without_venv_is_named() -> None:
    assert "venv" in needs_of(*ALL, has_venv=False).missing[0]


def test_root_of_debian_installs_what_others_skip() -> None:
    assert "squid" in needs_of(*ALL).installed[0]
    of_others = needs_of(*ALL, is_root=False)
    assert not of_others.installed
    assert "squid" in of_others.skipped[0]


def test_a_bazel_is_installed_or_missing() -> None:
    without = ALL - {"bazel"}
    assert "Bazel" in needs_of(*without).installed[-1]
    assert "bazelisk" in needs_of(*without, is_root=False).missing[0]
    assert not needs_of(*without, is_root=False, environment={"BAZEL": "/opt/bazel"}).missing


def test_other_systems_and_unset_variables_skip_tests() -> None:
    skipped = "\n".join(needs_of(*ALL - {"pwsh"}, system="darwin").skipped)
    assert all(what in skipped for what in ("Linux", "pwsh", "CGO_PREBUILT_TEST_REGISTRY"))
    registry = {"CGO_PREBUILT_TEST_REGISTRY": "file:///registry"}
    assert not needs_of(*ALL, environment=registry).skipped


def test_every_program_that_a_test_installs_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    from tests import machine_needs

    known = machine_needs.FROM_DEBIAN
    used = set()
    skipped = set()
    for path in TESTS.rglob("*.py"):
        used.update(re.findall(r'provide\("([\w-]+)", "[\w-]+"\)', path.read_text()))
        skipped.update(re.findall(r'skipif\([^\n]*which\("([\w-]+)"\)', path.read_text()))
    assert used
    assert used <= known.keys()
    assert not skipped & known.keys(), "a run as root would install it"
    assert main() == 0
    assert "12 GB" in capsys.readouterr().err
