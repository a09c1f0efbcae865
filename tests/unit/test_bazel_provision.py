"""Which Bazel the tests run with: what is new enough, what is tried in which order, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from tests.bazel.candidate import (
    Candidate,
    Verdict,
    candidates,
    judge_version,
    parse_version,
    try_candidate,
)
from tests.bazel.debian_root import RootError, cache_folder, debian_mirror, root_name
from tests.bazel.newest import newest_version, with_newest
from tests.bazel.provision import Bazel, NoBazelError, choose, main
from tests.bazel.registry import MODULES, Module, registry_files

_DEBIAN = Bazel("/root/bin/bazel", "7.7.1", "a package", "/root/bin/in_root")


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _resolving(answer: str, version: str = "8.1.0") -> str:
    return f'case "$*" in --version) echo "bazel {version}" ;; *mod*) {answer} ;; esac'


def _last_resort() -> Bazel:
    return _DEBIAN


def _no_last_resort() -> Bazel:
    raise RootError("not root")


def _verdicts(**problems: str) -> Callable[[Candidate], Verdict]:
    def judge(candidate: Candidate) -> Verdict:
        problem = problems.get(candidate.executable.name, "")
        return Verdict(problem=problem) if problem else Verdict(version="8.0.0")

    return judge


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("bazel 7.4.1\n", (7, 4, 1)),
        ("bazel 9.0.0rc1\n", (9, 0, 0)),
        ("bazel 8.1.0-dirty\n", (8, 1, 0)),
        ("2026/11/21 Downloading the release...\nbazel 10.0\n", (10, 0)),
        ("bazel no_version\n", None),
        ("command not found", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_the_answer(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("version", ["7.4.0", "7.10.0", "8.0.0", "9.1.2", "10.0.0"])
def test_7_4_and_newer_will_do(version: str) -> None:
    assert judge_version(f"bazel {version}") == Verdict(version=version)


@pytest.mark.parametrize("version", ["4.2.3", "6.5.0", "7.3.2"])
def test_an_older_one_will_not(version: str) -> None:
    verdict = judge_version(f"bazel {version}")
    assert verdict.problem == f"is {version}, and 7.4 or newer is needed"


def test_a_program_that_tells_no_version_will_not_do() -> None:
    assert judge_version("oops\n").problem == "does not say its version: 'oops'"


def test_bazel_comes_before_bazelisk_on_the_path(tmp_path: Path) -> None:
    _program(tmp_path / "one" / "bazelisk", "")
    _program(tmp_path / "two" / "bazel", "")
    found = candidates({"PATH": f"{tmp_path}/one:{tmp_path}/two"})
    assert [candidate.source for candidate in found] == [
        "bazel on the PATH",
        "bazelisk on the PATH",
    ]


def test_a_named_bazel_is_the_only_candidate(tmp_path: Path) -> None:
    _program(tmp_path / "bazel", "")
    mine = _program(tmp_path / "mine", "")
    assert candidates({"PATH": str(tmp_path), "BAZEL": str(mine)}) == [
        Candidate(mine, "$BAZEL", demanded=True)
    ]


def test_a_machine_without_bazel_has_no_candidate(tmp_path: Path) -> None:
    assert candidates({"PATH": str(tmp_path)}) == []


def test_the_first_usable_candidate_is_chosen() -> None:
    found = [Candidate(Path("old"), "first"), Candidate(Path("new"), "second")]
    chosen = choose(found, _verdicts(old="is 4.2.3"), _last_resort)
    assert chosen == Bazel("new", "8.0.0", "second")


def test_the_last_resort_is_taken_where_no_candidate_is_usable() -> None:
    found = [Candidate(Path("old"), "first")]
    assert choose(found, _verdicts(old="is 4.2.3"), _last_resort) == _DEBIAN


def test_a_named_bazel_is_never_replaced() -> None:
    found = [Candidate(Path("old"), "$BAZEL", demanded=True)]
    with pytest.raises(NoBazelError, match=r"\$BAZEL \(old\) is 4\.2\.3"):
        choose(found, _verdicts(old="is 4.2.3"), _last_resort)


def test_without_a_candidate_every_reason_is_reported() -> None:
    found = [Candidate(Path("old"), "first")]
    with pytest.raises(NoBazelError) as raised:
        choose(found, _verdicts(old="is 4.2.3"), _no_last_resort)
    assert str(raised.value) == "first (old) is 4.2.3\nnot root"


def test_a_candidate_that_resolves_modules_is_usable(tmp_path: Path) -> None:
    bazel = _program(tmp_path / "bazel", _resolving("echo platforms@0.0.11"))
    assert try_candidate(Candidate(bazel, "test")) == Verdict(version="8.1.0")


def test_a_candidate_that_cannot_resolve_modules_is_not(tmp_path: Path) -> None:
    bazel = _program(tmp_path / "bazel", _resolving("echo 'ERROR: unreachable'; exit 1"))
    verdict = try_candidate(Candidate(bazel, "test"))
    assert verdict.problem == "is 8.1.0, but cannot resolve modules: ERROR: unreachable"


def test_a_candidate_that_cannot_be_run_is_not(tmp_path: Path) -> None:
    verdict = try_candidate(Candidate(tmp_path / "absent", "test"))
    assert "No such file" in verdict.problem


def test_a_missing_bazel_fails_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAZEL", str(tmp_path / "absent"))
    assert main([]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no Bazel to test with" in printed.err
    assert "install Bazel 7.4 or newer" in printed.err


def test_the_path_is_printed_alone_and_its_version_and_source_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bazel = _program(tmp_path / "bazel", _resolving("echo platforms@0.0.11"))
    monkeypatch.setenv("BAZEL", str(bazel))
    assert main([]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{bazel}\n"
    assert printed.err == "BAZEL_VERSION=8.1.0 from $BAZEL\n"


def test_json_says_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bazel = _program(tmp_path / "bazel", _resolving("echo platforms@0.0.11"))
    monkeypatch.setenv("BAZEL", str(bazel))
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "executable": str(bazel),
        "version": "8.1.0",
        "source": "$BAZEL",
        "in_root": None,
    }


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/h"}, "/h/.cache/rules_cgo_prebuilt"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/rules_cgo_prebuilt"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x", "CGO_PREBUILT_TEST_CACHE": "/c"}, "/c"),
    ],
)
def test_the_cache_is_outside_the_checkout(environment: dict[str, str], folder: str) -> None:
    assert cache_folder(environment) == Path(folder)


def test_the_root_is_named_by_what_it_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    before = root_name()
    monkeypatch.setattr("tests.bazel.debian_root.PACKAGES", ("bazel-bootstrap", "one-more"))
    assert root_name() != before


def test_the_mirror_is_the_one_that_apt_uses_for_debian_itself() -> None:
    targets = (
        "Vendor|Vendor|http://vendor.example/apt/\n"
        "Debian|Debian-Security|http://mirror.example/security/\n"
        "Debian|Debian|http://mirror.example/debian/\n"
    )
    assert debian_mirror(targets) == "http://mirror.example/debian/"


def test_without_debian_in_apt_the_mirror_is_left_to_debootstrap() -> None:
    assert debian_mirror("Ubuntu|Ubuntu|http://mirror.example/ubuntu/\n") == ""


def test_a_registry_offers_every_version_of_a_module() -> None:
    module = Module("m", ("1.0", "2.0"), "/copy", 'bazel_dep(name = "n", version = "3")\n')
    files = registry_files((module,), PurePosixPath("/registry"))
    assert files["modules/m/2.0/MODULE.bazel"] == (
        'module(name = "m", version = "2.0", compatibility_level = 1)\n'
        'bazel_dep(name = "n", version = "3")\n'
    )
    assert json.loads(files["modules/m/1.0/source.json"]) == {"type": "local_path", "path": "/copy"}
    assert files["bazel_registry.json"] == "{}\n"


def test_a_module_has_the_central_registry_s_compatibility_level() -> None:
    """Two versions of one module that differ in it cannot be in one build."""
    levels = {module.name: module.compatibility_level for module in MODULES}
    assert {name for name, level in levels.items() if level == 0} == {
        "bazel_features",
        "buildozer",
        "package_metadata",
        "rules_shell",
    }
    files = registry_files((Module("m", ("1.0",), compatibility_level=0),), PurePosixPath("/r"))
    assert "compatibility_level = 0" in files["modules/m/1.0/MODULE.bazel"]


def test_a_module_without_a_copy_is_an_empty_one() -> None:
    files = registry_files((Module("m", ("1.0",)),), PurePosixPath("/registry"))
    assert json.loads(files["modules/m/1.0/source.json"])["path"] == "/registry/empty"
    assert "empty/MODULE.bazel" in files


def test_the_newest_version_is_a_release_that_is_not_withdrawn() -> None:
    metadata = {"versions": ["1.0", "1.1", "1.2", "2.0-rc1"], "yanked_versions": {"1.2": "broken"}}
    assert newest_version(json.dumps(metadata)) == "1.1"
    assert newest_version('{"versions": ["0-1", "0-2"]}') == "0-2"


def test_a_module_file_asks_for_the_newest_of_what_it_names_and_of_what_all_load() -> None:
    module = (
        'bazel_dep(name = "rules_cc", version = "0.1")\nbazel_dep(name = "other", version = "1")\n'
    )
    assert with_newest(module, {"rules_cc": "0.3", "rules_go": "0.9", "rules_shell": "0.8"}) == (
        'bazel_dep(name = "rules_cc", version = "0.3")\n'
        'bazel_dep(name = "other", version = "1")\n'
        'bazel_dep(name = "rules_shell", version = "0.8")\n'
    )
