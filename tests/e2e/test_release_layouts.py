"""Releases in the layouts of other projects: described by a manifest, locked, fetched, and linked.

The archives are made here, of a small library in the layout of each project.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.compilers import shared_library, static_library, universal_library
from tests.e2e.release import cgo_prebuilt

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="links for linux_amd64"
)

HEADER = "int answer(void);\n"
SOURCE = "int answer(void) { return 42; }\n"
PROGRAM = """\
package main

// #include "HEADER"
import "C"

import "fmt"

func main() { fmt.Println(int(C.answer())) }
"""

LANCEDB = """\
name: lancedb
version: v0.1.2
urls: ["{server}/{{version}}/{{file}}"]
archives: [{{file: lancedb-go-native-binaries.tar.gz}}]
static_library: "lib/{{os}}_{{arch}}/liblancedb_go.a"
headers: [include/lancedb.h]
include_dirs: [include]
linkopts: [-lm, -ldl, -lpthread]
platforms: {{linux_amd64: {{}}, linux_arm64: {{}}, darwin_arm64: {{}}, windows_amd64: {{}}}}
"""

LANCEDB_LOOSE = """\
name: lancedb
version: v0.1.2
urls: ["{server}/{{version}}/{{file}}"]
archives:
  - {{file: "liblancedb_go-{{os}}-{{arch}}.a", path: lib/liblancedb_go.a}}
  - {{file: lancedb.h, path: include/lancedb.h}}
