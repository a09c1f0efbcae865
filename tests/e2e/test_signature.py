"""MODULE.bazel pins who must vouch for a library: nothing of any other lock is fetched or built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attestations import ARCHIVE, REPOSITORY, WORKFLOW, unpack
from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.native_release import NativeRelease, archive
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, cgo_prebuilt
from tests.ssh_key import make_key

_MANIFEST = """\
public_key: {key}
static_library: lib/libanswer.a
headers: [include/**]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
source:
  path: native
  build: {{tool: make}}
  static_library: libanswer.a
  headers: [include/answer.h]
"""
_HEADER = '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n'
_NATIVE = {
    "native/answer.c": "int answer(void) { return 43; }\n",
    "native/include/answer.h": _HEADER,
    "native/Makefile": "libanswer.a: answer.o\n\t$(AR) rcs $@ $<\n",
}
_BY_BAZEL = MODULE.replace(".lock.json", '.lock.json", transport = "bazel')


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> NativeRelease:
    return NativeRelease(tmp_path / "maintainer", archive_server, "answer")


def signed_lock(release: NativeRelease) -> dict[str, Any]:
    """Publish a signed release, and return its lock."""
    built = release.built()
    archive(built, "lib/libanswer.a", {"answer.c": "int answer(void) { return 42; }\n"})
    (built / "include").mkdir()
    (built / "include/answer.h").write_text(_HEADER)
    public = make_key(release.folder)
    lock: dict[str, Any] = json.loads(
        release.publish(_MANIFEST.format(key=public), pack=("--sign", "key"))
    )
    return lock


def key_of(lock: dict[str, Any]) -> str:
    return str(lock["versions"]["v1.0.0"]["signature"]["public_key"])


def pinning(module: str, **pins: str) -> str:
    """Return a MODULE.bazel with more attributes for the library."""
    words = "".join(f', {name} = "{value}"' for name, value in pins.items())
    return module.replace(
        'prebuilt.library(name = "answer"', f'prebuilt.library(name = "answer"{words}'
    )


def consumer(workspace: MakeWorkspace, lock: dict[str, Any], module: str) -> Workspace:
    """A workspace with the folder that the lock's source is in."""
    files = {
        "BUILD.bazel": BUILD,
        "main.cc": MAIN_CC,
        "main.go": MAIN_GO,
        "answer.lock.json": json.dumps(lock),
        **_NATIVE,
    }
    return workspace(files, module=module)


def has_package(workspace: Workspace, name: str) -> bool:
    """Whether the repository of the fetcher's packages, or the interpreter itself, has a package."""
    base = Path(workspace.bazel("info", "output_base").checked().stdout.strip())
    found = (base / "external").glob(f"*rules_cgo_prebuilt_python/site-packages/{name}")
    return (
        any(path.is_dir() for path in found)
        or workspace.in_root("python3", "-c", f"import {name}").code == 0
    )


@pytest.mark.parametrize("module", [MODULE, _BY_BAZEL], ids=["python", "bazel"])
def test_a_release_signed_by_the_pinned_key_is_linked(
    workspace: MakeWorkspace, release: NativeRelease, module: str
) -> None:
    lock = signed_lock(release)
    made = consumer(workspace, lock, pinning(module, public_key=f"{key_of(lock)} me@example.com"))
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert release.server.paths() == [release.archive_path("linux_amd64")]
    assert has_package(made, "cryptography")
    # The lock is in the consumer's folder, so its source is the consumer's own.
    built = made.bazel("run", "--@answer//:origin=source", "//:main_cc")
    assert built.checked().stdout == "the answer is 43\n"


@pytest.mark.own_server
def test_without_a_pin_nothing_is_verified(
    workspace: MakeWorkspace, release: NativeRelease
) -> None:
    lock = signed_lock(release)
    made = consumer(workspace, lock, MODULE)
    if made.in_root("python3", "-c", "import cryptography").code == 0:
        pytest.skip("the interpreter has the package itself")
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert not has_package(made, "cryptography")


def _signed_by_nobody(version: dict[str, Any]) -> None:
    del version["signature"]


def _signed_something_else(version: dict[str, Any]) -> None:
    version["signature"]["sums"] = version["signature"]["sums"].replace("answer", "question")


def _signed_by_another(version: dict[str, Any]) -> None:
    kind, key = version["signature"]["public_key"].split()
    version["signature"]["public_key"] = f"{kind} {key[:-4]}AAAA"


def _another_archive(version: dict[str, Any]) -> None:
    version["platforms"]["linux_amd64"]["archives"][0]["sha256"] = "0" * 64


def _another_source(version: dict[str, Any]) -> None:
    del version["source"]["path"]
    version["source"] |= {"url": "https://evil.example/src.tar.gz", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("module", "change", "words"),
    [
        (MODULE, _another_source, "the publisher's signature does not cover src.tar.gz"),
        (
            MODULE,
            _signed_by_nobody,
            "answer v1.0.0 is not signed, and a public key is pinned for it",
        ),
        (MODULE, _signed_by_another, "answer v1.0.0 is signed by a key other than the pinned one"),
        (MODULE, _another_archive, "the publisher's signature does not cover answer-v1.0.0-"),
        (
            _BY_BAZEL,
            _signed_something_else,
            "the signature of SHA256SUMS is not that of the public",
        ),
    ],
)
def test_a_release_without_the_pinned_signature_is_neither_fetched_nor_built(
    workspace: MakeWorkspace,
    release: NativeRelease,
    module: str,
    change: Callable[[dict[str, Any]], None],
    words: str,
    tmp_path: Path,
) -> None:
    lock = signed_lock(release)
    key = key_of(lock)
    change(lock["versions"]["v1.0.0"])
    made = consumer(workspace, lock, pinning(module, public_key=key))
    from_source = ["--@answer//:origin=source"]
    for chosen in ([], from_source):
        if change is (_another_archive if chosen else _another_source):
            continue  # the other one is signed
        failed = made.bazel("build", *chosen, "//:main_cc")
        assert failed.code != 0
        assert words in failed.stderr
        assert chosen or "(trust)" in failed.stderr
        assert key in failed.stderr
        assert "falling back to building from source" not in failed.stderr
        assert "or: build it from source" not in failed.stderr
    assert not list(tmp_path.glob("store/v1/trees/*"))
    assert release.server.paths() == []


def test_only_the_pinned_identity_attests(
    workspace: MakeWorkspace, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    """A genuine attestation of a genuine archive without a library: its spoke is only fetched."""
    genuine = unpack(archive_server.folder)
    folder = tmp_path / "maintainer"
    folder.mkdir()
    (folder / "bundle.json").write_text(genuine.bundle())
    (folder / "answer.yaml").write_text(
        "name: answer\nversion: v1.0.0\n"
        f"urls: ['{archive_server.url}/{{file}}']\n"
        f"archives: [{{file: {ARCHIVE}, strip_prefix: {ARCHIVE.removesuffix('.tar.gz')},"
        " members: {lib.a: LICENSE}}]\n"
        "static_library: lib.a\nplatforms: {linux_amd64: {}}\n"
    )
    options = ("--verify-attestation", "bundle.json", "--identity", REPOSITORY)
    cgo_prebuilt("lock", "answer.yaml", *options, cwd=folder).checked()
    lock = (folder / "answer.lock.json").read_bytes()
    files: dict[str, str | bytes] = {"BUILD.bazel": "", "answer.lock.json": lock}
    module = MODULE.replace('"answer")', '"answer", "answer__linux_amd64")')
    made = workspace(files, module=pinning(module, identity="acme/vec"))
    spoke = "@answer__linux_amd64//..."
    archive_server.requests.clear()
    failed = made.bazel("query", spoke)
    assert "answer v1.0.0 is attested by an identity other than the pinned one" in failed.stderr
    assert f"attested by: {WORKFLOW}@refs/tags/v0.0.19" in failed.stderr
    assert archive_server.requests == []
    pinned = (made.path / "MODULE.bazel").read_text()
    for pin in (f'identity = "{WORKFLOW}"', 'trust = "attested"'):
        made.write({"MODULE.bazel": pinned.replace('identity = "acme/vec"', pin)})
        assert ":answer" in made.bazel("query", spoke).checked().stdout
    assert archive_server.paths() == [f"/{ARCHIVE}"]
    assert has_package(made, "sigstore")
