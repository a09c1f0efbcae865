"""The host's platform, and how it was detected.

`probe` looks at the machine and decides nothing; `decide` looks at nothing but what `probe` found.
On Linux the system's own programs are the evidence, not the kernel and not the interpreter: the
kernel can be a 64-bit one under a 32-bit userland, and an interpreter can bring its own C library.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.platforms import MUSL, SUPPORTED, Platform

# Asked in this order until one is dynamically linked; the interpreter comes last (see `probe`).
_SYSTEM_PROGRAMS = ("/bin/sh", "/usr/bin/env", "/bin/ls")

_GOARCH_OF_MACHINE = {
    "aarch64": "arm64",
    "amd64": "amd64",
    "arm64": "arm64",
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "x86": "386",
    "x86_64": "amd64",
}
_GOARCH_OF_MACHINE_AT_32_BITS = {"aarch64": "arm", "amd64": "386", "arm64": "arm", "x86_64": "386"}

# e_machine, EI_CLASS and EI_DATA of the ELF header (System V gABI, chapter 4). 1 is 32 bits or
# little-endian, 2 is 64 bits or big-endian.
_GOARCH_OF_ELF = {
    (3, 1, 1): "386",
    (21, 2, 1): "ppc64le",
    (22, 2, 2): "s390x",
    (40, 1, 1): "arm",
    (62, 2, 1): "amd64",
    (183, 2, 1): "arm64",
    (243, 2, 1): "riscv64",
}
_PT_INTERP = 3

# IMAGE_FILE_MACHINE_* of winnt.h, as IsWow64Process2 answers.
_WINDOWS_MACHINES = {0x014C: "x86", 0x8664: "AMD64", 0xAA64: "ARM64"}


@dataclass(frozen=True, slots=True)
class Program:
    """The relevant fields of an executable's ELF header.

    Attributes:
        path: The executable.
        arch: `GOARCH`, or empty for an architecture that Go does not support.
        loader: Its dynamic loader (PT_INTERP), or None when it is statically linked.
    """

    path: str
    arch: str
    loader: str | None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Facts about a machine, before a platform is derived from them.

    Attributes:
        system: The value of `sys.platform`.
        machine: The output of `uname -m`, or `PROCESSOR_ARCHITECTURE` on Windows.
        pointer_bits: The size of the interpreter's pointers.
        programs: On Linux, programs of the system, the most reliable first; the interpreter last.
        translated: On macOS, whether this process runs under Rosetta.
        native_machine: On Windows, the real machine below an emulation; None if unknown.
        glibc: The version of the system's glibc, such as `2.36`; None without one, or if unknown.
    """

    system: str
    machine: str
    pointer_bits: int
    programs: tuple[Program, ...] = ()
    translated: bool = False
    native_machine: str | None = None
    glibc: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The host's platform.

    Attributes:
        platform: One of `platforms.SUPPORTED`.
        glibc: The version of its glibc, or None.
        reason: The evidence for this platform, for a person.
    """

    platform: Platform
    glibc: str | None
    reason: str


def detect() -> Host:
    """Detect this machine's platform.

    Returns:
        The host.

    Raises:
        UsageError: The machine is not a supported platform, or the evidence is ambiguous.
    """
    return decide(probe())


def decide(facts: HostFacts) -> Host:
    """Derive a platform from the facts.

    Args:
        facts: From `probe`.

    Returns:
        The host.

    Raises:
        UsageError: No supported platform fits; the error lists the supported ones.
    """
    if facts.system == "linux":
        platform, reason = _decide_linux(facts)
    elif facts.system == "darwin":
        platform, reason = _decide_darwin(facts)
    elif facts.system == "win32":
        platform, reason = _decide_windows(facts)
    else:
        # sys.platform carries the major version on FreeBSD: freebsd14.
        system = facts.system.rstrip("0123456789")
        platform = Platform(system, _arch_of_kernel(facts))
        reason = f"{facts.system} on {facts.machine}"
    if platform not in SUPPORTED:
        raise UsageError(
            f"this host is not a supported platform: {platform} ({reason})",
            where="this machine",
            remedy=_override(),
        )
    return Host(platform, None if platform.libc else facts.glibc, reason)


def _decide_linux(facts: HostFacts) -> tuple[Platform, str]:
    program = next((p for p in facts.programs if p.loader is not None), None)
    if program is None or program.loader is None:
        return _decide_static_linux(facts)
    arch = program.arch or facts.machine
    reason = f"{program.path} is loaded by {program.loader}"
    if arch != _GOARCH_OF_MACHINE.get(facts.machine) and facts.machine:
        reason += f" and is {arch}; the kernel says {facts.machine}"
    libc = _libc_of_loader(program.loader)
    if libc is None:
        raise UsageError(
            f"the C library of this Linux is neither glibc nor musl: {reason}",
            where=program.path,
            remedy=_override(),
        )
    return Platform("linux", arch, libc), reason


def _decide_static_linux(facts: HostFacts) -> tuple[Platform, str]:
    """Decide for a system without dynamic programs by the interpreter's C library."""
    if facts.glibc is None:
        raise UsageError(
            "it is unknown whether this Linux has glibc or musl: all its programs are static",
            where=", ".join(p.path for p in facts.programs) or "this machine",
            remedy=_override(),
        )
    arch = facts.programs[0].arch if facts.programs else _arch_of_kernel(facts)
    reason = f"the interpreter runs on glibc {facts.glibc}; no program is dynamically linked"
    return Platform("linux", arch or facts.machine), reason


