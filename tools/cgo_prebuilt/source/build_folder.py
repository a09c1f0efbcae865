"""A build's folder: always at the same path, so that a failed build can be resumed.

The path does not affect the result, but lets tools reuse caches by path. A successful build removes the
folder. A failed or interrupted one keeps it, and the next build with the same settings resumes. It is a
temporary folder outside of the store: its files cannot be verified, so they must not come with a store
from another machine.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.files.leftovers import delete
from cgo_prebuilt.files.own_files import make_own_folder
from cgo_prebuilt.files.renames import write_atomically
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.source.command_lines import TABLES

_STALE_SECONDS = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class BuildFolder:
    """A build's folder.

    Attributes:
        path: Its path; may be missing.
    """

    path: Path

    @property
    def source(self) -> Path:
        """The folder of the source, in which commands run."""
        return self.path / "source"

    @property
    def log(self) -> Path:
        """The log of the tools' output."""
        return self.path / "build.log"

    def prepare(
        self,
        tools: Iterable[str],
        settings: str,
        digest: str,
        copy: Callable[[Path], list[str]],
        programs: Mapping[str, str],
    ) -> list[str]:
        """Prepare the folder, and keep an unfinished build if it can be resumed.

        Args:
            tools: The build tools: one or several of `cargo`, `cmake`, `command` and `make`.
            settings: The inputs of the build besides its source.
            digest: The digest of its source.
            copy: Copies the source into a folder, leaves correct files alone, and returns the files.
            programs: Scripts to write beside the source, by name.

        Returns:
            The source's files.
        """
        kinds = set(tools)
        earlier = self._resumable(kinds, settings, digest)
        if earlier is None:
            delete(self.path)
            self.path.mkdir(mode=0o700)
        elif "command" in kinds:
            # The build may have changed the source: remove all but the tools' own folders.
            kept = {folder for tool in kinds for folder in TABLES["BUILT_FOLDERS"].get(tool, ())}
            for entry in self.source.iterdir():
                if entry.name not in kept:
                    delete(entry)
        self._stamp.unlink(missing_ok=True)
        self.source.mkdir(exist_ok=True)
        names = copy(self.source)
        for name in (earlier or set()).difference(names):
            delete(self.source / name)
        for name, text in programs.items():
            program = self.path / name
            if not program.is_file() or program.read_text(encoding="utf-8") != text:
                program.write_text(text, encoding="utf-8")
                program.chmod(0o755)
        content = {"settings": settings, "source": digest, "names": names}
        write_atomically(self._stamp, json.dumps(content).encode())
        return names

    def remove(self) -> None:
        """Remove the folder with its contents."""
        delete(self.path)

    @property
    def _stamp(self) -> Path:
        """The record of what is being built, written once the source is complete."""
        return self.path / "stamp.json"

    def _resumable(self, kinds: set[str], settings: str, digest: str) -> set[str] | None:
        """Return the source's files of a resumable earlier build; None without one."""
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
            # Cargo detects itself what an edit invalidates; other tools may not.
            is_same_source = stamp["source"] == digest or kinds == {"cargo"}
            if stamp["settings"] != settings or not is_same_source:
                return None
            for name in stamp["names"]:
                check_member_name(name, where=str(self._stamp))
            return set(stamp["names"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, IntegrityError):
            return None


@contextmanager
def build_folder(
    key: str, hold: Callable[[str], AbstractContextManager[bool]]
) -> Iterator[BuildFolder]:
    """Open a build's folder for this process alone.

    Args:
        key: What is built, and where its source comes from.
        hold: Locks a folder against other processes, by its name; yields whether it is locked.
    """
    root = Path(tempfile.gettempdir(), f"cgo-prebuilt-{_user()}")
    name = key[:16]
    with hold(name) as is_held:
        if is_held and make_own_folder(root):
            _remove_stale(root, time.time())
            # Resolved, since compilers record real paths.
            yield BuildFolder(root.resolve() / name)
            return
    # Without a lock, or if others can write there, use a folder for this build only.
    with tempfile.TemporaryDirectory(prefix="cgo-prebuilt-build-") as temporary:
        yield BuildFolder(Path(temporary).resolve() / name)


def _user() -> str:
    return str(os.getuid()) if sys.platform != "win32" else "builds"  # per user anyway


def _remove_stale(root: Path, now: float) -> None:
    """Remove folders of old builds that nobody resumes."""
    for folder in root.iterdir():
        with suppress(OSError):
            # The log of a running build grows.
            times = [path.stat().st_mtime for path in (folder, *folder.glob("*"))]
            if now - max(times) > _STALE_SECONDS:
                delete(folder)
