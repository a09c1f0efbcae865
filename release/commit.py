"""Read the files of a commit with git, not from the work tree, which may differ."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


class ReleaseError(Exception):
    """The release cannot be built; the message says what happened and what to do next."""


@dataclass(frozen=True)
class File:
    """A file of a commit.

    Attributes:
        path: Relative to the repository's root, with slashes.
        content: Its bytes.
        executable: Whether it is executable.
    """

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Commit:
    """A commit of a repository on disk.

    Attributes:
        repository: The repository's folder.
        revision: A tag, a branch or a hash.
    """

    repository: Path
    revision: str

    def text(self, path: str) -> str:
        """Return the text of one file.

        Raises:
            ReleaseError: There is no such file or commit.
        """
        return self._git("show", f"{self.revision}:{path}").decode()

    def time(self) -> int:
        """Return the time of the commit, in seconds since 1970."""
        return int(self._git("log", "-1", "--format=%ct", self.revision))

    def files(self, folder: str = "") -> list[File]:
        """Read files.

        Args:
            folder: The folder whose files to read; empty for the files that the root's .gitattributes
                exports.

        Returns:
            The files, sorted by their paths relative to the folder.

        Raises:
            ReleaseError: There is no such folder or commit, or an entry is not a regular file.
        """
        # A user's settings could change line ends.
        plain = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")
        # In a folder's tree, git reads only that folder's attributes.
        tree = f"{self.revision}:{folder}" if folder else self.revision
        tar = self._git(*plain, "archive", "--format=tar", tree)
        found = []
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            for member in archive:
                if member.isdir():
                    continue
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is None:
                    raise ReleaseError(f"{member.name} is not a regular file\n  next: make it one")
                executable = bool(member.mode & 0o100)
                found.append(File(member.name, stream.read(), executable))
        return sorted(found, key=lambda file: file.path)

    def _git(self, *arguments: str) -> bytes:
        command = ["git", "-C", str(self.repository), *arguments]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            raise ReleaseError(f"git {' '.join(arguments)}\n  {done.stderr.decode().strip()}")
        return done.stdout
