"""`lock` looks into the libraries that it locks: real ones, of gcc and zig."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from cgo_prebuilt.inspection import object_files
from cgo_prebuilt.inspection.object_files import can_inspect
from tests.e2e.compilers import shared_library, static_library
from tests.unit.command_case import Run, runner
from tests.unit.library_case import write_manifest

needs_reader = pytest.mark.skipif(not can_inspect(), reason="the extra `inspect` is not installed")

POW = "#include <math.h>\ndouble f(double x) { return pow(x, x); }\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder of the test's."""
    return runner(tmp_path, monkeypatch, capsys)


def release(folder: Path, files: dict[str, Path], **changes: object) -> None:
    """A manifest, and one archive for all its platforms."""
    with tarfile.open(folder / "vec.tar.gz", "w:gz") as tar:
        for name, path in files.items():
            tar.add(path, name)
    described: dict[str, object] = {
        "urls": [f"{folder.as_uri()}/{{file}}"],
        "archives": [{"file": "vec.tar.gz"}],
        "headers": None,
        "include_dirs": None,
        **changes,
    }
    write_manifest(folder / "prebuilt.yaml", **described)


@needs_reader
def test_a_library_of_another_architecture_is_not_locked(run: Run, tmp_path: Path) -> None:
    library = shared_library("linux_amd64", POW, tmp_path / "libf.so", "-lm")
    release(
        tmp_path,
        {"lib/libf.so": library},
        static_library=None,
        shared_library="lib/libf.so",
        platforms={"linux_arm64": {}},
    )
    answer = run("lock", "prebuilt.yaml")
    answer.refused(
        2,
        "the manifest gives linux_arm64 a library for another platform: it is for amd64, not arm64",
        "at: lib/libf.so",
        "next: name the archive or the path that is for this platform",
    )
    assert not (tmp_path / "prebuilt.lock.json").exists()


@needs_reader
def test_what_plain_go_would_miss_is_told_once_with_the_line_to_paste(
    run: Run, tmp_path: Path
) -> None:
    library = static_library("linux_amd64", POW, tmp_path / "libf.a")
    arm = static_library("linux_arm64", POW, tmp_path / "arm" / "libf.a")
    files = {"linux_amd64/libf.a": library, "linux_arm64/libf.a": arm}
    described = {
        "static_library": "libf.a",
        "archives": [{"file": "vec.tar.gz", "strip_prefix": "{platform}"}],
    }
    platforms: dict[str, object] = {"linux_amd64": {}, "linux_arm64": {}}
    release(tmp_path, files, platforms=platforms, **described)
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert answer.err.count("linux_amd64, linux_arm64: note: libf.a: needs -lm for pow") == 1
    assert "next: write into the manifest: linkopts: [-lm]" in answer.err
    release(tmp_path, files, platforms=platforms, linkopts=["-lm"], **described)
    assert "libf.a" not in run("lock", "prebuilt.yaml").err


@needs_reader
def test_a_shared_library_that_loads_what_it_needs_is_good(run: Run, tmp_path: Path) -> None:
    flags = ("-Wl,-soname,libf.so.1", "-lm")
    library = shared_library("linux_amd64", POW, tmp_path / "libf.so", *flags)
    described = {"static_library": None, "shared_library": "libf.so"}
    release(tmp_path, {"libf.so": library}, **described)
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    (finding,) = [line for line in answer.err.splitlines() if " libf.so: " in line]
    assert finding.endswith("note: libf.so: needs glibc 2.29 or later")  # its pow


def test_without_the_reader_it_says_so_and_locks(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_files, "can_inspect", lambda: False)
    (tmp_path / "libf.a").write_bytes(b"anything")
    release(tmp_path, {"libf.a": tmp_path / "libf.a"}, static_library="libf.a")
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0
    assert "the libraries were not inspected: pip install 'cgo-prebuilt[inspect]'" in answer.err
