"""Pack a release: a platform's files as a reproducible archive."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO

from cgo_prebuilt.archive_names import SUFFIXES
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import UsageError, reporting
from cgo_prebuilt.files.leftovers import remove_abandoned
from cgo_prebuilt.files.output_folder import check_output
from cgo_prebuilt.files.renames import atomic_file
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.locks.lock_keys import INTERFACE_LISTS
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.manifests.platform_section import PlatformSpec
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.network.progress import FileProgress, Progress
from cgo_prebuilt.publishing.built_files import promised, refuse_unpackable, source_files
from cgo_prebuilt.publishing.frame_writer import frame_contents, write_frames
from cgo_prebuilt.publishing.zip_writer import write_zip
from cgo_prebuilt.vouching.sums import SUMS, read_sums

PACKED_FORMATS = ("tar.zst", "tar.gz", "zip")

ZSTD_LEVEL = 11
"""The default level; see docs/decisions/archives.md."""

_CHUNK = 1 << 20
_MODE = 0o644
_GZIP_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive that was written.

    Attributes:
        path: Its path.
        sha256: Its SHA-256, in hex.
        size: Its size in bytes.
        members: The files in it, by their member names.
    """

    path: Path
    sha256: str
    size: int
    members: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an archive.

    Attributes:
        format: One of `PACKED_FORMATS`; None for the format of the archive's name.
        level: The level of zstd; None for `ZSTD_LEVEL`.
    """

    format: str | None = None
    level: int | None = None


def pack(
    spec: PlatformSpec,
    folder: Path,
    dist: Path,
    form: Form,
    overlay: Path | None = None,
    progress: Progress | None = None,
) -> list[Packed]:
    """Write a platform's archives.

    Args:
        spec: The platform in the manifest.
        folder: The folder of the built files, with the paths in the manifest.
        dist: The output folder; created if missing.
        form: The form of the archive.
        overlay: A folder like `folder` whose files replace or extend those of `folder`.
        progress: Receives the progress of a tar.

    Returns:
        The archives, in the manifest's order. Loose files are copied as they are.

    Raises:
        UsageError: A required file is missing, or cannot be packed (see `refuse_unpackable`); or
            the manifest has several archives, so that a file's archive is ambiguous; or an archive
            cannot be written.
        IntegrityError: A file's name is unsafe on some system.
    """
    progress = progress or Progress()
    loose = _loose(spec)
    _check_archives(spec, form)
    sources = source_files(folder, overlay)
    refuse_unpackable(folder, _promises(spec))
    check_promises(spec, folder, [*sources])
    names = promised(sorted(sources), _promises(spec))
    check_member_names(names, where=str(folder))
    _make_folder(dist)
    remove_abandoned(dist)
    read_sums(dist / SUMS)  # before anything is written, since invalid ones are refused
    written = []
    for archive in spec.archives:
        if archive.format == "file":
            written.append(
                write_archive(
                    dist / archive.file, "file", [(sources[archive.path], archive.path)], progress
                )
            )
        else:
            kind = form.format or archive.format
            prefix = f"{archive.strip_prefix}/" if archive.strip_prefix else ""
            members = [(sources[name], prefix + name) for name in names if name not in loose]
            written.append(
                write_archive(dist / _file_name(archive, kind), kind, members, progress, form.level)
            )
    return written


def _check_archives(spec: PlatformSpec, form: Form) -> None:
    packed = [archive for archive in spec.archives if archive.format != "file"]
    if len(packed) > 1:
        raise UsageError(
            f"the manifest has {len(packed)} archives for {spec.platform}; pack writes one",
            where=", ".join(archive.file for archive in packed),
            remedy="name one archive in 'archives', or pack these with a program of your own",
        )
    for archive in packed:
        if not archive.has_fixed_layout:
            raise UsageError(
                "the manifest does not say where each file of the archive goes, so pack cannot write it",
                where=archive.file,
                remedy="leave 'find' and 'members' out, and write a 'strip_prefix' without `*`",
            )
        kind = form.format or archive.format
        if kind not in PACKED_FORMATS:
            raise UsageError(
                f"pack does not write {kind}",
                where=archive.file,
                remedy=f"use --format, or a name in the manifest, for {', '.join(PACKED_FORMATS)}",
            )
        if form.level is not None and kind != "tar.zst":
            raise UsageError(
                f"a level is for tar.zst, and this is a {kind}",
                where=archive.file,
                remedy="leave --level out, or use --format tar.zst",
            )


def all_in_one(specs: Sequence[PlatformSpec]) -> PlatformSpec:
    """Return a platform section for one archive with the files of several platforms.

    Raises:
        UsageError: The manifest gives each platform a separate archive.
    """
    first = specs[0]
    files = {tuple((a.file, a.path, a.strip_prefix) for a in spec.archives) for spec in specs}
    if len(files) > 1:
        raise UsageError(
            "the manifest gives each platform an archive of its own",
            where=", ".join(dict.fromkeys(a.file for spec in specs for a in spec.archives)),
            remedy="for one archive with all of them, leave {platform} out of its 'file', and put it"
            " into the libraries: static_library: lib/{os}_{arch}/libNAME.a",
        )

    def joined(key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for s in specs for name in getattr(s.interface, key)))

    return replace(first, interface=Interface.of({key: joined(key) for key in INTERFACE_LISTS}))


def check_promises(spec: PlatformSpec, folder: Path, names: Sequence[str]) -> None:
    """Check that every file which a platform needs was built, and has a place in an archive.

    Args:
        spec: The platform.
        folder: The folder of the built files, for errors.
        names: The paths of the files, including generated ones.

    Raises:
        UsageError: A file is missing, or has no place.
    """
    loose = _loose(spec)
    promises = _promises(spec)
    for promise in promises:
        if not promised(names, [promise]):
            raise UsageError(
                f"the folder lacks {promise!r}, which the manifest promises for {spec.platform}",
                where=str(folder),
                remedy="build the library first, or correct --from or the manifest",
            )
    unplaced = sorted({*promised(names, promises)} - loose)
    if unplaced and all(archive.format == "file" for archive in spec.archives):
        raise UsageError(
            f"no archive of {spec.platform} takes {', '.join(unplaced)}",
            where=str(folder),
            remedy="list it in 'archives' as a loose file with its 'path', or add an archive",
        )


def _loose(spec: PlatformSpec) -> set[str]:
    return {archive.path for archive in spec.archives if archive.format == "file"}


def _promises(spec: PlatformSpec) -> tuple[str, ...]:
    return (*spec.interface.required_files(), *sorted(_loose(spec)))


def _make_folder(folder: Path) -> None:
    check_output(folder)
    with reporting("the folder cannot be made", where=folder, remedy="choose another"):
        folder.mkdir(parents=True, exist_ok=True)


def _file_name(archive: ArchiveSpec, kind: str) -> str:
    if kind == archive.format:
        return archive.file
    stem = archive.file
    for suffix in SUFFIXES:
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    return f"{stem}.{kind}"


def write_archive(
    target: Path,
    kind: str,
    members: list[tuple[Path, str]],
    progress: Progress,
    level: int | None = None,
) -> Packed:
    """Write an archive, reproducibly.

    Args:
        target: The archive.
        kind: One of `PACKED_FORMATS`, or `file` for a copy of the only member.
        members: The files, with their names in the archive.
        progress: Receives the progress of a tar.
        level: The level of zstd; None for `ZSTD_LEVEL`.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        with atomic_file(target) as partial:
            with partial.open("wb") as file:
                if kind == "file":
                    _copy(members[0][0], file)
                elif kind == "zip":
                    write_zip(file, ((name, source) for source, name in members))
                else:
                    total = sum(source.stat().st_size for source, _ in members)
                    shown = progress.start(target.name, total)
                    _write_tar(file, kind, members, shown, level)
            digest, size = sha256_of(partial)
    except OSError as error:
        remedy = "check the folder's permissions and the space that is left"
        raise UsageError(
            f"the archive cannot be written: {error.strerror}",
            where=error.filename or str(target),
            remedy="remove it" if isinstance(error, IsADirectoryError) else remedy,
        ) from None
    return Packed(target, digest, size, {name: source for source, name in members})


