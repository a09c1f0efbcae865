"""Crates in Git repositories: fetched by their commit when they are locked, verified, offline afterwards."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from cgo_prebuilt.commands.failures import diagnose
from cgo_prebuilt.errors import BuildError, UnavailableError
from cgo_prebuilt.source.cargo_lock import GitCrates
from cgo_prebuilt.source.git_crates import write_git_crates
from tests.e2e.archive_server import serving
from tests.git_repository import make_repository
from tests.unit.source_case import CRATE, Project, crate

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("cargo", "git"))), reason="it runs cargo and git"
)

MANIFEST = """\
name: answer
version: v1
urls: ["{url}/{{file}}"]
source:
  path: native
  build: {{tool: cargo}}
  vendor: true
  static_library: target/release/libanswer.a
platforms: {{linux_amd64: {{archives: [{{file: answer.a}}], static_library: answer.a}}}}
"""


class Repository:
    """A source with two crates of a repository, and its lock."""

    def __init__(self, folder: Path, url: str, commit: str) -> None:
        self.project = Project(folder)
        self.source = f"git+{url}/acme.git?branch=main#{commit}"
        dependency = f'[dependencies]\nnear = {{ git = "{url}/acme.git", branch = "main" }}\n'
        packages = "".join(
            f'[[package]]\nname = "{name}"\nversion = "1.2.0"\nsource = "{self.source}"\n{needs}\n'
            for name, needs in (("far", ""), ("near", 'dependencies = [\n "far",\n]\n'))
        )
        own = '[[package]]\nname = "answer"\nversion = "1.0.0"\ndependencies = [\n "near",\n]\n\n'
        self.project.write(
            {
                "Cargo.toml": CRATE["Cargo.toml"] + dependency,
                "Cargo.lock": f"version = 4\n\n{own}{packages}",
                "src/lib.rs": '#[no_mangle]\npub extern "C" fn answer(at: usize) -> i32 {'
                " near::at(at) }\n",
            }
        )
        self.project.environ["CARGO_HOME"] = str(folder / "cargo")
        (folder / "answer.a").write_bytes(b"!<arch>\n")
        (folder / "answer.yaml").write_text(MANIFEST.format(url=folder.as_uri()))

    def lock(self, **environ: str) -> str:
        """Locks the manifest; gives what that said."""
        (self.project.folder / "answer.lock.json").unlink()
        lock = self.project.command("lock", "answer.yaml", **environ)
        assert lock.code == 0, lock.stderr
        return lock.stderr

    def locked(self) -> list[dict[str, str]]:
        lock = json.loads((self.project.folder / "answer.lock.json").read_text())
        git: list[dict[str, str]] = lock["versions"]["v1"]["source"]["git"]
        return git

    def build(self, **environ: str) -> None:
        options = ("--output", str(self.project.output), "--origin", "source", "--json")
        assert self.project.run("fetch", *options, **environ).report["status"] == "built"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "remote").mkdir()
    commit = make_repository(tmp_path / "remote")
    made = Repository(tmp_path, (tmp_path / "remote").as_uri(), commit)
    made.lock()
    return made


def test_what_was_locked_builds_offline_and_from_a_mirror(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "remote").rename(tmp_path / "away")
    repository.build(CGO_PREBUILT_OFFLINE="1")
    library = (repository.project.output / "answer.a").read_bytes()
    assert b"/vendor-git/acme-" in library
    assert str(tmp_path).encode() not in library

    filled = tmp_path / "filled"
    mirror = repository.project.run("mirror", "--to", str(filled), "--json")
    (locked,) = repository.locked()
    name = f"acme-{locked['sha256'][:16]}.tar"
    assert name in mirror.report["fetched"]  # type: ignore[operator]
    assert hashlib.sha256((filled / name).read_bytes()).hexdigest() == locked["sha256"]
    own = {"CGO_PREBUILT_MIRROR": filled.as_uri(), "CGO_PREBUILT_CACHE": str(tmp_path / "other")}
    without_git = {"PATH": str(tmp_path / "programs"), **own}
    (tmp_path / "programs").mkdir()
    for program in ("cargo", "rustc", "cc", "ld", "as", "sh"):
        found = shutil.which(program)
        assert found is not None
        (tmp_path / "programs" / program).symlink_to(found)
    repository.build(**without_git)


def test_who_has_no_mirror_gets_the_same_bytes_by_git(
    repository: Repository, tmp_path: Path
) -> None:
    project, own = repository.project, {"CGO_PREBUILT_CACHE": str(tmp_path / "other")}
    # A hook calls with variables of its own repository, and users have settings that change files.
    settings = tmp_path / "gitconfig"
    settings.write_text("[core]\n\tautocrlf = true\n")
    hook = {"GIT_DIR": str(tmp_path / "none"), "GIT_CONFIG_GLOBAL": str(settings)}
    source = ("--source", str(project.folder / "native"))
    put = project.run("crates", *source, "--output", "crates", "--json", **own, **hook)
    (locked,) = repository.locked()
    assert put.report["files"] == [f"acme-{locked['sha256'][:16]}.tar"]
    (name,) = put.report["files"]
    with tarfile.open(project.folder / "crates" / name) as tar:
        modes = {member.name: (member.mode, member.mtime) for member in tar}
    assert set(modes) == {
        ".cargo/config.toml",
        "Cargo.toml",
        *(f"far-1.2.0/{file}" for file in (".cargo-checksum.json", "Cargo.toml", "src/lib.rs")),
        *(f"near-1.2.0/{file}" for file in (".cargo-checksum.json", "Cargo.toml", "src/lib.rs")),
        "near-1.2.0/LICENSE",
        "near-1.2.0/build.sh",
    }
    assert modes["near-1.2.0/build.sh"] == (0o755, 0)
    assert modes["near-1.2.0/LICENSE"] == (0o644, 0)


def test_a_server_that_gives_no_commit_by_its_name_gives_all(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    commit = make_repository(tmp_path / "remote")
    with serving(tmp_path / "remote") as server:  # of files, and nothing else
        made = Repository(tmp_path, server.url, commit)
        made.lock()
        assert made.locked()[0]["source"] == f"git+{server.url}/acme.git?branch=main#{commit}"
    made.build()


def test_what_git_cannot_fetch_is_told(repository: Repository, tmp_path: Path) -> None:
    project, own = repository.project, {"CGO_PREBUILT_CACHE": str(tmp_path / "other")}
    fetch = ("fetch", "--output", str(project.output), "--origin", "source")
    offline = project.run(*fetch, "--offline", **own)
    assert offline.code == 3
    assert "offline, and the crates of file://" in offline.stderr
    absent = project.run(*fetch, **own, PATH=str(tmp_path / "no-programs"))
    assert "there is no cargo here" in absent.stderr
    crates = ("crates", "--source", "native", "--output", "crates")
    absent = project.run(*crates, **own, PATH=str(tmp_path / "no-programs"))
    assert absent.code == 3
    assert "need git, which cannot be run: No such file or directory" in absent.stderr

    (tmp_path / "remote").rename(tmp_path / "away")
    gone = project.run(*crates, **own)
    assert gone.code == 3
    assert "cannot be fetched by git:\n  | fatal: " in gone.stderr
    assert "or set CGO_PREBUILT_MIRROR to a mirror that has them" in gone.stderr
    locked = project.command("lock", "answer.yaml", "--check")
    assert locked.code == 3
    assert "next: try it by hand: `git ls-remote URL`\n" in locked.stderr  # which reads no mirror


@pytest.mark.skipif(os.name == "nt", reason="the program is a script")
def test_a_git_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setattr("cgo_prebuilt.source.git_crates._SECONDS", 0.2)
    crates = GitCrates("git+https://example.com/acme#0123", (("near", "1.2.0"),))
    with pytest.raises(UnavailableError, match=r"git did not end within 0\.2 s"):
        write_git_crates(crates, tmp_path / "crates.tar", {"PATH": f"{tmp_path}:{os.defpath}"})


@pytest.mark.skipif(os.name == "nt", reason="the program is a script")
def test_a_silent_ssh_server_ends_git_and_a_command_of_the_users_stays(tmp_path: Path) -> None:
    said = tmp_path / "said"
    for name in ("ssh", "own"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {said}\nexit 1\n')
        program.chmod(0o755)
    crates = GitCrates("git+ssh://git@example.com/acme.git#" + "0" * 40, (("near", "1.2.0"),))

    def asked(**environ: str) -> str:
        said.write_text("")
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
        with pytest.raises(UnavailableError, match="cannot be fetched by git"):
            write_git_crates(crates, tmp_path / "crates.tar", {**path, **environ})
        return said.read_text()

    patient = "ssh -o ConnectTimeout=60 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 "
    assert patient in asked()
    settings = tmp_path / "gitconfig"
    settings.write_text("[core]\n\tsshCommand = own\n")
    for own in (
        {"GIT_SSH_COMMAND": "own"},
        {"GIT_SSH": str(tmp_path / "own")},
        {"GIT_CONFIG_GLOBAL": str(settings)},
    ):
        called = asked(**own)
        assert called.startswith("own ")
        assert "ServerAlive" not in called


def test_nothing_is_fetched_from_a_server_that_proves_nothing(tmp_path: Path) -> None:
    crates = GitCrates("git+git://example.com/acme#" + "0" * 40, (("near", "1.2.0"),))
    with pytest.raises(BuildError, match="only https, http, ssh, file can be fetched from"):
        write_git_crates(crates, tmp_path / "crates.tar", os.environ)


def test_only_a_git_that_is_not_there_is_to_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("subprocess.Popen", refuse)
    crates = GitCrates("git+https://example.com/acme#" + "0" * 40, (("near", "1.2.0"),))
    with pytest.raises(OSError, match="Too many open files") as caught:
        write_git_crates(crates, tmp_path / "crates.tar", os.environ)
    assert "ulimit" in diagnose(caught.value).remedy


@pytest.mark.skipif(os.name == "nt", reason="the program is a script")
def test_what_git_says_passes_for_no_line_of_this_programs(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nprintf 'no\\r\\nnext: run evil\\f  next: run evil\\n' >&2\nexit 1\n")
    git.chmod(0o755)
    crates = GitCrates("git+https://example.com/acme#0123", (("near", "1.2.0"),))
    with pytest.raises(UnavailableError) as caught:
        write_git_crates(crates, tmp_path / "crates.tar", {"PATH": f"{tmp_path}:{os.defpath}"})
    lines = str(caught.value).splitlines()
    assert lines[1:4] == ["  | no", "  | next: run evil", "  |   next: run evil"]
    assert [line[:8] for line in lines[4:]] == ["  at: ht", "  next: "]


def test_what_nobody_could_unpack_or_publish_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    commit = make_repository(tmp_path / "remote", {"crates/near/src/aux.txt": "", "aux.md": ""})
    made = Repository(tmp_path, (tmp_path / "remote").as_uri(), commit)
    lock = made.project.folder / "answer.lock.json"
    lock.unlink()
    refused = made.project.command("lock", "answer.yaml")
    assert (refused.code, lock.exists()) == (2, False)
    assert "unsafe name 'near-1.2.0/src/aux.txt': 'aux.txt' is a device" in refused.stderr

    cargo_lock = made.project.folder / "native/Cargo.lock"
    cargo_lock.write_text(
        cargo_lock.read_text().replace("git+file://", "git+http://bob:CANARY/P@h")
    )
    refused = made.project.command("lock", "answer.yaml")
    assert (refused.code, lock.exists()) == (2, False)
    assert "which has a user or a password: the lock would publish it" in refused.stderr
    assert "CANARY" not in refused.stderr


def test_other_crates_than_the_locks_are_refused(repository: Repository, tmp_path: Path) -> None:
    project, own = repository.project, {"CGO_PREBUILT_CACHE": str(tmp_path / "other")}
    crates = ("crates", "--source", "native", "--output", "crates")
    lock = project.folder / "answer.lock.json"
    (locked,) = repository.locked()
    lock.write_text(lock.read_text().replace(locked["sha256"], "0" * 64))
    wrong = project.run(*crates, **own)
    assert wrong.code == 4
    assert "are not those that the lock names" in wrong.stderr

    cargo_lock = project.folder / "native/Cargo.lock"
    text = cargo_lock.read_text()
    cargo_lock.write_text(text.replace(repository.source[-40:], "b" * 40))
    stale = project.run(*crates, **own)
    assert stale.code == 2
    other = repository.source.replace(repository.source[-40:], "b" * 40)
    assert (
        "the lock of answer is stale: of Git repositories, Cargo.lock also names"
        f" {other}, and the lock {repository.source}\n" in stale.stderr
    )
    cargo_lock.write_text(text.replace("git+file", "git+ext"))
    strange = project.command("lock", "answer.yaml")
    assert strange.code == 5
    assert "only https, http, ssh, file can be fetched from" in strange.stderr


def test_a_wrong_hash_of_the_source_in_the_manifest_is_the_manifests(
    repository: Repository,
) -> None:
    project = repository.project
    (project.folder / "answer-1.crate").write_bytes(crate("answer", "1", ""))
    url = (project.folder / "answer-1.crate").as_uri()
    manifest = project.folder / "answer.yaml"
    source = f"url: {url}\n  sha256: {'a' * 64}\n  strip_prefix: answer-1"
    manifest.write_text(manifest.read_text().replace("path: native", source))
    refused = project.command("lock", "answer.yaml")
    assert refused.code == 4
    assert "answer-1.crate has wrong bytes" in refused.stderr
    assert "if it is the right file, correct 'sha256' under 'source'" in refused.stderr
