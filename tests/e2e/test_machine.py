"""The whole command on a machine that misbehaves: killed, crowded, full, small, read-only."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY
from tests.e2e.kill_loop import command, kill_at_random_instants
from tests.e2e.partial_files import wait_for_bytes
from tests.e2e.release import cgo_prebuilt

_MANIFEST = """\
name: heavy
version: v1
urls: ['{url}/{{file}}']
archives: [{{file: heavy.tar.gz}}]
static_library: lib/libheavy.a
headers: [include/**]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
"""


class Heavy:
    """A served library with contents that do not compress, and its lock."""

    def __init__(self, folder: Path, server: ArchiveServer, size: int, parts: int = 4) -> None:
        self.server = server
        self.contents = {"include/heavy.h": b"int heavy(void);\n"}
        self.contents["lib/libheavy.a"] = random.Random(7).randbytes(size)
        for number in range(parts):
            self.contents[f"include/part{number}.h"] = random.Random(number).randbytes(size // 9)
        for name, content in self.contents.items():
            path = folder / "built" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        manifest = folder / "heavy.yaml"
        manifest.write_text(_MANIFEST.format(url=server.url))
        self.lock = folder / "heavy.lock.json"
        store = {"CGO_PREBUILT_CACHE": str(folder / "maintainers-store")}
        pack = ("pack", manifest, "--platform", "linux_amd64", "--from", folder / "built")
        cgo_prebuilt(*pack, "--output", server.folder, cwd=folder).checked()
        cgo_prebuilt("lock", manifest, cwd=folder, env=store).checked()
        server.requests.clear()

    def arguments(self, output: Path) -> list[str]:
        fetch = [sys.executable, "-m", "cgo_prebuilt", "fetch", "--platform", "linux_amd64"]
        return [*fetch, "--lock", str(self.lock), "--output", str(output), "--json"]

    def is_in(self, output: Path) -> bool:
        found = {
            path.relative_to(output).as_posix(): path.read_bytes()
            for path in output.rglob("*")
            if path.is_file()
        }
        return found == self.contents


def environment(store: Path) -> dict[str, str]:
    path = str(REPOSITORY / "tools")
    return {**os.environ, "PYTHONPATH": path, "CGO_PREBUILT_CACHE": str(store)}


def test_killed_at_any_instant_the_next_fetch_is_right(
    tmp_path: Path, archive_server: ArchiveServer
) -> None:
    heavy = Heavy(tmp_path, archive_server, 3_000_000)
    store, output = tmp_path / "store", tmp_path / "output"

    def begin(number: int) -> None:
        shutil.rmtree(output, ignore_errors=True)
        if number % 4:  # else only the output is made again
            shutil.rmtree(store / "v1/trees", ignore_errors=True)

    def check() -> None:
        assert heavy.is_in(output), "the lock's files, whole, and nothing else"
        assert not list((store / "v1").glob("damaged/*"))

    arguments = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", *heavy.arguments(output)]
    start = command(arguments, environment(store))
    kill_at_random_instants(start, instants=16, begin=begin, check=check)


def test_eight_processes_make_one_download(tmp_path: Path, archive_server: ArchiveServer) -> None:
    heavy = Heavy(tmp_path, archive_server, 3_000_000)
    outputs = [tmp_path / f"output {number}" for number in range(8)]
    running = [
        subprocess.Popen(
            heavy.arguments(output), env=environment(tmp_path / "store"), stdout=subprocess.PIPE
        )
        for output in outputs
    ]
    answers = [json.loads(process.communicate()[0]) for process in running]
    assert [process.returncode for process in running] == [0] * 8
    assert sorted(answer["status"] for answer in answers) == ["cached"] * 7 + ["downloaded"]
    assert len(archive_server.requests) == 1
    assert all(heavy.is_in(output) for output in outputs)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A separate file system, whose size a test sets with `mount -o remount`."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("place", ["store", "output"])
def test_a_full_disk_at_any_stage_is_explained_and_leaves_nothing_half_written(
    tmp_path: Path, archive_server: ArchiveServer, small_disk: Path, place: str
) -> None:
    heavy = Heavy(tmp_path, archive_server, 400_000)
    store = small_disk / "store" if place == "store" else tmp_path / "store"
    output = small_disk / "output" if place == "output" else tmp_path / "output"
    succeeded = 0
    for size in range(40, 1700, 83):
        for leftover in (store, output):
            shutil.rmtree(leftover, ignore_errors=True)
        subprocess.run(["mount", "-o", f"remount,size={size}k", small_disk], check=True)
        done = subprocess.run(
            heavy.arguments(output), env=environment(store), capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            succeeded += 1
            assert heavy.is_in(output)
            continue
        assert done.returncode == 2, done.stderr
        assert "no space left" in done.stderr or "disk" in done.stderr, done.stderr
        assert "next: " in done.stderr
        assert not list(store.glob("v1/trees/*/tree.json")) or place == "output"
        for path in output.rglob("*"):
            if path.is_file():
                name = path.relative_to(output).as_posix()
                assert path.read_bytes() == heavy.contents[name], "whole under its final name"
    assert succeeded >= 3, "the largest disks were large enough"


def test_a_store_that_cannot_be_written_is_explained(
    tmp_path: Path, archive_server: ArchiveServer, small_disk: Path
) -> None:
    heavy = Heavy(tmp_path, archive_server, 10_000)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    done = subprocess.run(
        heavy.arguments(tmp_path / "output"),
        env=environment(small_disk / "store"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "CGO_PREBUILT_CACHE" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_read_only_store_that_has_the_library_is_enough(
    tmp_path: Path, archive_server: ArchiveServer, small_disk: Path
) -> None:
    """As with a store in a container's image: the library is found, verified and used, offline."""
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    heavy = Heavy(tmp_path, archive_server, 400_000)
    variables = environment(small_disk / "store")
    subprocess.run(heavy.arguments(tmp_path / "first"), env=variables, check=True)
    archive_server.requests.clear()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    done = subprocess.run(
        heavy.arguments(tmp_path / "second"), env=variables, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["status"] == "cached"
    assert heavy.is_in(tmp_path / "second")
    assert archive_server.requests == []
    cgo_prebuilt("cache", "verify", cwd=tmp_path, env=variables).checked()
    which = ("--lock", heavy.lock, "--platform", "linux_amd64", "--shell", "json")
    variables["TMPDIR"] = str(tmp_path)
    printed = cgo_prebuilt("env", *which, cwd=tmp_path, env=variables).checked().stdout
    folder = Path(json.loads(printed)["PKG_CONFIG_PATH"])
    assert folder.is_relative_to(tmp_path), "the .pc file cannot be in the store"
    assert [path.name for path in folder.iterdir()] == ["heavy.pc"]
    assert (folder / "../../files/lib/libheavy.a").resolve().is_relative_to(small_disk)


def test_files_are_copied_from_a_store_on_another_file_system(
    tmp_path: Path, archive_server: ArchiveServer, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    heavy = Heavy(tmp_path, archive_server, 400_000)
    output = tmp_path / "an output with spaces and ümläute"
    subprocess.run(heavy.arguments(output), env=environment(small_disk / "store"), check=True)
    assert heavy.is_in(output)
    assert (output / "lib/libheavy.a").stat().st_nlink == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_explains_how_to_resume_and_the_next_run_does(
    tmp_path: Path, archive_server: ArchiveServer, number: signal.Signals
) -> None:
    """In the middle of a body: exit code 130, and received bytes are not requested again."""
    heavy = Heavy(tmp_path, archive_server, 3_000_000)
    archive_server.pause_after = 1_500_000
    process = subprocess.Popen(
        heavy.arguments(tmp_path / "output"),
        env=environment(tmp_path / "store"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert archive_server.paused.wait(60)
    wait_for_bytes(tmp_path / "store")
    process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said

    archive_server.pause_after = None
    again = subprocess.run(
        heavy.arguments(tmp_path / "output"),
        env=environment(tmp_path / "store"),
        check=True,
        capture_output=True,
    )
    answer = json.loads(again.stdout)
    assert answer["bytes_resumed"] > 0
    size = (archive_server.folder / "heavy.tar.gz").stat().st_size
    assert answer["bytes_resumed"] + answer["bytes_downloaded"] == size
    assert archive_server.requests[-1].range == f"bytes={answer['bytes_resumed']}-"
    assert heavy.is_in(tmp_path / "output")


_GIGABYTE = 1 << 30


@pytest.mark.parametrize("kind", ["tar.zst", pytest.param("tar.gz", marks=pytest.mark.slow)])
def test_a_fetch_of_a_gigabyte_takes_less_than_150_megabytes_of_memory(
    tmp_path: Path, archive_server: ArchiveServer, kind: str
) -> None:
    """A quarter of the library is random, as of one that compresses to 350 MB."""
    library = tmp_path / "built/lib/libheavy.a"
    library.parent.mkdir(parents=True)
    noise = random.Random(3)
    with library.open("wb") as file:
        while file.tell() < _GIGABYTE:
            file.write(noise.randbytes(1 << 16) + bytes(3 << 16))
    manifest = tmp_path / "heavy.yaml"
    manifest.write_text(
        _MANIFEST.format(url=archive_server.url)
        .replace("heavy.tar.gz", f"heavy.{kind}")
        .replace("headers: [include/**]\ninclude_dirs: [include]\n", "")
    )
    archive = archive_server.folder / f"heavy.{kind}"
    compressor = "zstd -q -3" if kind == "tar.zst" else "gzip -1"
    pack = f"tar -C {tmp_path}/built -c lib | {compressor} > {archive}"
    subprocess.run(pack, shell=True, check=True)
    store = {"CGO_PREBUILT_CACHE": str(tmp_path / "store")}
    cgo_prebuilt("lock", manifest, cwd=tmp_path, env=store).checked()

    fetch = [sys.executable, "-m", "cgo_prebuilt", "fetch", "--platform", "linux_amd64"]
    fetch += ["--lock", str(tmp_path / "heavy.lock.json"), "--output", str(tmp_path / "output")]
    # With a small process in between: a child's peak includes its parent's memory at the fork.
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE, *fetch],
        env=environment(tmp_path / "store"),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert 10_000_000 < int(measured.stdout.splitlines()[-1]) < 150_000_000
    assert (tmp_path / "output/lib/libheavy.a").stat().st_size == library.stat().st_size


_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""