def _write_tar(
    file: IO[bytes],
    kind: str,
    members: list[tuple[Path, str]],
    shown: FileProgress,
    level: int | None,
) -> None:
    outcome = "failed"
    try:
        pieces = _tar(members, shown.advance)
        if kind == "tar.zst":
            write_frames(file, frame_contents(pieces), level or ZSTD_LEVEL)
        else:
            # The header has neither a name nor a time (RFC 1952).
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as compressed:
                for _, contents in pieces:
                    compressed.writelines(contents)
        outcome = "done"
    finally:
        shown.done(outcome)


def _tar(
    members: list[tuple[Path, str]], advance: Callable[[int], None]
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield each member's size, and its bytes with the header; then the end of the tar."""
    total = 2 * tarfile.BLOCKSIZE
    for source, name in members:
        with source.open("rb") as content:
            info = tarfile.TarInfo(name)
            info.size = os.fstat(content.fileno()).st_size
            info.mode = _MODE
            header = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
            padding = bytes(-info.size % tarfile.BLOCKSIZE)
            total += len(header) + info.size + len(padding)
            yield info.size, chain([header], _contents(content, info.size, advance), [padding])
    yield 0, iter([bytes(2 * tarfile.BLOCKSIZE + -total % tarfile.RECORDSIZE)])


def _contents(content: IO[bytes], size: int, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Read exactly `size` bytes."""
    while size:
        piece = content.read(min(size, _CHUNK))
        if not piece:
            raise OSError(errno.EIO, "it became shorter while it was packed", content.name)
        size -= len(piece)
        advance(len(piece))
        yield piece


def _copy(source: Path, target: IO[bytes]) -> None:
    with source.open("rb") as content:
        shutil.copyfileobj(content, target, _CHUNK)
