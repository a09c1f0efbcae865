"""This machine's processor, glibc and libstdc++, for a prebuilt's requirements."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.host import Host
from cgo_prebuilt.requirements import supported_levels

# Debian's multiarch folders, also used by its derivatives; other systems have /usr/lib64.
_MULTIARCH = {
    "386": "i386-linux-gnu",
    "amd64": "x86_64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "arm64": "aarch64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}
_LIBSTDCXX = re.compile(r"libstdc\+\+\.so\.6\.0\.(\d+)")
_CPUINFO = Path("/proc/cpuinfo")
_ENOUGH = 1 << 16  # bytes of /proc/cpuinfo; the first processor is enough


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's properties; None if unknown.

    Attributes:
        arch: As `GOARCH`.
        cpu_flags: The processor's, as in /proc/cpuinfo.
        glibc: The version of its glibc.
        libstdcxx: The version of its libstdc++, as in `GLIBCXX_3.4.30`: `3.4.30`.
    """

    arch: str = ""
    cpu_flags: frozenset[str] | None = None
    glibc: str | None = None
    libstdcxx: str | None = None

    def cpu_level(self) -> str | None:
        """Return the processor's highest of `CPU_LEVELS`; empty for none."""
        if self.cpu_flags is None:
            return None
        return next(reversed(supported_levels(self.arch, self.cpu_flags)), "")


def detect_machine(host: Host) -> Machine:
    """Detect this machine's properties, without starting a process.

    Args:
        host: The host's platform.

    Returns:
        The properties; None for each unknown one.
    """
    arch = host.platform.arch
    if sys.platform != "linux":
        return Machine(arch)
    return Machine(
        arch,
        cpu_flags(_read(_CPUINFO)),
        host.glibc,
        None if host.platform.libc else libstdcxx_version(_libraries(arch)),
    )


def cpu_flags(cpuinfo: str) -> frozenset[str] | None:
    """Return the first processor's flags in /proc/cpuinfo; None without any."""
    match = re.search(r"^(?:flags|Features)\s*: (.*)$", cpuinfo, re.MULTILINE)
    return frozenset(match[1].split()) if match else None


def libstdcxx_version(folders: Iterable[Path]) -> str | None:
    """Return the version of the first libstdc++ in some folders, by its file name.

    `libstdc++.so.6.0.30` has GLIBCXX_3.4.30: both count the same (libstdc++'s manual, "ABI Policy
    and Guidelines").
    """
    for folder in folders:
        link = folder / "libstdc++.so.6"
        match = _LIBSTDCXX.fullmatch(link.resolve().name)
        if match:
            return f"3.4.{match[1]}"
    return None


def _libraries(arch: str) -> list[Path]:
    bits = "lib" if arch in ("386", "arm") else "lib64"
    folders = [f"/usr/lib/{_MULTIARCH.get(arch, '')}", f"/usr/{bits}", "/usr/lib"]
    return [Path(folder) for folder in folders]


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_ENOUGH)
    except OSError:
        return ""
