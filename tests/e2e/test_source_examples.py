"""The examples where there is no prebuilt, and a lock's source that is an archive."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Tools, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release, cgo_prebuilt

GO_SECTION = "\n# Go. "


def example(name: str, tools: Tools, folder: Path) -> Workspace:
    """A copy of an example without its Go targets, for which there are no rules here."""
    copy = folder / "example"
    ignored = shutil.ignore_patterns("target", "bazel-*", "__pycache__")
    shutil.copytree(REPOSITORY / "examples" / name, copy, ignore=ignored)
    module = copy / "MODULE.bazel"
    text = module.read_text().partition(GO_SECTION)[0]
    module.write_text(text.replace('"../.."', f'"{REPOSITORY}"'))
    (copy / ".bazelrc").write_text(tools.bazelrc())
    return Workspace(copy, tools, {"CGO_PREBUILT_CACHE": str(folder / "store")})


def test_vecsearch_is_built_by_cargo_on_a_platform_without_a_prebuilt(
    bazel_tools: Tools, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    made = example("vecsearch", bazel_tools, tmp_path)
    stage = tmp_path / "stage"
    shutil.copytree(made.path / "native/include", stage / "include")
    (stage / "lib").mkdir()
    (stage / "lib/libvecsearch.a").write_bytes(b"!<arch>\n")
    manifest = made.path / "prebuilt.yaml"
    text = manifest.read_text().replace(
        "https://github.com/acme/vecsearch/releases/download/{version}", archive_server.url
    )
    only = [
        line for line in text.splitlines(True) if not line.startswith(("  linux_amd", "  darw"))
    ]
    manifest.write_text("".join(line for line in only if not line.startswith("  windows_")))
    cache = {"CGO_PREBUILT_CACHE": str(tmp_path / "maintainers-store")}
    served = ("--output", archive_server.folder)
    pack = ("pack", "prebuilt.yaml", "--platform", "linux_arm64", "--from", stage, *served)
    cgo_prebuilt(*pack, cwd=made.path, env=cache).checked()
    cgo_prebuilt("lock", "prebuilt.yaml", cwd=made.path, env=cache).checked()
    archive_server.requests.clear()
    try:
        built = made.bazel("run", "//cpp:search").checked()
    finally:
        made.bazel("shutdown")
    assert built.stdout.startswith("vecsearch 0.3.0: the 3 nearest of 1000 vectors\n")
    assert "vector 213 at distance 0.814097" in built.stdout
    assert archive_server.requests == []


def test_from_source_label_is_built_by_the_monorepo(bazel_tools: Tools, tmp_path: Path) -> None:
    made = example("from_source_label", bazel_tools, tmp_path)
    nothing_there = {"CGO_PREBUILT_MIRROR": (tmp_path / "nothing").as_uri()}
    try:
        built = made.bazel("run", "//cpp:checksum", env=nothing_there).checked()
        failed = made.bazel(
            "build", "//cpp:checksum", env={**nothing_there, "CGO_PREBUILT_ORIGIN": "prebuilt"}
        )
    finally:
        made.bazel("shutdown")
    assert built.stdout == "abcde: c8f0\n"
    assert "falling back to building from source: @@//fletcher:from_source" in built.stderr
    assert failed.code != 0
    assert "fletcher v1.0.0 for linux_amd64 could not be fetched (unavailable)" in failed.stderr


def source_archive() -> bytes:
    """A source with files of Bazel's own, which would hide its folders."""
    files = {
        "Makefile": "libanswer.a: src/answer.o\n\t./configure\n\t$(AR) rcs $@ $<\n",
        "configure": "#!/bin/sh\ncp src/answer.h answer.h\n",
        "src/BUILD.bazel": "broken(",
        "BUILD": "broken(",
        "src/answer.c": "int answer(void) { return 46; }\n",
        "src/answer.h": '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n',
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"answer-1/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


_SOURCE = """\
source:
  url: {url}/answer-1.tar.gz
  sha256: {sha256}
  strip_prefix: answer-1
  build: {{tool: make}}
  static_library: libanswer.a
  headers: [answer.h]
  include_dirs: ["."]
"""


@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong bytes"])
def test_a_source_archive_is_verified_by_the_fetcher_and_built(
    workspace: MakeWorkspace, archive_server: ArchiveServer, tmp_path: Path, is_right: bool
) -> None:
    content = source_archive()
    folder = tmp_path / "maintainer"
    folder.mkdir()
    release = Release(folder, archive_server)
    sha256 = hashlib.sha256(content).hexdigest()
    source = _SOURCE.format(url=archive_server.url, sha256=sha256)
    release.publish(platforms=("linux_arm64",), from_source=source)
    served = content if is_right else content + b"!"
    (archive_server.folder / "answer-1.tar.gz").write_bytes(served)
    made = workspace(
        {
            "BUILD.bazel": BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
        },
        module=MODULE,
    )
    built = made.bazel("run", "//:main_cc")
    if is_right:
        assert built.checked().stdout == "the answer is 46\n"
        assert archive_server.paths() == ["/answer-1.tar.gz"]
    else:
        assert built.code != 0
        assert "the source of answer v1.0.0 could not be fetched (integrity)" in built.stderr
        assert f"{archive_server.url}/answer-1.tar.gz" in built.stderr