def _decide_darwin(facts: HostFacts) -> tuple[Platform, str]:
    if facts.translated:
        return Platform("darwin", "arm64"), "this process runs under Rosetta on Apple silicon"
    return Platform("darwin", _arch_of_kernel(facts)), f"macOS on {facts.machine}"


def _decide_windows(facts: HostFacts) -> tuple[Platform, str]:
    native = facts.native_machine
    if native is not None and native.lower() != facts.machine.lower():
        arch = _GOARCH_OF_MACHINE.get(native.lower(), native)
        return Platform("windows", arch), f"this {facts.machine} process is emulated on {native}"
    arch = _GOARCH_OF_MACHINE.get(facts.machine.lower(), facts.machine)
    return Platform("windows", arch), f"Windows on {facts.machine}"


def _arch_of_kernel(facts: HostFacts) -> str:
    machine = facts.machine.lower()
    if facts.pointer_bits == 32 and machine in _GOARCH_OF_MACHINE_AT_32_BITS:
        return _GOARCH_OF_MACHINE_AT_32_BITS[machine]
    if machine.startswith("armv"):
        return "arm"
    return _GOARCH_OF_MACHINE.get(machine, machine)


def _libc_of_loader(loader: str) -> str | None:
    """Return the `Platform.libc` of a dynamic loader; None if it is unknown."""
    name = loader.rsplit("/", 1)[-1]
    if name.startswith("ld-musl-"):
        return MUSL
    # ppc64le and s390x have ld64.so.2 and ld64.so.1.
    return "" if name.startswith(("ld-linux", "ld64.so.")) else None


def _override() -> str:
    return f"name one with --platform: {', '.join(map(str, SUPPORTED))}"


def probe() -> HostFacts:
    """Collect facts about this machine, without starting a process.

    Returns:
        The facts; those that cannot be read are left out.
    """
    bits = struct.calcsize("P") * 8
    if sys.platform == "win32":
        machine = os.environ.get("PROCESSOR_ARCHITECTURE", "AMD64" if bits == 64 else "x86")
        return HostFacts("win32", machine, bits, native_machine=_native_windows_machine(os.environ))
    machine = os.uname().machine
    if sys.platform == "darwin":
        # Rosetta runs only x86-64 processes, so an arm64 process needs no check.
        translated = machine == "x86_64" and _is_translated()
        return HostFacts("darwin", machine, bits, translated=translated)
    if sys.platform == "linux":
        programs = _read_programs((*_SYSTEM_PROGRAMS, os.path.realpath(sys.executable)))
        return HostFacts("linux", machine, bits, programs, glibc=_glibc_version(programs))
    return HostFacts(sys.platform, machine, bits)


