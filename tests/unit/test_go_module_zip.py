"""Zips of Go modules and their hashes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UsageError
from cgo_prebuilt.go_modules import module_zip
from cgo_prebuilt.go_modules.dirhash import go_mod_hash, hash1, module_hash
from cgo_prebuilt.go_modules.go_module import GoModule
from cgo_prebuilt.go_modules.module_zip import (
    check_contents,
    check_sizes,
    contents_hash,
    read_module_zip,
    write_module_zip,
)

MODULE = GoModule("a.dev/X", "v1.0.0")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_hash_of_nothing_is_that_of_go() -> None:
    # The hash that go.sum has for an empty module, as dirhash.Hash1 of no files gives it.
    assert hash1({}) == "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_the_hash_does_not_depend_on_the_order_of_the_files() -> None:
    assert hash1({"b": EMPTY, "a": EMPTY}) == hash1({"a": EMPTY, "b": EMPTY})
    assert module_hash(MODULE, {"a": EMPTY}) == hash1({"a.dev/X@v1.0.0/a": EMPTY})


def test_a_go_mod_has_a_hash_of_its_own() -> None:
    # Of golang.org/x/mod v0.29.0, as its go.sum line says.
    text = b"module golang.org/x/mod\n\ngo 1.24.0\n\nrequire golang.org/x/tools v0.37.0 // tagx:ignore\n"
    assert go_mod_hash(text) == "h1:NyhrlYXJ2H4eJiRy/WDBO6HMqZQ6q9nk4JzS3NuCK+w="


def test_a_zip_reads_back_with_the_hash_of_its_contents(tmp_path: Path) -> None:
    (tmp_path / "libx.a").write_bytes(b"!<arch>\n" * 1000)
    contents: dict[str, bytes | Path] = {
        "go.mod": b"module a.dev/X\n",
        "lib/libx.a": tmp_path / "libx.a",
    }
    write_module_zip(MODULE, contents, tmp_path / "x.zip")
    found = read_module_zip(MODULE, tmp_path / "x.zip")
    assert found.zip_hash == contents_hash(MODULE, contents)
    assert found.go_mod_hash == go_mod_hash(b"module a.dev/X\n")


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    write_module_zip(MODULE, {"b": b"1", "a": b"2"}, tmp_path / "1.zip")
    write_module_zip(MODULE, {"a": b"2", "b": b"1"}, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert archive.namelist() == ["a.dev/X@v1.0.0/a", "a.dev/X@v1.0.0/b"]


def test_a_zip_of_another_module_is_refused(tmp_path: Path) -> None:
    write_module_zip(GoModule("a.dev/X", "v1.0.1"), {"go.mod": b""}, tmp_path / "x.zip")
    with pytest.raises(IntegrityError, match=r"does not begin with 'a\.dev/X@v1\.0\.0/'"):
        read_module_zip(MODULE, tmp_path / "x.zip")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("include/go.mod", "go.mod may only be at the root"),
        ("GO.MOD", "go.mod may only be at the root"),
        ("include/vendor/x.h", "a folder 'vendor' is left out"),
        ("include/x;.h", "it has the character ';'"),
        ("../x", "unsafe name"),
    ],
)
def test_a_name_that_go_refuses_is_refused(path: str, reason: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        check_contents(MODULE, {path: b""})
    assert reason in caught.value.what
    assert caught.value.where == "a.dev/X@v1.0.0"


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(IntegrityError, match="one file where case"):
        check_contents(MODULE, {"include/A.h": b"", "include/a.h": b""})


def test_files_of_the_limit_are_taken_and_one_byte_more_is_refused_with_the_numbers() -> None:
    limit = 500 << 20
    check_sizes(MODULE, {"a": limit - 1, "b": 1})
    with pytest.raises(UsageError) as caught:
        check_sizes(MODULE, {"lib/a.a": limit, "b": 1, "c": 0, "d": 0})
    assert "its files have 524288001 bytes, lib/a.a 500.0 MiB, b 0.0 MiB, c 0.0 MiB" in str(
        caught.value
    )
    assert "at most 524288000 bytes (500 MiB) are allowed" in str(caught.value)


@pytest.mark.parametrize("name", ["go.mod", "LICENSE"])
def test_a_text_over_its_own_limit_is_refused(name: str) -> None:
    check_sizes(MODULE, {name: 16 << 20})
    with pytest.raises(UsageError, match="has 16777217 bytes, and may have 16777216"):
        check_sizes(MODULE, {name: (16 << 20) + 1})


def test_a_zip_that_is_larger_than_its_files_is_measured_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"lib/x.a": bytes(range(256))}  # does not compress
    write_module_zip(MODULE, contents, tmp_path / "good.zip")
    size = (tmp_path / "good.zip").stat().st_size
    monkeypatch.setattr(module_zip, "MODULE_MAX", size - 1)
    with pytest.raises(UsageError, match=f"its zip has {size} bytes"):
        write_module_zip(MODULE, contents, tmp_path / "bad.zip")
    assert not (tmp_path / "bad.zip").exists()
    with pytest.raises(UsageError, match=f"its zip has {size} bytes"):
        read_module_zip(MODULE, tmp_path / "good.zip")


def test_what_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CgoPrebuiltError, match="cannot be written"):
        write_module_zip(MODULE, {"a": b""}, tmp_path / "missing" / "x.zip")
