"""The payload: real shared and static libraries of this machine, packed as releases would be."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.wheel import write_wheel

_PLACES = ("/usr/lib", "/usr/local", str(Path.home() / ".rustup"), str(Path.home() / ".cache"))
_SMALLEST = 200_000

# The five platforms of the foreign release, by the number that ELF has for their processors.
_PLATFORMS = {
    "freebsd_amd64": 62,
    "linux_amd64": 62,
    "linux_amd64_musl": 62,
    "linux_arm64": 183,
    "linux_riscv64": 243,
}
PLATFORM = "linux_amd64"
"""The platform that is fetched."""

ARCHIVES = {
    "tar.zst": "payload.tar.zst",
    "tar.gz": "payload.tar.gz",
    "wheel": "payload-1.0-py3-none-any.whl",
    "all platforms": "payload-all.tar.gz",
    "one platform": f"payload-{PLATFORM}.tar.gz",
}
"""The kinds of archives, and their names: the order and the levels are those that maintainers use by hand."""

_COMMANDS = {
    "tar.zst": "tar --sort=name -C {tree} -cf - lib | zstd -q -T0 -9 > {archive}",
    "tar.gz": "tar --sort=name -C {tree} -cf - lib | gzip -6 > {archive}",
    "all platforms": "tar --sort=name -C {platforms} -cf - include lib | gzip -6 > {archive}",
    "one platform": f"tar --sort=name -C {{platforms}} -cf - include lib/{PLATFORM} | gzip -6 > {{archive}}",
}

MANIFEST = """\
name: payload
version: v1.0.0
urls: ['{url}']
archives: [{{file: {file}}}]
{linkage}_library: {library}
headers: ['{headers}/**']
include_dirs: [{headers}]
platforms: {{{platforms}}}
"""


@dataclass(frozen=True)
class Payload:
    """Libraries as trees and, on demand, as archives.

    Attributes:
        folder: The tree: `lib` with all libraries.
        platforms: Another tree: `include`, and for each platform `lib/PLATFORM/libpayload.a` with a
            third of `size`.
        served: The folder of the archives.
        files: The number of files in the tree.
        size: Their total size in bytes.
    """

    folder: Path
    platforms: Path
    served: Path
    files: int
    size: int

    def archive(self, kind: str) -> Path:
        """Return the archive of a kind, one of `ARCHIVES`; create it if missing."""
        archive = self.served / ARCHIVES[kind]
        if not archive.exists():
            partial = archive.with_name(archive.name + ".partial")
            if kind == "wheel":
                write_wheel(self.folder, partial)
            else:
                names = {"tree": self.folder, "platforms": self._all(), "archive": partial}
                quoted = {name: shlex.quote(str(path)) for name, path in names.items()}
                _shell(_COMMANDS[kind].format_map(quoted))
            partial.rename(archive)
        return archive

    def lock(self, kind: str, url: str, folder: Path) -> Path:
        """Lock an archive, once for each folder.

        Args:
            kind: One of `ARCHIVES`.
            url: The URL of the served folder; or the archive's place in an OCI registry.
            folder: The folder for the manifest and the lock.
        """
        name = kind.replace(" ", "-")
        manifest, lock = folder / f"{name}.yaml", folder / f"{name}.lock.json"
        if lock.exists():
            return lock
        folder.mkdir(parents=True, exist_ok=True)
        manifest.write_text(self.manifest(kind, url))
        env = {**os.environ, "CGO_PREBUILT_CACHE": str(folder / "lock-store")}
        command = [
            sys.executable,
            "-m",
            "cgo_prebuilt",
            "lock",
            str(manifest),
            "--output",
            str(lock),
        ]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        shutil.rmtree(folder / "lock-store", ignore_errors=True)
        return lock

    def manifest(self, kind: str, url: str) -> str:
        """The manifest of an archive; see `lock`."""
        self.archive(kind)
        many = kind in ("all platforms", "one platform")
        names = sorted(path.relative_to(self.folder).as_posix() for path in _files(self.folder))
        first = next((name for name in names if name.endswith((".a", ".so"))), names[0])
        platforms = sorted(_PLATFORMS) if kind == "all platforms" else [PLATFORM]
        return MANIFEST.format(
            url=url if url.startswith("oci:") else f"{url}/{{file}}",
            file=ARCHIVES[kind],
            linkage="static" if many or first.endswith(".a") else "shared",
            library="lib/{platform}/libpayload.a" if many else first,
            headers="include" if many else "lib",
            platforms=", ".join(f"{platform}: {{}}" for platform in platforms),
        )

    def member(self, size: int) -> Path:
        """Return a tree with one large library, `lib/libpayload.a`; create it if missing.

        Args:
            size: The least size of the library in bytes, if the tree has as many.
        """
        tree = self.folder.with_name(f"member-{size}")
        _join(list(_files(self.folder)), size, tree / "lib/libpayload.a")
        return tree

    def _all(self) -> Path:
        """Return the tree of all platforms; create what is missing."""
        header = self.platforms / "include/payload.h"
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text("int payload(void);\n")
        files = sorted(_files(self.folder))
        for number, (platform, machine) in enumerate(_PLATFORMS.items()):
            # Gzip sees 32 KiB, so it does not notice that platforms have files in common.
            start = number * len(files) // len(_PLATFORMS)
            library = self.platforms / f"lib/{platform}/libpayload.a"
            _join(files[start:] + files[:start], self.size // 3, library, machine)
        return self.platforms


def make_payload(folder: Path, size: int) -> Payload:
    """Collect libraries, or reuse those of an earlier run.

    Args:
        folder: The folder for it.
        size: The least size of the tree in bytes; the machine must have as many.
    """
    tree, served = folder / f"tree-{size}", folder / f"served-{size}"
    if not tree.exists():
        partial = tree.with_name(tree.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(served, ignore_errors=True)
        _collect(partial / "lib", size)
        partial.rename(tree)
    served.mkdir(exist_ok=True)
    sizes = [path.stat().st_size for path in _files(tree)]
    return Payload(tree, folder / f"platforms-{size}", served, len(sizes), sum(sizes))


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


def _join(files: list[Path], size: int, target: Path, machine: int = 62) -> None:
    """Join the first files into a static archive of this size; set the machine in ELF headers."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name("partial.a")
    with partial.open("wb") as archive:
        archive.write(b"!<arch>\n")
        for number, file in enumerate(files):
            content = bytearray(file.read_bytes())
            if content[:4] == b"\x7fELF":
                content[18:20] = machine.to_bytes(2, "little")
            name = f"{number}.o/".ljust(16)
            archive.write(f"{name}{0:<12}{0:<6}{0:<6}{'644':<8}{len(content):<10}`\n".encode())
            archive.write(content + b"\n" * (len(content) % 2))
            if archive.tell() >= size:
                break
    partial.rename(target)


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in tree.rglob("*") if path.is_file())


def _shell(command: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True)
