"""`SHA256SUMS`, which several processes may add to at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cgo_prebuilt.releases.sums import SIGNATURE, SUMS, read_sums, update_sums

A, B = "a" * 64, "b" * 64


def test_processes_that_add_to_the_sums_at_once_lose_no_line(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cgo_prebuilt.releases.sums import update_sums\n"
        f"for number in range(50): update_sums(Path({str(tmp_path / SUMS)!r}),"
        f" {{f'{{sys.argv[1]}}-{{number}}': {A!r}}})"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    names = ["x", "y", "z"]
    running = [subprocess.Popen([sys.executable, "-c", program, n], env=environment) for n in names]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(read_sums(tmp_path / SUMS)) == 150


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
