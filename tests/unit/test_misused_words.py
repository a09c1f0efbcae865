"""What the commands say of options, words and variables that they cannot take, to a person and a program."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cgo_prebuilt.commands.doctor import UNFIT
from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit.command_case import Run, runner
from tests.unit.library_case import lock, write_files, write_manifest


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest, a lock, and what was built."""
    write_manifest(tmp_path / "prebuilt.yaml")
    write_files(tmp_path / "out")
    (tmp_path / "prebuilt.lock.json").write_text(format_lock(lock()))
    return runner(tmp_path, monkeypatch, capsys)


# Words of the command line.


@pytest.mark.parametrize(
    ("words", "what", "wrong", "next_step"),
    [
        (
            ["fetch", "--outptu", "x"],
            "cgo-prebuilt fetch has no option --outptu",
            "--outptu",
            "did you mean '--output'? see `cgo-prebuilt fetch --help`",
        ),
        (
            ["fetch", "--output", "x", "--lokc=a"],
            "cgo-prebuilt fetch has no option --lokc",
            "--lokc",
            "did you mean '--lock'? see `cgo-prebuilt fetch --help`",
        ),
        (
            ["mirror", "--output", "x"],
            "cgo-prebuilt mirror has no option --output",
            "--output",
            "see `cgo-prebuilt mirror --help`",
        ),
        (
            ["fech", "--json"],
            "argument VERB: invalid choice: 'fech'",
            "fech",
            "did you mean 'fetch'? see `cgo-prebuilt --help`",
        ),
        (
            ["cache", "verfy", "--json"],
            "argument VERB: invalid choice: 'verfy'",
            "verfy",
            "did you mean 'verify'? see `cgo-prebuilt cache --help`",
        ),
        (
            ["goproxy", "serve", "site", "more"],
            "unrecognized arguments: more",
            "more",
            "see `cgo-prebuilt goproxy serve --help`",
        ),
        (
            ["fetch"],
            "the following arguments are required: --output",
            "cgo-prebuilt fetch",
            "see `cgo-prebuilt fetch --help`",
        ),
    ],
)
def test_a_usage_error_names_the_wrong_word_and_the_verbs_help(
    run: Run, words: list[str], what: str, wrong: str, next_step: str
) -> None:
    answer = run(*words, "--json") if words[0] == "fetch" else run(*words)
    answer.refused(2, what, f"at: {wrong}\n", f"next: {next_step}\n")
    if words[0] == "fetch":
        found = json.loads(answer.out)
        assert found == {"error": what, "where": wrong, "next": next_step, "kind": "usage"}


@pytest.mark.parametrize(
    ("words", "wrong", "nearest"),
    [
        (["fecth"], "fecth", "fetch"),
        (["goproxy", "biuld"], "biuld", "build"),
        (["env", "--shell", "powershel"], "powershel", "powershell"),
    ],
)
def test_a_word_that_is_none_of_some_is_told_the_nearest(
    run: Run, words: list[str], wrong: str, nearest: str
) -> None:
    run(*words).refused(2, f"at: {wrong}\n", f"did you mean '{nearest}'? see `cgo-prebuilt")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--platform", "linux_arm64", "vec has no platform linux_arm64"),
        ("--flavor", "nope", "vec has no flavor nope"),
    ],
)
def test_what_the_manifest_lacks_is_no_outage(
    run: Run, option: str, value: str, words: str
) -> None:
    given = {"--platform": "linux_amd64", option: value}
    options = [word for pair in given.items() for word in pair]
    answer = run("pack", "prebuilt.yaml", *options, "--from", "out", "--output", "dist", "--json")
    answer.refused(2, words, "at: prebuilt.yaml")
    assert json.loads(answer.out)["kind"] == "manifest"


def test_a_lock_is_no_manifest(run: Run) -> None:
    answer = run("lock", "prebuilt.lock.json")
    answer.refused(2, "this is a lock, not a manifest", "at: prebuilt.lock.json", "prebuilt.yaml")


def test_a_manifest_without_a_go_module_is_told_before_the_site(run: Run) -> None:
    answer = run("goproxy", "build", "--dist", "dist", "--output", "site", "--check")
    answer.refused(2, "the manifest names no Go module")


# Mirrors.


@pytest.mark.parametrize(
    ("verb", "where"),
    [
        (["urls", "--mirror", "https://example.com/{bogus}/{file}"], "--mirror"),
        (["mirror", "--to", "m", "--layout", "{bogus}/{file}"], "--layout"),
    ],
)
def test_an_unknown_placeholder_is_the_command_lines(run: Run, verb: list[str], where: str) -> None:
    answer = run(*verb, "--platform", "linux_amd64", "--json")
    answer.refused(2, "unknown placeholder {bogus} in ", f"at: {where}\n", "next: use {arch}, ")
    assert json.loads(answer.out)["kind"] == "usage"


