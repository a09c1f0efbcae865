"""The name that a shared library is looked for by, read from real ones and from damaged ones."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.locks.lock import Interface, LockedArchive, LockedPlatform
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.releases.exposing import expose, without_link_names
from cgo_prebuilt.releases.index import WantedFiles, index
from cgo_prebuilt.soname import read_soname
from tests.e2e.compilers import run_tool, shared_library
from tests.e2e.zig import zig_program
from tests.unit.archive_builders import (
    END_OF_TAR,
    MemoryStream,
    compress,
    locked_file,
    tar_member,
)

SOURCE = "int f(void) { return 1; }\n"


def soname_of(library: Path) -> str | None:
    with library.open("rb") as file:
        return read_soname(file)


@pytest.mark.parametrize(
    ("platform", "flags", "name"),
    [
        ("linux_amd64", ["-Wl,-soname,libf.so.1"], "libf.so.1"),
        ("linux_amd64", ["-Wl,-soname,libf.so.1", "-Wl,-z,separate-code", "-g"], "libf.so.1"),
        ("linux_amd64", [], None),
        ("linux_arm64", ["-Wl,-soname,libf.so.2"], "libf.so.2"),
        ("linux_amd64_musl", ["-Wl,-soname,libf.so.3"], "libf.so.3"),
        ("darwin_arm64", ["-install_name", "@rpath/libf.1.dylib"], "libf.1.dylib"),
        ("darwin_amd64", ["-install_name", "/usr/local/lib/libf.2.dylib"], "libf.2.dylib"),
        ("windows_amd64", [], None),
    ],
)
def test_the_name_is_what_the_linker_wrote(
    platform: str, flags: list[str], name: str | None, tmp_path: Path
) -> None:
    assert soname_of(shared_library(platform, SOURCE, tmp_path / "libf.so", *flags)) == name


@pytest.mark.parametrize("target", ["x86-linux-musl", "s390x-linux-musl", "arm-linux-musleabihf"])
def test_the_name_is_read_from_32_bits_and_from_big_endian_too(target: str, tmp_path: Path) -> None:
    (tmp_path / "f.c").write_text(SOURCE)
    flags = ["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libf.so.4"]
    command = [str(zig_program()), "cc", "-target", target, *flags]
    run_tool(*command, tmp_path / "f.c", "-o", tmp_path / "libf.so")
    assert soname_of(tmp_path / "libf.so") == "libf.so.4"


def test_a_universal_library_has_the_name_of_its_first_architecture(tmp_path: Path) -> None:
    flags = ["-install_name", "@rpath/libf.1.dylib"]
    data = shared_library("darwin_arm64", SOURCE, tmp_path / "f", *flags).read_bytes()
    fields = (0x0100000C, 0, 16384, len(data), 14)
    header = b"\xca\xfe\xba\xbe" + (1).to_bytes(4, "big")
    header += b"".join(field.to_bytes(4, "big") for field in fields)
    assert read_soname(io.BytesIO(header.ljust(16384, b"\0") + data)) == "libf.1.dylib"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x7fELF", b"MZ", b"!<arch>\n", b"INPUT(libf.so.1)\n", b"\xca\xfe\xba\xbe", b"\0" * 99],
)
def test_what_is_no_shared_library_has_no_name(data: bytes) -> None:
    assert read_soname(io.BytesIO(data)) is None


def test_whatever_is_damaged_there_is_a_name_or_none(tmp_path: Path) -> None:
    noise = random.Random(1)
    libraries = [
        shared_library("linux_amd64", SOURCE, tmp_path / "e", "-Wl,-soname,libf.so.1"),
        shared_library("darwin_arm64", SOURCE, tmp_path / "m", "-install_name", "@rpath/f.dylib"),
    ]
    for data in (library.read_bytes() for library in libraries):
        for _ in range(2000):
            damaged = bytearray(data)
            for _ in range(noise.randrange(1, 6)):
                damaged[noise.randrange(600)] = noise.choice((0, 0xFF, noise.randrange(256)))
            found = read_soname(io.BytesIO(damaged[: noise.choice((70, 900, len(damaged)))]))
            assert found is None or len(found) <= 4096


# The use of the name.


def platform_with(*files: tuple[str, bytes], shared: str) -> LockedPlatform:
    locked = tuple(locked_file(path, data) for path, data in files)
    archive = LockedArchive("x.tgz", (), "0" * 64, 1, "tar.gz", "x-1", locked)
    return LockedPlatform((archive,), Interface(shared_library=(shared,)))


def test_a_shared_library_gets_the_name_that_programs_look_for() -> None:
    given = platform_with(("lib/libf.so", b"f"), ("x.h", b"h"), shared="lib/libf.so")
    found = expose(given, {"lib/libf.so": "libf.so.1"})
    assert found.interface.shared_library == ("lib/libf.so.1",)
    assert [(file.path, file.member) for file in found.files()] == [
        ("lib/libf.so", ""),
        ("lib/libf.so.1", "x-1/lib/libf.so"),
        ("x.h", ""),
    ]
    assert found.files()[0].sha256 == found.files()[1].sha256
    again = without_link_names(found)
    assert [file.path for file in again.files()] == ["lib/libf.so.1", "x.h"]


@pytest.mark.parametrize("sonames", [{}, {"libf.so": "libf.so"}])
def test_a_shared_library_without_another_name_stays_as_it_is(sonames: dict[str, str]) -> None:
    given = platform_with(("libf.so", b"f"), shared="libf.so")
    assert expose(given, sonames) == given


def test_a_copy_that_has_the_name_already_is_taken() -> None:
    given = platform_with(("libf.so", b"f"), ("libf.so.1", b"f"), shared="libf.so")
    found = expose(given, {"libf.so": "libf.so.1"})
    assert found.interface.shared_library == ("libf.so.1",)
    assert found.archives == given.archives


def test_another_file_that_has_the_name_is_refused() -> None:
    given = platform_with(("libf.so", b"f"), ("libf.so.1", b"other"), shared="libf.so")
    with pytest.raises(ManifestError) as caught:
        expose(given, {"libf.so": "libf.so.1"})
    assert caught.value.what == (
        "'libf.so' has the SONAME libf.so.1, which is another file of the library"
    )
    assert caught.value.remedy == "name libf.so.1 in 'shared_library', or leave it out"


# The version of a file is found.


def indexed(wanted: str, **files: bytes) -> tuple[list[tuple[str, str]], dict[str, str]]:
    tar = b"".join(tar_member(f"lib/{name}", data) for name, data in files.items())
    spec = ArchiveSpec("lib.tar.gz", (), "tar.gz", "", "")
    data = MemoryStream(compress(tar + END_OF_TAR, "tar.gz"))
    found = index(data, spec, WantedFiles([wanted], [wanted]), where="lib.tar.gz")
    return [(file.path, file.member) for file in found.files], dict(found.sonames)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("library") / "libf.so"
    return shared_library("linux_amd64", SOURCE, path, "-Wl,-soname,libf.so.1").read_bytes()


@pytest.mark.parametrize(
    ("names", "member"),
    [
        (["libf.so.1.32.0"], "lib/libf.so.1.32.0"),
        (["libf.so", "libf.so.1.32.0"], ""),
        # Copies, as wheels have them: the one that programs look for.
        (["libf.so.1", "libf.so.1.32.0"], "lib/libf.so.1"),
        (["libf.so.1.32.0", "libf.so.debug", "libff.so.1"], "lib/libf.so.1.32.0"),
    ],
)
def test_a_shared_library_is_found_whatever_its_version(
    names: list[str], member: str, library: bytes
) -> None:
    files, sonames = indexed("lib/libf.so", **dict.fromkeys(names, library))
    assert files == [("lib/libf.so", member)]
    assert sonames == {"lib/libf.so": "libf.so.1"}


def test_a_dylib_is_found_whatever_its_version() -> None:
    files, sonames = indexed("lib/libf.dylib", **{"libf.1.2.dylib": b"x", "libf.x.dylib": b"y"})
    assert files == [("lib/libf.dylib", "lib/libf.1.2.dylib")]
    assert sonames == {}


def test_versions_that_differ_are_listed(library: bytes) -> None:
    with pytest.raises(ManifestError) as caught:
        indexed("lib/libf.so", **{"libf.so.1": library, "libf.so.2": library + b"\0"})
    assert caught.value.what == "'lib/libf.so' may be any of lib/libf.so.1, lib/libf.so.2"
    assert caught.value.remedy == "name the right one in the manifest"
