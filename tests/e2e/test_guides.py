"""The guides, followed to the letter: their commands are run, their files are written."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pytest_httpserver import HTTPServer

from tests.e2e.bazel_workspace import REPOSITORY, Tools
from tests.e2e.compilers import shared_library, static_library
from tests.e2e.credential_helper import write_helper
from tests.e2e.nginx_files import nginx_files
from tests.e2e.oci_registry import oci_registry
from tests.e2e.reader import Reader, make_reader, shut_down
from tests.e2e.real_layouts import FILECOIN_MODULE, LANCEDB_MODULE, filcrypto, lancedb
from tests.e2e.release_with_links import ONNX_HEADER, write_release
from tests.e2e.tally_release import TALLY_H, release_tally
from tests.github_server import GitHubServer
from tests.guide import read_guide, under


@pytest.fixture
def reader(bazel_tools: Tools, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with an empty folder, an empty store, and all programs that the guides name."""
    made = make_reader(tmp_path, bazel_tools)
    yield made
    shut_down(made)


def test_quick_start_and_the_readme(reader: Reader, httpserver: HTTPServer) -> None:
    reader.checked(read_guide("docs/quick-start.md"))

    readme = read_guide("README.md")
    tally, words = (replace(reader, folder=reader.folder / name) for name in ("tally", "words"))
    github = GitHubServer(httpserver, "acme/tally")
    tally.environment = {**reader.environment, **github.environment}
    reader.environment["CGO_PREBUILT_MIRROR"] = (tally.folder / "dist").as_uri()
    used = words.checked(under(readme, "Use a library"))
    assert used.stdout == "words: 6\n" * 2
    (tally.folder / "prebuilt.lock.json").unlink()
    change_manifest(tally, urls=[f"{github.url}/acme/tally/releases/download/{{version}}/{{file}}"])
    tally.checked(under(readme, "Publish a library"))
    assert "tally-v1.0.0-linux_amd64.tar.gz" in github.contents("v1.0.0")
    assert (tally.folder / "prebuilt.lock.json").exists()


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


def test_publish(reader: Reader, httpserver: HTTPServer, tmp_path: Path) -> None:
    github = GitHubServer(httpserver, "acme/vecsearch")
    reader.environment |= github.environment
    make_vecsearch(reader)
    change_manifest(
        reader,
        urls=[f"{github.url}/acme/vecsearch/releases/download/{{version}}/{{file}}"],
        version="v0.3.1",
    )
    # The guide ends with a later release, which must be published first.
    reader.run(
        "cgo-prebuilt pack prebuilt.yaml --platform linux_amd64 --from out --output later\n"
        "cgo-prebuilt publish prebuilt.yaml --dist later --repo acme/vecsearch --tag v0.3.1\n"
    ).checked()
    change_manifest(reader, version="v0.3.0")
    guide = read_guide("docs/publish.md")
    (growing,) = under(guide, "Another platform, later")
    (elsewhere,) = (block for block in guide if "--dry-run" in block.text)
    with nginx_files(tmp_path / "nginx") as server, oci_registry(tmp_path / "registry") as registry:
        secrets = {**server.secrets("bearer"), registry.address: registry.header()}
        helper = write_helper(tmp_path / "helper", secrets, sys.executable)
        reader.environment["CGO_PREBUILT_CREDENTIAL_HELPER"] = str(helper)
        reader.environment["PLACE"] = f"{server.bearer}/vecsearch/v0.3.1"
        reader.checked(guide[: guide.index(growing)])
        to_registry = {"PLACE": registry.place("acme/vecsearch")}
        replace(reader, environment={**reader.environment, **to_registry}).checked([elsewhere])
        assert b"v0.3.1" in registry.skopeo(
            "list-tags", f"docker://{registry.address}/acme/vecsearch"
        )
        shutil.copytree(reader.folder / "out", reader.folder / "out-arm64")
        static_library(
            "linux_arm64",
            "int vecsearch_answer(void) { return 42; }",
            reader.folder / "out-arm64/lib/libvecsearch.a",
        )
        change_manifest(reader, platforms={"linux_amd64": {}, "linux_arm64": {}})
        reader.checked(guide[guide.index(growing) :])
    archives = [path.name for path in (reader.folder / "public/v0.3.0").iterdir()]
    assert len(archives) == 3
    assert "withdrawn" in (reader.folder / "prebuilt.lock.json").read_text()
    assert {release.tag for release in github.releases} == {"v0.3.0", "v0.3.1"}
    lock = json.loads((reader.folder / "prebuilt.lock.json").read_text())
    assert (list(lock["versions"]), lock["default_version"]) == (["v0.3.0", "v0.3.1"], "v0.3.1")
    assert (reader.folder / "dist/SHA256SUMS.sig").exists()


