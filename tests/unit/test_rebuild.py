"""`rebuild`: a locked prebuilt beside a build of the lock's source."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.publishing.compare_builds import compare_builds
from tests.unit.library_case import write_files
from tests.unit.source_case import MAKE, Project

INTERFACE = Interface(
    static_library=("lib/libvec.a",), headers=("include/vec.h",), include_dirs=("include",)
)


def member(name: bytes, content: bytes) -> bytes:
    padding = b"\n" * (len(content) % 2)
    return b"%-16s%-32s%-10d`\n" % (name, b"0", len(content)) + content + padding


def archive(*members: bytes) -> bytes:
    return b"!<arch>\n" + b"".join(members)


def differences(tmp_path: Path, first: bytes, second: bytes) -> list[str]:
    for name, data in (("first", first), ("second", second)):
        write_files(tmp_path / name, {"lib/libvec.a": data, "include/vec.h": b"int vec;\n"})
    found = compare_builds(tmp_path / "first", INTERFACE, tmp_path / "second", INTERFACE)
    return [str(one) for one in found]


def test_members_are_known_by_gnus_names_and_by_bsds(tmp_path: Path) -> None:
    long = b"a_name_of_more_than_sixteen.o"
    gnu = archive(
        member(b"/", b"index"),
        member(b"//", long + b"/\n"),
        member(b"/0", b"one"),
        member(b"b.o/", b"two"),
        member(b"b.o/", b"three"),
    )
    bsd = archive(
        member(b"__.SYMDEF", b"other index"),
        member(b"#1/32", long.ljust(32, b"\0") + b"one"),
        member(b"b.o", b"two"),
        member(b"b.o", b"three"),
    )
    same = "lib/libvec.a: the same members, in another order or with other times"
    assert differences(tmp_path, gnu, bsd) == [same]
    other = archive(member(b"b.o/", b"two"), member(b"b.o/", b"3"), member(b"c.o/", b""))
    named = f"lib/libvec.a: 3 of 3 members differ: {long.decode()}, b.o, c.o"
    assert differences(tmp_path, gnu, other) == [named]
    assert differences(tmp_path, gnu, gnu) == []
    assert differences(tmp_path, gnu, b"text") == [
        f"lib/libvec.a: differs ({len(gnu)} and 4 bytes)"
    ]


def test_of_many_members_the_first_are_named(tmp_path: Path) -> None:
    """Another Rust toolchain changes each of hundreds."""
    first, second = (
        archive(*(member(b"m%03d.o/" % number, content) for number in range(300)))
        for content in (b"1", b"2")
    )
    (told,) = differences(tmp_path, first, second)
    assert told.startswith("lib/libvec.a: 300 of 300 members differ: m000.o, m001.o, ")
    assert told.endswith(", m019.o and 280 more; --json lists them")


def test_a_header_is_the_one_that_is_included_by_the_same_name(tmp_path: Path) -> None:
    write_files(tmp_path / "first", {"include/vec.h": b"1", "include/gone.h": b"2"})
    write_files(tmp_path / "second", {"vec.h": b"1", "new.h": b"3"})
    locked = Interface(headers=("include/gone.h", "include/vec.h"), include_dirs=("include",))
    built = Interface(headers=("new.h", "vec.h"), include_dirs=(".",))
    found = compare_builds(tmp_path / "first", locked, tmp_path / "second", built)
    assert [str(one) for one in found] == [
        "include/gone.h: the build has no such file",
        "new.h: only the build has it",
    ]


@pytest.mark.skipif(shutil.which("make") is None or shutil.which("cc") is None, reason="builds C")
def test_differences_from_the_source_are_reported_by_member(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.fetch("--origin", "source").report  # noqa: B018 - it must have worked
    release(project)
    which = ("--platform", "linux_amd64", "--check")
    same = project.run("rebuild", *which, CC="cc")
    assert (same.code, same.stdout) == (0, ""), same.stderr
    assert "the build has the same bytes" in same.stderr

    project.write({"answer.c": "int answer(void) { return 43; }\n"})
    other = project.run("rebuild", *which, CC="cc")
    assert other.code == 1, other.stderr
    assert other.stdout == "lib/libanswer.a: 1 of 1 members differ: answer.o\n"
    told = project.run("rebuild", *which[:2], "--json", CC="cc")
    assert told.report["differences"] == [
        {"file": "lib/libanswer.a", "what": "1 of 1 members differ", "members": ["answer.o"]}
    ]


def release(project: Project) -> None:
    """Locks what was built as the prebuilt, with its headers in a folder of their own."""
    output = project.output
    built = {"lib/libanswer.a": output / "lib/libanswer.a"}
    built |= {f"include/{name}": output / name for name in ("answer.h", "generated.h")}
    with zipfile.ZipFile(project.folder / "answer.zip", "w") as content:
        for name, path in built.items():
            content.write(path, name)
    data = (project.folder / "answer.zip").read_bytes()
    path = project.folder / "answer.lock.json"
    lock = json.loads(path.read_text())
    files = [
        {
            "path": name,
            "sha256": hashlib.sha256(one.read_bytes()).hexdigest(),
            "size": one.stat().st_size,
        }
        for name, one in built.items()
    ]
    packed = {
        "file": "answer.zip",
        "urls": [(project.folder / "answer.zip").as_uri()],
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "format": "zip",
        "strip_prefix": "",
        "files": files,
    }
    lock["versions"]["v1"]["platforms"] = {
        "linux_amd64": {
            "archives": [packed],
            "static_library": ["lib/libanswer.a"],
            "headers": ["include/answer.h", "include/generated.h"],
            "include_dirs": ["include"],
        }
    }
    path.write_text(json.dumps(lock))
    assert MAKE["answer.h"] == (output / "answer.h").read_text()
