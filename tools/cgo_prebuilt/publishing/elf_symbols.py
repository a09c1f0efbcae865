"""The global symbols of a static library's ELF objects.

`nm` is not used, since GNU's loads installed plugins. LLVM's plugin treats objects with both code and
bitcode, as in Rust's standard library, as bitcode only, or crashes.
Reference: System V ABI, "Sections" and "Symbol Table".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cgo_prebuilt.archives.ar_reader import MAGIC
from cgo_prebuilt.inspection.ar_members import ar_members

_SYMBOL_TABLE = 2
_BINDINGS = (1, 2, 10)  # global, weak, GNU's unique
_FORMS = {
    # By the class of the file (32 or 64 bits): in the header, the offset and number of sections; a section's
    # type, offset, size and link; a symbol's name, binding and section.
    1: (32, "L", 46, "4xL8x3L", "L8xBxH"),
    2: (40, "Q", 58, "4xL16x2QL", "LBxH16x"),
}


def global_symbols(library: Path) -> Iterator[tuple[str, bool]]:
    """Yield the global symbols of a library's objects, object by object.

    Args:
        library: A static archive, or one object.

    Yields:
        The name of each, and whether the object defines it.
    """
    with library.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            yield from _of_object(file, 0)
            return
        for _, size in ar_members(file):
            start = file.tell()
            if size:
                yield from _of_object(file, start)
            file.seek(start)


def _of_object(file: BinaryIO, start: int) -> Iterator[tuple[str, bool]]:
    def at(offset: int, size: int) -> bytes:
        file.seek(start + offset)
        return file.read(size)

    head = at(0, 64)
    if head[:4] != b"\x7fELF" or len(head) < 52 or head[4] not in _FORMS:
        return
    order = "<" if head[5] == 1 else ">"
    place, word, sizes, section, symbol = _FORMS[head[4]]
    try:
        (offset,) = struct.unpack_from(order + word, head, place)
        entry, count = struct.unpack_from(f"{order}2H", head, sizes)
        read = struct.Struct(order + section)
        # If the number does not fit into the header, the first section holds it.
        count = count or read.unpack_from(at(offset, entry))[2]
        sections = [read.unpack_from(at(offset + entry * n, entry)) for n in range(count)]
        for kind, where, size, link in sections:
            if kind == _SYMBOL_TABLE:
                _, names_at, names_size, _ = sections[link]
                names, table = at(names_at, names_size), at(where, size)
                for name, info, index in struct.iter_unpack(order + symbol, table):
                    if info >> 4 in _BINDINGS:
                        text = names[name : names.index(b"\0", name)]
                        yield text.decode("utf-8", "surrogateescape"), index != 0
    except (struct.error, ValueError, IndexError):
        return  # a linker could not read it, either
