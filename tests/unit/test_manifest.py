"""The manifest: what it can say, and what it says of what is wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.archive_names import format_of
from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.locks.lock import Build
from cgo_prebuilt.manifests.manifest import Manifest, read_manifest
from cgo_prebuilt.manifests.platform_section import PlatformSpec
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.requirements import Requires
from cgo_prebuilt.url import Url
from tests.unit.library_case import manifest, read_text_as_manifest

DESIGN = """
name: vecsearch
version: v0.3.0
urls:
  - https://github.com/acme/vecsearch/releases/download/{version}/{file}
archives:
  - file: vecsearch-{version}-{platform}.tar.zst
    strip_prefix: ""
static_library: lib/libvecsearch.a
headers: [include/**]
include_dirs: [include]
platforms:
  linux_amd64: {linkopts: [-lm, -ldl, -lpthread], requires: {glibc: "2.28"}}
  linux_amd64_musl: {}
  darwin_arm64: {linkopts: ["-framework Security", "-framework CoreFoundation"]}
  windows_amd64: {linkopts: [-lws2_32, -luserenv, -lntdll]}
source:
  path: native
  build: {tool: cargo, args: [--locked]}
  static_library: target/release/libvecsearch.a
  headers: [include/vecsearch.h]
go:
  module: go.acme.dev/vecsearch-prebuilt
"""

LANCEDB = """
name: lancedb
version: v0.1.2
urls: ["https://github.com/lancedb/lancedb-go/releases/download/{version}/{file}"]
archives: [{file: lancedb-go-native-binaries.tar.gz}]
static_library: lib/{os}_{arch}/liblancedb_go.a
headers: [include/lancedb.h]
include_dirs: [include]
platforms:
  linux_amd64: {linkopts: [-lm, -ldl, -lpthread]}
  darwin_arm64: {linkopts: ["-framework Security"]}
"""

LANCEDB_LOOSE = """
name: lancedb
version: v0.1.2
urls: ["https://github.com/lancedb/lancedb-go/releases/download/{version}/{file}"]
archives:
  - {file: "liblancedb_go-{platform}.a", path: lib/liblancedb_go.a}
  - {file: lancedb.h, path: include/lancedb.h}
static_library: lib/liblancedb_go.a
headers: [include/lancedb.h]
include_dirs: [include]
platforms: {linux_amd64: }
"""

FILECOIN = """
name: filecoin-ffi
version: v1.2.3
urls: ["https://github.com/filecoin-project/filecoin-ffi/releases/download/{version}/{file}"]
static_library: libfilcrypto.a
headers: [filcrypto.h]
platforms:
  linux_amd64:
    archives: [{file: filecoin-ffi-Linux-x86_64-standard.tar.gz}]
  linux_arm64:
    archives: [{file: filecoin-ffi-Linux-aarch64-standard.tar.gz}]
  darwin_amd64: &macos
    archives: [{file: filecoin-ffi-Darwin-standard.tar.gz}]
    linkopts: ["-framework OpenCL"]
  darwin_arm64: *macos
"""

CIRCULAR = """
name: vec
version: v1
urls: ["https://example.com/{file}"]
archives: [{file: vec.tar.gz}]
static_library: ["lib/{os}/liba.a", "lib/{os}/libb.a"]
alwayslink: "lib/{os}/libb.a"
circular: ["lib/{os}/liba.a", "lib/{os}/libb.a"]
platforms: {linux_amd64: }
"""

DUCKDB = """
name: duckdb
version: v1.4.3
urls: ["https://github.com/duckdb/duckdb/releases/download/{version}/{file}"]
archives: [{file: "libduckdb-{os}-{arch}.zip"}]
headers: [duckdb.h, duckdb.hpp]
platforms:
  linux_amd64: {shared_library: libduckdb.so}
  darwin_arm64:
    archives: [{file: libduckdb-osx-universal.zip}]
    shared_library: libduckdb.dylib
  windows_amd64: {shared_library: duckdb.dll, interface_library: duckdb.lib}
"""

WHEEL = """
name: vec
version: "1.0"
urls: ["https://example.com/{file}"]
archives: [{file: "vec-{version}-py3-none-manylinux_2_28_x86_64.whl", strip_prefix: vec/}]
shared_library: lib/libvec.so
headers: ["include/**"]
include_dirs: [include]
platforms: {linux_amd64: {}}
"""


def spec(read: Manifest, platform: str = "linux_amd64") -> PlatformSpec:
    return read.platform(parse_platform(platform))


def refusal(**changes: Any) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        manifest(**changes)
    return caught.value


def refusal_of_text(folder: Path, text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        read_text_as_manifest(folder, text)
    return caught.value


# What it can describe.


def test_the_design_s_example_is_read_whole(tmp_path: Path) -> None:
    read = read_text_as_manifest(tmp_path, DESIGN)
    assert (read.name, read.version, read.folder) == ("vecsearch", "v0.3.0", tmp_path)
    assert [str(one.platform) for one in read.platforms] == [
        "linux_amd64",
        "linux_amd64_musl",
        "darwin_arm64",
        "windows_amd64",
    ]
    (archive,) = spec(read).archives
    assert archive.file == "vecsearch-v0.3.0-linux_amd64.tar.zst"
    folder = "https://github.com/acme/vecsearch/releases/download/v0.3.0"
    assert archive.urls == (Url(f"{folder}/{archive.file}"),)
    assert archive.format == "tar.zst"
    interface = spec(read).interface
    assert interface.static_library == ("lib/libvecsearch.a",)
    assert interface.headers == ("include/**",)
    assert interface.linkopts == ("-lm", "-ldl", "-lpthread")
    assert interface.requires == Requires(glibc="2.28")
    assert spec(read, "linux_amd64_musl").interface.requires == Requires()
    assert read.source is not None
    assert read.source.build == Build("cargo", ("--locked",))
    assert read.source.outputs.static_library == ("target/release/libvecsearch.a",)
    assert read.source.installed == ("lib/libvecsearch.a",)
    assert read.source.outputs.include_dirs == ("include",)
    assert read.go is not None
    assert read.go.module == "go.acme.dev/vecsearch-prebuilt"


def test_lancedb_is_one_archive_for_all_platforms(tmp_path: Path) -> None:
    read = read_text_as_manifest(tmp_path, LANCEDB)
    assert spec(read).archives == spec(read, "darwin_arm64").archives
    assert spec(read).interface.static_library == ("lib/linux_amd64/liblancedb_go.a",)
    assert spec(read, "darwin_arm64").interface.static_library == (
        "lib/darwin_arm64/liblancedb_go.a",
    )


def test_lancedb_is_loose_files_too(tmp_path: Path) -> None:
    library, header = spec(read_text_as_manifest(tmp_path, LANCEDB_LOOSE)).archives
    assert (library.format, library.file) == ("file", "liblancedb_go-linux_amd64.a")
    assert library.path == "lib/liblancedb_go.a"
    assert (header.format, header.path) == ("file", "include/lancedb.h")


def test_filecoin_has_names_of_its_own_and_one_archive_for_both_macs(tmp_path: Path) -> None:
    read = read_text_as_manifest(tmp_path, FILECOIN)
    assert spec(read).archives[0].file == "filecoin-ffi-Linux-x86_64-standard.tar.gz"
    assert spec(read, "darwin_amd64").archives == spec(read, "darwin_arm64").archives
    assert spec(read).interface.include_dirs == (".",)


def test_archives_may_be_circular_or_linked_as_a_whole(tmp_path: Path) -> None:
    interface = spec(read_text_as_manifest(tmp_path, CIRCULAR)).interface
    assert interface.alwayslink == ("lib/linux/libb.a",)
    assert interface.circular == ("lib/linux/liba.a", "lib/linux/libb.a")
    error = refusal_of_text(tmp_path, CIRCULAR.replace('os}/libb.a"\n', 'os}/libc.a"\n'))
    assert error.what.startswith("'static_library' lacks lib/linux/libc.a, which 'alwayslink'")


def test_duckdb_is_a_zip_with_a_shared_library(tmp_path: Path) -> None:
    read = read_text_as_manifest(tmp_path, DUCKDB)
    (archive,) = spec(read).archives
    assert (archive.file, archive.format) == ("libduckdb-linux-amd64.zip", "zip")
    assert spec(read, "darwin_arm64").archives[0].file == "libduckdb-osx-universal.zip"
    assert spec(read, "windows_amd64").interface.interface_library == ("duckdb.lib",)


def test_a_wheel_is_a_zip_with_a_prefix(tmp_path: Path) -> None:
    (archive,) = spec(read_text_as_manifest(tmp_path, WHEEL)).archives
    assert archive.format == "zip"
    assert archive.strip_prefix == "vec"


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("a.tar.gz", "tar.gz"),
        ("a.tgz", "tar.gz"),
        ("a.tar.xz", "tar.xz"),
        ("a.tar.zst", "tar.zst"),
        ("A.ZIP", "zip"),
        ("a.whl", "zip"),
        ("a.a", "file"),
        ("a.tar", "tar"),
        ("a.tar.bz2", "tar.bz2"),
        ("a-1.0.crate", "tar.gz"),
        ("a.nupkg", "zip"),
        ("a.conda", "conda"),
        ("a_1.0_amd64.deb", "deb"),
        ("a.gem", "gem"),
        ("liba.a.gz", "gz"),
        ("liba.so.xz", "xz"),
        ("LICENSE", "file"),
    ],
)
def test_the_name_says_the_format(file: str, format: str) -> None:
    assert format_of(file) == format


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("libvec-linux.a.gz", "libvec-linux.a"),
        ("libvec.so.1.xz", "libvec.so.1"),
        ("LIBVEC.A.ZST", "LIBVEC.A"),
        ("libvec.a.bz2", "libvec.a"),
        ("libvec.a", "libvec.a"),
    ],
)
def test_a_compressed_file_goes_where_its_name_says(file: str, path: str) -> None:
    (archive,) = spec(manifest(archives=[{"file": file}])).archives
    assert archive.path == path
    (placed,) = spec(manifest(archives=[{"file": file, "path": "lib/x.a"}])).archives
    assert placed.path == "lib/x.a"


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("a.7z", ".7z"),
        ("a-1.0.x86_64.rpm", ".rpm"),
        ("a.tar.lz4", ".lz4"),
        ("a.tar.Z", ".z"),
        ("a.tar.br", ".br"),
        ("a.tar.foo", ".tar.foo"),
        ("a.tlz", ".tlz"),
        ("a.dmg", ".dmg"),
        ("a.rar", ".rar"),
    ],
)
def test_a_format_that_is_not_read_is_no_loose_file(file: str, format: str) -> None:
    error = refusal(archives=[{"file": file}])
    assert error.what == f"{file!r} is of a format that is not read: {format}"
    assert "in one of bz2, conda, deb, file, gem, gz, tar, tar.bz2, tar.gz" in str(error.remedy)
    (archive,) = spec(manifest(archives=[{"file": file, "format": "file"}])).archives
    assert (archive.format, archive.path) == ("file", file)


def test_an_explicit_format_overrides_the_name() -> None:
    (archive,) = spec(manifest(archives=[{"file": "download", "format": "zip"}])).archives
    assert archive.format == "zip"


def test_a_platform_overrides_what_stands_above_and_nothing_else() -> None:
    read = manifest(
        linkopts=["-lm"],
        defines=["A"],
        platforms={"linux_amd64": {"linkopts": ["-ldl"]}, "darwin_arm64": None},
    )
    assert spec(read).interface.linkopts == ("-ldl",)
    assert spec(read).interface.defines == ("A",)
    assert spec(read, "darwin_arm64").interface.linkopts == ("-lm",)


def test_an_empty_list_of_a_platform_overrides_too() -> None:
    read = manifest(linkopts=["-lm"], platforms={"linux_amd64": {"linkopts": []}})
    assert spec(read).interface.linkopts == ()


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"linkopts": {"a": 1}}, "'linkopts' must be a list of strings"),
        ({"urls": 3}, "'urls' must be a list of strings"),
        ({"requires": ["glibc"]}, "expected a mapping, found a list"),
    ],
)
@pytest.mark.parametrize("place", ["the manifest", "a platform", "a flavor"])
def test_a_wrong_type_is_refused_where_everybody_overrides_it_too(
    wrong: dict[str, object], what: str, place: str
) -> None:
    (key,) = wrong
    right: dict[str, object] = {key: {"glibc": "2.28"} if key == "requires" else ["-lm"]}
    parts: dict[str, dict[str, Any]] = {
        "the manifest": {**wrong, "platforms": {"linux_amd64": right}},
        "a platform": {
            "platforms": {"linux_amd64": wrong},
            "flavors": {"one": {"platforms": {"linux_amd64": right}}},
        },
        "a flavor": {"flavors": {"one": {**wrong, "platforms": {"linux_amd64": right}}}},
    }
    with pytest.raises(ManifestError, match=what):
        manifest(**parts[place])


def test_several_archives_keep_their_order_and_may_have_urls_of_their_own() -> None:
    one, other = spec(
        manifest(archives=[{"file": "b.zip"}, {"file": "a.zip", "urls": ["https://o/{file}"]}])
    ).archives
    assert one.urls == (Url("https://example.com/v1.2.3/b.zip"),)
    assert other.urls == (Url("https://o/a.zip"),)


def test_placeholders_are_filled_in_wherever_they_stand() -> None:
    read = manifest(
        static_library="lib/{platform}/lib{name}.a",
        linkopts=["-Wl,--defsym,v={version}"],
        archives=[{"file": "{name}.zip", "strip_prefix": "{name}-{version}"}],
    )
    assert spec(read).interface.static_library == ("lib/linux_amd64/libvec.a",)
    assert spec(read).interface.linkopts == ("-Wl,--defsym,v=v1.2.3",)
    assert spec(read).archives[0].strip_prefix == "vec-v1.2.3"


def test_a_platform_has_the_names_that_its_release_gives_it() -> None:
    spec = manifest(
        archives=[{"file": "vec-{os}-{arch}-{variant}.tgz", "strip_prefix": "vec-{os}"}],
        static_library="{platform}/libvec.a",
        platforms={"darwin_amd64": {"names": {"os": "osx", "arch": "x64", "variant": "a"}}},
        flavors={"fast": {"platforms": {"darwin_amd64": {"names": {"variant": "b"}}}}},
    ).platforms[0]
    assert (spec.archives[0].file, spec.archives[0].strip_prefix) == (
        "vec-osx-x64-b.tgz",
        "vec-osx",
    )
    assert spec.interface.static_library == ("darwin_amd64/libvec.a",)


@pytest.mark.parametrize("name", ["version", "file", "flavor", "OS", ""])
def test_a_platform_names_no_placeholder_that_is_not_its_own(name: str) -> None:
    with pytest.raises(ManifestError, match="'names' gives a value to ") as caught:
        manifest(platforms={"linux_amd64": {"names": {name: "x"}}})
    assert "placeholders of your own" in str(caught.value)


def test_an_archive_may_be_laid_out_by_patterns_and_names() -> None:
    first, second = spec(
        manifest(
            archives=[
                {"file": "a.zip", "strip_prefix": "tmp/{name}-*/"},
                {
                    "file": "b.zip",
                    "find": "lib{name}.a",
                    "members": {"lib/lib{name}.so.1": "lib/lib{name}.so.1-{version}"},
                },
            ]
        )
    ).archives
    assert first.strip_prefix == "tmp/vec-*"
    assert (second.find, second.members) == (
        "libvec.a",
        (("lib/libvec.so.1", "lib/libvec.so.1-v1.2.3"),),
    )
    assert not first.has_fixed_layout
    assert not second.has_fixed_layout


