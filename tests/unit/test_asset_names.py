"""What names of files say of their platform, and which files are left out."""

from __future__ import annotations

import pytest

from cgo_prebuilt.drafting.asset_names import read_name, why_left_out
from cgo_prebuilt.drafting.versions import (
    find_version,
    platform_words,
    variant_of,
    with_version,
    with_words,
)
from cgo_prebuilt.platforms import parse_platform


@pytest.mark.parametrize(
    ("name", "platforms"),
    [
        ("onnxruntime-linux-x64-1.32.0.tgz", "linux_amd64"),
        ("onnxruntime-osx-universal2-1.32.0.tgz", "darwin_amd64 darwin_arm64"),
        ("onnxruntime-win-x86-1.32.0.zip", "windows_386"),
        ("tbb-2023.2.0-py2.py3-none-manylinux_2_28_x86_64.whl", "linux_amd64"),
        ("x-1.0-py3-none-musllinux_1_2_aarch64.whl", "linux_arm64_musl"),
        ("x-1.0-py3-none-macosx_11_0_universal2.whl", "darwin_amd64 darwin_arm64"),
        ("x-1.0-py3-none-win_amd64.whl", "windows_amd64"),
        ("img-sharp-libvips-linuxmusl-x64-1.3.4.tgz", "linux_amd64_musl"),
        ("img-sharp-libvips-win32-x64-1.3.3.tgz", "windows_amd64"),
        ("librdkafka_glibc_linux_amd64.a", "linux_amd64"),
        ("foo-aarch64-unknown-linux-gnu.tar.gz", "linux_arm64"),
        ("foo-aarch64-apple-darwin.tar.gz", "darwin_arm64"),
        ("foo-x86_64-pc-windows-msvc.zip", "windows_amd64"),
        ("raylib-5.0_win64_mingw-w64.zip", "windows_amd64"),
        ("raylib-5.0_win32_msvc16.zip", "windows_386"),
        ("filecoin-ffi-Linux-x86_64-standard.tar.gz", "linux_amd64"),
        ("libsqlite3-dev_3.40.1-2+deb12u2_amd64.deb", "linux_amd64"),
        ("foo-winarm64.zip", "windows_arm64"),
        ("linux64.zip", "linux_amd64"),
        ("build/macos-aarch64/libwasmtime.a", "darwin_arm64"),
        ("foo-alpine-amd64.tar.gz", "linux_amd64_musl"),
        ("foo_linux_ppc64le.tar.gz", "linux_ppc64le"),
        ("foo-armv7-linux-gnueabihf.tar.gz", "linux_arm"),
        ("raylib-5.0_macos.tar.gz", ""),
        ("headers.zip", ""),
    ],
)
def test_a_name_says_for_which_platforms_it_is(name: str, platforms: str) -> None:
    assert " ".join(map(str, read_name(name).platforms())) == platforms


def test_the_words_that_say_it_are_the_evidence() -> None:
    assert read_name("foo-osx-x64.zip").evidence() == "`osx`, `x64`"
    assert read_name("x-1.0-py3-none-manylinux2014_x86_64.whl").glibc == "2.17"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("SHA256SUMS", "checksums"),
        ("foo-1.0.tar.gz.sha256", "checksums"),
        ("checksums.txt", "checksums"),
        ("foo-1.0.tar.gz.asc", "a signature"),
        ("foo.intoto.jsonl", "a signature"),
        ("foo-1.0.spdx.json", "a bill of materials"),
        ("foo-1.0-src.tar.gz", "sources"),
        ("foo_1.0.orig.tar.gz", "sources"),
        ("foo-dbgsym_1.0_amd64.deb", "debug symbols"),
        ("duckdb_cli-linux-amd64.zip", "a program, by its name"),
        ("README.md", "no archive and no library"),
        ("foo-android-arm64.tar.gz", "for a platform that is not supported (`android`, `arm64`)"),
        ("foo-linux-loong64.tgz", "for a platform that is not supported (`linux`, `loong64`)"),
        ("foo-linux-x64.tgz", None),
        ("libsodium-dev_1.0_amd64.deb", None),
        ("foo.h", None),
    ],
)
def test_a_file_without_a_library_is_left_out_with_the_reason(
    name: str, reason: str | None
) -> None:
    assert why_left_out(name) == reason


@pytest.mark.parametrize(
    ("tag", "file", "version"),
    [
        ("v1.32.0", "x-1.32.0.tgz", "1.32.0"),
        ("v1.32.0", "x-v1.32.0.tgz", "v1.32.0"),
        ("v1.32.0", "x.tgz", "v1.32.0"),
        ("", "x-linux-x64-1.32.0.tgz", "1.32.0"),
        ("", "tbb-2023.2.0-py2.py3-none-manylinux_2_28_x86_64.whl", "2023.2.0"),
        ("", "libsqlite3-dev_3.40.1-2+deb12u2_amd64.deb", "3.40.1-2+deb12u2"),
        ("", "v0.0.0-20251219133454-43644db490ff.zip", "v0.0.0-20251219133454-43644db490ff"),
        ("", "x-1.2.3-rc.1-linux.zip", "1.2.3-rc.1"),
        ("", "x-macos-11.0-arm64.zip", ""),
    ],
)
def test_the_version_is_written_as_the_files_have_it(tag: str, file: str, version: str) -> None:
    assert find_version(tag, [file], []) == version


def test_a_placeholder_stands_for_the_version_alone() -> None:
    assert (
        with_version("https://x/v1.32.0/x-1.32.0.tgz", "1.32.0")
        == "https://x/v{version}/x-{version}.tgz"
    )
    assert (
        with_version("v1.2.0/x-1.2.0/1.2.0.1/11.2.0", "v1.2.0")
        == "{version}/x-{bare_version}/1.2.0.1/11.2.0"
    )
    assert with_version("a5/b5", "5") == "a5/b5"


@pytest.mark.parametrize(
    ("name", "platform", "words", "text"),
    [
        ("x-osx-x64.zip", "darwin_amd64", {"os": "osx", "arch": "x64"}, "x-{os}-{arch}.zip"),
        (
            "x-x86_64-unknown-linux-gnu.tgz",
            "linux_amd64",
            {"os": "unknown-linux-gnu", "arch": "x86_64"},
            "x-{arch}-{os}.tgz",
        ),
        (
            "x_glibc_linux_arm64.a",
            "linux_arm64",
            {"os": "glibc_linux", "arch": "arm64"},
            "x_{os}_{arch}.a",
        ),
    ],
)
def test_placeholders_stand_for_the_words_of_a_platform(
    name: str, platform: str, words: dict[str, str], text: str
) -> None:
    assert platform_words(parse_platform(platform), [name]) == words
    assert with_words(name, parse_platform(platform), words) == text


def test_the_rest_of_a_name_is_its_variant() -> None:
    assert (
        variant_of("filecoin-ffi-Linux-x86_64-standard.tar.gz", "v1.2.3") == "filecoin-ffi-standard"
    )
    assert variant_of("onnxruntime-linux-x64-gpu-1.32.0.tgz", "1.32.0") == "onnxruntime-gpu"
    assert variant_of("onnxruntime-1.32.0-cp311-cp311-win_amd64.whl", "1.32.0") == "onnxruntime"