def read_program(path: str) -> Program | None:
    """Read an executable's ELF header and its PT_INTERP segment (System V gABI, chapters 4 and 5).

    Args:
        path: The executable; links are followed.

    Returns:
        The header's fields; None if the file cannot be read or is not an ELF executable.
    """
    try:
        with Path(path).open("rb") as file:
            return _parse_elf(path, file)
    except (OSError, struct.error, UnicodeDecodeError):
        return None


def _parse_elf(path: str, file: BinaryIO) -> Program | None:
    ident = file.read(16)
    if len(ident) < 16 or ident[:4] != b"\x7fELF":
        return None
    bits, data = ident[4], ident[5]
    order = "<" if data == 1 else ">"
    # From e_type on; only e_machine, e_phoff, e_phentsize and e_phnum are needed.
    header = struct.Struct(order + ("HHIQQQIHHH" if bits == 2 else "HHIIIIIHHH"))
    _, machine, _, _, offset, _, _, _, entry_size, entries = header.unpack(file.read(header.size))
    arch = _GOARCH_OF_ELF.get((machine, bits, data), "")
    file.seek(offset)
    table = file.read(entry_size * entries)
    # p_type first in both; p_offset and p_filesz move between the classes.
    entry = struct.Struct(order + ("I4xQ16xQ" if bits == 2 else "II8xI"))
    for start in range(0, len(table), entry_size or 1):
        kind, at, size = entry.unpack_from(table, start)
        if kind == _PT_INTERP:
            file.seek(at)
            loader = file.read(min(size, 4096)).rstrip(b"\0").decode()
            return Program(path, arch, loader)
    return Program(path, arch, None)


def _read_programs(paths: Iterable[str]) -> tuple[Program, ...]:
    return tuple(program for path in paths if (program := read_program(path)) is not None)


def _glibc_version(programs: tuple[Program, ...]) -> str | None:
    """Return the system's glibc, unless the interpreter runs on another C library."""
    if sys.platform != "linux":
        return None
    loaders = {os.path.realpath(p.loader) for p in (*programs[:1], *programs[-1:]) if p.loader}
    if len(loaders) > 1:
        return None
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        return None
    return version.removeprefix("glibc ") if version else None


def _is_translated() -> bool:
    """Return whether Rosetta translates this process (`sysctl.proc_translated`)."""
    import ctypes

    answer = ctypes.c_int(0)
    size = ctypes.c_size_t(ctypes.sizeof(answer))
    failed = ctypes.CDLL(None).sysctlbyname(
        b"sysctl.proc_translated", ctypes.byref(answer), ctypes.byref(size), None, 0
    )
    return not failed and answer.value == 1


def _native_windows_machine(environ: Mapping[str, str]) -> str | None:
    """Return the real machine below a 32-bit or x64 emulation.

    An x64 process on Arm cannot learn it from the environment, but from IsWow64Process2 (Windows 10 1511).
    """
    if sys.platform == "win32":
        import ctypes

        kernel32 = ctypes.WinDLL("kernel32")
        is_wow64_process2 = getattr(kernel32, "IsWow64Process2", None)
        if is_wow64_process2 is not None:
            process, native = ctypes.c_ushort(0), ctypes.c_ushort(0)
            kernel32.GetCurrentProcess.restype = ctypes.c_void_p
            handle = ctypes.c_void_p(kernel32.GetCurrentProcess())
            if is_wow64_process2(handle, ctypes.byref(process), ctypes.byref(native)):
                return _WINDOWS_MACHINES.get(native.value)
    return environ.get("PROCESSOR_ARCHITEW6432")
