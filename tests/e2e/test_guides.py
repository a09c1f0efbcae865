"""The guides, followed to the letter: their commands are run, their files are written."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.e2e.bazel_workspace import REPOSITORY, Tools
from tests.e2e.compilers import static_library
from tests.e2e.reader import Reader, make_reader, shut_down
from tests.e2e.tally_release import TALLY_H, release_tally
from tests.guide import read_guide, under


@pytest.fixture
def reader(bazel_tools: Tools, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with an empty folder, an empty store, and all programs that the guides name."""
    made = make_reader(tmp_path, bazel_tools)
    yield made
    shut_down(made)


def test_quick_start(reader: Reader) -> None:
    reader.checked(read_guide("docs/quick-start.md"))


def test_consume(reader: Reader, tmp_path: Path) -> None:
    release_tally(reader, tmp_path / "maintainer")
    third_party = reader.folder / "third_party"
    (third_party / "tally").mkdir(parents=True)
    (third_party / "BUILD.bazel").touch()
    for lock in ("tally.lock.json", "report.lock.json"):
        shutil.copy(tmp_path / "maintainer" / lock, third_party)
    (third_party / "tally/tally.h").write_text(TALLY_H)
    ours = '#include "tally.h"\nconst char *tally_version(void) { return "of our own"; }\n'
    (third_party / "tally/tally.c").write_text(ours)
    reader.checked(read_guide("docs/consume.md"))


def test_from_http_archive(reader: Reader) -> None:
    release = [
        *under(read_guide("docs/quick-start.md"), "A library"),
        *under(read_guide("docs/quick-start.md"), "Its release"),
    ]
    reader.checked(release)
    dist = reader.folder / "tally/dist"
    # Nobody asks for the other platform's files, so any archive will do.
    other = dist / "tally-v1.0.0-linux_arm64.tar.gz"
    shutil.copy(dist / "tally-v1.0.0-linux_amd64.tar.gz", other)
    own = hashlib.sha256(other.read_bytes()).hexdigest()
    (dist / "SHA256SUMS").unlink()
    (main,) = (block for block in read_guide("docs/quick-start.md") if block.file == "main.go")
    (reader.folder / "main.go").write_text(main.text)
    reader.environment["CGO_PREBUILT_MIRROR"] = dist.as_uri()
    reader.checked(
        read_guide("docs/migrate-http-archive.md"),
        {
            "https://github.com/acme/tally/releases/download/v1.0.0": dist.as_uri(),
            "<the hash of tally-v1.0.0-linux_amd64.tar.gz>": own,
            "<the hash of tally-v1.0.0-linux_arm64.tar.gz>": own,
        },
    )
    assert own in (reader.folder / "third_party/tally.lock.json").read_text()


def test_from_the_download_script_of_lancedb(reader: Reader, tmp_path: Path) -> None:
    module = "github.com/lancedb/lancedb-go"
    package = f"{module}/pkg/lancedb"
    released = {
        "lib/linux_amd64/liblancedb_go.a": answering(tmp_path, "simple_lancedb_init"),
        **{f"lib/{other}/liblancedb_go.a": b"" for other in ("darwin_amd64", "darwin_arm64")},
        "lib/linux_arm64/liblancedb_go.a": b"",
        "include/lancedb.h": b"int simple_lancedb_init(void);\n",
    }
    archive(reader, "lancedb-go-native-binaries.tar.gz", released)
    publish_go_module(
        reader,
        module,
        "v0.1.2",
        {
            "pkg/lancedb/connect.go": "package lancedb\n\n"
            '// #include "lancedb.h"\nimport "C"\n\n'
            "func Init() int { return int(C.simple_lancedb_init()) }\n",
        },
    )
    (reader.folder / "main.go").write_text(
        f'package main\n\nimport "{package}"\n\nfunc main() {{ println(lancedb.Init()) }}\n'
    )
    (reader.folder / "go.mod").write_text(
        f"module example.com/vectors\n\ngo 1.21\n\nrequire {module} v0.1.2\n"
    )
    result = reader.checked(read_guide("docs/migrate-lancedb-script.md"))
    assert "\n42\n" in result.stderr
    assert f'path = "{module}"' in result.stdout
    shown = manifest_of("docs/migrate-lancedb-script.md")
    assert shown == yaml.safe_load((REPOSITORY / "examples/lancedb/prebuilt.yaml").read_text())