def test_go_without_bazel(reader: Reader) -> None:
    guide = read_guide("docs/go-without-bazel.md")
    folder = reader.folder
    make_vecsearch(reader)
    (folder / "LICENSE").write_text("Do what you like.\n")
    (folder / "vecsearch").mkdir()
    (folder / "vecsearch/vecsearch.go").write_text(
        'package vecsearch\n\n// #include "vecsearch.h"\nimport "C"\n\n'
        "func Answer() int { return int(C.vecsearch_answer()) }\n"
    )
    (used,) = (block for block in guide if block.text.startswith("import vecsearch"))
    (folder / "main.go").write_text(
        f"package main\n\n{used.text}\nfunc main() {{ println(vecsearch.Answer()) }}\n"
    )
    (folder / "go.mod").write_text("module example.com/program\n\ngo 1.21\n")
    go_modules_from(reader, folder / "site")
    reader.checked([block for block in guide if "A library in a folder" not in block.headings])
    assert reader.run("./program").checked().stderr == "42\n"
    (container,) = (block for block in guide if block.language == "dockerfile")
    reader.run(container.text.removeprefix("RUN ")).checked()

    (generating,) = (block for block in guide if "go:generate" in block.text)
    (folder / "main.go").write_text(
        "package main\n\n"
        + generating.text.replace('import "C"', '// #include "vecsearch.h"\nimport "C"')
        + "\nfunc main() { println(C.vecsearch_answer()) }\n"
    )
    reader.environment["CGO_PREBUILT_MIRROR"] = (folder / "dist").as_uri()
    reader.run("cgo-prebuilt lock prebuilt.yaml\ngo generate\ngo build -o program\n").checked()
    assert reader.run("./program").checked().stderr == "42\n"


def test_from_http_archive(reader: Reader) -> None:
    release = [
        *under(read_guide("docs/quick-start.md"), "A library"),
        *under(read_guide("docs/quick-start.md"), "Its release"),
    ]
    reader.checked(release)
    dist = reader.folder / "tally/dist"
    # The other platform's files are never requested, so its library may have any bytes.
    first, other = (dist / f"tally-v1.0.0-linux_{arch}.tar.gz" for arch in ("amd64", "arm64"))
    with tarfile.open(first) as source, tarfile.open(other, "w:gz") as target:
        for member in source:
            file = source.extractfile(member)
            is_other = file is None or member.name.endswith(".a")
            content = b"other" if file is None or is_other else file.read()
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    own, others = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, other))
    (dist / "SHA256SUMS").unlink()
    (main,) = (block for block in read_guide("docs/quick-start.md") if block.file == "main.go")
    (reader.folder / "main.go").write_text(main.text)
    reader.environment["CGO_PREBUILT_MIRROR"] = dist.as_uri()
    reader.checked(
        read_guide("docs/migrate-http-archive.md"),
        {
            "https://github.com/acme/tally/releases/download/v1.0.0": dist.as_uri(),
            "<the hash of tally-v1.0.0-linux_amd64.tar.gz>": own,
            "<the hash of tally-v1.0.0-linux_arm64.tar.gz>": others,
        },
    )
    assert own in (reader.folder / "third_party/tally.lock.json").read_text()


