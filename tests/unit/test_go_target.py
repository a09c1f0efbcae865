"""Which platform `env` is for, compared with what the real go command says."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.host import detect
from cgo_prebuilt.linking.go_target import go_defaults, go_target
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.platforms import Platform
from tests.unit.command_case import Run, runner
from tests.unit.go_command import go
from tests.unit.library_case import FILES, archive_of, lock

GLIBC, MUSL = Platform("linux", "amd64"), Platform("linux", "amd64", "musl")


@pytest.mark.parametrize(
    ("host", "environ", "defaults", "expected"),
    [
        (GLIBC, {}, {}, "linux_amd64"),
        (MUSL, {}, {}, "linux_amd64_musl"),
        (MUSL, {"GOOS": "linux", "GOARCH": "amd64"}, {}, "linux_amd64_musl"),
        (MUSL, {"GOARCH": "arm64"}, {}, "linux_arm64"),
        (MUSL, {"GOOS": "windows"}, {}, "windows_amd64"),
        (GLIBC, {"GOOS": "", "GOARCH": ""}, {}, "linux_amd64"),
        (GLIBC, {"GOOS": "darwin", "GOARCH": "arm64"}, {}, "darwin_arm64"),
        (GLIBC, {}, {"GOOS": "darwin"}, "darwin_amd64"),
        (GLIBC, {"GOOS": "linux"}, {"GOOS": "darwin", "GOARCH": "arm64"}, "linux_arm64"),
    ],
)
def test_the_platform_is_that_of_go_build(
    host: Platform, environ: Mapping[str, str], defaults: Mapping[str, str], expected: str
) -> None:
    assert str(go_target(environ, defaults, host)) == expected


@pytest.mark.parametrize(
    ("system", "arch"), [("js", "wasm"), ("linux", "mips"), ("Linux", "amd64")]
)
def test_what_is_no_supported_platform_is_refused(system: str, arch: str) -> None:
    with pytest.raises(UsageError, match=f"go builds for {system}/{arch} here") as caught:
        go_target({"GOOS": system, "GOARCH": arch}, {}, GLIBC)
    assert caught.value.where == f"GOOS={system}, GOARCH={arch}"
    assert "name one with --platform: darwin_amd64" in (caught.value.remedy or "")


TEXTS = [
    "GOOS=windows\nGOARCH=arm64\n",
    "# GOOS=windows\nGOARCH=arm64",
    " GOOS=windows\nGOOS = windows\ngoos=windows\nGOARCH=\n",
    "GOOS=\n=x\nGOFLAGS=-x\nGOOS=freebsd\n",
    "",
]


@pytest.mark.skipif(sys.platform != "linux", reason="the folder for settings is elsewhere")
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("place", ["GOENV", "XDG_CONFIG_HOME", "HOME", "off"])
def test_go_reads_the_same_variables(tmp_path: Path, text: str, place: str) -> None:
    named = place in ("GOENV", "off")
    folder = {"GOENV": "named", "off": "named", "HOME": ".config/go", "XDG_CONFIG_HOME": "go"}[
        place
    ]
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "env").write_text(text)
    environ = {
        "GOENV": str(tmp_path / folder / "env") if place == "GOENV" else "off" if named else "",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path) if place == "XDG_CONFIG_HOME" else "",
        "GOCACHE": str(tmp_path / "cache"),
    }
    said = json.loads(go(tmp_path, "env", "-json", "GOOS", "GOARCH", **environ).stdout)
    found = go_target(environ, go_defaults(environ, "linux"), detect().platform)
    assert (found.os, found.arch) == (said["GOOS"], said["GOARCH"])


@pytest.mark.parametrize(
    ("system", "environ", "file"),
    [
        ("linux", {}, None),
        ("win32", {"APPDATA": "roaming", "HOME": "home"}, "roaming/go/env"),
        ("darwin", {"HOME": "home"}, "home/Library/Application Support/go/env"),
    ],
)
def test_each_system_has_its_own_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    environ: Mapping[str, str],
    file: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    if file is not None:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("GOOS=freebsd\n")
    assert go_defaults(environ, system) == ({"GOOS": "freebsd"} if file else {})


def test_env_prints_the_library_that_go_build_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: Run = runner(tmp_path, monkeypatch, capsys)
    archive = tmp_path / "vec.tar.gz"
    archive.write_bytes(archive_of(FILES))
    path = tmp_path / "vec.lock.json"
    path.write_text(format_lock(lock(archive.as_uri(), platform="freebsd_arm64")))
    monkeypatch.setenv("GOENV", "off")
    command = ("env", "--lock", path, "--origin", "prebuilt")
    monkeypatch.setenv("GOARCH", "arm64")
    wrong = run(*command)
    wrong.refused(3, "has no prebuilt for", "_arm64")
    assert wrong.out == "false\n"
    monkeypatch.setenv("GOOS", "freebsd")
    right = run(*command)
    assert right.code == 0, right.err
    assert "lib/libvec.a" in right.out
    assert "for freebsd_arm64, as GOOS and GOARCH say" in right.err
    monkeypatch.setenv("GOOS", "plan9")
    run(*command).refused(2, "go builds for plan9/arm64")
    assert run(*command, "--platform", "freebsd_arm64").code == 0
