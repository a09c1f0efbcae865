"""A module proxy's folder: its modules and versions.

Layout (https://go.dev/ref/mod, "GOPROXY protocol"): below the escaped path of a module, `@latest`
and `@v/` with `list` and, for each version, `.info`, `.mod` and `.zip`. Beside them, `.ziphash`
holds the zip's `h1:` hash, as in the go command's cache, even if another server has the zip.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.errors import IntegrityError, UsageError, reporting
from cgo_prebuilt.files.renames import write_atomically
from cgo_prebuilt.go_modules.go_module import (
    GoModule,
    is_canonical,
    latest,
    version_key,
)
from cgo_prebuilt.go_modules.goproxy_pages import REDIRECTS, parse_redirects
from cgo_prebuilt.linking.srcdir_paths import escape, unescape

_RESTORE = "restore the tree from its backup or from the site that it was copied to"


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """The small files of a published version.

    Attributes:
        info: `.info`, as bytes.
        go_mod: `.mod`, as bytes.
        zip_hash: The `h1:` hash of the zip.
    """

    info: bytes
    go_mod: bytes
    zip_hash: str


class ProxyTree:
    """A module proxy's folder.

    Args:
        root: The folder; may be missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def modules(self) -> list[str]:
        """Return the paths of all modules with a version list, sorted."""
        lists = self.root.glob("**/@v/list")
        return sorted(unescape(path.parents[1].relative_to(self.root).as_posix()) for path in lists)

    def versions(self, path: str) -> list[str]:
        """Return the listed versions of a module by precedence; none without a list."""
        file = self._folder(path) / "@v" / "list"
        if not file.exists():
            return []
        return sorted(_read(file).decode("utf-8", "replace").split(), key=version_key)

    def latest(self, path: str) -> bytes:
        """Return the contents of `@latest`."""
        return _read(self._folder(path) / "@latest")

    def file(self, module: GoModule, suffix: str) -> Path:
        """Return the path of a version's file; the suffix is `.info`, `.mod`, `.zip` or `.ziphash`."""
        return self.root / self.name(module, suffix)

    def name(self, module: GoModule, suffix: str) -> str:
        """Return a version's file as a path in the tree, and so below the proxy's URL, too."""
        return f"{escape(module.path)}/@v/{escape(module.version)}{suffix}"

    def published(self, module: GoModule) -> PublishedVersion | None:
        """Return a version's small files; None if the module's list lacks it.

        Raises:
            IntegrityError: The list has it, but a file is missing.
        """
        if module.version not in self.versions(module.path):
            return None
        return PublishedVersion(
            _read(self.file(module, ".info")),
            _read(self.file(module, ".mod")),
            _read(self.file(module, ".ziphash")).decode("utf-8", "replace").strip(),
        )

    def publish(self, module: GoModule, files: PublishedVersion, archive: Path | None) -> None:
        """Add a version; list it only once its files are there.

        Args:
            module: The version.
            files: Its small files.
            archive: Its zip, which is moved from a path on the same file system; None if another server
                has it.
        """
        write_file(self.file(module, ".info"), files.info)
        write_file(self.file(module, ".mod"), files.go_mod)
        write_file(self.file(module, ".ziphash"), files.zip_hash.encode())
        try:
            if archive is not None:
                archive.replace(self.file(module, ".zip"))
        except OSError as error:
            raise _unwritable(self.file(module, ".zip"), error) from None
        versions = sorted({*self.versions(module.path), module.version}, key=version_key)
        listed = [version for version in versions if is_canonical(version)]
        folder = self._folder(module.path)
        newest = GoModule(module.path, latest(listed))
        write_file(folder / "@latest", _read(self.file(newest, ".info")))
        write_file(folder / "@v" / "list", "".join(f"{line}\n" for line in listed).encode())

    def redirects(self) -> dict[str, str]:
        """Return the URLs of zips that are served from elsewhere, by path.

        Raises:
            IntegrityError: Their file cannot be read, or is not UTF-8.
        """
        file = self.root / REDIRECTS
        if not file.is_file():
            return {}
        try:
            return parse_redirects(_read(file).decode("utf-8"))
        except UnicodeDecodeError:
            raise IntegrityError(
                "the file of the redirects is not UTF-8", where=str(file), remedy=_RESTORE
            ) from None

    def _folder(self, path: str) -> Path:
        return self.root / escape(path)


def version_info(version: str, time: str) -> bytes:
    """Return the contents of `.info`.

    Args:
        version: The module's version.
        time: Its time, by RFC 3339.
    """
    return (json.dumps({"Version": version, "Time": time}) + "\n").encode()


def write_file(path: Path, content: bytes) -> None:
    """Write a file atomically if it differs; it may be served at this moment.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise _unwritable(path, error) from None


def _read(path: Path) -> bytes:
    with reporting(
        "a published file cannot be read", where=path, remedy=_RESTORE, error=IntegrityError
    ):
        return path.read_bytes()


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the tree cannot be written: {error.strerror}",
        where=str(path),
        remedy="correct --output or the folder's permissions",
    )
