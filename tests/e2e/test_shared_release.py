"""Releases with a shared library in the usual shape, `libx.so` -> `libx.so.1` -> `libx.so.1.32.0`.

They are locked, fetched, linked and run by a cgo program and by a `cc_binary`, with a real Bazel.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.compilers import shared_library
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, HEADER, MAIN_CC, MAIN_GO, MODULE, cgo_prebuilt, go_run
from tests.e2e.release_with_links import ONNX_HEADER, VERSION, write_release

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="links for linux_amd64"
)

SOURCE = "int answer(void) { return 42; }\n"
ANSWER = """\
name: answer
version: v{version}
urls: ["{server}/{{file}}"]
archives: [{{file: answer-linux-x64-{version}.{ending}, strip_prefix: "answer-linux-*"}}]
shared_library: lib/libanswer.so
headers: [include/*.h]
include_dirs: [include]
runtime_files: [include/*.txt]
platforms: {{linux_amd64: {{}}}}
"""

ONNX = """\
name: onnxruntime
version: v{version}
urls: ["{server}/{{file}}"]
archives: [{{file: onnxruntime-linux-x64-{version}.tgz, strip_prefix: onnxruntime-linux-x64-{version}}}]
shared_library: lib/libonnxruntime.so
headers: [include/*.h]
include_dirs: [include]
licenses: [LICENSE]
platforms: {{linux_amd64: {{}}}}
"""

ONNX_GO = """\
package main

// #include "onnxruntime_c_api.h"
// static const char *version(void) { return OrtGetApiBase()->GetVersionString(); }
import "C"

import "fmt"

func main() { fmt.Println(C.GoString(C.version())) }
"""

ONNX_CC = """\
#include <cstdio>
#include "onnxruntime_c_api.h"
int main() { std::puts(OrtGetApiBase()->GetVersionString()); }
"""


def locked(folder: Path, manifest: str) -> bytes:
    (folder / "prebuilt.yaml").write_text(manifest)
    environment = {"CGO_PREBUILT_CACHE": str(folder / "store")}
    cgo_prebuilt("lock", "prebuilt.yaml", cwd=folder, env=environment).checked()
    return (folder / "prebuilt.lock.json").read_bytes()


def deploy(folder: Path) -> None:
    """Builds a program that finds the library beside itself, and runs it elsewhere, without the store."""
    environment = {"CGO_PREBUILT_CACHE": str(folder / "deployers-store")}
    which = ("--lock", "prebuilt.lock.json")
    shown = cgo_prebuilt("env", *which, "--shell", "json", cwd=folder, env=environment).checked()
    assert "deployers-store" in json.loads(shown.stdout)["CGO_LDFLAGS"]
    assert f"programs will look for answer in {folder}/deployers-store" in shown.stderr
    assert "To deploy them: env --rpath '$ORIGIN'" in shown.stderr
    beside = ("env", *which, "--shell", "json", "--rpath", "$ORIGIN")
    shown = cgo_prebuilt(*beside, cwd=folder, env=environment).checked()
    assert "programs will look for answer in $ORIGIN/lib" in shown.stderr
    fetch = ("fetch", *which, "--output", "ship")
    cgo_prebuilt(*fetch, cwd=folder, env=environment).checked()
    (folder / "go.mod").write_text("module program\n\ngo 1.21\n")
    (folder / "main.go").write_text(MAIN_GO)
    subprocess.run(
        ["go", "build", "-o", "ship/program", "main.go"],
        cwd=folder,
        env={**os.environ, **json.loads(shown.stdout)},
        check=True,
    )
    shutil.rmtree(folder / "deployers-store")
    (folder / "ship").rename(folder / "shipped")
    program = folder / "shipped/program"
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == "the answer is 42\n"


@pytest.mark.parametrize(
    ("ending", "transport"), [("tgz", "python"), ("zip", "python"), ("deb", "bazel")]
)
def test_an_unchanged_release_with_links_is_linked_and_run(
    ending: str,
    transport: str,
    workspace: MakeWorkspace,
    archive_server: ArchiveServer,
    tmp_path: Path,
) -> None:
    flags = ["-Wl,-soname,libanswer.so.1"]
    library = shared_library("linux_amd64", SOURCE, tmp_path / "answer", *flags).read_bytes()
    write_release(
        archive_server.folder / f"answer-linux-x64-{VERSION}.{ending}",
        f"answer-linux-x64-{VERSION}",
        "libanswer.so",
        library,
        {"answer.h": HEADER, "words.txt": "read when it runs\n"},
    )
    manifest = ANSWER.format(server=archive_server.url, version=VERSION, ending=ending)
    lock = locked(tmp_path, manifest)
    if ending == "tgz":
        deploy(tmp_path)
    (platforms,) = (one["platforms"] for one in json.loads(lock)["versions"].values())
    assert platforms["linux_amd64"]["shared_library"] == ["lib/libanswer.so.1"]
    assert go_run(tmp_path, MAIN_GO) == "the answer is 42\n"

    made = workspace(
        {"BUILD.bazel": BUILD, "main.cc": MAIN_CC, "main.go": MAIN_GO, "answer.lock.json": lock},
        module=MODULE.replace(", lock =", f', transport = "{transport}", lock ='),
    )
    for program in ("main_cc", "main_go"):
        assert made.bazel("run", f"//:{program}").checked().stdout == "the answer is 42\n"
        elsewhere = tmp_path / "elsewhere" / program
        elsewhere.mkdir(parents=True)
        output = made.path / "bazel-bin" / program
        shutil.copy(output, elsewhere)
        shutil.copytree(f"{output}.runfiles", elsewhere / f"{program}.runfiles")
        data = {path.read_text() for path in elsewhere.rglob("words.txt")}
        assert data == {"read when it runs\n"}
    made.bazel("clean").checked()
    for program in ("main_cc", "main_go"):
        copied = made.in_root(str(tmp_path / "elsewhere" / program / program))
        assert copied.checked().stdout == "the answer is 42\n"


def test_links_in_a_release_become_files(archive_server: ArchiveServer, tmp_path: Path) -> None:
    flags = ["-Wl,-soname,libanswer.so.1"]
    library = shared_library("linux_amd64", SOURCE, tmp_path / "answer", *flags).read_bytes()
    release = archive_server.folder / f"answer-linux-x64-{VERSION}.tgz"
    files = {"answer.h": HEADER, "words.txt": ""}
    write_release(release, f"answer-linux-x64-{VERSION}", "libanswer.so", library, files)
    locked(tmp_path, ANSWER.format(server=archive_server.url, version=VERSION, ending="tgz"))
    command = ("fetch", "--lock", "prebuilt.lock.json", "--output", "out", "--json")
    environment = {"CGO_PREBUILT_CACHE": str(tmp_path / "store")}
    answer = json.loads(cgo_prebuilt(*command, cwd=tmp_path, env=environment).checked().stdout)
    libraries = ["lib/libanswer.so", "lib/libanswer.so.1"]
    assert answer["files"] == ["include/answer.h", "include/words.txt", *libraries]
    for path in answer["files"]:
        assert not (tmp_path / "out" / path).is_symlink()
    assert (tmp_path / "out/lib/libanswer.so.1").read_bytes() == library
    again = json.loads(cgo_prebuilt(*command, cwd=tmp_path, env=environment).checked().stdout)
    assert again["status"] == "cached"


@pytest.mark.slow
def test_onnx_runtime_in_the_shape_of_its_release(
    workspace: MakeWorkspace, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    """The library is that of the wheel, which has it under the name of its version alone."""
    wheels = tmp_path / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(wheels), "onnxruntime"]
    subprocess.run(command, check=True)
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (n for n in archive.namelist() if "/libonnxruntime.so." in n)
        library = archive.read(member)
    version = wheel.name.split("-")[1]
    write_release(
        archive_server.folder / f"onnxruntime-linux-x64-{version}.tgz",
        f"onnxruntime-linux-x64-{version}",
        "libonnxruntime.so",
        library,
        {"onnxruntime_c_api.h": ONNX_HEADER},
    )
    lock = locked(tmp_path, ONNX.format(server=archive_server.url, version=version))
    assert go_run(tmp_path, ONNX_GO) == f"{version}\n"
    build = BUILD.replace("@answer", "@onnxruntime")
    module = MODULE.replace("answer", "onnxruntime")
    made = workspace(
        {
            "BUILD.bazel": build,
            "main.cc": ONNX_CC,
            "main.go": ONNX_GO,
            "onnxruntime.lock.json": lock,
        },
        module=module,
    )
    for program in ("main_cc", "main_go"):
        assert made.bazel("run", f"//:{program}").checked().stdout == f"{version}\n"
