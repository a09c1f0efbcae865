"""The crates of a Git repository at a commit, as a reproducible archive.

Git fetches the commit and verifies its contents by the commit's hash. Nothing is checked out, so no
setting, filter or hook of Git changes a byte.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from posixpath import basename

from cgo_prebuilt.archives.tar_writer import write_tar
from cgo_prebuilt.bounded_run import Completed, running
from cgo_prebuilt.errors import SCARCE, BuildError, UnavailableError
from cgo_prebuilt.printable import quoted
from cgo_prebuilt.source.cargo_lock import GitCrates
from cgo_prebuilt.source.git_layout import (
    LINK,
    MANIFEST,
    PROGRAM,
    SUBMODULE,
    Entry,
    check_names,
    crate_files,
    workspace_manifest,
)

CONFIG = ".cargo/config.toml"
"""The path in the archive of the cargo configuration that refers to its crates."""

_VENDORED = b'{"files":{},"package":null}'
# git:// is not authenticated, and git waits for its servers without a limit.
_SCHEMES = ("https", "http", "ssh", "file")

# Variables of an enclosing repository, as in a hook (git-rev-parse(1), --local-env-vars).
_REPOSITORY_VARIABLES = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR"
    r"|SHALLOW_FILE|NAMESPACE|PREFIX|GRAFT_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE)"
)
_PATIENCE = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60")
_PATIENT_SSH = "ssh -o ConnectTimeout=60 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
# The limit for a command: git itself has none for a server that trickles, or is silent over ssh.
_SECONDS = 7200.0
_ALL = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def write_git_crates(git: GitCrates, target: Path, environ: Mapping[str, str]) -> None:
    """Fetch a commit with git, and write the archive of its crates.

    Args:
        git: The crates and their commit.
        target: The archive, a tar; must not exist yet.
        environ: The caller's environment, with Git's settings.

    Raises:
        UnavailableError: Git is missing, or cannot fetch the commit.
        BuildError: The commit lacks the crates, or has them in an unsupported form.
        UsageError: A file of theirs has a name that cannot be unpacked everywhere.
    """
    if git.url.scheme not in _SCHEMES:
        raise BuildError(
            f"{git.label}: only {', '.join(_SCHEMES)} can be fetched from",
            where=git.url,
            remedy="correct the dependency in Cargo.toml, and regenerate Cargo.lock",
        )
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as opened:
        repository = _Repository(git, Path(temporary), environ)
        repository.fetch()
        opened.callback(repository.close)
        entries = repository.entries()
        manifests = {
            path: repository.content(entry).decode("utf-8", "replace")
            for path, entry in entries.items()
            if basename(path) == MANIFEST and entry.mode not in (LINK, SUBMODULE)
        }
        files = crate_files(
            git,
            entries,
            manifests,
            lambda path: repository.content(entries[path]).decode("utf-8", "surrogateescape"),
        )
        made = {f"{name}-{version}/.cargo-checksum.json": _VENDORED for name, version in git.crates}
        made[CONFIG] = git.config().encode()
        workspace = workspace_manifest(git, files, manifests)
        if workspace:
            made[MANIFEST] = workspace.encode()
        check_names(git, {*made, *files})

        def members() -> Iterator[tuple[str, bytes, bool]]:
            for name in sorted({*made, *files}):
                if name in made:
                    yield name, made[name], False
                else:
                    entry = entries[files[name]]
                    yield name, repository.content(entry), entry.mode == PROGRAM

        with target.open("xb") as file:
            write_tar(file, members())


class _Repository:
    """A temporary repository with one commit of another repository."""

    def __init__(self, git: GitCrates, folder: Path, environ: Mapping[str, str]) -> None:
        self._git = git
        self._folder = folder
        self._contents: subprocess.Popen[bytes] | None = None
        self._opened = ExitStack()
        self._environ = {
            **{
                name: value
                for name, value in environ.items()
                if not _REPOSITORY_VARIABLES.fullmatch(name)
            },
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }

    def fetch(self) -> None:
        """Fetch the commit alone, or with all others if the server does not serve single commits."""
        self._run("init", "--quiet", "--bare")
        if not self._has_own_ssh():
            self._environ["GIT_SSH_COMMAND"] = _PATIENT_SSH
        url, commit = self._git.url.raw, self._git.commit
        options = (*_PATIENCE, "fetch", "--quiet", "--no-tags")
        if self._try(*options, "--depth=1", "--", url, commit).code:
            self._run(*options, "--", url, *_ALL)
        self._run("cat-file", "-e", f"{commit}^{{commit}}")

    def _has_own_ssh(self) -> bool:
        """Return whether the user configured how git calls ssh (git-config(1), core.sshCommand)."""
        if self._environ.get("GIT_SSH_COMMAND") or self._environ.get("GIT_SSH"):
            return True
        return self._try("config", "--get", "core.sshCommand").code == 0

    def entries(self) -> dict[str, Entry]:
        """Return the commit's files by path."""
        listing = self._run("ls-tree", "-r", "-z", "--full-tree", self._git.commit)
        entries = {}
        for line in filter(None, listing.split(b"\0")):
            described, _, path = line.partition(b"\t")
            mode, _, content = described.decode().split(" ")
            entries[path.decode("utf-8", "surrogateescape")] = Entry(mode, content)
        return entries

    def content(self, entry: Entry) -> bytes:
        """Return the content of a file."""
        if self._contents is None:
            command = [*self._git_command, "cat-file", "--batch"]
            started = running(
                command, environ=self._environ, stdin=subprocess.PIPE, stderr=None, bufsize=-1
            )
            self._contents = self._opened.enter_context(started)
        asked, answers = self._contents.stdin, self._contents.stdout
        assert asked is not None
        assert answers is not None
        asked.write(f"{entry.content}\n".encode())
        asked.flush()
        size = int(answers.readline().split()[2])  # git-cat-file(1): `name type size`
        content = answers.read(size + 1)
        return content[:size]

    def close(self) -> None:
        """Remove the repository and end git."""
        if self._contents is not None:
            self._contents.communicate()
        self._opened.close()

    @property
    def _git_command(self) -> list[str]:
        return ["git", f"--git-dir={self._folder}"]

    def _run(self, *arguments: str) -> bytes:
        done = self._try(*arguments)
        if done.code:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise UnavailableError(
                f"{self._git.label} cannot be fetched by git:{quoted(said[-5:] or [done.failure()])}",
                where=self._git.url,
                remedy="try it by hand: `git ls-remote URL`",
            )
        return done.stdout

    def _try(self, *arguments: str) -> Completed:
        try:
            command = [*self._git_command, *arguments]
            with running(command, environ=self._environ) as git:
                stdout, stderr = git.communicate(timeout=_SECONDS)
                return Completed(git.returncode, stdout, stderr)
        except subprocess.TimeoutExpired:
            raise UnavailableError(
                f"{self._git.label} cannot be fetched: git did not end within {_SECONDS:g} s",
                where=self._git.url,
                remedy="try it by hand: `git ls-remote URL`",
            ) from None
        except OSError as error:
            if error.errno in SCARCE:
                raise
            raise UnavailableError(
                f"{self._git.label} need git, which cannot be run: {error.strerror}",
                where=self._git.url,
                remedy="install git",
            ) from None
