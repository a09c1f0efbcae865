"""What a release's files are made with: archives that leave a compressor nothing to choose, and notes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.__main__ import docs_archive
from release.carried import as_carried
from release.commit import File, ReleaseError
from release.notes import changes, notes
from release.source_archive import integrity, stored_gzip, tar_gz
from release.wheels import portable_files
from release.zip_app import packed

CHANGELOG = """\
# Changelog

## [Unreleased]

- Not yet.

## [1.10.0] - 2026-11-21

### Added

- A thing.

## [1.1.0] - 2026-01-01

- An older thing.
"""


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_what_is_stored_comes_out_again(data: bytes) -> None:
    assert gzip.decompress(stored_gzip(data)) == data


@pytest.mark.parametrize("size", [65534, 65535, 65536, 131070, 131071])
def test_what_is_larger_than_a_block_comes_out_again(size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    assert gzip.decompress(stored_gzip(data[:size])) == data[:size]


def test_the_archive_does_not_depend_on_the_machine() -> None:
    files = [File("a/run.sh", b"#!/bin/sh\n", executable=True), File("b.txt", b"text")]
    data = tar_gz(files, "module-1.0", 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        streams = [archive.extractfile(member) for member in members]
        contents = [stream.read() for stream in streams if stream]
    assert [(member.name, member.mode) for member in members] == [
        ("module-1.0/a/run.sh", 0o755),
        ("module-1.0/b.txt", 0o644),
    ]
    assert contents == [b"#!/bin/sh\n", b"text"]
    for member in members:
        assert (member.mtime, member.uid, member.gid) == (1_700_000_000, 0, 0)
        assert (member.uname, member.gname) == ("", "")


def test_the_integrity_is_as_registries_write_it() -> None:
    # As `openssl dgst -sha256 -binary /dev/null | base64` prints it.
    assert integrity(b"") == "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_of_a_wheel_only_what_every_machine_can_run_is_taken() -> None:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (
            "yaml/__init__.py",
            "yaml/_yaml.so",
            "_yaml/__init__.py",
            "x.dist-info/LICENSE",
        ):
            archive.writestr(name, name)
    assert portable_files(wheel.getvalue()) == {
        "yaml/__init__.py": b"yaml/__init__.py",
        "x.dist-info/LICENSE": b"x.dist-info/LICENSE",
    }


def test_wheels_are_carried_whole_but_for_that_whose_file_openssl_opens() -> None:
    certificates = io.BytesIO()
    with zipfile.ZipFile(certificates, "w") as archive:
        archive.writestr("certifi/cacert.pem", "PEM")
    wheels = {"certifi-1-py3-none-any.whl": certificates.getvalue(), "idna-3.whl": b"zip"}
    assert as_carried(wheels) == [
        File("tools/cgo_prebuilt/carried/certifi/cacert.pem", b"PEM"),
        File("tools/cgo_prebuilt/carried/idna-3.whl", b"zip"),
    ]


def test_a_program_s_bytes_do_not_depend_on_the_order_of_its_files() -> None:
    files = {"b.py": b"2", "a.py": b"1"}
    data = packed(files)
    assert data == packed(dict(reversed(files.items())))
    assert data.startswith(b"#!/usr/bin/env python3\nPK")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == files
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_notes_hold_what_the_changelog_says_of_the_version() -> None:
    changed = changes(CHANGELOG, "1.10.0")
    assert changed == "### Added\n\n- A thing."
    assert changes(CHANGELOG, "1.1.0") == "- An older thing."
    text = notes("1.10.0", "module-v1.10.0.tar.gz", "sha256-abc=", changed)
    assert 'bazel_dep(name = "rules_cgo_prebuilt", version = "1.10.0")' in text
    assert "- A thing." in text
    assert "`module-v1.10.0.tar.gz` is `sha256-abc=`" in text


@pytest.mark.parametrize(
    "changelog",
    [CHANGELOG, "## [2.0.0] - soon\n\n- A thing.\n", "## [2.0.0] - 2026-11-21\n\n## [1.0.0]\n"],
    ids=["no section", "no date", "nothing in it"],
)
def test_a_changelog_without_the_version_is_refused(changelog: str) -> None:
    with pytest.raises(ReleaseError, match=r"does not mention 2\.0\.0\n  next: rename"):
        changes(changelog, "2.0.0")


def test_the_api_s_documentation_is_packed_for_the_central_registry(tmp_path: Path) -> None:
    for name in ("defs.binaryproto", "extensions.binaryproto", "defs.textproto"):
        (tmp_path / name).write_text(name)
    data = docs_archive(tmp_path, 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == [
            "docs/reference/defs.binaryproto",
            "docs/reference/extensions.binaryproto",
        ]


def test_a_release_without_extracted_documentation_says_what_to_build(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"there is no \.binaryproto in .*") as caught:
        docs_archive(tmp_path, 0)
    assert "next: bazel build //docs/reference:all" in str(caught.value)
