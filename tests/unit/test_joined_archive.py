"""Archives joined into one: which, what is linked then, and the bytes, read by the real ar and linker."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UsageError
from cgo_prebuilt.go_modules.joined_archive import join_archives, plan_join
from cgo_prebuilt.locks.lock import Interface

ARCHIVES = ("lib/liba.a", "lib/libb.a", "lib/libc.a", "lib/libd.a")
LONG = "a_name_of_more_than_fifteen_letters.o"


def _header(name: bytes, size: int) -> bytes:
    return b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 7, 1, 1, b"600", size)


def _member(name: bytes, data: bytes) -> bytes:
    return _header(name, len(data)) + data + b"\n" * (len(data) % 2)


def _archive(
    members: Mapping[bytes, bytes],
    symbols: Sequence[tuple[bytes, int]],
    index: bytes = b"/",
    pad: bytes = b"",
    long_names: bytes = b"",
) -> bytes:
    """An archive by hand.

    Args:
        members: Contents by the names in their headers.
        symbols: Names, and the number of the member that defines each.
        index: The name of the index.
        pad: What is behind the names in it.
        long_names: The member of long names.
    """
    sign = ">Q" if index == b"/SYM64/" else ">I"
    texts = b"".join(name + b"\0" for name, _ in symbols) + pad
    size = struct.calcsize(sign) * (1 + len(symbols)) + len(texts)
    head = _member(b"//", long_names) if long_names else b""
    position = 8 + 60 + size + size % 2 + len(head)
    places = []
    for data in members.values():
        places.append(position)
        position += 60 + len(data) + len(data) % 2
    numbers = [len(symbols), *(places[number] for _, number in symbols)]
    data = b"".join(struct.pack(sign, number) for number in numbers) + texts
    body = b"".join(_member(name, data) for name, data in members.items())
    return b"!<arch>\n" + _member(index, data) + head + body


def _joined(folder: Path, *archives: bytes) -> bytes:
    parts = {}
    for number, data in enumerate(archives):
        parts[f"lib{number}.a"] = folder / f"{number}.a"
        parts[f"lib{number}.a"].write_bytes(data)
    join_archives(parts, folder / "joined.a", where="m")
    return (folder / "joined.a").read_bytes()


def _tool(*command: str | Path, cwd: Path) -> str:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"there is no {command[0]}")
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def _compiled(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).with_suffix(".c").write_text(text)
        _tool("gcc", "-c", "-o", name, f"{Path(name).stem}.c", cwd=folder)


def _contents(folder: Path, archive: str) -> list[str]:
    return _tool("ar", "t", archive, cwd=folder).split()


def _symbols(folder: Path, archive: str) -> list[str]:
    text = _tool("nm", "-s", archive, cwd=folder)
    return [line for line in text.split("\n\n")[0].splitlines() if " in " in line]


def test_all_from_the_first_circular_archive_to_the_last_become_one() -> None:
    interface = Interface(
        static_library=ARCHIVES,
        circular=("lib/libd.a", "lib/libb.a"),
        shared_library=("lib/liba.so", "lib/libc.so.1", "lib/libvec.so"),
        linkopts=("-lm",),
    )
    join = plan_join(interface, "linux", "vec")
    assert join.parts == ARCHIVES[1:]
    assert join.path == "lib/libvec_circular.a"
    # libc.so.1 is another form of what is in it; libvec.so is none, whatever the library's name is.
    assert join.interface == Interface(
        static_library=("lib/liba.a", "lib/libvec_circular.a"),
        shared_library=("lib/liba.so", "lib/libvec.so"),
        linkopts=("-lm",),
    )
    assert join.files([*ARCHIVES, "a.h"]) == ["lib/liba.a", "a.h", "lib/libvec_circular.a"]


def test_the_import_library_of_another_form_goes_with_it() -> None:
    interface = Interface(
        static_library=("a.a", "b.a"),
        circular=("a.a", "b.a"),
        shared_library=("b.dll", "c.dll"),
        interface_library=("b.lib", "c.lib"),
    )
    joined = plan_join(interface, "windows", "acme.vec").interface
    assert joined.static_library == ("libacme_vec_circular.a",)
    assert (joined.shared_library, joined.interface_library) == (("c.dll",), ("c.lib",))


@pytest.mark.parametrize(("os", "circular"), [("darwin", ARCHIVES), ("linux", ARCHIVES[:1])])
def test_nothing_is_joined_where_the_order_is_enough(os: str, circular: tuple[str, ...]) -> None:
    join = plan_join(Interface(static_library=ARCHIVES, circular=circular), os, "vec")
    assert (join.parts, join.path) == ((), "")
    assert join.interface == Interface(static_library=ARCHIVES)
    assert join.files(ARCHIVES) == list(ARCHIVES)


def test_real_archives_link_in_an_order_that_does_not_link_alone(tmp_path: Path) -> None:
    _compiled(
        tmp_path,
        {
            "a1.o": "int b1(void); int a1(void) { return b1(); }",
            LONG: "int a2(void) { return 40; }",
            "b1.o": "int a2(void); int b2(void); int b1(void) { return a2() + b2(); }",
            "main.o": "int a1(void); int main(void) { return a1() - 42; }",
        },
    )
    (tmp_path / "second").mkdir()
    _compiled(tmp_path / "second", {"b1.o": "int b2(void) { return 2; }"})
    _tool("ar", "rcs", "liba.a", "a1.o", LONG, cwd=tmp_path)
    _tool("ar", "qcs", "libb.a", "b1.o", "second/b1.o", cwd=tmp_path)  # two members of one name
    alone = subprocess.run(
        ["gcc", "main.o", "libb.a", "liba.a"], cwd=tmp_path, capture_output=True, check=False
    )
    assert alone.returncode != 0
    data = _joined(tmp_path, *(((tmp_path / name).read_bytes()) for name in ("libb.a", "liba.a")))
    assert _contents(tmp_path, "joined.a") == ["b1.o", "b1.o", "a1.o", LONG]
    assert _symbols(tmp_path, "joined.a") == [
        *_symbols(tmp_path, "libb.a"), *_symbols(tmp_path, "liba.a"),
    ]  # fmt: skip
    _tool("gcc", "main.o", "joined.a", "-o", "main", cwd=tmp_path)
    subprocess.run([tmp_path / "main"], check=True)
    # What ar has to say of it: the index fits the members that it would make one of.
    shutil.copy(tmp_path / "joined.a", tmp_path / "again.a")
    _tool("ranlib", "-D", "again.a", cwd=tmp_path)
    assert (tmp_path / "again.a").read_bytes() == data


def test_the_bytes_are_the_members_alone_without_times_and_owners(tmp_path: Path) -> None:
    one = _archive({b"x.o/": b"odd"}, [(b"x", 0)])
    assert _joined(tmp_path, one, one) == (
        b"!<arch>\n"
        b"/               0           0     0     0       16        `\n"
        b"\0\0\0\2" + (84).to_bytes(4, "big") + (148).to_bytes(4, "big") + b"x\0x\0"
        b"x.o/            0           0     0     644     3         `\nodd\n"
        b"x.o/            0           0     0     644     3         `\nodd\n"
    )


@pytest.mark.parametrize("pad", [b"", b"\0", b"\0\0\0"])
def test_a_wide_index_is_read(tmp_path: Path, pad: bytes) -> None:
    wide = _archive(
        {b"x.o/": b"one", b"y.o/": b"two!"}, [(b"y", 1), (b"xx", 0)], index=b"/SYM64/", pad=pad
    )
    plain = _archive({b"x.o/": b"one", b"y.o/": b"two!"}, [(b"y", 1), (b"xx", 0)])
    assert _joined(tmp_path, wide) == _joined(tmp_path, plain)


def test_archives_without_members_and_an_index_of_nothing_are_joined(tmp_path: Path) -> None:
    data = _joined(tmp_path, b"!<arch>\n", _archive({b"x.o/": b""}, []), b"!<arch>\n")
    assert data == b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (
        b"/", 0, 0, 0, b"0", 4
    ) + b"\0\0\0\0" + b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (b"x.o/", 0, 0, 0, b"644", 0)  # fmt: skip


def test_a_windows_archive_is_read_with_its_second_index_left_out(tmp_path: Path) -> None:
    names = b"folder\\x.obj\0folder/another_y.obj\0"
    members = {b"/0": b"one", b"/13": b"two"}
    data = _archive(members, [(b"x", 0), (b"y", 1)], long_names=names)
    # Its second index says the same once more; it is behind the first one, and shifts the members.
    second = _member(b"/", b"\2\0\0\0" + bytes(14))
    plain = bytearray(data[:8] + data[8 : 8 + 60 + 16] + second + data[8 + 60 + 16 :])
    for at in (8 + 60 + 4, 8 + 60 + 8):
        moved = int.from_bytes(plain[at : at + 4], "big") + len(second)
        plain[at : at + 4] = moved.to_bytes(4, "big")
    joined = _joined(tmp_path, bytes(plain))
    assert second not in joined
    assert b"folder\\x.obj/" in joined  # short enough, and without a slash
    assert b"folder/another_y.obj/\n" in joined
    first, other = struct.unpack(">II", joined[8 + 60 + 4 : 8 + 60 + 12])
    assert joined[first + 60 : first + 63] == b"one"
    assert joined[other + 60 : other + 63] == b"two"


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"!<thin>\n", UsageError, "lib0.a is a thin archive, which only names its objects"),
        (_archive({b"#1/8": b"name.o\0\0x"}, []), UsageError, "in the form of BSD and macOS"),
        (b"!<arch>\n" + _member(b"__.SYMDEF", b""), UsageError, "in the form of BSD and macOS"),
        (b"!<arch>\n" + _member(b"x.o/", b"x"), UsageError, "lib0.a has no index of its symbols"),
        (_archive({b"/<ECSYMBOLS>/": b""}, []), UsageError, "the special member /<ECSYMBOLS>/"),
        (
            _archive({b"vec.dll/": b"x"}, [(b"__IMPORT_DESCRIPTOR_vec", 0)]),
            UsageError,
            "lib0.a is an import library, whose members are sorted by name",
        ),
        (
            _archive({b"d.o/": b"x"}, [(b"_head_vec_dll", 0), (b"x", 0), (b"vec_dll_iname", 0)]),
            UsageError,
            "lib0.a is an import library",
        ),
        (b"", IntegrityError, "lib0.a does not begin as one: it is not a static archive"),
        (b"!<arch>\nx", IntegrityError, "lib0.a has no member at byte 8"),
        (b"!<arch>\n" + _header(b"x.o/", 9), IntegrityError, "has no member at byte 8"),
        (b"!<arch>\n" + _header(b"x.o/", 0)[:-1] + b"!", IntegrityError, "has no member at byte"),
        (b"!<arch>\n" + _header(b"x.o/", -1), IntegrityError, "has no member at byte 8"),
        (b"!<arch>\n" + _member(b"/", b"\0\0\0\1"), IntegrityError, "that ends too early"),
        (b"!<arch>\n" + _member(b"/", b"\0\0"), IntegrityError, "has an index that ends too early"),
        (
            b"!<arch>\n" + _member(b"/", b"\0\0\0\1\0\0\0\7x\0"),
            IntegrityError,
            "has an index of other members",
        ),
        (
            b"!<arch>\n" + _member(b"/", b"\0\0\0\1\0\0\0\7x"),
            IntegrityError,
            "has an index that ends too early",
        ),
        (_archive({b"/5": b""}, [], long_names=b"x.o/\n"), IntegrityError, "without a name"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_refused(
    tmp_path: Path, data: bytes, error: type[CgoPrebuiltError], words: str
) -> None:
    with pytest.raises(error) as caught:
        _joined(tmp_path, data)
    assert words in caught.value.what
    assert caught.value.where == "m"
    assert caught.value.remedy
    assert not (tmp_path / "joined.a").exists()


def test_names_that_only_look_like_an_import_librarys_are_taken(tmp_path: Path) -> None:
    symbols = [(b"list_head_x", 0), (b"get_iname", 0), (b"import_descriptor", 0)]
    assert _joined(tmp_path, _archive({b"x.o/": b"x"}, symbols))
