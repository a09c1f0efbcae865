"""Crates that are fetched by the checksums of Cargo.lock, and a build that needs no network for them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.library_case import files_below
from tests.unit.source_case import CRATE, Project, crate

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo")

TINY = crate("tiny", "1.0.0", "pub fn at(at: usize) -> i32 { [4, 2][at] }\n")
_INDEX = "registry+https://github.com/rust-lang/crates.io-index"


def cargo_lock(archives: Mapping[str, bytes]) -> str:
    crates = ""
    for file, content in archives.items():
        name, _, version = file.removesuffix(".crate").rpartition("-")
        checksum = hashlib.sha256(content).hexdigest()
        crates += (
            f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = "{_INDEX}"\n'
            f'checksum = "{checksum}"\n\n'
        )
    own = '[[package]]\nname = "answer"\nversion = "1.0.0"\ndependencies = [\n "tiny",\n]\n\n'
    return f"version = 3\n\n{own}{crates}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny-1.0.0.crate").write_bytes(TINY)
    made.write(
        {
            "Cargo.toml": CRATE["Cargo.toml"] + '[dependencies]\ntiny = "1.0"\n',
            "Cargo.lock": cargo_lock({"tiny-1.0.0.crate": TINY}),
            "src/lib.rs": '#[no_mangle]\npub extern "C" fn answer(at: usize) -> i32 { tiny::at(at) }\n',
        }
    )
    output = "target/release/libanswer.a"
    build = {"tool": "cargo"}
    made.lock(build=build, static_library=[output], headers=None, vendor=True)
    made.environ["CGO_PREBUILT_MIRROR"] = mirror.as_uri()
    # Nothing of what this machine's cargo has at hand.
    made.environ["CARGO_HOME"] = str(tmp_path / "cargo")
    return made


def test_a_build_takes_its_crates_from_the_mirror_and_then_from_the_store(project: Project) -> None:
    host = ("fetch", "--output", str(project.output), "--json")
    answer = project.run(*host)
    assert answer.report["status"] == "built"
    content = (project.output / "lib/libanswer.a").read_bytes()
    assert str(project.folder).encode() not in content
    assert b"/vendor/tiny-1.0.0/src/lib.rs" in content

    (project.folder / "mirror/tiny-1.0.0.crate").unlink()
    again = project.run(*host, CARGO_PROFILE_RELEASE_OPT_LEVEL="1", CGO_PREBUILT_OFFLINE="1")
    assert again.report["status"] == "built"


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (b"", 4, "tiny-1.0.0.crate"),
        (None, 3, "tiny-1.0.0.crate"),
    ],
    ids=["wrong bytes", "missing"],
)
def test_a_crate_that_is_not_what_cargo_lock_names_is_refused(
    project: Project, spoil: bytes | None, code: int, words: str
) -> None:
    path = project.folder / "mirror/tiny-1.0.0.crate"
    path.unlink() if spoil is None else path.write_bytes(spoil)
    answer = project.run("fetch", "--output", str(project.output), "--json")
    assert answer.code == code
    assert words in answer.stderr


def test_a_crate_that_was_never_fetched_is_named_offline(project: Project) -> None:
    del project.environ["CGO_PREBUILT_MIRROR"]
    answer = project.run("fetch", "--output", str(project.output), "--offline")
    assert answer.code == 3
    assert "offline, and the crate tiny 1.0.0 is not in the store" in answer.stderr


def test_a_source_without_a_cargo_lock_is_reported(project: Project) -> None:
    (project.folder / "native/Cargo.lock").unlink()
    answer = project.run("fetch", "--output", str(project.output))
    assert answer.code == 5
    assert "the source of answer v1 has no Cargo.lock, which 'vendor' takes the" in answer.stderr
    assert f"  at: {Path('native/Cargo.lock')}" in answer.stderr
    assert "next: commit it, or name the manifest in 'args': --manifest-path" in answer.stderr


def test_an_archive_without_a_cargo_lock_is_named(project: Project) -> None:
    """As crates of crates.io often are."""
    content = crate("answer", "1.0.0", "")
    (project.folder / "mirror/answer-1.0.0.crate").write_bytes(content)
    lock = project.folder / "answer.lock.json"
    document = json.loads(lock.read_text())
    source = document["versions"]["v1"]["source"]
    del source["path"]
    source["url"] = "https://example.com/answer-1.0.0.crate"
    source["sha256"] = hashlib.sha256(content).hexdigest()
    source["strip_prefix"] = "answer-1.0.0"
    lock.write_text(json.dumps(document))
    answer = project.run("fetch", "--output", str(project.output))
    assert answer.code == 5
    assert "  at: answer-1.0.0.crate\n" in answer.stderr
    assert "next: commit a copy with it, and name that in 'path'" in answer.stderr


def test_the_verb_puts_archives_with_their_sums_and_urls_says_where_from(project: Project) -> None:
    source = ("--source", str(project.folder / "native"))
    put = project.run("crates", *source, "--output", "crates", "--json")
    assert put.report["files"] == ["tiny-1.0.0.crate"]
    assert files_below(project.folder / "crates") == ["SHA256SUMS", "tiny-1.0.0.crate"]
    sums = (project.folder / "crates/SHA256SUMS").read_text()
    assert sums == f"{hashlib.sha256(TINY).hexdigest()}  tiny-1.0.0.crate\n"

    del project.environ["CGO_PREBUILT_MIRROR"]
    urls = project.run("urls", "--crates", str(project.folder / "native"))
    assert urls.stdout == "https://static.crates.io/crates/tiny/tiny-1.0.0.crate\n"
    asked = json.loads(project.run("urls", "--crates", "native", "--json").stdout)
    assert asked["cached"] is True


def test_a_mirror_has_the_crates_of_every_source(project: Project) -> None:
    filled = project.folder / "filled"
    mirror = ("mirror", "--to", str(filled), "--platform", "linux_amd64", "--prune", "--json")
    for fetched in (["tiny-1.0.0.crate"], []):
        done = json.loads(project.run(*mirror).stdout)
        assert done["fetched"] == fetched
        assert done["removed"] == []
    assert files_below(filled) == ["SHA256SUMS", "tiny-1.0.0.crate"]