def test_libraries_are_listed_in_link_order() -> None:
    read = manifest(static_library=["lib/z.a", "lib/a.a"])
    assert spec(read).interface.static_library == ("lib/z.a", "lib/a.a")


def test_another_version_may_be_given_from_outside(tmp_path: Path) -> None:
    (tmp_path / "prebuilt.yaml").write_text(LANCEDB)
    assert read_manifest(tmp_path / "prebuilt.yaml", "v0.9.9").version == "v0.9.9"


def test_yaml_may_merge_and_override_what_it_merged(tmp_path: Path) -> None:
    text = FILECOIN.replace("*macos", "\n    <<: *macos\n    linkopts: [-lm]")
    assert spec(read_text_as_manifest(tmp_path, text), "darwin_arm64").interface.linkopts == (
        "-lm",
    )


def test_a_platform_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(ManifestError, match="vec has no platform windows_amd64") as caught:
        spec(manifest(), "windows_amd64")
    assert caught.value.where == "prebuilt.yaml"
    assert "it has linux_amd64; add `windows_amd64: {}`" in str(caught.value.remedy)


# Files that are no manifest.


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such manifest") as caught:
        read_manifest(tmp_path / "prebuilt.yml")
    assert caught.value.where == str(tmp_path / "prebuilt.yml")


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read: Is a directory"):
        read_manifest(tmp_path)