static_library: lib/liblancedb_go.a
headers: [include/lancedb.h]
include_dirs: [include]
platforms: {{linux_amd64: {{}}, linux_arm64: {{}}}}
"""

FILECOIN = """\
name: filcrypto
version: v1.30.0
urls: ["{server}/{{version}}/{{file}}"]
static_library: libfilcrypto.a
headers: [filcrypto.h]
licenses: []
platforms:
  linux_amd64:
    archives: [{{file: filecoin-ffi-Linux-x86_64-standard.tar.gz, strip_prefix: tmp/*}}]
    linkopts: [-lm]
  linux_arm64: {{archives: [{{file: filecoin-ffi-Linux-aarch64-standard.tar.gz, strip_prefix: tmp/*}}]}}
  darwin_amd64: &universal
    archives: [{{file: filecoin-ffi-Darwin-standard.tar.gz, strip_prefix: tmp/*}}]
    linkopts: [-framework Security]
  darwin_arm64: *universal
"""

DUCKDB = """\
name: duckdb
version: v1.4.3
urls: ["{server}/{{version}}/{{file}}"]
shared_library: libduckdb.so
headers: [duckdb.h]
platforms:
  linux_amd64: {{archives: [{{file: libduckdb-linux-amd64.zip}}]}}
  windows_amd64:
    archives: [{{file: libduckdb-windows-amd64.zip}}]
    shared_library: duckdb.dll
    interface_library: duckdb.lib
"""

WHEEL = """\
name: vecs
version: 1.0.0
urls: ["{server}/{{file}}"]
archives: [{{file: "vecs-{{version}}-py3-none-manylinux_2_28_x86_64.whl", strip_prefix: vecs}}]
static_library: lib/libvecs.a
headers: [include/**]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
"""


class Consumer:
    """Somebody who locks a release on a server, fetches it, and links it into a Go program."""

    def __init__(self, folder: Path, server: ArchiveServer, manifest: str) -> None:
        self.folder = folder
        self.server = server
        (folder / "prebuilt.yaml").write_text(manifest.format(server=server.url))
        self.environment = {"CGO_PREBUILT_CACHE": str(folder / "store")}

    def fetch(self, *options: str) -> list[str]:
        """Lock, then fetch into `out`; return the files."""
        elsewhere = {"CGO_PREBUILT_CACHE": str(self.folder / "maintainers-store")}
        cgo_prebuilt("lock", "prebuilt.yaml", cwd=self.folder, env=elsewhere).checked()
        self.server.requests.clear()
        command = ("fetch", "--lock", "prebuilt.lock.json", "--output", "out", "--json", *options)
        done = cgo_prebuilt(*command, cwd=self.folder, env=self.environment).checked()
        files: list[str] = json.loads(done.stdout)["files"]
        return files

    def run_program(self, header: str) -> str:
        """Return the output of a cgo program that is built with the flags of `env`."""
        program = self.folder / "program"
        program.mkdir()
        (program / "go.mod").write_text("module program\n\ngo 1.21\n")
        (program / "main.go").write_text(PROGRAM.replace("HEADER", header))
        command = ("env", "--lock", "prebuilt.lock.json", "--shell", "json")
        shown = cgo_prebuilt(*command, cwd=self.folder, env=self.environment).checked()
        variables: dict[str, str] = json.loads(shown.stdout)
        done = subprocess.run(
            ["go", "run", "."],
            cwd=program,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def tar_gz(path: Path, files: Mapping[str, Path]) -> None:
    """Write a tar.gz as tar(1) does for `.`: with folders, and `./` before every name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, source in files.items():
            tar.add(source, f"./{name}")


def zip_file(path: Path, files: Mapping[str, Path | str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in files.items():
            archive.writestr(name, source if isinstance(source, str) else source.read_bytes())


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The library for several platforms: `<platform>.a`; and its header."""
    folder = tmp_path / "built"
    for name in ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64"):
        static_library(name, SOURCE, folder / f"{name}.a")
    (folder / "answer.h").write_text(HEADER)
    return folder


def test_lancedbs_one_archive_for_all_platforms(
    tmp_path: Path, archive_server: ArchiveServer, built: Path
) -> None:
    platforms = ("darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64")
    libraries = {f"lib/{one}/liblancedb_go.a": built / f"{one}.a" for one in platforms}
    archive = archive_server.folder / "v0.1.2/lancedb-go-native-binaries.tar.gz"
    tar_gz(archive, {"include/lancedb.h": built / "answer.h", **libraries})
    consumer = Consumer(tmp_path, archive_server, LANCEDB)
    assert consumer.fetch() == ["include/lancedb.h", "lib/linux_amd64/liblancedb_go.a"]
    assert consumer.run_program("lancedb.h") == "42\n"
    foreign = consumer.fetch("--platform", "windows_amd64")
    assert foreign == ["include/lancedb.h", "lib/windows_amd64/liblancedb_go.a"]


def test_the_same_archive_is_packed_all_in_one(
    tmp_path: Path, archive_server: ArchiveServer, built: Path
) -> None:
    consumer = Consumer(tmp_path, archive_server, LANCEDB)
    stage = tmp_path / "stage"
    (stage / "include").mkdir(parents=True)
    (stage / "include/lancedb.h").write_text(HEADER)
    for one in ("darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64"):
        (stage / "lib" / one).mkdir(parents=True)
        (stage / "lib" / one / "liblancedb_go.a").write_bytes((built / f"{one}.a").read_bytes())
    output = archive_server.folder / "v0.1.2"
    pack = ("pack", "prebuilt.yaml", "--all-in-one", "--from", "stage", "--output", output)
    cgo_prebuilt(*pack, cwd=tmp_path).checked()
    with tarfile.open(output / "lancedb-go-native-binaries.tar.gz") as tar:
        assert len(tar.getnames()) == 5
    assert consumer.fetch() == ["include/lancedb.h", "lib/linux_amd64/liblancedb_go.a"]
    assert consumer.run_program("lancedb.h") == "42\n"

    (stage / "lib/linux_arm64/liblancedb_go.a").write_bytes((built / "linux_amd64.a").read_bytes())
    refused = cgo_prebuilt(*pack, cwd=tmp_path)
    assert refused.code == 2
    assert "it is for amd64, not arm64" in refused.stderr


def test_lancedbs_loose_files(tmp_path: Path, archive_server: ArchiveServer, built: Path) -> None:
    folder = archive_server.folder / "v0.1.2"
    folder.mkdir()
    for os_name, arch in (("linux", "amd64"), ("linux", "arm64")):
        content = (built / f"{os_name}_{arch}.a").read_bytes()
        (folder / f"liblancedb_go-{os_name}-{arch}.a").write_bytes(content)
    (folder / "lancedb.h").write_text(HEADER)
    consumer = Consumer(tmp_path, archive_server, LANCEDB_LOOSE)
    assert consumer.fetch() == ["include/lancedb.h", "lib/liblancedb_go.a"]
    assert archive_server.paths() == ["/v0.1.2/lancedb.h", "/v0.1.2/liblancedb_go-linux-amd64.a"]
    assert consumer.run_program("lancedb.h") == "42\n"


def test_filecoins_archives_with_everything_in_a_folder_of_a_random_name(
    tmp_path: Path, archive_server: ArchiveServer, built: Path
) -> None:
    darwin = ("darwin_amd64", "darwin_arm64")
    universal_library(darwin, SOURCE, built / "darwin.a")
    (tmp_path / "filcrypto.pc").write_text("Name: filcrypto\n")
    folder = archive_server.folder / "v1.30.0"
    for name, one in (
        ("Linux-x86_64", "linux_amd64"),
        ("Linux-aarch64", "linux_arm64"),
        ("Darwin", "darwin"),
    ):
        files = {
            f"tmp/tmp.{one}kq2/libfilcrypto.a": built / f"{one}.a",
            f"tmp/tmp.{one}kq2/filcrypto.h": built / "answer.h",
            f"tmp/tmp.{one}kq2/filcrypto.pc": tmp_path / "filcrypto.pc",
        }
        tar_gz(folder / f"filecoin-ffi-{name}-standard.tar.gz", files)
    consumer = Consumer(tmp_path, archive_server, FILECOIN)
    assert consumer.fetch() == ["filcrypto.h", "libfilcrypto.a"]
    assert consumer.run_program("filcrypto.h") == "42\n"
    lock = json.loads((tmp_path / "prebuilt.lock.json").read_text())
    platforms = lock["versions"]["v1.30.0"]["platforms"]
    assert platforms["darwin_amd64"] == platforms["darwin_arm64"]
    (archive,) = platforms["linux_amd64"]["archives"]
    assert archive["strip_prefix"] == "tmp/tmp.linux_amd64kq2"


def test_duckdbs_zips_with_a_shared_library(
    tmp_path: Path, archive_server: ArchiveServer, built: Path
) -> None:
    library = shared_library(
        "linux_amd64", SOURCE, tmp_path / "libduckdb.so", "-Wl,-soname,libduckdb.so"
    )
    folder = archive_server.folder / "v1.4.3"
    rest = {"duckdb.h": HEADER, "duckdb.hpp": "", "libduckdb_static.a": ""}
    zip_file(folder / "libduckdb-linux-amd64.zip", {**rest, "libduckdb.so": library})
    windows = {**rest, "duckdb.dll": "MZ", "duckdb.lib": "!<arch>\n"}
    zip_file(folder / "libduckdb-windows-amd64.zip", windows)
    consumer = Consumer(tmp_path, archive_server, DUCKDB)
    assert consumer.fetch() == ["duckdb.h", "libduckdb.so"]
    assert consumer.run_program("duckdb.h") == "42\n"
    assert consumer.fetch("--platform", "windows_amd64") == ["duckdb.dll", "duckdb.h", "duckdb.lib"]


def test_a_wheel(tmp_path: Path, archive_server: ArchiveServer, built: Path) -> None:
    wheel = archive_server.folder / "vecs-1.0.0-py3-none-manylinux_2_28_x86_64.whl"
    zip_file(
        wheel,
        {
            "vecs/__init__.py": "",
            "vecs/lib/libvecs.a": built / "linux_amd64.a",
            "vecs/include/vecs/answer.h": HEADER,
            "vecs-1.0.0.dist-info/METADATA": "Name: vecs\n",
            "vecs-1.0.0.dist-info/RECORD": "",
        },
    )
    consumer = Consumer(tmp_path, archive_server, WHEEL)
    assert consumer.fetch() == ["include/vecs/answer.h", "lib/libvecs.a"]
    assert consumer.run_program("vecs/answer.h") == "42\n"
