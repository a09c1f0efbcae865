"""`SHA256SUMS`, which several processes may add to at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.vouching.sums import (
    SIGNATURE,
    SUMS,
    parse_published_sums,
    parse_sums,
    read_sums,
    sums_held,
    update_sums,
)

A, B = "a" * 64, "b" * 64


def test_processes_that_add_to_the_sums_at_once_lose_no_line(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cgo_prebuilt.vouching.sums import update_sums\n"
        f"for number in range(50): update_sums(Path({str(tmp_path / SUMS)!r}),"
        f" {{f'{{sys.argv[1]}}-{{number}}': {A!r}}})"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    names = ["x", "y", "z"]
    running = [subprocess.Popen([sys.executable, "-c", program, n], env=environment) for n in names]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(read_sums(tmp_path / SUMS)) == 150


def test_a_wait_for_a_change_of_the_sums_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that signs them, and waits for a passphrase."""
    with sums_held(tmp_path / SUMS):
        monkeypatch.setattr("cgo_prebuilt.vouching.sums.PATIENCE", 0.2)
        with pytest.raises(UsageError) as caught:
            update_sums(tmp_path / SUMS, {"a.zip": A})
    assert caught.value.what == f"process {os.getpid()} has been changing SHA256SUMS for 0.2 s"
    assert caught.value.where == str(tmp_path / SUMS)
    update_sums(tmp_path / SUMS, {"a.zip": A})


def test_the_signature_goes_with_the_sums_that_it_was_of(tmp_path: Path) -> None:
    update_sums(tmp_path / SUMS, {"a.zip": A})
    (tmp_path / SIGNATURE).write_text("of them")
    update_sums(tmp_path / SUMS, {"a.zip": A})
    assert (tmp_path / SIGNATURE).exists()
    update_sums(tmp_path / SUMS, {"b.zip": B})
    assert not (tmp_path / SIGNATURE).exists()
    assert read_sums(tmp_path / SUMS) == {"a.zip": A, "b.zip": B}


def test_the_same_sums_written_otherwise_are_other_sums(tmp_path: Path) -> None:
    (tmp_path / SUMS).write_text(f"{A} *a.zip\n")
    (tmp_path / SIGNATURE).write_text("of these bytes")
    update_sums(tmp_path / SUMS, {})
    assert (tmp_path / SUMS).read_bytes() == f"{A}  a.zip\n".encode()
    assert not (tmp_path / SIGNATURE).exists()


def test_sums_of_other_programs_are_read() -> None:
    text = f"SHA256 (a (1).zip) = {A.upper()}\n{B.upper()} *b.zip\r\n"
    assert parse_sums(text) == {"a (1).zip": A, "b.zip": B}
    with pytest.raises(ValueError, match="is not a hash and a file"):
        parse_sums(f"MD5 (a.zip) = {A}")


def test_two_hashes_of_one_file_are_no_sums() -> None:
    assert parse_sums(f"{A}  a.zip\n{A}  ./a.zip\n") == {"a.zip": A}
    with pytest.raises(ValueError, match=r"'a\.zip' is listed with two hashes"):
        parse_sums(f"{B}  a.zip\n{A}  a.zip\n")


@pytest.mark.parametrize("line", [" ", "a ", "( ", ") = ", f"{A} "])
def test_a_long_line_takes_no_long_time(line: str) -> None:
    text = "x" + line * (1_000_000 // len(line)) + "y"
    assert parse_published_sums(text).of("a.zip") == ()