def test_bytes_that_are_not_utf_8_are_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "prebuilt.yaml").write_bytes(b"name: \xff")
    with pytest.raises(ManifestError, match="cannot be read: 'utf-8' codec"):
        read_manifest(tmp_path / "prebuilt.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "name: [",
        "\tname: vec",
        "name: vec: x",
        "version: 2024-13-45",
        "version: !!int ''",
        "version: !!bool maybe",
        "version: !!timestamp soon",
        "name: !!python/object:os.system {}",
        "a: " + "9" * 5000,
        "[" * 5000,
        "%YAML 9",
        "--- a\n--- b",
        "name: *unknown",
    ],
)
def test_what_is_not_yaml_is_refused_on_one_line_with_its_place(tmp_path: Path, text: str) -> None:
    error = refusal_of_text(tmp_path, text)
    assert error.what.startswith("the manifest is not YAML: ")
    assert "\n" not in error.what
    assert error.where == str(tmp_path / "prebuilt.yaml")


def test_a_key_that_is_there_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refusal_of_text(tmp_path, LANCEDB + "  linux_amd64: {}\n")
    assert "the key 'linux_amd64' appears twice" in error.what
    assert "at line 12" in error.what


@pytest.mark.parametrize("text", ["", "vec", "- name: vec"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "expected a mapping" in refusal_of_text(tmp_path, text).what


def test_an_unquoted_version_that_yaml_takes_for_a_number_is_to_be_quoted(tmp_path: Path) -> None:
    error = refusal_of_text(tmp_path, LANCEDB.replace("v0.1.2", "1.10"))
    assert error.what == "'version' must be a string, found 1.1"
    assert error.remedy == 'put quotes around it, as in "1.10"'


def test_an_unquoted_glibc_is_to_be_quoted(tmp_path: Path) -> None:
    error = refusal_of_text(tmp_path, DESIGN.replace('"2.28"', "2.28"))
    assert error.what == "'glibc' must be a string, found 2.28"
    assert "quotes" in str(error.remedy)


@pytest.mark.parametrize(
    ("withdrawn", "words"),
    [
        ({1.1: "it crashes"}, "'withdrawn' must map versions to reasons"),
        (["v1"], "'withdrawn' must map versions to reasons"),
        ({"v1": ""}, "'v1' has an empty text"),
        ({"v1": "two\nlines"}, "'v1' has a control character: 'two\\nlines'"),
    ],
)
def test_a_version_is_withdrawn_for_a_reason(withdrawn: object, words: str) -> None:
    assert refusal(withdrawn=withdrawn).what == words
    assert manifest(withdrawn={"v1": "it crashes"}).withdrawn == {"v1": "it crashes"}


# Mappings that are no manifest.


@pytest.mark.parametrize(
    ("changes", "nearest"),
    [
        ({"static_libary": "x"}, "static_library"),
        ({"platform": {}}, "platforms"),
        ({"url": []}, "urls"),
        ({"platforms": {"linux_amd64": {"linkopt": []}}}, "linkopts"),
        ({"archives": [{"file": "a.zip", "strip_perfix": "x"}]}, "strip_prefix"),
        ({"source": {"paht": "x"}}, "path"),
        ({"go": {"modul": "x"}}, "module"),
    ],
)
def test_a_typo_names_the_nearest_key(changes: Any, nearest: str) -> None:
    error = refusal(**changes)
    assert error.what.startswith("unknown key ")
    assert f"did you mean '{nearest}'?" in str(error.remedy)


def test_an_error_of_a_platform_names_it() -> None:
    error = refusal(platforms={"linux_amd64": {"linkopts": 7}})
    assert error.where == "prebuilt.yaml: platforms.linux_amd64"


def test_an_error_of_an_archive_names_it() -> None:
    error = refusal(archives=[{"file": "a.zip"}, {}])
    assert error.what == "'file' is missing"
    assert error.where == "prebuilt.yaml: archives[1]"


def test_a_platform_that_is_not_supported_names_its_place_and_the_nearest() -> None:
    error = refusal(platforms={"linux_x86": {}})
    assert "platform 'linux_x86' is not supported" in error.what
    assert error.where == "prebuilt.yaml: platforms.linux_x86"
    assert "did you mean linux_386" in str(error.remedy)


BUILD = {"tool": "make"}
SOURCE = {"path": "native", "build": BUILD, "static_library": "libvec.a"}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"name": None}, "'name' is missing"),
        ({"name": "a/b"}, "'name' must be letters, digits and any of . _ + -, found 'a/b'"),
        ({"name": "nul"}, "unsafe name 'nul': 'nul' is a device on Windows"),
        ({"version": None}, "'version' is missing"),
        ({"version": ""}, "the version '' is empty or has white space in it"),
        ({"version": "v1 beta"}, "the version 'v1 beta' is empty or has white space in it"),
        ({"platforms": None}, "'platforms' is missing"),
        ({"platforms": {}}, "'platforms' must name at least one platform"),
        ({"platforms": ["linux_amd64"]}, "'platforms' must name at least one platform"),
        ({"platforms": {"linux_amd64": ""}}, "expected a mapping, found a string"),
        ({"static_library": None}, "no library is named"),
        ({"static_library": "../libvec.a"}, "unsafe name '../libvec.a': it has the part '..'"),
        ({"include_dirs": ["/usr/include"]}, "unsafe name '/usr/include': it is absolute"),
        ({"headers": [1]}, "'headers' must hold strings only, found 1"),
        ({"archives": None}, "'archives' must list at least one archive"),
        ({"archives": []}, "'archives' must list at least one archive"),
        ({"archives": "a.zip"}, "'archives' must list at least one archive"),
        ({"archives": ["a.zip"]}, "expected a mapping, found a string"),
        ({"archives": [{"file": "a/b.zip"}]}, "'file' is 'a/b.zip', a path"),
        ({"archives": [{"file": ".."}]}, "unsafe name '..': it has the part '..'"),
        ({"archives": [{"file": "a", "format": "rar"}]}, "'format' is 'rar'"),
        ({"archives": [{"file": "a.zip", "path": "b"}]}, "'path' is for a loose file"),
        ({"archives": [{"file": "a.h", "strip_prefix": "b"}]}, "'strip_prefix' is for an archive"),
        ({"archives": [{"file": "a.h", "find": "b"}]}, "'find' is for an archive"),
        ({"archives": [{"file": "a.h", "members": {"b": "c"}}]}, "'members' is for an archive"),
        (
            {"archives": [{"file": "a.zip", "find": "b", "strip_prefix": "c"}]},
            "'find' and 'strip_prefix' both set the prefix",
        ),
        (
            {"archives": [{"file": "a.zip", "strip_prefix": "b/**"}]},
            "a glob with `**`, or one in 'find', may fit anything",
        ),
        (
            {"archives": [{"file": "a.zip", "find": "*.a"}]},
            "a glob with `**`, or one in 'find', may fit anything",
        ),
        (
            {"archives": [{"file": "a.zip", "members": {"../b": "c"}}]},
            "unsafe name '../b': it has the part '..'",
        ),
        ({"static_library": "lib/*.a"}, "'lib/*.a' is a glob; a file name is required here"),
        ({"alwayslink": "lib/*.a"}, "'lib/*.a' is a glob; a file name is required here"),
        ({"include_dirs": "inc*"}, "'inc*' is a glob; a file name is required here"),
        (
            {"source": {**SOURCE, "static_library": "out/*.a"}},
            "'out/*.a' is a glob; a file name is required here",
        ),
        (
            {"source": {**SOURCE, "include_dirs": ["i?"]}},
            "'i?' is a glob; a file name is required here",
        ),
        (
            {"archives": [{"file": "a.zip", "strip_prefix": "../b"}]},
            "unsafe name '../b': it has the part '..'",
        ),
        ({"urls": ["https://a/{tag}"]}, "unknown placeholder {tag} in 'https://a/{tag}'"),
        ({"go": {}}, "'module' is missing"),
        ({"source": {"build": BUILD}}, "a source has either 'path' or 'url'"),
        ({"source": {**SOURCE, "url": "u"}}, "a source has either 'path' or 'url'"),
        ({"source": {"path": "native", "build": BUILD}}, "no library is named"),
        ({"source": {"path": "native", "static_library": "a"}}, "'build' is missing"),
        ({"source": {**SOURCE, "build": {"tool": "bazel"}}}, "'tool' is 'bazel'"),
        ({"source": {**SOURCE, "build": {"tool": "command"}}}, "'tool' is 'command'"),
        (
            {"source": {**SOURCE, "build": {"command": "sh build.sh"}}},
            "'command' is one word, and has spaces: sh build.sh",
        ),
        (
            {"source": {**SOURCE, "build": {"tool": "cargo", "target": "v"}}},
            "'target' is for make and cmake",
        ),
        (
            {"source": {**SOURCE, "build": {"tool": "make", "command": ["./x"]}}},
            "'command' is a whole command line",
        ),
        (
            {"source": {**SOURCE, "build": {"command": ["./x"], "target": "all"}}},
            "'command' is a whole command line",
        ),
        ({"source": {**SOURCE, "build": {"command": []}}}, "'command' is empty"),
        (
            {"source": {**SOURCE, "build": {"tool": "make", "toolchain": "1.84.0"}}},
            "'toolchain' is for cargo, and the tool is make",
        ),
        ({"source": {**SOURCE, "build": []}}, "'build' has no step"),
        ({"source": {**SOURCE, "vendor": True}}, "'vendor' is for cargo, which no step runs"),
        ({"source": {**SOURCE, "vendor": "yes"}}, "'vendor' must be true or false, found a string"),
        ({"source": {**SOURCE, "env": "a b"}}, "'env' has 'a b', which is not a variable"),
        ({"source": {**SOURCE, "tools": "./x"}}, "'tools' has './x', which is not a program"),
        ({"source": {**SOURCE, "platforms": []}}, "'platforms' must be a mapping"),
        (
            {"source": {**SOURCE, "platforms": {"linux_amd46": {}}}},
            "platform 'linux_amd46' is not supported",
        ),
        ({"source": {**SOURCE, "path": None}}, "'path' must be a string, found nothing"),
        (
            {"source": {"url": "https://example.com/u", "build": BUILD, "static_library": "a"}},
            "'sha256' is missing",
        ),
    ],
)
def test_what_is_wrong_is_said(changes: Any, what: str) -> None:
    error = refusal(**changes)
    assert error.what == what
    assert error.where is not None
    assert error.where.startswith("prebuilt.yaml")
    assert error.exit_code == 2


