"""A prebuilt's requirements on the machine at run time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cgo_prebuilt.fields import Fields
from cgo_prebuilt.platforms import libc_version

if TYPE_CHECKING:
    from cgo_prebuilt.this_machine import Machine

# The flags of /proc/cpuinfo that each level adds to the one before it: the x86-64 psABI's table of
# micro-architecture levels; for Arm, what its architecture demands and Linux shows (elf_hwcaps.rst).
_ADDED: Mapping[str, Mapping[str, str]] = {
    "amd64": {
        "x86-64-v2": "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
        "x86-64-v3": "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave",
        "x86-64-v4": "avx512bw avx512cd avx512dq avx512f avx512vl",
    },
    "arm64": {
        "armv8.1-a": "asimdrdm atomics crc32",
        "armv8.2-a": "dcpop",
        "armv8.3-a": "fcma jscvt lrcpc",
        "armv8.4-a": "asimddp flagm ilrcpc uscat",
        "armv9-a": "dcpodp flagm2 frint sb sve2",
    },
}

CPU_LEVELS = tuple(level for levels in _ADDED.values() for level in levels)
"""The processor levels that a library can require, in ascending order for each architecture."""

_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Requires:
    """A prebuilt's requirements on the machine at run time.

    Attributes:
        cpu: One of `CPU_LEVELS`; empty if any processor of the platform will do.
        glibc: The oldest glibc that it runs with, such as `2.28`; empty if not stated.
        libstdcxx: The oldest GNU libstdc++, `3.4.30` for `GLIBCXX_3.4.30`; empty if not stated.
        system: Software that the system must have, for people, such as `OpenCL` or `libhwloc-dev`.
    """

    cpu: str = ""
    glibc: str = ""
    libstdcxx: str = ""
    system: tuple[str, ...] = ()

    def words(self) -> str:
        """Return the requirements for a person; empty without any."""
        named = (("cpu", self.cpu), ("glibc", self.glibc), ("libstdc++", self.libstdcxx))
        return ", ".join([f"{name} {value}" for name, value in named if value] + [*self.system])


def read_requires(fields: Fields) -> Requires:
    """Read `requires`.

    Args:
        fields: The mapping; the caller has set its known keys.

    Raises:
        CgoPrebuiltError: The error type of the fields; a value is invalid for its key.
    """
    cpu = fields.string("cpu", "")
    if "cpu" in fields and cpu not in CPU_LEVELS:
        raise fields.problem(f"'cpu' is {cpu!r}", f"it can be one of {', '.join(CPU_LEVELS)}")
    versions = {
        key: fields.matching(key, _NUMBERS, "numbers with dots between them")
        for key in ("glibc", "libstdcxx")
        if key in fields
    }
    return Requires(cpu, system=fields.lines("system"), **versions)


def is_for(cpu: str, arch: str) -> bool:
    """Return whether a level belongs to an architecture."""
    return cpu in _ADDED.get(arch, {})


def levels_of(arch: str) -> tuple[str, ...]:
    """Return an architecture's levels in ascending order."""
    return tuple(_ADDED.get(arch, {}))


def unmet(requires: Requires, machine: Machine) -> str | None:
    """Return what a machine is known to lack; None if nothing."""
    for name, needed, there in (
        ("glibc", requires.glibc, machine.glibc),
        ("libstdc++", requires.libstdcxx, machine.libstdcxx),
    ):
        if needed and there is not None and libc_version(there) < libc_version(needed):
            return f"this library needs {name} {needed}, this machine has {there}"
    flags = machine.cpu_flags
    if flags is not None and is_for(requires.cpu, machine.arch):
        missing = sorted(_flags_of(requires.cpu, machine.arch) - flags)
        if missing:
            return (
                f"this library needs a processor of the level {requires.cpu}, this machine's lacks"
                f" {' '.join(missing)}"
            )
    return None


def highest_cpu(levels: Iterable[str]) -> str:
    """Return the highest of one architecture's levels; empty for none."""
    return max(filter(None, levels), key=CPU_LEVELS.index, default="")


def _flags_of(cpu: str, arch: str) -> set[str]:
    flags: set[str] = set()
    for level, added in _ADDED[arch].items():
        flags.update(added.split())
        if level == cpu:
            break
    return flags


def supported_levels(arch: str, flags: frozenset[str]) -> list[str]:
    """Return the levels that a processor's flags imply, in ascending order."""
    return [level for level in _ADDED.get(arch, {}) if _flags_of(level, arch) <= flags]
