"""C compilers for the tests: the host's gcc, and zig for every other platform."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.zig import TARGETS, zig_environment, zig_program


def run_tool(*command: str | Path) -> None:
    """Run a compiler or another tool; if it fails, fail the test with its output."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **zig_environment()},
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"


def compiler(platform: str) -> list[str]:
    """The C compiler for a platform."""
    if platform == "linux_amd64":
        return ["gcc"]
    return [str(zig_program()), "cc", "-target", TARGETS[platform]]


def archiver(platform: str) -> list[str]:
    """Return the `ar` for a platform: the host's may index only objects of the host."""
    return ["ar"] if platform == "linux_amd64" else [str(zig_program()), "ar"]


def static_library(platform: str, source: str, archive: Path, *flags: str) -> Path:
    """Compiles the text of a C program into a static library of one object."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    text, compiled = archive.with_suffix(".c"), archive.with_suffix(".o")
    text.write_text(source)
    run_tool(*compiler(platform), "-c", "-O1", *flags, text, "-o", compiled)
    archive.unlink(missing_ok=True)
    run_tool(*archiver(platform), "rcsD", archive, compiled)
    text.unlink()
    compiled.unlink()
    return archive


def universal_library(platforms: Sequence[str], source: str, archive: Path) -> Path:
    """Compiles a static library of macOS for several architectures into one file (mach-o/fat.h)."""
    cpus = {"darwin_amd64": 0x01000007, "darwin_arm64": 0x0100000C}
    table, body, start = b"", b"", 64
    for platform in platforms:
        data = static_library(
            platform, source, archive.with_name(f"{platform}.slice.a")
        ).read_bytes()
        fields = (cpus[platform], 0, start + len(body), len(data), 0)
        table += b"".join(field.to_bytes(4, "big") for field in fields)
        body += data
    header = b"\xca\xfe\xba\xbe" + len(platforms).to_bytes(4, "big") + table
    archive.write_bytes(header.ljust(start, b"\0") + body)
    return archive


def shared_library(platform: str, source: str, library: Path, *flags: str) -> Path:
    """Compiles and links the text of a C program into a shared library."""
    library.parent.mkdir(parents=True, exist_ok=True)
    text = library.with_suffix(".c")
    text.write_text(source)
    run_tool(*compiler(platform), "-shared", "-fPIC", "-O1", text, *flags, "-o", library)
    text.unlink()
    return library
