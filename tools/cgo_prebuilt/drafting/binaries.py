"""Read a library's kind, platform and needs, without parsing its symbol tables.

References: System V ABI (ELF); Apple's <mach-o/loader.h>, <mach-o/fat.h>; Microsoft's PE format.
`inspection` reads more, with optional packages.
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from cgo_prebuilt.archives.ar_reader import MAGIC
from cgo_prebuilt.inspection.ar_members import ar_members
from cgo_prebuilt.inspection.machines import COFF_ARCHS, ELF_ARCHS, MACH_O_ARCHS
from cgo_prebuilt.inspection.well_known import CXX, LIBDL, LIBM
from cgo_prebuilt.platforms import MUSL, libc_version
from cgo_prebuilt.soname import read_needed, read_soname

STATIC, SHARED, IMPORT, PROGRAM, OBJECT = "static", "shared", "import", "program", "object"

_ELF_SHARED, _ELF_OBJECT, _ELF_FREEBSD = 3, 1, 9
_MACH_O_OBJECT, _MACH_O_DYLIB, _MACH_O_BUNDLE = 1, 6, 8
_DLL = 0x2000
_FAT = b"\xca\xfe\xba\xbe"
_OBJECTS_READ = 40
_SECTIONS_READ = 20
_DLL_NAME = re.compile(rb"(?i)(?<![\w./+-])([\w.+-]{1,100}\.dll)(?=[\0/])")
_GLIBC = re.compile(rb"\0GLIBC_(2\.[0-9.]+)(?=\0)")
_LIBSTDCXX = re.compile(rb"\0GLIBCXX_(3\.4(?:\.[0-9]+)?)(?=\0)")
_MUSL = re.compile(r"libc\.musl-|ld-musl-|libc\.so\Z")
# The note of Android's start-up files: bionic's crtbrand.S.
_ANDROID = re.compile(rb"\x08\0\0\0.{4}\x01\0\0\0Android\0", re.DOTALL)
_NOTES_WITHIN = 1 << 16


@dataclass(frozen=True, slots=True)
class Binary:
    """A library, a program or an object.

    Attributes:
        kind: `STATIC`, `SHARED`, `IMPORT` (Windows), `PROGRAM` or `OBJECT`.
        os: `linux`, `android`, `darwin`, `windows` or `freebsd`, if its format tells.
        arches: The `GOARCH`; several for a universal file.
        libc: `musl` if it needs musl.
        soname: The name that programs record when linking it.
        needs: The shared libraries that it needs, by name; of an import library, those that it is for.
        glibc: The newest version of glibc that it requires.
        libstdcxx: The newest version of libstdc++ that it requires.
        linkopts: Options for the system libraries whose functions a static archive names.
    """

    kind: str
    os: str
    arches: tuple[str, ...]
    libc: str = ""
    soname: str = ""
    needs: tuple[str, ...] = ()
    glibc: str = ""
    libstdcxx: str = ""
    linkopts: tuple[str, ...] = ()


def read_binary(file: BinaryIO) -> Binary | None:
    """Read the header of a file.

    Args:
        file: A file on the disk, which is mapped into memory.

    Returns:
        The binary; None for an unknown format.
    """
    file.seek(0, 2)
    if file.tell() < 64:
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            found = _read(file, data)
        except (struct.error, ValueError, IndexError):
            return None  # offsets outside of the file
        if found is None or found.kind == OBJECT:
            return found
        if found.kind == STATIC:
            return _with_linkopts(found, data)
        if found.kind == IMPORT:
            return found
        glibc, libstdcxx = _newest(_GLIBC, data), _newest(_LIBSTDCXX, data)
        is_android = found.os == "linux" and _ANDROID.search(data, 0, _NOTES_WITHIN) is not None
    file.seek(0)
    needs = read_needed(file)
    os = "android" if is_android else found.os
    if os == "linux" and "libc.so.7" in needs:
        os = "freebsd"
    return Binary(
        found.kind,
        os,
        found.arches,
        MUSL if os == "linux" and any(map(_MUSL.match, needs)) else "",
        read_soname(file) or "",
        needs,
        glibc,
        libstdcxx,
    )


def _newest(versions: re.Pattern[bytes], data: mmap.mmap) -> str:
    found = {match[1].decode() for match in versions.finditer(data)}
    return max(found, key=libc_version, default="")


def _read(file: BinaryIO, data: mmap.mmap, start: int = 0) -> Binary | None:
    magic = data[start : start + 8]
    if magic == MAGIC:
        return _archive(file, data, start)
    if magic[:4] == b"\x7fELF":
        return _elf(data, start)
    if magic[:4] == _FAT:
        return _fat(file, data)
    if magic[:4] in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"):
        cpu, _, kind = struct.unpack_from("<3L", data, start + 4)
        words = {_MACH_O_OBJECT: OBJECT, _MACH_O_DYLIB: SHARED, _MACH_O_BUNDLE: PROGRAM}
        return Binary(words.get(kind, PROGRAM), "darwin", _known(MACH_O_ARCHS, cpu))
    if magic[:2] == b"MZ":
        (at,) = struct.unpack_from("<L", data, start + 60)
        if data[start + at : start + at + 4] != b"PE\0\0":
            return None
        machine, flags = struct.unpack_from("<H16xH", data, start + at + 4)
        return Binary(SHARED if flags & _DLL else PROGRAM, "windows", _known(COFF_ARCHS, machine))
    first, second, third = struct.unpack_from("<3H", data, start)
    if (first, second) == (0, 0xFFFF):  # a short import, or a newer object
        (machine,) = struct.unpack_from("<H", data, start + 6)
        return Binary(IMPORT if third == 0 else OBJECT, "windows", _known(COFF_ARCHS, machine))
    if first in COFF_ARCHS and second < 0x8000:
        return Binary(_coff_kind(data, start, second), "windows", (COFF_ARCHS[first],))
    return None


def _coff_kind(data: mmap.mmap, start: int, count: int) -> str:
    """Return `IMPORT` for an object of a GNU import library: a piece of a DLL's import table."""
    names = data[start + 20 : start + 20 + 40 * min(count, _SECTIONS_READ)]
    is_import = any(names[at : at + 7] == b".idata$" for at in range(0, len(names), 40))
    return IMPORT if is_import else OBJECT


