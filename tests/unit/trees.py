"""Trees and file systems for the tests of the store."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.storage.store import Store, Tree, tree_key

CONTENTS: Mapping[str, bytes] = {
    "include/vec.h": b"int vec(void);\n",
    "include/vec/ext.h": b"",
    "lib/libvec.a": b"!<arch>\n" + bytes(range(256)) * 64,
}

needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a file system"
)


def locked(contents: Mapping[str, bytes]) -> tuple[LockedFile, ...]:
    return tuple(
        LockedFile(path, hashlib.sha256(data).hexdigest(), len(data))
        for path, data in sorted(contents.items())
    )


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def read(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, whatever its name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def put(store: Store, contents: Mapping[str, bytes] = CONTENTS, label: str = "") -> Tree:
    files = locked(contents)
    key = tree_key(files)
    with store.staging(key, sum(map(len, contents.values()))) as staging:
        write(staging, contents)
        return store.publish(staging, key, files, label)


def find(store: Store, contents: Mapping[str, bytes] = CONTENTS) -> Tree | None:
    files = locked(contents)
    return store.find(tree_key(files), files)


@contextmanager
def tmpfs(folder: Path, options: str = "size=16m") -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def image(folder: Path, make: list[str], megabytes: int) -> Iterator[Path]:
    """A file system in a loop-mounted file."""
    disk = folder.with_suffix(".img")
    with disk.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run([*make, disk], check=True, stdout=subprocess.DEVNULL)
    folder.mkdir()
    subprocess.run(["mount", "-o", "loop", disk, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def read_only(mounted: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", mounted], check=True)
