"""Reduce a static library to the parts that its interface needs: one object without local symbols.

A linker does the same for each program. Rust's archives are ten times as large as the parts that a program
uses, since they keep the code that each crate generates for its users.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.publishing.binutils import Binutil, check_elf
from cgo_prebuilt.publishing.elf_symbols import global_symbols
from cgo_prebuilt.publishing.header_names import HeaderNames

_MEMBER = "slim.o"

# Merge the sections of each kind, which removes thousands of names and headers. Other sections stay, such as
# constructors, whose names define their order. The first matching pattern takes precedence.
_MERGED = {
    ".text": ".text .text.*",
    ".rodata": ".rodata .rodata.*",
    ".gcc_except_table": ".gcc_except_table .gcc_except_table.*",
    ".tdata": ".tdata .tdata.*",
    ".tbss": ".tbss .tbss.*",
    ".data.rel.ro": ".data.rel.ro .data.rel.ro.*",
    ".data": ".data .data.*",
    ".bss": ".bss .bss.*",
}
# Nothing refers to the unwind tables, so keep them; the linker drops the entries of dropped functions.
_KEPT = "  .eh_frame 0 : { KEEP(*(.eh_frame .eh_frame.*)) }\n"
_SCRIPT = (
    "SECTIONS\n{\n"
    + "".join(f"  {name} 0 : {{ *({patterns}) }}\n" for name, patterns in _MERGED.items())
    + f"{_KEPT}}}\n"
)


def slim_libraries(
    platform: Platform,
    interface: Interface,
    folder: Path,
    output: Path,
    say: Callable[[str], None],
    public: Collection[str] = (),
) -> list[str]:
    """Write slim copies of a platform's static libraries, and report the savings.

    Args:
        platform: The libraries' platform.
        interface: The libraries and their headers.
        folder: The folder of these files.
        output: The folder for the copies.
        say: Prints the savings, and which libraries stay unchanged.
        public: Globs of the public symbols; if empty, the symbols that the headers name.

    Returns:
        The libraries that have a copy.

    Raises:
        UsageError: See `slim_library`.
    """
    present = [name for name in interface.static_library if (folder / name).is_file()]
    declared = _names_of([] if public else [folder / header for header in interface.headers])
    slim = []
    for name in present:
        wanted = {*public, *_undefined(folder / other for other in present if other != name)}
        wanted |= {one for one, _ in global_symbols(folder / name) if declared.has(one)}
        lack = slim_library(platform, folder / name, output / name, wanted)
        if lack is not None:
            say(f"{name}: not slimmed, {lack}")
            continue
        before, after = (folder / name).stat().st_size, (output / name).stat().st_size
        say(f"{name}: {format_size(before)}, slim {format_size(after)}")
        slim.append(name)
    return slim


def slim_library(
    platform: Platform, source: Path, target: Path, wanted: Collection[str]
) -> str | None:
    """Write a copy of a static library with only what its public symbols need.

    Args:
        platform: The library's platform, which must use ELF.
        source: The library.
        target: The copy; its folder is created if missing. Not written if the copy would lack a symbol.
        wanted: The public symbols, as globs or names; those that the library does not define are ignored.

    Returns:
        None; or why the library stays unchanged: a symbol that the copy would lack.

    Raises:
        UsageError: The platform does not use ELF, the library defines nothing public, a program is missing,
            or it fails.
    """
    check_elf(platform, "--slim", source)
    names, globs = _names_and_globs(wanted)
    public = {
        name
        for name, defined in global_symbols(source)
        if defined and (name in names or any(fnmatchcase(name, glob) for glob in globs))
    }
    if not public:
        raise UsageError(
            "the library defines none of its public symbols, so nothing of it would remain",
            where=str(source),
            remedy="name its headers in 'headers', or its symbols with --localize",
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        joined, archive = folder / _MEMBER, folder / "slim.a"
        (folder / "script").write_text(_SCRIPT, encoding="utf-8")
        (folder / "roots").write_text("".join(f"-u {name}\n" for name in sorted(public)), "utf-8")
        (folder / "public").write_text("".join(f"{name}\n" for name in sorted(public)), "utf-8")
        link = ["-r", "--gc-sections", "--force-group-allocation"]
        link += ["-T", str(folder / "script"), f"@{folder / 'roots'}", "-o", str(joined)]
        Binutil("LD", "ld").run([*link, str(source)], source)
        missed = _missed(source, joined, public)
        if missed:
            return f"it would lack {', '.join(missed[:5])}"
        options = [f"--remove-section={section}" for section in (".llvmbc", ".llvmcmd")]
        options += [f"--keep-global-symbols={folder / 'public'}", str(joined)]
        Binutil("OBJCOPY", "objcopy").run(["--strip-unneeded", *options], source)
        Binutil("AR", "ar").run(["rcsD", str(archive), str(joined)], source)
        missed = _missed(source, archive, public)
        if missed:
            return f"it would lack {', '.join(missed[:5])}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, target)
    return None


def _names_of(headers: Iterable[Path]) -> HeaderNames:
    texts = [text_of_file(header, errors="replace") for header in headers]
    return HeaderNames("\n".join(texts))


def _undefined(libraries: Iterable[Path]) -> set[str]:
    """Return the symbols that some static libraries need from others."""
    return {name for one in libraries for name, defined in global_symbols(one) if not defined}


def _names_and_globs(wanted: Collection[str]) -> tuple[set[str], list[str]]:
    globs = [text for text in wanted if any(sign in text for sign in "*?[")]
    return set(wanted).difference(globs), globs


def _missed(source: Path, slim: Path, public: Collection[str]) -> list[str]:
    """Return the public symbols, and their needs, that the copy lacks."""
    found = dict(global_symbols(slim))
    undefined = {name for name, defined in global_symbols(slim) if not defined}
    undefined -= {name for name, defined in global_symbols(slim) if defined}
    lost = {name for name in public if not found.get(name)}
    lost |= {name for name, defined in global_symbols(source) if defined and name in undefined}
    return sorted(lost)
