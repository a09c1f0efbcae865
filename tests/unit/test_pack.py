"""Packing: the same bytes every time, readable by everyone, and nothing left behind on an error."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.archives.decode import codec_of, decode
from cgo_prebuilt.archives.work import Work
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, UsageError
from cgo_prebuilt.manifests.platform_section import PlatformSpec
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.publishing.pack import PACKED_FORMATS, Form, Packed, pack
from cgo_prebuilt.publishing.packaging import Extras, Packing, package
from cgo_prebuilt.vouching.sums import SUMS, read_sums, update_sums
from tests.programs import provide
from tests.unit.archive_builders import MemoryStream
from tests.unit.extract_case import index_bytes
from tests.unit.library_case import (
    FILES,
    LIBRARY,
    files_below,
    manifest,
    write_files,
    write_manifest,
)
from tests.unit.test_zstd import noise


def spec(**changes: Any) -> PlatformSpec:
    return manifest(**changes).platforms[0]


def packed(
    tmp_path: Path, format: str | None = None, files: Mapping[str, bytes] = FILES, **changes: Any
) -> Packed:
    """Packs into `tmp_path/dist`."""
    folder = write_files(tmp_path / "built", files)
    (one,) = pack(spec(**changes), folder, tmp_path / "dist", Form(format))
    return one


def packed_with_sums(tmp_path: Path, files: Mapping[str, bytes] = FILES) -> Packed:
    """Packs into `tmp_path/dist`, with `SHA256SUMS`."""
    folder = write_files(tmp_path / "built", files)
    run = Packing(manifest(), folder, tmp_path / "dist", Extras(), lambda _: None, Progress())
    (one,) = package(run, run.manifest.platforms)
    return one


def refusal(tmp_path: Path, format: str | None = None, **changes: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        packed(tmp_path, format, **changes)
    return caught.value


# The bytes.


def test_the_hash_and_the_size_are_those_of_the_archive(tmp_path: Path) -> None:
    one = packed(tmp_path)
    data = one.path.read_bytes()
    assert (one.sha256, one.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert one.path == tmp_path / "dist" / "vec-v1.2.3-linux_amd64.tar.gz"


@pytest.mark.parametrize("format", PACKED_FORMATS)
def test_the_bytes_do_not_depend_on_folder_order_time_or_mode(tmp_path: Path, format: str) -> None:
    one = packed(tmp_path / "a", format)
    folder = write_files(tmp_path / "b" / "deeper", dict(reversed(list(FILES.items()))))
    for number, path in enumerate(folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o600)
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    (other,) = pack(spec(), folder, tmp_path / "elsewhere", Form(format))
    assert other.path.read_bytes() == one.path.read_bytes()


@pytest.mark.parametrize("format", PACKED_FORMATS)
def test_the_bytes_do_not_depend_on_the_process(tmp_path: Path, format: str) -> None:
    one = packed(tmp_path, format)
    write_manifest(tmp_path / "prebuilt.yaml")
    program = (
        "import os, sys; os.umask(0o077);"
        "from cgo_prebuilt.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["pack", str(tmp_path / "prebuilt.yaml"), "--platform", "linux_amd64"]
    arguments += ["--from", str(tmp_path / "built"), "--output", str(tmp_path / "other")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "POSIX",
        "SOURCE_DATE_EPOCH": "7",
    }
    subprocess.run(
        [sys.executable, "-c", program, *arguments, "--format", format],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    assert (tmp_path / "other" / one.path.name).read_bytes() == one.path.read_bytes()


def test_only_what_the_manifest_names_is_packed(tmp_path: Path) -> None:
    one = packed(tmp_path, files={**FILES, "README": b"", "lib/libvec.d": b"", "src/a.h": b""})
    with tarfile.open(one.path) as tar:
        assert tar.getnames() == ["include/vec.h", "include/vec/ext.h", "lib/libvec.a"]


def test_a_link_to_a_file_is_packed_as_the_file(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "built", {"include/vec.h": b"h", "real.a": LIBRARY})
    (folder / "lib").mkdir()
    (folder / "lib/libvec.a").symlink_to(folder / "real.a")
    (one,) = pack(spec(), folder, tmp_path / "dist", Form())
    with tarfile.open(one.path) as tar:
        assert [member.isreg() for member in tar] == [True, True]


def test_the_prefix_that_is_stripped_later_is_put_before(tmp_path: Path) -> None:
    one = packed(tmp_path, archives=[{"file": "vec.zip", "strip_prefix": "vec-{version}"}])
    assert sorted(zipfile.ZipFile(one.path).namelist())[-1] == "vec-v1.2.3/lib/libvec.a"


def test_long_names_and_names_beyond_ascii_survive(tmp_path: Path) -> None:
    name = f"include/{'long' * 40}/größe.h"
    one = packed(tmp_path, files={**FILES, name: b"x"})
    with tarfile.open(one.path) as tar:
        assert name in tar.getnames()


# Readers of others.


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def test_tar_reads_a_tar_gz(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run("tar", "-xzf", packed(tmp_path).path, "-C", tmp_path / "out")
    assert (tmp_path / "out" / "lib" / "libvec.a").read_bytes() == LIBRARY


def test_zstd_and_tar_read_a_tar_zst(tmp_path: Path) -> None:
    one = packed(tmp_path, "tar.zst")
    run(provide("zstd", "zstd"), "-q", "-d", one.path, "-o", tmp_path / "plain.tar")
    (tmp_path / "out").mkdir()
    run("tar", "-xf", tmp_path / "plain.tar", "-C", tmp_path / "out")
    assert (tmp_path / "out" / "lib" / "libvec.a").read_bytes() == LIBRARY


def test_unzip_reads_a_zip(tmp_path: Path) -> None:
    run(provide("unzip", "unzip"), "-q", packed(tmp_path, "zip").path, "-d", tmp_path / "out")
    assert (tmp_path / "out" / "lib" / "libvec.a").read_bytes() == LIBRARY
    assert (tmp_path / "out" / "lib" / "libvec.a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("format", PACKED_FORMATS)
def test_our_own_index_finds_the_same_files(tmp_path: Path, format: str) -> None:
    found = index_bytes(packed(tmp_path, format).path.read_bytes(), format)
    assert {file.path: file.sha256 for file in found} == {
        path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()
    }


@pytest.mark.parametrize(
    "layout", [{"find": "libvec.a"}, {"strip_prefix": "x/*"}, {"members": {"x.h": "y.h"}}]
)
def test_an_archive_whose_layout_is_looked_for_is_not_packed(
    layout: dict[str, Any], tmp_path: Path
) -> None:
    error = refusal(tmp_path, archives=[{"file": "vec.tar.gz", **layout}])
    assert error.what.startswith("the manifest does not say where each file of the archive goes")
    assert error.where == "vec.tar.gz"
    assert error.remedy


@pytest.mark.parametrize("format", ["tar.gz", "tar.zst"])
def test_the_tar_is_the_one_that_tarfile_writes(tmp_path: Path, format: str) -> None:
    name = f"include/{'long' * 40}/größe.h"
    files = {**FILES, name: b"x" * 5000}
    one = packed(tmp_path, format, files)
    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    stream = MemoryStream(one.path.read_bytes())
    found = b"".join(decode(stream.read, codec_of(format), Work("lib")))
    assert found == expected.getvalue()


def test_a_file_that_becomes_shorter_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Longer:
        def __init__(self, found: os.stat_result) -> None:
            self.st_size = found.st_size + 1

    fstat = os.fstat
    monkeypatch.setattr("cgo_prebuilt.publishing.pack.os.fstat", lambda f: Longer(fstat(f)))
    error = refusal(tmp_path)
    assert error.what == "the archive cannot be written: it became shorter while it was packed"
    assert error.where == str(tmp_path / "built" / "include" / "vec.h")
    assert files_below(tmp_path / "dist") == []


def test_a_level_makes_it_smaller(tmp_path: Path) -> None:
    library = noise(400_000)
    folder = write_files(tmp_path / "built", {**FILES, "lib/libvec.a": library})
    (one,) = pack(spec(), folder, tmp_path / "a", Form("tar.zst", 1))
    (other,) = pack(spec(), folder, tmp_path / "b", Form("tar.zst", 19))
    assert one.size > other.size


def test_a_level_of_another_format_is_refused(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "built")
    with pytest.raises(UsageError) as caught:
        pack(spec(), folder, tmp_path / "dist", Form("zip", 3))
    assert caught.value.what == "a level is for tar.zst, and this is a zip"
    assert not (tmp_path / "dist").exists()


# Names and formats.


@pytest.mark.parametrize(
    ("file", "format", "name"),
    [
        ("vec.tar.zst", None, "vec.tar.zst"),
        ("vec.tar.zst", "tar.zst", "vec.tar.zst"),
        ("vec.tgz", "tar.gz", "vec.tgz"),
        ("vec.tar.zst", "tar.gz", "vec.tar.gz"),
        ("vec.TAR.GZ", "zip", "vec.zip"),
        ("vec.tar.xz", "tar.zst", "vec.tar.zst"),
        ("vec.zip.tar.gz", "tar.zst", "vec.zip.tar.zst"),
    ],
)
def test_another_format_changes_the_suffix(
    tmp_path: Path, file: str, format: str | None, name: str
) -> None:
    assert packed(tmp_path, format, archives=[{"file": file}]).path.name == name


def test_a_format_that_is_not_written_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, archives=[{"file": "vec.tar.xz"}])
    assert error.what == "pack does not write tar.xz"
    assert "tar.zst, tar.gz, zip" in str(error.remedy)


# Loose files.

LOOSE: Mapping[str, Any] = {
    "archives": [
        {"file": "libvec-{platform}.a", "path": "lib/libvec.a"},
        {"file": "vec.h", "path": "include/vec.h"},
    ],
    "headers": ["include/vec.h"],
}


def test_loose_files_are_copied_under_their_published_names(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "built")
    written = pack(spec(**LOOSE), folder, tmp_path / "dist", Form())
    assert [one.path.name for one in written] == ["libvec-linux_amd64.a", "vec.h"]
    assert written[0].path.read_bytes() == LIBRARY


def test_a_loose_file_beside_an_archive_is_not_in_the_archive(tmp_path: Path) -> None:
    archives = [{"file": "vec.tar.gz"}, {"file": "vec.h", "path": "include/vec.h"}]
    folder = write_files(tmp_path / "built")
    archive, loose = pack(spec(archives=archives), folder, tmp_path / "dist", Form())
    with tarfile.open(archive.path) as tar:
        assert tar.getnames() == ["include/vec/ext.h", "lib/libvec.a"]
    assert loose.path.name == "vec.h"


def test_a_promised_file_that_no_loose_file_is_must_not_get_lost(tmp_path: Path) -> None:
    error = refusal(tmp_path, archives=LOOSE["archives"])
    assert error.what == "no archive of linux_amd64 takes include/vec/ext.h"


def test_a_loose_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    archives = [{"file": "vec.tar.gz"}, {"file": "vec.pc", "path": "vec.pc"}]
    assert "the folder lacks 'vec.pc'" in refusal(tmp_path, archives=archives).what


# SHA256SUMS.


def test_the_sums_can_be_checked_by_sha256sum(tmp_path: Path) -> None:
    packed_with_sums(tmp_path)
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=tmp_path / "dist", check=True
    )


def test_the_sums_of_other_platforms_stay_and_are_sorted(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    sums = tmp_path / "dist" / SUMS
    sums.write_text(f"{'1' * 64}  z.zip\n{'2' * 64} *a.zip\r\n", newline="")
    one = packed_with_sums(tmp_path)
    assert sums.read_bytes().decode() == (
        f"{'2' * 64}  a.zip\n{one.sha256}  {one.path.name}\n{'1' * 64}  z.zip\n"
    )


def test_packing_again_changes_one_line_and_no_other(tmp_path: Path) -> None:
    packed_with_sums(tmp_path)
    one = packed_with_sums(tmp_path, files={**FILES, "include/vec.h": b"new"})
    text = (tmp_path / "dist" / SUMS).read_text()
    assert text == f"{one.sha256}  {one.path.name}\n"


def test_what_another_pack_enters_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(path: Path) -> tuple[str, int]:
        update_sums(tmp_path / "dist" / SUMS, {"other.zip": "1" * 64})
        return sha256_of(path)

    monkeypatch.setattr("cgo_prebuilt.publishing.pack.sha256_of", meanwhile)
    one = packed_with_sums(tmp_path)
    assert list(read_sums(tmp_path / "dist" / SUMS)) == ["other.zip", one.path.name]


def test_sums_that_are_none_stop_it_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / SUMS).write_text("not a hash\n")
    error = refusal(tmp_path)
    assert error.what == "SHA256SUMS cannot be updated: 'not a hash' is not a hash and a file"
    assert files_below(tmp_path / "dist") == [SUMS]


def test_a_folder_in_the_place_of_the_sums_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dist" / SUMS).mkdir(parents=True)
    assert "SHA256SUMS cannot be updated: Is a directory" in refusal(tmp_path).what


# What goes wrong.


@pytest.mark.parametrize("absent", ["lib/libvec.a", "include/vec.h"])
def test_a_promised_file_that_was_not_built_is_named_and_nothing_is_made(
    tmp_path: Path, absent: str
) -> None:
    files = {path: data for path, data in FILES.items() if path != absent}
    error = refusal(tmp_path, files=files, headers=["include/vec.h"])
    assert error.what == (
        f"the folder lacks {absent!r}, which the manifest promises for linux_amd64"
    )
    assert error.where == str(tmp_path / "built")
    assert error.exit_code == 2
    assert not (tmp_path / "dist").exists()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # the path of a socket must be short


def _pipe_behind_a_link(path: Path) -> None:
    os.mkfifo(path.parent.parent / "pipe")
    path.symlink_to("../pipe")


ODD: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "folder outside": (
        lambda path: path.symlink_to("../../other"),
        "a link out of the folder that is packed",
    ),
    "device outside": (
        lambda path: path.symlink_to(os.devnull),
        "a link out of the folder that is packed",
    ),
    "folder": (
        lambda path: path.symlink_to("../lib"),
        "a link to a folder, and pack follows links to files only",
    ),
    "folder around it": (
        lambda path: path.symlink_to("."),
        "a link to a folder, and pack follows links to files only",
    ),
    "dangling": (lambda path: path.symlink_to("nothing"), "a link that leads nowhere"),
    "circle": (lambda path: path.symlink_to(path.name), "a link that leads nowhere"),
    "pipe": (lambda path: os.mkfifo(path), "a pipe, not a regular file"),
    "link to a pipe": (
        _pipe_behind_a_link,
        "a pipe, not a regular file",
    ),
    "socket": (_socket, "a socket, not a regular file"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("headers", ["include/**", "include/odd.h", "include/*.h"])
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_of_the_folder_is_refused_by_name(
    tmp_path: Path, kind: str, headers: str
) -> None:
    make, problem = ODD[kind]
    (tmp_path / "other").mkdir()
    folder = write_files(tmp_path / "built")
    make(folder / "include" / "odd.h")
    error = refusal(tmp_path, headers=[headers])
    assert error.what == f"include/odd.h is {problem}"
    assert error.where.startswith(str(folder / "include" / "odd.h"))
    assert not (tmp_path / "dist").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("headers", ["include/sub/ext.h", "include/*/*.h", "include/**/ext.h"])
def test_a_linked_folder_above_a_promised_file_is_refused(tmp_path: Path, headers: str) -> None:
    folder = write_files(tmp_path / "built")
    (folder / "include" / "sub").symlink_to("vec")
    error = refusal(tmp_path, headers=[headers])
    assert error.what == ("include/sub is a link to a folder, and pack follows links to files only")
    assert error.remedy == "copy the folder there, in place of the link"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_no_glob_matches_may_be_anything(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "built")
    (folder / "lib" / "up").symlink_to("..")
    (folder / "include" / ".#vec.h").symlink_to("somebody@somewhere")
    os.mkfifo(folder / "pipe")
    assert packed(tmp_path).path.exists()


def test_a_folder_with_the_name_of_a_promised_file_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, headers=["include/vec"])
    assert error.what == "include/vec is a folder, and the manifest names a file"


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="this user may read every folder"
)
def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "built")
    (folder / "include" / "vec").chmod(0)
    assert refusal(tmp_path).what == "include/vec is a folder that cannot be read"
    (folder / "include" / "vec").chmod(0o700)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder") as caught:
        pack(spec(), tmp_path / "nowhere", tmp_path / "dist", Form())
    assert caught.value.where == str(tmp_path / "nowhere")


def test_two_archives_of_one_platform_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, archives=[{"file": "a.zip"}, {"file": "b.zip"}])
    assert error.what == "the manifest has 2 archives for linux_amd64; pack writes one"


def test_a_file_in_the_place_of_the_output_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("in the way")
    error = refusal(tmp_path)
    assert error.what == f"{tmp_path / 'dist'} is not a folder"
    assert error.where == str(tmp_path / "dist")
    with pytest.raises(UsageError) as below:
        pack(spec(), tmp_path / "built", tmp_path / "dist" / "sub", Form())
    assert below.value.what == error.what


def test_an_output_folder_whose_name_is_too_long_is_named(tmp_path: Path) -> None:
    packed(tmp_path)
    with pytest.raises(UsageError, match="the folder cannot be made: ") as caught:
        pack(spec(), tmp_path / "built", tmp_path / ("x" * 300), Form())
    assert caught.value.where == str(tmp_path / ("x" * 300))


def test_a_folder_in_the_place_of_the_archive_leaves_no_partial_file(tmp_path: Path) -> None:
    (tmp_path / "dist" / "vec-v1.2.3-linux_amd64.tar.gz").mkdir(parents=True)
    error = refusal(tmp_path)
    assert error.what == "the archive cannot be written: a folder is in its place"
    assert error.where == str(tmp_path / "dist" / "vec-v1.2.3-linux_amd64.tar.gz")
    assert files_below(tmp_path / "dist") == []


def test_an_interrupt_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> tuple[str, int]:
        raise KeyboardInterrupt

    monkeypatch.setattr("cgo_prebuilt.publishing.pack.sha256_of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        packed(tmp_path)
    assert files_below(tmp_path / "dist") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_name_that_is_not_safe_everywhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"unsafe name 'include/a:b\.h'"):
        packed(tmp_path, files={**FILES, "include/a:b.h": b""})
    assert not (tmp_path / "dist").exists()


def test_without_zstd_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    error = refusal(tmp_path, "tar.zst")
    assert error.what == "this Python has no zstd"
    assert "cgo-prebuilt[fast]" in str(error.remedy)
    assert files_below(tmp_path / "dist") == []