# How it is built.


def test_a_command_is_a_whole_command_line() -> None:
    source = manifest(source={**SOURCE, "build": {"command": ["sh", "build.sh"]}}).source
    assert source is not None
    assert source.build == Build("command", ("sh", "build.sh"))


def test_a_source_is_linked_as_the_prebuilt_is_unless_it_says_otherwise() -> None:
    read = manifest(linkopts=["-lm"], defines=["A"], source={**SOURCE, "defines": ["B"]})
    assert read.source is not None
    assert read.source.outputs.linkopts == ("-lm",)
    assert read.source.outputs.defines == ("B",)


def test_a_source_is_linked_as_the_prebuilt_of_its_platform_is() -> None:
    platforms = {"linux_amd64": {"linkopts": ["-lm"]}, "linux_arm64": {}}
    source = manifest(platforms=platforms, source=SOURCE).source
    assert source is not None
    assert source.of_platform("linux_amd64").outputs.linkopts == ("-lm",)
    assert source.of_platform("linux_arm64") is source
    assert source.of_platform("freebsd_amd64") is source
    own = manifest(platforms=platforms, source={**SOURCE, "linkopts": ["-ldl"]}).source
    assert own is not None
    assert own.of_platform("linux_amd64").outputs.linkopts == ("-ldl",)