def _known(names: dict[int, str], number: int) -> tuple[str, ...]:
    return (names[number],) if number in names else ()


def _elf(data: mmap.mmap, start: int) -> Binary:
    order = "<" if data[start + 5] == 1 else ">"
    kind, machine = struct.unpack_from(f"{order}2H", data, start + 16)
    os = "freebsd" if data[start + 7] == _ELF_FREEBSD else "linux"
    is_big_endian_ppc64 = order == ">" and machine == 21  # ppc64 is a different architecture
    words = {_ELF_SHARED: SHARED, _ELF_OBJECT: OBJECT}
    arches = () if is_big_endian_ppc64 else _known(ELF_ARCHS, machine)
    return Binary(words.get(kind, PROGRAM), os, arches)


def _fat(file: BinaryIO, data: mmap.mmap) -> Binary | None:
    (count,) = struct.unpack_from(">L", data, 4)
    if not 0 < count < 17:  # Java's classes have the same magic
        return None
    parts = [struct.unpack_from(">5L", data, 8 + 20 * index) for index in range(count)]
    first = _read(file, data, parts[0][2])
    if first is None:
        return None
    arches = tuple(name for part in parts for name in _known(MACH_O_ARCHS, part[0]))
    return Binary(first.kind, "darwin", arches)


def _archive(file: BinaryIO, data: mmap.mmap, start: int) -> Binary | None:
    """Describe a static archive by its objects; if they are imports, as an import library."""
    file.seek(start + len(MAGIC))
    members = (name for name, _ in ar_members(file) if not name.startswith("__.SYMDEF"))
    starts = (file.tell() for _ in members)
    objects = [
        one for at in islice(starts, _OBJECTS_READ) if (one := _read(file, data, at)) is not None
    ]
    if not objects:
        return None
    arches = tuple(dict.fromkeys(arch for one in objects for arch in one.arches))
    # A static library may bring some imports along, as Rust's do.
    if 2 * sum(one.kind == IMPORT for one in objects) >= len(objects):
        return Binary(IMPORT, objects[0].os, arches, needs=_imported(data))
    return Binary(STATIC, objects[0].os, arches)


