"""`SHA256SUMS`: the hashes of a release's files, in the form that sha256sum(1) reads and writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.bounded_read import bytes_of_file, text_of_file
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.files.file_lock import PATIENCE, Waiting, hold
from cgo_prebuilt.files.renames import atomic_file, write_atomically

SUMS = "SHA256SUMS"

SIGNATURE = f"{SUMS}.sig"
"""The name of their signature; see `signing`."""

OTHER_SUMS = ("SHASUMS256.txt", "checksums.txt", "sha256sums.txt", "sha256sum.txt")
"""Other usual names of sums. Each file may also have its own, named with the suffix `.sha256`."""

# A `*` marks files that sha256sum(1) read in binary mode. The second form is that of BSD and OpenSSL.
_SUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)|SHA2?-?256 ?\((.+)\) ?= ?([0-9a-fA-F]{64})")
_ALONE = re.compile(r"[0-9a-fA-F]{64}")

_HASH = r"(?P<hash>[0-9a-fA-F]{64})"
_PUBLISHED = [
    re.compile(form)
    for form in (
        rf"(?:SHA256\s+)?{_HASH}\s+\*?(?P<name>.+)",  # with SHA256 before it: PowerShell's Get-FileHash
        rf"(?i:SHA2?-?256) ?\((?P<name>.+)\) ?= ?{_HASH}",
        rf"(?P<name>.*\S)\s+{_HASH}",
    )
]
"""The lines of other programs: with any white space, perhaps with reversed columns."""


def parse_sums(text: str) -> dict[str, str]:
    """Parse a `SHA256SUMS`: lower-case hashes by file.

    Raises:
        ValueError: A line is not a hash and a file; the message quotes it.
    """
    sums: dict[str, str] = {}
    for line in filter(None, text.split("\n")):
        match = _SUM.fullmatch(line.removesuffix("\r"))
        if match is None:
            raise ValueError(f"{line[:200]!r} is not a hash and a file")
        name, digest = (match[2], match[1]) if match[2] else (match[3], match[4])
        name, digest = name.removeprefix("./"), digest.lower()
        if sums.setdefault(name, digest) != digest:
            raise ValueError(f"{name[:200]!r} is listed with two hashes")
    return sums


@dataclass(frozen=True, slots=True)
class PublishedSums:
    """The hashes in another publisher's sums, of any form.

    Attributes:
        hashes: The SHA-256 hashes by name, in lower case. Several for one name contradict each other.
        invalid_line: The first invalid line; None if all are valid.
    """

    hashes: Mapping[str, tuple[str, ...]]
    invalid_line: str | None = None

    def of(self, file: str) -> tuple[str, ...]:
        """Return a file's hashes by its name, or by the only path that ends with it."""
        if file in self.hashes:
            return self.hashes[file]
        paths = [name for name in self.hashes if re.split(r"[/\\]", name)[-1] == file]
        found = {self.hashes[path] for path in paths}
        return found.pop() if len(found) == 1 else ()

    def why_missing(self, file: str) -> str:
        """Return why a file's hash is missing."""
        if self.invalid_line is not None and not self.hashes:
            return f"{self.invalid_line[:200]!r} is not a hash and a file"
        return f"it does not list {file} with one SHA-256"


def parse_published_sums(text: str, alone: str | None = None) -> PublishedSums:
    """Parse another publisher's sums; skip comments and a byte order mark.

    Args:
        text: The text.
        alone: The file that the text is about: the hash may have no name, or the name `-`.
    """
    hashes: dict[str, tuple[str, ...]] = {}
    invalid_line = None
    for line in map(str.strip, text.removeprefix("\ufeff").splitlines()):
        match = next(filter(None, (form.fullmatch(line) for form in _PUBLISHED)), None)
        if alone is not None and _ALONE.fullmatch(line):
            name, digest = alone, line.lower()
        elif match is not None:
            name, digest = match["name"].removeprefix("./"), match["hash"].lower()
            name = alone if name == "-" and alone is not None else name
        else:
            invalid_line = invalid_line or (line if line and line[0] != "#" else None)
            continue
        before = hashes.get(name, ())
        hashes[name] = before if digest in before else (*before, digest)
    return PublishedSums(hashes, invalid_line)


def format_sums(sums: Mapping[str, str]) -> str:
    """Format hashes by file as a `SHA256SUMS`, sorted by file."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def read_sums(path: Path) -> dict[str, str]:
    """Read the hashes of an existing `SHA256SUMS`, by file.

    Raises:
        UsageError: It cannot be read. A missing file counts as empty.
    """
    try:
        return parse_sums(text_of_file(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _bad_sums(path, getattr(error, "strerror", None) or str(error)) from None


def write_sums(path: Path, sums: Mapping[str, str]) -> None:
    """Write a `SHA256SUMS` of hashes by file.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        write_atomically(path, format_sums(sums).encode())
    except OSError as error:
        raise _bad_sums(path, error.strerror or str(error)) from None


def update_sums(
    path: Path, entries: Mapping[str, str], sign: Callable[[bytes], bytes] | None = None
) -> None:
    """Add hashes to a `SHA256SUMS`; several processes may do so at once.

    If the text changes, the signature beside it is removed, since it no longer fits.

    Args:
        path: The file; created if missing.
        entries: Hashes by file. Entries of other files stay.
        sign: Returns the signature of a text, to write beside it; if it fails, nothing changes.

    Raises:
        UsageError: It cannot be read or written.
    """
    with sums_held(path):
        text = format_sums({**read_sums(path), **entries}).encode()
        signature = sign(text) if sign else None
        target = path.with_name(SIGNATURE)
        try:
            if signature is None and path.exists() and bytes_of_file(path) == text:
                return
            # First, so that a crash leaves no outdated signature.
            target.unlink(missing_ok=True)
            if signature is None:
                write_atomically(path, text)
                return
            with atomic_file(target) as partial:
                partial.write_bytes(signature)  # first, so that a full disk leaves no unsigned sums
                write_atomically(path, text)
        except OSError as error:
            raise _bad_sums(
                path, error.strerror or str(error), error.filename2 or error.filename
            ) from None


@contextmanager
def sums_held(path: Path) -> Iterator[None]:
    """Lock a `SHA256SUMS` and its signature against other processes.

    Raises:
        UsageError: Another process has held the lock for a minute.
    """

    def refuse(holder: str) -> None:
        raise UsageError(
            f"{holder} has been changing {SUMS} for {PATIENCE:g} s",
            where=str(path),
            remedy="wait until it ends, or end it if it hangs; then run this again",
        )

    with hold(_lock_of(path), Waiting(patience=PATIENCE, on_stuck=refuse), keep_file=False):
        yield


def remove_abandoned_lock(path: Path) -> None:
    """Remove the lock of a `SHA256SUMS` that a killed process left.

    Raises:
        UsageError: Another process has held the lock for a minute.
    """
    if _lock_of(path).exists():
        with sums_held(path):
            pass  # the lock is removed when it is released


def _lock_of(path: Path) -> Path:
    # A separate file: the sums are replaced by a rename, which would replace a locked file.
    return path.with_name(f".{path.name}.lock")


def _bad_sums(path: Path, reason: str, where: str | None = None) -> UsageError:
    return UsageError(
        f"{SUMS} cannot be updated: {reason}",
        where=str(where or path),
        remedy="correct or remove it, and pack again",
    )