def test_a_source_can_be_different_for_a_platform() -> None:
    steps = [{"tool": "cargo", "toolchain": "1.84.0"}, {"command": ["sh", "headers.sh"]}]
    source = manifest(
        platforms={"linux_amd64": {}, "linux_arm64": {"static_library": "arm/libvec.a"}},
        source={
            **SOURCE,
            "build": steps,
            "env": ["VEC_SIMD"],
            "platforms": {
                "linux_amd64": {"build": BUILD, "linkopts": "-lm"},
                "windows_amd64": None,
            },
        },
    ).source
    assert source is not None
    assert source.steps == (
        Build("cargo", toolchain="1.84.0"),
        Build("command", ("sh", "headers.sh")),
    )
    amd64 = source.of_platform("linux_amd64")
    assert amd64.steps == (Build("make"),)
    assert amd64.env == ("VEC_SIMD",)
    assert amd64.outputs.linkopts == ("-lm",)
    assert source.of_platform("linux_arm64").installed == ("arm/libvec.a",)
    assert list(source.platforms) == ["linux_amd64", "linux_arm64"]


def test_a_sources_archive_may_be_named_without_the_v_of_its_tag() -> None:
    of_archive = {"url": "https://a/{version}.tar.gz", "sha256": "0" * 64, "build": BUILD}
    folder = {"strip_prefix": "vec-{bare_version}", "static_library": "libvec.a"}
    source = manifest(version="v1.2.3", source={**of_archive, **folder}).source
    assert source is not None
    assert source.strip_prefix == "vec-1.2.3"


