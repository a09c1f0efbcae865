"""What is said of headers that a compiler would not find."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.inspection.header_search import header_problems
from tests.unit.command_case import Run, runner
from tests.unit.library_case import write_files, write_manifest


@pytest.mark.parametrize(
    ("headers", "include_dirs", "problems"),
    [
        (["include/vec.h"], ["include"], []),
        (["include/vec/vec.h"], ["include", "."], []),
        (["include/vec.h"], ["inc"], ["'include_dirs' names inc, and no header is in it"]),
        (
            ["include/vec.h"],
            ["include/v"],
            ["'include_dirs' names include/v, and no header is in it"],
        ),
        (
            [],
            ["include"],
            ["the library has no headers: name them in 'headers' if a program is to include one"],
        ),
    ],
)
def test_headers_have_to_be_where_they_are_searched(
    headers: list[str], include_dirs: list[str], problems: list[str]
) -> None:
    assert header_problems(headers, include_dirs) == problems


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def test_headers_below_a_prefix_that_is_stripped_later_are_where_they_are_searched(
    run: Run, tmp_path: Path
) -> None:
    write_files(tmp_path / "out", {"lib/libvec.a": b"!<arch>\n", "include/vec.h": b""})
    archives = [{"file": "vec-{version}-{platform}.tar.gz", "strip_prefix": "vec"}]
    write_manifest(tmp_path / "prebuilt.yaml", archives=archives)
    options = ("--platform", "linux_amd64", "--from", "out", "--output", "dist")
    packed = run("pack", "prebuilt.yaml", *options)
    assert packed.code == 0
    assert "header" not in packed.err


def test_pack_and_lock_say_it_and_go_on(run: Run, tmp_path: Path) -> None:
    write_files(tmp_path / "out", {"lib/libvec.a": b"!<arch>\n", "include/vec.h": b""})
    urls = [f"{(tmp_path / 'dist').as_uri()}/{{file}}"]
    platforms: dict[str, object] = {"linux_amd64": None, "darwin_arm64": None}
    write_manifest(
        tmp_path / "prebuilt.yaml", urls=urls, include_dirs=["include", "inc"], platforms=platforms
    )
    for platform in platforms:
        packed = run(
            "pack", "prebuilt.yaml", "--platform", platform, "--from", "out", "--output", "dist"
        )
        assert packed.code == 0
        assert f"{platform}: 'include_dirs' names inc, and no header is in it" in packed.err
    locked = run("lock", "prebuilt.yaml")
    assert locked.code == 0
    both = "darwin_arm64; linux_amd64: 'include_dirs' names inc, and no header is in it"
    assert both in locked.err