def test_from_the_download_script_of_lancedb(reader: Reader, tmp_path: Path) -> None:
    module = "github.com/lancedb/lancedb-go"
    package = f"{module}/pkg/lancedb"
    library, header = lancedb(tmp_path)
    others = ("darwin_amd64", "darwin_arm64", "linux_arm64", "windows-gnu_amd64")
    released = {
        "lib/linux_amd64/liblancedb_go.a": library,
        **{f"lib/{other}/liblancedb_go.a": other.encode() for other in others},
        "include/lancedb.h": header,
    }
    archive(reader, "lancedb-go-native-binaries.tar.gz", released)
    mirror = reader.folder.parent / "mirror"
    (mirror / "lancedb.h").write_bytes(header)
    for platform in ("linux_amd64", *others[:-1]):
        (mirror / f"liblancedb_go-{platform}.a").write_bytes(
            released[f"lib/{platform}/liblancedb_go.a"]
        )
    publish_go_module(
        reader,
        module,
        "v0.1.2",
        {
            "pkg/lancedb/connect.go": "package lancedb\n\n"
            '// #include "lancedb.h"\nimport "C"\n\n'
            "func Init() int { return 42 + int(C.simple_lancedb_init()) }\n",
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
    # With the manifest of the newer releases, no other platform's files are requested.
    fetch = "cgo-prebuilt fetch --lock lancedb.lock.json --output loose --json"
    assert json.loads(reader.run(fetch).checked().stdout)["files"] == [
        "include/lancedb.h",
        "lib/liblancedb_go.a",
    ]
    windows = reader.run("cgo-prebuilt urls --lock lancedb.lock.json --platform windows_amd64")
    assert "lancedb-go-native-binaries.tar.gz" in windows.checked().stdout


def test_from_install_filcrypto(reader: Reader, tmp_path: Path) -> None:
    module = "github.com/filecoin-project/filecoin-ffi"
    released = filcrypto(tmp_path)
    for system in ("Darwin", "Linux-x86_64", "Linux-aarch64"):
        if system != "Linux-x86_64":  # nobody asks for it
            files = {**released, "libfilcrypto.a": b"of another platform"}
        else:
            files = released
        below = {f"tmp/tmp.kq2{system}/{name}": data for name, data in files.items()}
        archive(reader, f"filecoin-ffi-{system}-standard.tar.gz", below)
    submodule = reader.folder / "extern/filecoin-ffi"
    (submodule / "cgo").mkdir(parents=True)
    (submodule / "go.mod").write_text(f"module {module}\n\ngo 1.21\n")
    for name, text in FILECOIN_MODULE.items():
        (submodule / name).write_text(text)
    publish_go_module(reader, module, "v1.36.1", FILECOIN_MODULE)
    example = REPOSITORY / "examples/filecoin_ffi"
    for name in ("main.go", "go.mod"):
        shutil.copy(example / name, reader.folder)
    result = reader.checked(read_guide("docs/migrate-install-filcrypto.md"))
    # Vendored, and from the submodule.
    assert result.stdout.count("verified: true\nwith another message: false\n") == 2
    assert f'path = "{module}"' in result.stdout
    assert "libhwloc-dev, ocl-icd-opencl-dev" in result.stderr
    assert (submodule / "filcrypto.pc").read_bytes() == released["filcrypto.pc"]
    shown = manifest_of("docs/migrate-install-filcrypto.md")
    described = yaml.safe_load((example / "prebuilt.yaml").read_text())
    assert shown == described | {"headers": ["filcrypto.h", "filcrypto.pc"]}


@pytest.mark.slow
def test_the_example_of_lancedb_searches_vectors(reader: Reader, tmp_path: Path) -> None:
    """With the real Arrow, which takes half a minute to download and compile."""
    library, header = lancedb(tmp_path)
    files = {"lib/linux_amd64/liblancedb_go.a": library, "include/lancedb.h": header}
    others = ("darwin_amd64", "darwin_arm64", "linux_arm64")
    files |= {f"lib/{other}/liblancedb_go.a": b"" for other in others}
    archive(reader, "lancedb-go-native-binaries.tar.gz", files)
    publish_go_module(reader, "github.com/lancedb/lancedb-go", "v0.1.2", LANCEDB_MODULE)
    machine = subprocess.run(["go", "env", "GOPROXY"], capture_output=True, text=True, check=True)
    reader.environment["GOPROXY"] += f",{machine.stdout.strip()}"
    reader.environment["GOSUMDB"] = "off"
    for name in ("main.go", "go.mod", "prebuilt.yaml"):
        shutil.copy(REPOSITORY / "examples/lancedb" / name, reader.folder)
    before = (reader.folder / "go.mod").read_text()
    done = reader.run(
        "cgo-prebuilt lock prebuilt.yaml\ngo mod tidy\n"
        # Like the real module, the stand-in names its library by a path, so users vendor it.
        "go mod vendor\n"
        "cgo-prebuilt fetch --lock prebuilt.lock.json --output vendor/github.com/lancedb/lancedb-go\n"
        "go run -mod=vendor .\n"
    ).checked()
    assert done.stdout.endswith("the nearest of 4 points: 2\n")
    direct = [line for line in before.splitlines() if line.startswith("\t")]
    assert set(direct) <= set((reader.folder / "go.mod").read_text().splitlines())


def test_onnxruntime(reader: Reader, tmp_path: Path) -> None:
    source = (
        "struct { const void *(*api)(unsigned); const char *(*version)(void); } base;\n"
        'static const char *version(void) { return "1.23.2"; }\n'
        "void *OrtGetApiBase(void) { base.version = version; return &base; }\n"
    )
    flags = ["-Wl,-soname,libonnxruntime.so.1"]
    library = shared_library("linux_amd64", source, tmp_path / "library", *flags)
    mirror = reader.folder.parent / "mirror"
    mirror.mkdir()
    reader.environment["CGO_PREBUILT_MIRROR"] = mirror.as_uri()
    write_release(
        mirror / "onnxruntime-linux-x64-1.23.2.tgz",
        "onnxruntime-linux-x64-1.23.2",
        "libonnxruntime.so",
        library.read_bytes(),
        {"onnxruntime_c_api.h": ONNX_HEADER},
    )
    (reader.folder / "third_party").mkdir()
    (reader.folder / "third_party/BUILD.bazel").touch()
    reader.checked(read_guide("docs/onnxruntime.md"))


def answering(folder: Path, function: str) -> bytes:
    """A static library with a function that returns 42."""
    source = f"int {function}(void) {{ return 42; }}\n"
    return static_library("linux_amd64", source, folder / "library.a").read_bytes()


def make_vecsearch(reader: Reader) -> None:
    """Create what vecsearch's maintainer has: a manifest for this platform, and a built library."""
    manifest = yaml.safe_load((REPOSITORY / "examples/vecsearch/prebuilt.yaml").read_text())
    del manifest["source"]
    (reader.folder / "prebuilt.yaml").write_text(yaml.safe_dump(manifest))
    change_manifest(reader, platforms={"linux_amd64": {}})
    for name in ("lib", "include"):
        (reader.folder / "out" / name).mkdir(parents=True)
    library = answering(reader.folder.parent, "vecsearch_answer")
    (reader.folder / "out/lib/libvecsearch.a").write_bytes(library)
    (reader.folder / "out/include/vecsearch.h").write_text("int vecsearch_answer(void);\n")


def change_manifest(reader: Reader, **keys: object) -> None:
    """Changes keys of the prebuilt.yaml in the reader's folder."""
    path = reader.folder / "prebuilt.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **keys}))


def archive(reader: Reader, name: str, files: Mapping[str, bytes]) -> None:
    """Put an archive into the reader's mirror."""
    mirror = reader.folder.parent / "mirror"
    mirror.mkdir(exist_ok=True)
    with tarfile.open(mirror / name, "w:gz") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    reader.environment["CGO_PREBUILT_MIRROR"] = mirror.as_uri()


def publish_go_module(reader: Reader, module: str, version: str, files: Mapping[str, str]) -> None:
    """Put a Go module into the folder from which the reader's go command gets modules."""
    proxy = reader.folder.parent / "goproxy"
    place = proxy / module / "@v"
    place.mkdir(parents=True)
    own = files.get("go.mod", f"module {module}\n\ngo 1.21\n")
    (place / f"{version}.info").write_text(json.dumps({"Version": version}))
    (place / f"{version}.mod").write_text(own)
    with zipfile.ZipFile(place / f"{version}.zip", "w") as content:
        for path, text in {"go.mod": own, **files}.items():
            content.writestr(f"{module}@{version}/{path}", text)
    go_modules_from(reader, proxy)


def go_modules_from(reader: Reader, proxy: Path) -> None:
    """Make the reader's go command get all modules from a folder."""
    reader.environment |= {
        "GOPROXY": proxy.as_uri(),
        "GOSUMDB": "off",
        "GOFLAGS": "-mod=mod -modcacherw",
        "GOPATH": str(reader.folder.parent / "go"),
    }


def manifest_of(page: str) -> object:
    """Parse the prebuilt.yaml of a guide."""
    (block,) = (block for block in read_guide(page) if block.file == "prebuilt.yaml")
    return yaml.safe_load(block.text)
