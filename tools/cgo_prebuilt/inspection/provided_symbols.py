"""The symbols that this machine's C library and a link line's libraries provide.

This works only on a machine of the library's platform. It also finds the oldest glibc or libstdc++
that has a symbol, which a static archive does not record.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cgo_prebuilt.archives.ar_reader import MAGIC
from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.bounded_run import run_bounded
from cgo_prebuilt.inspection.object_files import read_objects
from cgo_prebuilt.platforms import libc_version
from cgo_prebuilt.settings import command_named

_TOOL_SECONDS = 60.0

# Libraries that gcc and clang link by default; libc.so itself names the loader and libc_nonshared.a.
_ALWAYS = ("-lc", "-lgcc", "-lgcc_s")
_FILE_IN_SCRIPT = re.compile(r"[^\s()]+\.(?:so|a)[.0-9]*")
_VERSION = re.compile(r"(?:GLIBC|GLIBCXX)_([0-9.]+)")

# Symbols that the linker and the C start-up files define.
LINKER_SYMBOLS = re.compile(
    r"_GLOBAL_OFFSET_TABLE_|_DYNAMIC|__dso_handle|__ehdr_start|__executable_start|__TMC_END__"
    r"|_?_?(?:end|edata|etext|bss_start)|__(?:start|stop)_\w+|__(?:init|fini|preinit)_array_\w+"
)


@dataclass(frozen=True, slots=True)
class ProvidedSymbols:
    """The symbols that a link on this machine can use.

    Attributes:
        symbols: For each symbol, the oldest version of glibc or libstdc++ that has it, such as
            `GLIBC_2.17`; None for a symbol of another library.
        absent: The options that name a library that this machine lacks.
        needed: The requested shared libraries that this machine has.
        versions: The machine's versions of `glibc` and `libstdcxx`, if known.
    """

    symbols: Mapping[str, str | None]
    absent: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    versions: Mapping[str, str | None] = field(default_factory=dict)


def provided_symbols(linkopts: Iterable[str], needed: Iterable[str] = ()) -> ProvidedSymbols | None:
    """Look up the symbols that a link on this machine can use.

    Args:
        linkopts: Options for the linker, whose `-lNAME` are looked up.
        needed: Shared libraries to look for.

    Returns:
        The symbols; None if this machine has no C compiler to ask.
    """
    words = (word for option in linkopts for word in option.split())
    wanted = dict.fromkeys((*_ALWAYS, *(word for word in words if word[:2] == "-l")))
    found: dict[str, str | None] = {}
    absent = set()
    for option in wanted:
        paths = list(_files(option[2:]))
        if not paths and option not in _ALWAYS:
            absent.add(option)
        for path in paths:
            for symbol, version in _symbols(path):
                before = found.get(symbol)
                if version is not None and before is not None:
                    version = min(version, before, key=version_number)
                found[symbol] = version
    if not found:
        return None
    return ProvidedSymbols(
        found, frozenset(absent), frozenset(name for name in needed if _find(name))
    )


def _files(library: str) -> Iterator[Path]:
    names = (f"lib{library}.so", f"lib{library}.so.1", f"lib{library}.a")
    for name in (library[1:],) if library[:1] == ":" else names:
        path = _find(name)
        if path is None:
            continue
        with path.open("rb") as file:
            head = file.read(8)
        if head[:4] == b"\x7fELF" or head == MAGIC:
            yield path
        else:  # a linker script, such as libc.so
            text = text_of_file(path, errors="replace")
            found = [_find(item) for item in _FILE_IN_SCRIPT.findall(text)]
            yield from (item for item in found if item is not None and item != path)
        return


def _find(name: str) -> Path | None:
    """Find a library by name or path, where the C compiler looks."""
    if Path(name).is_absolute():
        return Path(name) if Path(name).exists() else None
    command = [*(command_named(os.environ, "CC") or ["cc"]), f"-print-file-name={name}"]
    try:
        done = run_bounded(command, seconds=_TOOL_SECONDS)
    except OSError:
        return None
    path = Path(os.fsdecode(done.stdout.strip()))
    return path if path.is_absolute() and path.exists() else None


def _symbols(path: Path) -> Iterator[tuple[str, str | None]]:
    import lief

    if path.read_bytes()[:4] != b"\x7fELF":
        for item in read_objects(path):
            yield from ((symbol, None) for symbol in item.defined)
        return
    elf = lief.ELF.parse(str(path))
    for symbol in elf.dynamic_symbols if elf is not None else ():
        if symbol.shndx != 0:
            version = symbol.symbol_version
            auxiliary = version.symbol_version_auxiliary if version is not None else None
            name = str(auxiliary.name) if auxiliary is not None else ""
            yield str(symbol.name), name if _VERSION.fullmatch(name) else None


def version_number(version: str) -> tuple[int, ...]:
    """Return a symbol version's number as a sort key: that of `GLIBC_2.17` is 2.17."""
    match = _VERSION.fullmatch(version)
    return libc_version(match[1]) if match else ()
