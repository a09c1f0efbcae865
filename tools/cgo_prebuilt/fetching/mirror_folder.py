"""A folder that mirrors every archive of some locks, verified, below one root.

`CGO_PREBUILT_MIRROR` names it: as `file://DIR`, or as the URL of a web server that serves it.
Its `SHA256SUMS` lists its files; other files in the folder are never removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import CgoPrebuiltError, LockError, UsageError
from cgo_prebuilt.files.leftovers import remove_abandoned
from cgo_prebuilt.files.output_folder import check_output
from cgo_prebuilt.files.renames import named_in_errors, rename
from cgo_prebuilt.files.temporary_names import temporary_name
from cgo_prebuilt.locks.lock import Lock
from cgo_prebuilt.members import check_member_name, check_member_names
from cgo_prebuilt.network.mirror import urls_to_try
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.template import fill, values_for
from cgo_prebuilt.vouching.sums import (
    SUMS,
    read_sums,
    remove_abandoned_lock,
    update_sums,
    write_sums,
)
from cgo_prebuilt.vouching.vouchers import vouchers

if TYPE_CHECKING:
    from cgo_prebuilt.network.transport import Transferred, Transport

FLAT = "{file}"
"""The layout of a mirror without folders: every file is in the root."""

# The shortest first; in the last, any two archives of a lock have different paths.
_LAYOUTS = ("{name}/{version}/{file}", "{name}/{version}/{platform}/{file}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorFile(Download):
    """An archive of a mirror.

    Attributes:
        path: Its path relative to the mirror's root, with `/` between its parts.
        label: The library, version and platform, for people.
    """

    path: str
    sha256: str
    label: str


@dataclass(slots=True)
class Filled:
    """The result of filling a mirror: paths below its root, and bytes.

    Attributes:
        fetched: The files that were fetched.
        kept: The files that were already there and correct.
        removed: The files that no lock names any more.
        bytes_fetched: The size of the fetched files.
        bytes_downloaded: The bytes received over the network in this run.
    """

    fetched: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    bytes_fetched: int = 0
    bytes_downloaded: int = 0

    def add(self, more: Filled) -> None:
        """Add another result to this one."""
        self.fetched += more.fetched
        self.kept += more.kept
        self.removed += more.removed
        self.bytes_fetched += more.bytes_fetched
        self.bytes_downloaded += more.bytes_downloaded


def mirror_files(
    locks: Iterable[Lock],
    platforms: Sequence[str],
    settings_for: Callable[[str], Settings],
    layout: str = FLAT,
) -> tuple[MirrorFile, ...]:
    """Return a mirror's files: every version's archives and sources, sorted by path.

    Args:
        locks: The locks.
        platforms: The platforms to mirror; empty for all.
        settings_for: Returns a library's settings; if they name a mirror, archives come from there.
        layout: The template of a path below the root.

    Raises:
        LockError: No lock has a prebuilt for a platform.
        UsageError: Two different archives have one path, a path is not portable, or the layout has
            an unknown placeholder.
        UnavailableError: Only a newer program can use a prebuilt.
        TrustError: A version is not vouched for as its settings require.
    """
    locks = list(locks)
    held = [version for lock in locks for version in lock.versions.values()]
    has_source = any(
        one.source is not None and (one.source.url or one.source.vendor) for one in held
    )
    available = {platform for version in held for _, platform, _ in version.prebuilts()}
    for name in () if has_source else platforms:
        if name not in available:
            for lock in locks:
                lock.known_platform(name)
            choose = f"choose one of {', '.join(sorted(available))}, or " if available else ""
            raise LockError(
                f"no lock has a prebuilt for {name}",
                where="--platform",
                remedy=f"{choose}lock {name} first",
            )
    files: dict[str, MirrorFile] = {}
    for wanted in _wanted(locks, platforms, settings_for, layout):
        other = files.setdefault(wanted.path, wanted)
        if other.sha256 != wanted.sha256:
            raise UsageError(
                f"two archives would have the same path, {wanted.path}",
                where=f"{other.label}; {wanted.label}",
                remedy=_other_layout(locks, platforms, settings_for),
            )
    try:
        check_member_names([*files, SUMS], where="the mirror")
    except CgoPrebuiltError as error:
        raise UsageError(error.what, where=error.where, remedy="use another --layout") from None
    return tuple(files[path] for path in sorted(files))


def _wanted(
    locks: Iterable[Lock],
    platforms: Sequence[str],
    settings_for: Callable[[str], Settings],
    layout: str,
) -> Iterable[MirrorFile]:
    from cgo_prebuilt.source.source_tree import archive_name

    for lock in locks:
        settings = replace(settings_for(lock.name), version=None)
        for version, locked in lock.versions.items():
            trusted = vouchers(settings.trust, f"{lock.name} {version}", locked)
            flavors = locked.flavors.values()
            for name in platforms or dict.fromkeys(n for held in flavors for n in held):
                platform = lock.known_platform(name)
                label = f"{lock.name} {version} for {name}"
                values = values_for(lock.name, version, platform)
                prebuilts = [held[name] for held in flavors if name in held]
                for prebuilt in prebuilts:
                    prebuilt.check_usable(label)
                archives: list[Download] = [a for held in prebuilts for a in held.archives]
                source = locked.source
                if source is not None and source.url is not None:
                    archives.append(Download(archive_name(source), (source.url,), source.sha256))
                for voucher in trusted:
                    voucher.check((one.file, one.sha256 or "") for one in archives)
                for archive in archives:
                    urls = urls_to_try(archive, values, settings)
                    yield mirror_file(replace(archive, urls=urls), layout, values, label)


def mirror_file(
    download: Download, layout: str, values: Mapping[str, str], label: str
) -> MirrorFile:
    """Return a download's place in a mirror.

    Args:
        download: The download; its hash is known.
        layout: The template of a path below the root.
        values: The placeholders' values but for `{file}`.
        label: What it is, for people.

    Raises:
        UsageError: The layout has an unknown placeholder.
    """
    path = fill(layout, {**values, "file": download.file}, where="--layout", error=UsageError)
    return MirrorFile(
        file=download.file,
        urls=download.urls,
        sha256=download.sha256 or "",
        size=download.size,
        path=path,
        label=label,
    )


def _other_layout(
    locks: Sequence[Lock], platforms: Sequence[str], settings_for: Callable[[str], Settings]
) -> str:
    for layout in _LAYOUTS:
        hashes: dict[str, set[str]] = {}
        for wanted in _wanted(locks, platforms, settings_for, layout):
            hashes.setdefault(wanted.path, set()).add(wanted.sha256)
        if all(len(different) == 1 for different in hashes.values()):
            return (
                f"give them separate folders: --layout '{layout}'; consumers then set"
                f" CGO_PREBUILT_MIRROR='https://MIRROR/{layout}'"
            )
    return "make a mirror for each lock"


def fill_mirror(
    files: Sequence[MirrorFile], root: Path, open_transport: Callable[[], Transport]
) -> Filled:
    """Download a mirror's missing files; leave correct ones alone.

    The next run resumes an interrupted one. No temporary files remain.

    Args:
        files: From `mirror_files`.
        root: The mirror's folder; created if missing.
        open_transport: Creates the transport.

    Raises:
        UnavailableError: A file is unavailable.
        IntegrityError: A file does not match the lock.
        UsageError: `root` is not a folder, or its `SHA256SUMS` cannot be read or written.
    """
    from cgo_prebuilt.digest import sha256_of

    check_output(root)
    root.mkdir(parents=True, exist_ok=True)
    remove_abandoned(root)
    remove_abandoned_lock(root / SUMS)
    done = Filled()
    sums = read_sums(root / SUMS)
    transport: Transport | None = None
    for file in files:
        target = root / file.path
        if target.is_file() and sha256_of(target)[0] == file.sha256:
            done.kept.append(file.path)
        else:
            transport = transport or open_transport()
            transferred = _fetch(file, target, root / temporary_name(), transport)
            done.bytes_fetched += transferred.size
            done.bytes_downloaded += transferred.tally.downloaded
            done.fetched.append(file.path)
        if sums.get(file.path) != file.sha256:
            # Update it after each file, since files that it does not list are never removed.
            update_sums(root / SUMS, {file.path: file.sha256})
    return done


def _fetch(file: MirrorFile, target: Path, partial: Path, transport: Transport) -> Transferred:
    from cgo_prebuilt.archives.bytestream import save
    from cgo_prebuilt.errors import UnavailableError

    if not file.urls:
        raise UnavailableError(
            f"offline, and {file.label} is not in the mirror",
            where=file.path,
            remedy="run it with a network",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with named_in_errors(target):
            transferred = transport.run(file, lambda stream: save(stream, partial, file.sha256))
            rename(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return transferred


def prune_mirror(files: Sequence[MirrorFile], root: Path) -> list[str]:
    """Remove files of earlier runs that no lock names any more.

    Args:
        files: The files to keep.
        root: The mirror's folder.

    Returns:
        The paths of the removed files, sorted.

    Raises:
        UsageError: `SHA256SUMS` cannot be read or written, or names a file outside of the folder.
    """
    kept_paths = {file.path for file in files}
    sums = read_sums(root / SUMS)
    removed_paths = sorted(path for path in sums if path not in kept_paths)
    try:
        for path in removed_paths:
            check_member_name(path, where=str(root / SUMS))
    except CgoPrebuiltError as error:
        raise UsageError(error.what, where=error.where, remedy="correct that file") from None
    for path in removed_paths:
        (root / path).unlink(missing_ok=True)
        _remove_empty((root / path).parent, root)
    _write_if_changed(root / SUMS, sums, {path: sums[path] for path in sums if path in kept_paths})
    return removed_paths


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _write_if_changed(path: Path, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    if before != after:
        write_sums(path, after)