def test_built_libraries_that_are_more_than_the_prebuilt_ones_go_into_lib() -> None:
    read = manifest(source={**SOURCE, "static_library": ["out/a.a", "out/b.a"]})
    assert read.source is not None
    assert read.source.installed == ("lib/a.a", "lib/b.a")


# Who signs, and what goes along.

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPublicKeyOfTheReleases"


@pytest.mark.parametrize("written", [KEY, f"{KEY} me@laptop", f"  {KEY}\n"])
def test_a_public_key_may_be_pasted_with_its_comment(written: str) -> None:
    assert manifest(public_key=written).public_key == KEY
    assert manifest().public_key is None


@pytest.mark.parametrize("written", ["", "AAAAC3", 'command="x" ssh-ed25519 AAAA', "ssh-ed25519"])
def test_a_public_key_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ManifestError, match="is not an SSH public key") as caught:
        manifest(public_key=written)
    assert ".pub" in str(caught.value.remedy)


def test_licenses_are_files_of_the_archive() -> None:
    (spec,) = manifest(licenses=["LICENSE", "NOTICE*"]).platforms
    assert spec.interface.licenses == ("LICENSE", "NOTICE*")
    assert set(spec.interface.required_files()) == {
        "LICENSE",
        "NOTICE*",
        "lib/libvec.a",
        "include/**",
    }