def test_a_folder_as_a_mirror_may_have_placeholders(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "{name}/{version}/{platform}"
    answer = run("urls", "--mirror", place, "--platform", "linux_amd64")
    assert answer.code == 0, answer.err
    assert answer.out.startswith((tmp_path / "vec/v1.2.3/linux_amd64").as_uri())


def test_a_platform_that_no_lock_has_is_told(run: Run) -> None:
    document = json.loads(format_lock(lock()))
    del document["versions"]["v1.2.3"]["source"]
    Path("prebuilt.lock.json").write_text(json.dumps(document))
    answer = run("mirror", "--to", "m", "--platform", "linux_amd64", "windows_arm64")
    answer.refused(2, "no lock has a prebuilt for windows_arm64", "at: --platform", "linux_amd64")
    assert not Path("m").exists()


@pytest.mark.parametrize("verb", [["urls"], ["mirror", "--to", "m"]])
def test_a_platform_of_a_newer_program_is_one(run: Run, verb: list[str]) -> None:
    document = json.loads(format_lock(lock()))
    document["versions"]["v1.2.3"]["platforms"]["linux_loong64"] = {"unknown": 1}
    Path("prebuilt.lock.json").write_text(json.dumps(document))
    answer = run(*verb, "--platform", "linux_loong64")
    answer.refused(
        2,
        "the lock has the platform linux_loong64, which this program does not know",
        "at: prebuilt.lock.json: versions.v1.2.3.platforms.linux_loong64\n",
        "a newer version may know it",
    )
    assert json.loads(run(*verb, "--platform", "linux_loong64", "--json").out)["kind"] == "lock"
    run(*verb, "--platform", "linux_nope").refused(2, "platform 'linux_nope' is not supported")


# Variables.

FAULTY = {
    "CGO_PREBUILT_MIRROR": ("relative/mirror", "is not an http, https or file URL"),
    "CGO_PREBUILT_ORIGIN": ("nope", "'nope' is not an origin"),
    "CGO_PREBUILT_CACHE": ("relative", "CGO_PREBUILT_CACHE is not an absolute path"),
    "CGO_PREBUILT_FALLBACK": ("never", "is called CGO_PREBUILT_ORIGIN now"),
    "GITHUB_TOKEN": ("a token", "the GitHub token has a space"),
    "CGO_PREBUILT_OTHER_RELEASE_URL": ("nope", "is not an http, https or file URL"),
}


@pytest.mark.parametrize("has_lock", [False, True])
@pytest.mark.parametrize("variable", FAULTY)
def test_a_doctor_finds_a_faulty_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, has_lock: bool
) -> None:
    value, words = FAULTY[variable]
    if not has_lock:
        Path("prebuilt.lock.json").unlink()
    monkeypatch.setenv(variable, value)
    answer = run("doctor", "--json")
    assert answer.code == UNFIT, answer.err
    found = {one["name"]: one for one in json.loads(answer.out)["findings"]}
    bad = found["store" if "CACHE" in variable else "settings"]
    assert bad["status"] == "fail"
    assert words in bad["finding"]
    assert bad["next"]


def test_a_doctor_finds_all_that_is_faulty(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, (value, _) in FAULTY.items():
        monkeypatch.setenv(variable, value)
    answer = run("doctor")
    assert answer.code == UNFIT
    for variable, (_, words) in FAULTY.items():
        assert answer.out.count(words) == (
            2 if "RELEASE" in variable or "MIRROR" in variable else 1
        )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("https://example.com/\r", "CGO_PREBUILT_MIRROR has a control character"),
        ("/srv/mirror\r", "CGO_PREBUILT_MIRROR has a control character"),
        ("https://example.com:99999/", "CGO_PREBUILT_MIRROR is not a URL that can be fetched"),
        ("https://example.com/{bogus}", "unknown placeholder {bogus} in "),
    ],
)
def test_a_mirror_that_no_request_could_go_to_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", value)
    answer = run("urls", "--platform", "linux_amd64", "--json")
    answer.refused(2, words, "at: CGO_PREBUILT_MIRROR\n")
    assert json.loads(answer.out)["kind"] == "usage"
    Path("prebuilt.lock.json").unlink()
    assert (run("doctor").code, words in run("doctor").out) == (UNFIT, True)


def test_a_doctor_looks_into_a_mirror_that_is_a_folder(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", (tmp_path / "mirror").as_uri())
    monkeypatch.setattr("cgo_prebuilt.commands.machine_cli.this_host", _linux)
    answer = run("doctor")
    assert answer.code == UNFIT
    assert f"the mirror {tmp_path}/mirror does not exist (CGO_PREBUILT_MIRROR)" in answer.out
    assert (
        ".tar.gz is not there\n      next: fill the mirror with `cgo-prebuilt mirror" in answer.out
    )
    (file,) = lock().versions["v1.2.3"].platforms["linux_amd64"].archives
    write_files(tmp_path / "mirror", {file.file: b"x"})
    answer = run("doctor")
    assert answer.code == 0, answer.out
    assert f"{file.file} is there\n" in answer.out
    assert "HTTP" not in answer.out
    shutil.rmtree(tmp_path / "mirror")
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", f"{tmp_path}/gone/{{name}}/{{file}}")
    assert f"the mirror {tmp_path}/gone does not exist" in run("doctor").out
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", f"{tmp_path}/{{name}}-{{file}}")
    assert "the mirror" not in run("doctor").out.replace("fill the mirror", "")


def _linux() -> object:
    from cgo_prebuilt.host import Host
    from cgo_prebuilt.platforms import parse_platform

    return Host(parse_platform("linux_amd64"), "2.36", "a test")
