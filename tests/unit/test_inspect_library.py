"""What `pack` finds in libraries: real ones, of gcc and zig, and objects made up for the decisions."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cgo_prebuilt.inspection import build_paths as build_paths_module
from cgo_prebuilt.inspection import object_files
from cgo_prebuilt.inspection.build_paths import build_paths
from cgo_prebuilt.inspection.inspect_library import Finding, inspect_libraries
from cgo_prebuilt.inspection.object_files import (
    BITCODE,
    COFF,
    ELF,
    MACH_O,
    ObjectFile,
    can_inspect,
    needed_isa,
    read_objects,
)
from cgo_prebuilt.inspection.provided_symbols import ProvidedSymbols, provided_symbols
from cgo_prebuilt.inspection.well_known import option_for
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.platforms import Platform, parse_platform
from cgo_prebuilt.requirements import Requires
from tests.e2e.compilers import shared_library, static_library, universal_library

LINUX = parse_platform("linux_amd64")
SOURCE = "#include <math.h>\nint hidden; double f(double x) { return cos(x) + hidden; }\n"

needs_readers = pytest.mark.skipif(not can_inspect(), reason="the extra `inspect` is not installed")


def inspect(
    *objects: ObjectFile,
    platform: Platform = LINUX,
    provided: dict[str, str | None] | ProvidedSymbols | None = None,
    requires: Requires = Requires(),  # noqa: B008
    linkopts: tuple[str, ...] = (),
    is_own: bool = True,
) -> list[Finding]:
    interface = Interface(requires=requires, linkopts=linkopts)
    if isinstance(provided, dict):
        provided = ProvidedSymbols(provided)
    paths: dict[str, list[str]] | None = {} if is_own else None
    return inspect_libraries(platform, interface, {"libf.a": objects}, provided, paths)


def texts(findings: list[Finding]) -> list[str]:
    return [f"{finding.level}: {finding.what}" for finding in findings]


# Reading.


@needs_readers
@pytest.mark.parametrize(
    ("platform", "format", "prefix"),
    [
        ("linux_amd64", ELF, ""),
        ("linux_arm64", ELF, ""),
        ("darwin_arm64", MACH_O, "_"),
        ("windows_amd64", COFF, ""),
    ],
)
def test_a_static_library_is_read_on_any_machine(
    tmp_path: Path, platform: str, format: str, prefix: str
) -> None:
    (found,) = read_objects(static_library(platform, SOURCE, tmp_path / "libf.a", "-g0"))
    assert (found.format, found.arch) == (format, parse_platform(platform).arch)
    assert not found.shared
    if format != COFF:
        assert found.defined == {f"{prefix}f", f"{prefix}hidden"}
        assert found.undefined == {f"{prefix}cos"}


@needs_readers
@pytest.mark.parametrize("platform", ["linux_amd64", "darwin_arm64", "windows_amd64"])
def test_a_large_object_is_read_from_the_disk(
    tmp_path: Path, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = static_library(platform, SOURCE, tmp_path / "libf.a")
    expected = read_objects(library)
    monkeypatch.setattr(object_files, "_LARGE", 0)
    monkeypatch.setattr(object_files, "_PIECE", 100)
    assert read_objects(library) == expected
    cut = library.read_bytes()
    for size in (70, 100, 140, 200, 300):
        library.write_bytes(cut[:size])
        read_objects(library)


@needs_readers
@pytest.mark.parametrize("platform", ["linux_amd64", "darwin_arm64"])
def test_a_shared_library_is_read_on_any_machine(tmp_path: Path, platform: str) -> None:
    source = "int f(void) { return 1; }\n"
    (found,) = read_objects(shared_library(platform, source, tmp_path / "libf.so"))
    assert found.shared
    assert found.arch == parse_platform(platform).arch


@needs_readers
def test_a_soname_and_the_versions_of_glibc_are_read(tmp_path: Path) -> None:
    source = "#include <string.h>\nchar *f(char *x) { return strdup(x); }\n"
    flags = ("-Wl,-soname,libf.so.1",)
    (found,) = read_objects(shared_library("linux_amd64", source, tmp_path / "libf.so", *flags))
    assert found.soname == "libf.so.1"
    assert "GLIBC_2.2.5" in found.versions
    (without,) = read_objects(shared_library("linux_amd64", source, tmp_path / "libg.so"))
    assert without.soname is None


@needs_readers
def test_a_dll_has_no_soname_and_needs_none(tmp_path: Path) -> None:
    source = "int f(void) { return 1; }\n"
    (found,) = read_objects(shared_library("windows_amd64", source, tmp_path / "f.dll", "-s"))
    assert (found.format, found.shared, found.soname) == (COFF, True, None)
    findings = inspect(found, platform=parse_platform("windows_amd64"), provided={})
    assert not any("SONAME" in finding.what for finding in findings)


@needs_readers
def test_a_universal_library_has_the_objects_of_all_architectures(tmp_path: Path) -> None:
    platforms = ("darwin_amd64", "darwin_arm64")
    universal_library(platforms, "int f(void) { return 1; }\n", tmp_path / "libf.a")
    objects = read_objects(tmp_path / "libf.a")
    assert [item.arch for item in objects] == ["amd64", "arm64"]
    for arch in ("amd64", "arm64"):
        assert not [
            finding
            for finding in inspect(*objects, platform=Platform("darwin", arch))
            if finding.level != "note"
        ]


@needs_readers
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"!<arch>\n",
        b"!<arch>\nbroken",
        b"!<arch>\n/".ljust(66, b" ") + b"`\n",
        b"\x7fELF",
        b"MZ",
        b"\xca\xfe\xba\xbe",
        b"\xca\xfe\xba\xbe\0\0\0\x41 class of Java",
        b"\0\0\xff\xff",
        b"\0\0\xff\xff\0\0\x64",
    ],
)
def test_what_is_no_library_has_no_objects(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "libf.a").write_bytes(content)
    assert read_objects(tmp_path / "libf.a") == []


@needs_readers
@pytest.mark.parametrize("compiler", ["cc", "cc -O2"])
def test_this_machine_knows_which_glibc_brought_a_symbol(
    monkeypatch: pytest.MonkeyPatch, compiler: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    answer = provided_symbols(["-lm", "-lnone"], ["libm.so.6", "libnone.so.6"])
    if answer is None:
        pytest.skip("there is no C compiler")
    found = answer.symbols
    assert (*answer.absent, *answer.needed) == ("-lnone", "libm.so.6")
    assert found["cos"] == "GLIBC_2.2.5"
    assert found["memcpy"] == "GLIBC_2.2.5"  # and a newer one, which no link has to take
    assert found["getrandom"] == "GLIBC_2.25"
    assert "_Unwind_Resume" in found


@needs_readers
def test_an_object_of_a_machine_that_nobody_knows_is_one_of_an_unknown_architecture(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    library = static_library("linux_amd64", SOURCE, tmp_path / "libf.a")
    data = library.read_bytes()
    start = data.index(b"\x7fELF") + 18  # e_machine
    library.write_bytes(data[:start] + b"\xee\xee" + data[start + 2 :])
    (found,) = read_objects(library)
    assert (found.format, found.arch) == (ELF, "")
    assert not recwarn.list


# Deciding.


def test_a_good_library_is_good() -> None:
    assert inspect(ObjectFile("f.o", ELF, "amd64", 9), provided={}) == []


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (ObjectFile("f.o", ELF, "arm64", 9), "error: it is for arm64, not amd64"),
        (ObjectFile("f.o", ELF, "", 9), "error: it is for an unknown architecture, not amd64"),
        (ObjectFile("f.o", MACH_O, "amd64", 9), "error: it is Mach-O, linux_amd64 takes ELF"),
        (
            ObjectFile("f.o", BITCODE, "", 9),
            "warning: 1 of its objects are LLVM bitcode, which only the same LLVM links",
        ),
        (
            ObjectFile("", ELF, "amd64", 9, shared=True),
            "warning: it has no SONAME: programs will look for it by the path that it had when they"
            " were linked",
        ),
        (
            ObjectFile("f.o", ELF, "amd64", 1000, debug=600),
            "warning: 600 B of its 1.0 kB are debug information",
        ),
    ],
)
def test_a_library_is_said_to_be_wrong(item: ObjectFile, text: str) -> None:
    (finding,) = inspect(item, provided={})
    assert texts([finding]) == [text]
    assert finding.remedy


def test_one_object_for_another_machine_is_named() -> None:
    found = inspect(
        ObjectFile("a.o", ELF, "amd64", 9), ObjectFile("b.o", ELF, "386", 9), provided={}
    )
    assert texts(found) == ["error: b.o in it is for 386"]


def test_a_file_without_objects_is_no_library() -> None:
    assert texts(inspect(provided={})) == ["warning: it is not a library: it has no object"]


def test_symbols_that_nothing_provides_are_named() -> None:
    one = ObjectFile("a.o", ELF, "amd64", 9, defined={"f"}, undefined={"g", "cos", "deflate"})
    two = ObjectFile("b.o", ELF, "amd64", 9, defined={"g"}, undefined={"__start_table", "f"})
    requires = Requires(glibc="2.17")
    found = inspect(one, two, provided={"cos": "GLIBC_2.2.5"}, requires=requires, linkopts=("-lm",))
    assert texts(found) == [
        "warning: 1 undefined symbols that neither the C library nor a linkopt provides: deflate"
    ]


def test_what_cannot_be_told_on_this_machine_is_said_to_be_unknown() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"deflate"})
    assert texts(inspect(item)) == [
        "note: undefined symbols are not checked: that needs a linux_amd64 machine with a"
        " C compiler",
    ]
    assert inspect(item, is_own=False) == []
    (note,) = inspect(item, provided=ProvidedSymbols({}, absent=frozenset({"-lz"})))
    assert note.what == "1 undefined symbols are not checked: this machine has no -lz"


def test_the_lowest_glibc_is_that_of_the_newest_symbol() -> None:
    item = ObjectFile(
        "a.o",
        ELF,
        "amd64",
        9,
        undefined={"qsort", "arc4random"},
        versions={"GLIBC_2.9", "CXXABI_1.3"},
    )
    provided: dict[str, str | None] = {"qsort": "GLIBC_2.2.5", "arc4random": "GLIBC_2.36"}
    (note,) = inspect(item, provided=provided)
    assert str(note) == (
        "note: libf.a: needs glibc 2.36 or later (for arc4random)\n"
        '  next: record it in the manifest: requires: {glibc: "2.36"}'
    )
    (warning,) = inspect(item, provided=provided, requires=Requires(glibc="2.28"))
    assert warning.what == "needs glibc 2.36 (for arc4random), the manifest says 2.28"
    assert inspect(item, provided=provided, requires=Requires(glibc="2.37")) == []


def test_the_lowest_libstdcxx_is_that_of_the_newest_symbol_too() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, versions={"GLIBCXX_3.4.30", "GLIBCXX_3.4.9"})
    enough = Requires(glibc="2.28", libstdcxx="3.4.30")
    assert inspect(item, provided={}, requires=enough) == []
    (note,) = inspect(item, provided={}, requires=Requires(glibc="2.28"))
    assert note.what == "needs libstdcxx 3.4.30 or later"
    assert note.remedy == 'record it in the manifest: requires: {libstdcxx: "3.4.30"}'
    (warning,) = inspect(item, provided={}, requires=Requires(glibc="2.28", libstdcxx="3.4.9"))
    assert warning.what == "needs libstdcxx 3.4.30, the manifest says 3.4.9"


@needs_readers
def test_the_processor_that_a_library_is_built_for_is_found(tmp_path: Path) -> None:
    (usual,) = read_objects(static_library("linux_amd64", SOURCE, tmp_path / "usual.a"))
    assert usual.cpu == set()
    compiled = tmp_path / "v3.o"
    source = tmp_path / "v3.c"
    source.write_text(SOURCE)
    command = ["cc", "-c", "-g", "-fPIC", "-march=x86-64-v3", str(source), "-o", str(compiled)]
    subprocess.run(command, check=True)
    (item,) = read_objects(compiled)
    assert item.cpu == {"x86-64-v3"}
    linked = tmp_path / "libv4.so"
    subprocess.run(
        ["cc", "-shared", "-Wl,-z,x86-64-v4", str(compiled), "-o", str(linked)], check=True
    )
    (found,) = read_objects(linked)
    assert found.cpu == {"x86-64-v3", "x86-64-v4"}


def test_the_processor_that_a_library_is_built_for_is_noted() -> None:
    item = ObjectFile("kernel.o", ELF, "amd64", 9, cpu={"x86-64-v2", "x86-64-v3", "armv8.2-a"})
    enough = Requires("x86-64-v3", "2.28")
    assert inspect(item, provided={"f": "GLIBC_2.2.5"}, requires=enough) == []
    (note,) = inspect(item, provided={}, requires=Requires("x86-64-v2", "2.28"))
    assert str(note).startswith(
        "note: libf.a: is built for the processor level x86-64-v3 (kernel.o)\n"
        '  next: say requires: {cpu: "x86-64-v3"}, unless the library looks at the processor'
    )


@pytest.mark.parametrize(
    "note", [b"", b"\0" * 15, b"\0" * 16 + b"\x02\x80\0\xc0\4\0\0\0", b"\xff" * 40]
)
def test_a_note_that_is_cut_off_names_no_processor(note: bytes) -> None:
    assert list(needed_isa(note)) == []


def test_what_every_glibc_linked_statically_does_not_raise_the_lowest_one() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"qsort", "fstat64"})
    provided: dict[str, str | None] = {"qsort": "GLIBC_2.2.5", "fstat64": "GLIBC_2.33"}
    assert inspect(item, provided=provided, requires=Requires(glibc="2.17")) == []


def test_glibc_is_nothing_to_musl() -> None:
    musl = Platform("linux", "amd64", "musl")
    found = inspect(
        ObjectFile("a.o", ELF, "amd64", 9, undefined={"f"}),
        platform=musl,
        provided={"f": "GLIBC_2.33"},
    )
    assert found == []


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"\0/home/runner/work/a.c\0/home/runner/work/a.c\0", ["/home/runner/work/a.c"]),
        (b"\0C:\\Users\\me\\a.c\0", ["C:\\Users\\me\\a.c"]),
        (b"/Users/me/src/a.c", ["/Users/me/src/a.c"]),
        (b"\0src/home/x/a.c\0/home/\0/usr/include/a.h\0", []),
    ],
)
def test_the_paths_of_the_build_machine(data: bytes, paths: list[str]) -> None:
    assert build_paths(io.BytesIO(data)) == paths


@pytest.mark.parametrize("path", ["/home/me/a.c", "C:\\Users\\me\\a.c"])
def test_a_path_is_found_wherever_the_windows_of_a_file_end(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_paths_module, "_WINDOW", 64)
    monkeypatch.setattr(build_paths_module, "_LONGEST", 24)
    for before in range(150):
        data = b"\0" * before + path.encode() + b"\0" * 100
        assert build_paths(io.BytesIO(data)) == [path], before
        tail = b"\0" * before + b"name/home/me/a.c" + b"\0" * 100  # of a longer path
        assert build_paths(io.BytesIO(tail)) == [], before


def test_paths_are_counted_and_two_are_shown() -> None:
    paths = {"libf.a": ["/home/a/1", "/home/a/2", "/home/a/3"]}
    objects = {"libf.a": [ObjectFile("f.o", ELF, "amd64", 9)]}
    (finding,) = inspect_libraries(LINUX, Interface(), objects, ProvidedSymbols({}), paths)
    assert finding.what == "it contains 3 paths of the build machine: /home/a/1, /home/a/2 ..."


@pytest.mark.parametrize(
    ("platform", "undefined", "linkopts", "expected"),
    [
        ("linux_amd64", {"pow", "sqrtf"}, (), "-lm for pow, sqrtf"),
        ("linux_arm64", {"pow"}, ("-ldl",), "-lm for pow"),
        ("linux_amd64", {"dlopen"}, ("-lm",), "-ldl for dlopen"),
        ("linux_amd64", {"_ZNSt6thread4joinEv", "_Znwm"}, ("-lm",), "-lstdc++ for"),
        ("linux_amd64", {"_ZNSt3__15mutex4lockEv"}, (), "-lc++ for"),
        ("darwin_arm64", {"__Znwm", "_pow"}, (), "-lc++ for _Znwm"),
        ("linux_amd64_musl", {"__cxa_throw", "pow"}, (), "-lstdc++ for __cxa_throw"),
    ],
)
def test_the_option_that_provides_a_symbol_is_told_on_every_machine(
    platform: str, undefined: set[str], linkopts: tuple[str, ...], expected: str
) -> None:
    target = parse_platform(platform)
    format = MACH_O if target.os == "darwin" else ELF
    item = ObjectFile("a.o", format, target.arch, 9, undefined=undefined)
    (note,) = inspect(item, platform=target, linkopts=linkopts, is_own=False)
    assert note.level == "note"
    assert note.what.startswith(f"needs {expected}")
    option = expected.split()[0]
    assert note.remedy == f"write into the manifest: linkopts: [{', '.join([*linkopts, option])}]"
    assert inspect(item, platform=target, linkopts=(*linkopts, option), is_own=False) == []


@pytest.mark.parametrize("linkopts", [("-Wl,-Bstatic,-lstdc++",), ("-l:libstdc++.a",), ("-lc++",)])
def test_an_option_that_is_written_in_another_way_is_not_missed(linkopts: tuple[str, ...]) -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"_Znwm"})
    assert inspect(item, linkopts=linkopts, is_own=False) == []


def test_options_that_are_missing_make_one_line() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"pow", "_Znwm"})
    notes = inspect(item, linkopts=("-lz",), is_own=False)
    assert [note.what.split(" for")[0] for note in notes] == ["needs -lstdc++", "needs -lm"]
    assert {note.remedy for note in notes} == {
        "write into the manifest: linkopts: [-lz, -lstdc++, -lm]"
    }


def test_a_shared_library_that_was_linked_without_libm_needs_it_from_the_program() -> None:
    undefined = {"sqrt", "sqrtf", "inflate"}
    needed = ("libc.so.6", "ld-linux-x86-64.so.2")
    item = ObjectFile("", ELF, "amd64", 9, True, "libf.so.1", needed, undefined=undefined)
    (note,) = inspect(item, provided={}, is_own=False)
    assert note.what.startswith("needs -lm for sqrt, sqrtf, which 'linkopts' lacks")
    assert inspect(item, provided={}, linkopts=("-lm",), is_own=False) == []


def test_what_a_shared_library_loads_provides_its_symbols() -> None:
    item = ObjectFile(
        "", ELF, "amd64", 9, True, "libf.so.1", ("libm.so.6", "libc.so.6"), undefined={"pow"}
    )
    assert inspect(item, provided={}, is_own=False) == []


def test_a_shared_library_that_nobody_brings_is_told() -> None:
    item = ObjectFile(
        "", ELF, "amd64", 9, True, "libf.so.1", ("libfoo.so.2", "libbar.so", "libc.so.6")
    )
    (finding,) = inspect(
        item, provided=ProvidedSymbols({}, needed=frozenset({"libbar.so"})), is_own=False
    )
    assert str(finding).startswith(
        "warning: libf.a: loads libfoo.so.2, which is not among the library's files, and this machine"
        " has none\n  next: add it to 'shared_library'"
    )
    (finding,) = inspect(item, is_own=False)
    assert finding.what == "loads libfoo.so.2, libbar.so, which is not among the library's files"
    told = Requires(system=("foo",))
    assert inspect(item, requires=told, is_own=False) == []
    library = ObjectFile("", ELF, "amd64", 9, True, "libfoo.so.2", ("libc.so.6",))
    other = ObjectFile("", ELF, "amd64", 9, True, "libbar.so", ("libc.so.6",))
    assert inspect(item, library, other, is_own=False) == []


def test_what_the_go_package_exports_is_no_cxx() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"cgo_blockstore_get", "_cgo_panic"})
    (note,) = inspect(item, provided={}, is_own=False)
    assert str(note) == (
        "note: libf.a: expects the Go package to export _cgo_panic, cgo_blockstore_get (`//export`)"
    )


def test_a_symbol_of_a_newer_glibc_than_this_machines_is_told_as_that() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"__isoc23_strtol"})
    provided = ProvidedSymbols({}, versions={"glibc": "2.36"})
    (warning,) = inspect(item, provided=provided, is_own=False)
    assert str(warning) == (
        "warning: libf.a: needs glibc 2.38 (for __isoc23_strtol), this machine has 2.36: no program"
        ' links it here\n  next: record it in the manifest: requires: {glibc: "2.38"}'
    )
    (note,) = inspect(item, is_own=False)
    assert note.what == "needs glibc 2.38 or later (for __isoc23_strtol)"
    requires = Requires(glibc="2.38")
    assert inspect(item, requires=requires, is_own=False) == []


@pytest.mark.parametrize(
    ("symbol", "version"),
    [
        ("__cxa_call_terminate", "3.4.33"),
        ("_ZSt21ios_base_library_initv", "3.4.32"),
        (
            "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm",
            "3.4.31",
        ),
        ("_ZSt8to_charsPcS_DF128_St12chars_formati", "3.4.31"),
    ],
)
def test_a_symbol_of_a_newer_libstdcxx_than_this_machines_is_told_as_that(
    symbol: str, version: str
) -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={symbol, "_Znwm"})
    provided = ProvidedSymbols({"_Znwm": "GLIBCXX_3.4"}, versions={"libstdcxx": "3.4.30"})
    (warning,) = inspect(item, provided=provided, linkopts=("-lstdc++",), is_own=False)
    assert warning.what == (
        f"needs libstdcxx {version} (for {symbol}), this machine has 3.4.30: no program links it here"
    )
    (note,) = inspect(item, linkopts=("-lstdc++",), is_own=False)
    assert note.remedy == f'record it in the manifest: requires: {{libstdcxx: "{version}"}}'


def test_a_symbol_that_this_machines_libstdcxx_lacks_is_named() -> None:
    item = ObjectFile("a.o", ELF, "amd64", 9, undefined={"_ZNSt6chrono8get_tzdbEv", "_Znwm"})
    provided = ProvidedSymbols({"_Znwm": None})
    (warning,) = inspect(item, provided=provided, linkopts=("-lstdc++",), is_own=False)
    assert texts([warning]) == [
        "warning: 1 undefined symbols that this machine's -lstdc++ lacks: _ZNSt6chrono8get_tzdbEv"
    ]


@needs_readers
def test_what_is_said_to_be_in_libm_is_there_and_not_in_libc() -> None:
    libm, libc = provided_symbols(["-lm"]), provided_symbols([])
    if libm is None or libc is None:
        pytest.skip("there is no C compiler")
    platform = parse_platform("linux_amd64")
    assert not [name for name in libc.symbols if option_for(name, platform) == "-lm"]
    names = "pow powf powl cexp clogf sincos j0 lgamma llrint nexttoward fesetround roundeven"
    for name in names.split():
        assert name in libm.symbols
        assert option_for(name, platform) == "-lm"


@needs_readers
def test_members_with_long_names_of_gnu_and_bsd_are_read(tmp_path: Path) -> None:
    library = static_library("linux_amd64", SOURCE, tmp_path / "a_name_of_more_than_16_letters.a")
    (item,) = read_objects(library)
    assert item.name == "a_name_of_more_than_16_letters.o"
    data = library.read_bytes()
    content = data[data.index(b"\x7fELF") :]
    head = b"#1/20           0           0     0     644     %-10d`\n" % (len(content) + 20)
    library.write_bytes(b"!<arch>\n" + head + b"long_name_of_bsd.o".ljust(20, b"\0") + content)
    (item,) = read_objects(library)
    assert (item.name, item.defined) == ("long_name_of_bsd.o", {"f", "hidden"})
    library.write_bytes(b"!<arch>\n" + head.replace(b"#1/20", b"/9999") + content)
    (item,) = read_objects(library)
    assert item.name == ""


# Stripping and localizing.


def test_a_stripped_library_keeps_its_symbols_and_loses_its_debug_information(
    tmp_path: Path,
) -> None:
    from cgo_prebuilt.publishing.strip_library import strip_library

    library = static_library("linux_amd64", SOURCE, tmp_path / "libf.a", "-g3")
    for target in ("one/libf.a", "two/libf.a"):
        strip_library(LINUX, library, tmp_path / target)
    (before,), (after,) = read_objects(library), read_objects(tmp_path / "one/libf.a")
    assert before.debug > after.debug == 0
    assert after.defined == before.defined
    assert (tmp_path / "one/libf.a").read_bytes() == (tmp_path / "two/libf.a").read_bytes()


def test_all_symbols_but_the_interfaces_are_made_local(tmp_path: Path) -> None:
    from cgo_prebuilt.publishing.localize import localize

    library = static_library("linux_amd64", SOURCE, tmp_path / "libf.a")
    localize(LINUX, library, tmp_path / "out/libf.a", ["f*"])
    (after,) = read_objects(tmp_path / "out/libf.a")
    assert (after.defined, after.undefined) == ({"f"}, {"cos"})
    listed = subprocess.run(["ar", "t", tmp_path / "out/libf.a"], capture_output=True, check=True)
    assert listed.stdout == b"localized.o\n"


@pytest.mark.parametrize(("tool", "variable"), [("strip", "STRIP"), ("localize", "OBJCOPY")])
def test_a_tool_that_fails_is_named_with_the_variable_that_replaces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, variable: str
) -> None:
    from cgo_prebuilt.errors import UsageError
    from cgo_prebuilt.publishing.localize import localize
    from cgo_prebuilt.publishing.strip_library import strip_library

    library = static_library("linux_amd64", SOURCE, tmp_path / "libf.a")
    monkeypatch.setenv(variable, "false")
    runs: dict[str, Callable[[], None]] = {
        "strip": lambda: strip_library(LINUX, library, tmp_path / "x"),
        "localize": lambda: localize(LINUX, library, tmp_path / "x", ["f"]),
    }
    with pytest.raises(UsageError) as caught:
        runs[tool]()
    assert variable in str(caught.value.remedy)


def test_localizing_is_for_elf(tmp_path: Path) -> None:
    from cgo_prebuilt.errors import UsageError
    from cgo_prebuilt.publishing.localize import localize

    with pytest.raises(UsageError, match="requires ELF, which darwin_arm64 does not use"):
        localize(Platform("darwin", "arm64"), tmp_path / "a", tmp_path / "b", ["f"])
