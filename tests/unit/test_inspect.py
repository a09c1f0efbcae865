"""`inspect`: what is in an archive, and in a library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cgo_prebuilt.drafting.contents_report import by_prefix
from tests.e2e.compilers import shared_library, static_library
from tests.unit.command_case import Run, runner
from tests.unit.drafting_case import (
    ANDROID_NOTE,
    archive,
    dll,
    elf,
    mach_o,
    short_import,
    write_tar,
)

SOURCE = "int vec_add(int a) { return a; }\nint vec_get(void) { return 1; }\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def test_an_archive_is_listed_with_its_links_and_libraries(run: Run, tmp_path: Path) -> None:
    flags = ["-Wl,-soname,libvec.so.1"]
    library = shared_library("linux_amd64", SOURCE, tmp_path / "vec", *flags).read_bytes()
    files: dict[str, bytes | str] = {
        "lib/libvec.so": "libvec.so.1.2",
        "lib/libvec.so.1.2": library,
        "lib/gone.so": "nowhere",
        "include/vec.h": b"int vec_get(void);\n",
    }
    write_tar(Path("vec.tgz"), files)
    answer = run("inspect", "vec.tgz")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0].startswith("vec.tgz: tar.gz, ")
    assert "  include/vec.h  19 B" in lines
    assert "  lib/libvec.so -> lib/libvec.so.1.2" in lines
    assert "  lib/gone.so: a link to no file of the archive" in lines
    assert "      shared, for linux on amd64" in lines
    assert "      SONAME libvec.so.1" in lines
    assert "      defines 2 symbols: vec_* 2" in lines

    document = json.loads(run("inspect", "vec.tgz", "--json").out)
    (found,) = document["libraries"]
    assert (found["soname"], found["arch"], found["defined"]) == (
        "libvec.so.1",
        ["amd64"],
        {"vec_": 2},
    )


def test_a_library_is_one_file(run: Run, tmp_path: Path) -> None:
    static_library("linux_amd64", SOURCE, tmp_path / "libvec.a")
    lines = run("inspect", "libvec.a").out.splitlines()
    assert lines[1:] == [
        "  libvec.a",
        "      static, for linux on amd64",
        "      defines 2 symbols: vec_* 2",
    ]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("vec.dll", dll("arm64"), "shared, for windows on arm64"),
        ("vec.lib", archive(short_import()), "import, for windows on amd64"),
        ("libvec.dylib", mach_o(), "shared, for darwin on arm64"),
        ("libvec.a", archive(mach_o("amd64", 1)), "static, for darwin on amd64"),
        ("libvec.so", elf("arm64"), "shared, for linux on arm64"),
        ("libvec.so", elf() + ANDROID_NOTE, "shared, for android on amd64"),
        ("vec.node", elf(), "shared, for linux on amd64"),
        ("vec.jnilib", mach_o(), "shared, for darwin on arm64"),
    ],
)
def test_libraries_of_other_systems_tell_by_their_headers(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, words: str
) -> None:
    monkeypatch.setattr("cgo_prebuilt.inspection.object_files.can_inspect", lambda: False)
    Path(name).write_bytes(data)
    answer = run("inspect", name)
    assert words in answer.out
    assert "symbols are not shown" in answer.err


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    run("inspect", "none.tgz").refused(2, "the file to inspect cannot be read", "none.tgz")


def test_names_are_counted_by_how_they_begin() -> None:
    names = ["ZSTD_free", "ZSTD_new", "OrtGet", "OrtSet", "_ZN3vec", "vec_add", "X509_new"]
    assert by_prefix(names) == [
        ("Ort", 2),
        ("ZSTD_", 2),
        ("C++ or Rust", 1),
        ("X509_", 1),
        ("vec_", 1),
    ]