def test_from_install_filcrypto(reader: Reader, tmp_path: Path) -> None:
    module = "github.com/filecoin-project/filecoin-ffi"
    released = {
        "libfilcrypto.a": answering(tmp_path, "fil_verify"),
        "filcrypto.h": b"int fil_verify(void);\n",
        "filcrypto.pc": b"Name: filcrypto\nDescription: \nVersion: 1\nLibs: -lm\n",
    }
    for system in ("Darwin", "Linux-x86_64", "Linux-aarch64"):
        archive(reader, f"filecoin-ffi-{system}-standard.tar.gz", released)
    submodule = reader.folder / "extern/filecoin-ffi"
    (submodule / "cgo").mkdir(parents=True)
    (submodule / "go.mod").write_text(f"module {module}\n\ngo 1.21\n")
    (submodule / "cgo/verify.go").write_text(
        "package cgo\n\n"
        "// #cgo LDFLAGS: ${SRCDIR}/../libfilcrypto.a\n"
        "// #cgo pkg-config: ${SRCDIR}/../filcrypto.pc\n"
        '// #include "../filcrypto.h"\nimport "C"\n\n'
        "func Verify() int { return int(C.fil_verify()) }\n"
    )
    (reader.folder / "main.go").write_text(
        f'package main\n\nimport "{module}/cgo"\n\nfunc main() {{ println(cgo.Verify()) }}\n'
    )
    (reader.folder / "go.mod").write_text(
        f"module example.com/miner\n\ngo 1.21\n\nrequire {module} v1.33.0\n"
    )
    result = reader.checked(read_guide("docs/migrate-install-filcrypto.md"))
    assert "\n42\n" in result.stderr
    assert f'path = "{module}"' in result.stdout
    assert (submodule / "filcrypto.pc").read_bytes() == released["filcrypto.pc"]
    shown = manifest_of("docs/migrate-install-filcrypto.md")
    example = yaml.safe_load((REPOSITORY / "examples/filecoin_ffi/prebuilt.yaml").read_text())
    assert shown == example | {"headers": ["filcrypto.h", "filcrypto.pc"]}


def answering(folder: Path, function: str) -> bytes:
    """A static library with a function that returns 42."""
    source = f"int {function}(void) {{ return 42; }}\n"
    return static_library("linux_amd64", source, folder / "library.a").read_bytes()


def archive(reader: Reader, name: str, files: Mapping[str, bytes]) -> None:
    """Puts an archive where the reader's mirror is."""
    mirror = reader.folder.parent / "mirror"
    mirror.mkdir(exist_ok=True)
    with tarfile.open(mirror / name, "w:gz") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    reader.environment["CGO_PREBUILT_MIRROR"] = mirror.as_uri()


def publish_go_module(reader: Reader, module: str, version: str, files: Mapping[str, str]) -> None:
    """Puts a Go module where the reader's go command looks for all of them."""
    proxy = reader.folder.parent / "goproxy"
    place = proxy / module / "@v"
    place.mkdir(parents=True)
    own = f"module {module}\n\ngo 1.21\n"
    (place / f"{version}.info").write_text(json.dumps({"Version": version}))
    (place / f"{version}.mod").write_text(own)
    with zipfile.ZipFile(place / f"{version}.zip", "w") as content:
        for path, text in {"go.mod": own, **files}.items():
            content.writestr(f"{module}@{version}/{path}", text)
    reader.environment |= {
        "GOPROXY": proxy.as_uri(),
        "GOSUMDB": "off",
        "GOFLAGS": "-mod=mod -modcacherw",
        "GOPATH": str(reader.folder.parent / "go"),
    }


def manifest_of(page: str) -> object:
    """What a guide's prebuilt.yaml says."""
    (block,) = (block for block in read_guide(page) if block.file == "prebuilt.yaml")
    return yaml.safe_load(block.text)
