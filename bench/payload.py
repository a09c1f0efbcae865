"""The payload: real shared and static libraries of this machine, packed as a release would be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PLACES = ("/usr/lib", "/usr/local", str(Path.home() / ".rustup"), str(Path.home() / ".cache"))
_SMALLEST = 200_000

_MANIFEST = """\
name: payload
version: v1.0.0
urls: ['{url}/{{file}}']
archives: [{{file: 'payload.{kind}'}}]
static_library: {first}
headers: ['lib/**']
include_dirs: [lib]
platforms: {{linux_amd64: {{}}}}
"""


@dataclass(frozen=True)
class Payload:
    """A packed tree.

    Attributes:
        folder: The tree.
        served: The folder with the archives, `payload.tar.zst` and `payload.tar.gz`.
        files: How many files the tree has.
        size: Their bytes.
    """

    folder: Path
    served: Path
    files: int
    size: int

    def archive(self, kind: str) -> Path:
        """The archive of a kind, `tar.zst` or `tar.gz`."""
        return self.served / f"payload.{kind}"

    def lock(self, kind: str, url: str, folder: Path) -> Path:
        """Locks an archive as served from a URL.

        Args:
            kind: `tar.zst` or `tar.gz`.
            url: Where the served folder is.
            folder: Where manifest and lock go.
        """
        first = min(path.relative_to(self.folder).as_posix() for path in _files(self.folder))
        manifest = folder / f"{kind}.yaml"
        manifest.write_text(_MANIFEST.format(url=url, kind=kind, first=first))
        lock = folder / f"{kind}.lock.json"
        command = [
            sys.executable,
            "-m",
            "cgo_prebuilt",
            "lock",
            str(manifest),
            "--output",
            str(lock),
        ]
        subprocess.run(command, check=True, capture_output=True)
        return lock


def make_payload(folder: Path, size: int) -> Payload:
    """Collects libraries and packs them; what an earlier run made is used again.

    Args:
        folder: Where it is kept.
        size: The least bytes that the tree is to have, where the machine has as many.
    """
    tree, served = folder / f"tree-{size}", folder / f"served-{size}"
    if not served.exists():
        shutil.rmtree(tree, ignore_errors=True)
        _collect(tree / "lib", size)
        partial = served.with_name(served.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        # The order and the levels are those of a release that its maintainer packed by hand.
        tar = f"tar --sort=name -C {tree} -cf - lib"
        _shell(f"{tar} | zstd -q -T0 -9 -o {partial}/payload.tar.zst")
        _shell(f"{tar} | gzip -6 > {partial}/payload.tar.gz")
        partial.rename(served)
    sizes = [path.stat().st_size for path in _files(tree)]
    return Payload(tree, served, len(sizes), sum(sizes))


def _collect(target: Path, size: int) -> None:
    target.mkdir(parents=True)
    total = 0
    seen = set()
    for number, source in enumerate(_libraries()):
        inode = source.stat().st_ino
        if inode in seen:
            continue
        seen.add(inode)
        copy = target / f"{number:04}-{source.name}"
        shutil.copyfile(source, copy)
        total += copy.stat().st_size
        if total >= size:
            return
    raise SystemExit(f"this machine has only {total} bytes of libraries; use a smaller --size")


def _libraries() -> Iterator[Path]:
    for place in _PLACES:
        for folder, folders, names in os.walk(place):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                is_library = ".so" in path.suffixes or path.suffix in (".a", ".rlib")
                is_file = is_library and path.is_file() and not path.is_symlink()
                if is_file and path.stat().st_size >= _SMALLEST:
                    yield path


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in tree.rglob("*") if path.is_file())


def _shell(command: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True)