@pytest.mark.parametrize(
    ("url", "credential"),
    [
        ("https://me:canary@example.com/{file}", "a user or a password"),
        ("https://me:can{ary@example.com/{file}", "a user or a password"),
        ("https://example.com/{file}?sig=canary", "a credential in its query, 'sig'"),
    ],
)
def test_a_url_with_a_credential_would_be_published_by_the_lock(url: str, credential: str) -> None:
    source = {"url": url, "sha256": "0" * 64, "build": {"tool": "make"}, "static_library": "a.a"}
    everywhere: list[tuple[str, dict[str, object]]] = [
        ("'urls'", {"urls": [url]}),
        ("'urls'", {"archives": [{"file": "a.zip", "urls": [url]}]}),
        ("'urls'", {"platforms": {"linux_amd64": {"urls": url}}}),
        ("'url'", {"source": source}),
    ]
    for key, changes in everywhere:
        error = refusal(**changes)
        assert f"in {key} has {credential}, which the lock would publish" in error.what
        assert "netrc (NETRC)" in str(error.remedy)
        assert "canary" not in str(error)


@pytest.mark.parametrize(
    "url",
    ["./dist/{file}", "ftp://example.com/{file}", "{file}", "https:///x", "https://a:65536/x"],
)
def test_urls_of_a_kind_that_is_not_fetched_are_refused(url: str) -> None:
    error = refusal(urls=["https://example.com/{file}", url])
    assert f"{url!r} in 'urls' is not a URL that can be fetched" in error.what
    assert "file:///" in error.remedy
    source = {"url": url, "sha256": "0" * 64, "build": {"tool": "make"}, "static_library": "a.a"}
    assert f"{url!r} in 'url' is not a URL that can be fetched" in refusal(source=source).what
