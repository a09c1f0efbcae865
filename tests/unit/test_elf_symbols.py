"""The symbols of static libraries, read without a program of the machine's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cgo_prebuilt.publishing.elf_symbols import global_symbols

SOURCE = """\
int needed(void); __attribute__((weak)) int perhaps(void);
int defined(void) { return needed() + (perhaps ? perhaps() : 0); }
__attribute__((weak)) int weak = 1; int common; static int own(void) { return 1; }
int variable = 2; int (*use)(void) = own;
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
@pytest.mark.parametrize("bits", ["-m64", "-m32"])
def test_global_symbols_are_those_that_others_see(tmp_path: Path, bits: str) -> None:
    (tmp_path / "a.c").write_text(SOURCE)
    flags = [bits, "-fno-pic", "-ffunction-sections", "-fcommon", "-c", "a.c"]
    subprocess.run(["gcc", *flags], cwd=tmp_path, check=True)
    defined = {"defined", "weak", "common", "variable", "use"}
    expected = {**dict.fromkeys(defined, True), "needed": False, "perhaps": False}
    assert dict(global_symbols(tmp_path / "a.o")) == expected

    name = "a_name_that_is_too_long_for_the_header_of_a_member.o"
    (tmp_path / name).write_bytes((tmp_path / "a.o").read_bytes())
    (tmp_path / "note.txt").write_text("no object, and of an odd size")
    (tmp_path / "empty").touch()
    subprocess.run(["ar", "rcs", "a.a", name, "note.txt", "empty", "a.o"], cwd=tmp_path, check=True)
    found = list(global_symbols(tmp_path / "a.a"))
    assert dict(found) == expected
    assert len(found) == 2 * len(expected)


def test_what_is_cut_off_has_no_symbols(tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    for content in (
        b"",
        b"\x7fELF",
        b"\x7fELF\x02\x01" + bytes(58),
        b"\x7fELF\x02\x01" + b"\xff" * 58,
    ):
        path.write_bytes(content)
        assert list(global_symbols(path)) == []