def _imported(data: mmap.mmap) -> tuple[str, ...]:
    """Return the DLLs of an import library."""
    names = {match[1].lower(): match[1].decode() for match in _DLL_NAME.finditer(data)}
    return tuple(sorted(names.values()))


_SYSTEM: dict[str, tuple[tuple[str, str], ...]] = {
    "linux": (
        ("-lstdc++", CXX.pattern),
        ("-lm", LIBM.pattern),
        ("-lrt", r"shm_open|timer_create|mq_open|aio_read|clock_nanosleep"),
        ("-lutil", r"openpty|forkpty"),
        ("-ldl", LIBDL.pattern),
        ("-lpthread", r"pthread_create|pthread_key_create|pthread_rwlock_rdlock|pthread_join|sem_wait"),
    ),
    "darwin": (
        ("-lc++", CXX.pattern),
        ("-framework CoreFoundation", r"CF[A-Z]\w+|kCF[A-Z]\w+"),
        ("-framework Security", r"Sec[A-Z]\w+|kSec[A-Z]\w+|SSL(Handshake|Read|Write)"),
        ("-framework SystemConfiguration", r"SCDynamicStore\w+|SCNetwork\w+"),
        ("-framework IOKit", r"IO(Service|Registry|Object)[A-Z]\w+"),
        ("-framework Foundation", r"OBJC_CLASS_\$_NS\w+"),
        ("-framework Accelerate", r"(cblas_\w+|vDSP_\w+|dgemm_|sgemm_)"),
        ("-framework Metal", r"MTLCreateSystemDefaultDevice"),
        ("-liconv", r"iconv_open"),
        ("-lresolv", r"res_9_\w+"),
    ),
    "windows": (
        ("-lstdc++", CXX.pattern),
        ("-lws2_32", r"(WSAStartup|WSASocketW|getaddrinfo|WSAGetLastError)"),
        ("-luserenv", r"GetUserProfileDirectoryW"),
        ("-lbcrypt", r"BCrypt\w+"),
        ("-lncrypt", r"NCrypt\w+"),
        ("-lcrypt32", r"Cert(OpenStore|OpenSystemStoreW|FreeCertificateContext)"),
        ("-lsecur32", r"(AcquireCredentialsHandle[AW]|InitializeSecurityContext[AW])"),
        ("-ladvapi32", r"(RegOpenKeyEx[AW]|CryptAcquireContext[AW]|OpenProcessToken|SystemFunction036)"),
        ("-lntdll", r"(NtReadFile|NtWriteFile|NtCreateFile|RtlNtStatusToDosError|RtlGetVersion)"),
        ("-lole32", r"(CoInitializeEx|CoCreateInstance|CoTaskMemFree)"),
        ("-lshell32", r"(SHGetKnownFolderPath|SHGetFolderPath[AW]|CommandLineToArgvW)"),
        ("-lpsapi", r"GetProcessMemoryInfo"),
        ("-liphlpapi", r"(GetAdaptersAddresses|if_nametoindex)"),
        ("-ldbghelp", r"(SymInitialize\w*|StackWalk64|MiniDumpWriteDump)"),
    ),
}  # fmt: skip
_SYSTEM["freebsd"] = _SYSTEM["linux"]


def _symbols(os: str, names: str) -> list[re.Pattern[bytes]]:
    """Return patterns that find functions in a symbol table: one for each prefix, for speed."""
    prefixes = {"windows": (b"", b"__imp_"), "darwin": (b"_",)}.get(os, (b"",))
    return [re.compile(rb"\0" + one + rb"(?:" + names.encode() + rb")(?=\0)") for one in prefixes]


_SYMBOLS = {
    os: [(option, _symbols(os, names)) for option, names in table] for os, table in _SYSTEM.items()
}


def _with_linkopts(found: Binary, data: mmap.mmap) -> Binary:
    """Add options for the system libraries whose functions an archive names."""
    options = tuple(
        option
        for option, names in _SYMBOLS.get(found.os, ())
        if any(pattern.search(data) for pattern in names)
    )
    return Binary(found.kind, found.os, found.arches, linkopts=options)
