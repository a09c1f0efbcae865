"""Carry out a plan: fetch into the store, then create the files in the output folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cgo_prebuilt.errors import IntegrityError, UnavailableError
from cgo_prebuilt.fetching.plan import Plan
from cgo_prebuilt.storage.store import Store, Tree, tree_key
from cgo_prebuilt.storage.stored_library import CACHED, DOWNLOADED, StoredLibrary

if TYPE_CHECKING:
    from cgo_prebuilt.archives.bytestream import ByteStream
    from cgo_prebuilt.locks.lock import LockedArchive
    from cgo_prebuilt.network.transport import Parts, Transport

_PARALLEL_DOWNLOADS = 4


def obtain(
    plan: Plan,
    store: Store,
    open_transport: Callable[[], Transport],
    on_wait: Callable[[], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> StoredLibrary:
    """Fetch a plan's files into the store.

    Args:
        plan: The files to fetch.
        store: The store, which may have them already.
        open_transport: Creates the transport; called only if something must be downloaded.
        on_wait: Called once if another process is fetching the same.
        note: Tells a person why a whole archive is read although a part would be enough.

    Returns:
        The library.

    Raises:
        UnavailableError: The archives cannot be fetched, or the fetch is offline.
        IntegrityError: They do not match the lock.
        PackageError: This Python cannot decode them.
    """
    key = tree_key(plan.files)
    tree = stored(plan, store)
    if tree is not None:
        return _library(plan, tree, CACHED)
    from cgo_prebuilt.archives.decode import check_decoder

    plan = replace(plan, archives=tuple(_with_kept(archive, store) for archive in plan.archives))
    for archive in plan.archives:
        _refuse_unreachable(plan, archive)
        check_decoder(archive.format)
    with store.exclusive(key, on_wait=on_wait):
        tree = stored(plan, store)
        if tree is not None:
            return _library(plan, tree, CACHED)
        with store.staging(key, sum(file.size for file in plan.files)) as staging:
            _download(plan, staging, open_transport(), note)
            label = f"{plan.name} {plan.version} {plan.platform}"
            tree = store.publish(staging, key, plan.files, label)
        if plan.is_vouched:
            from cgo_prebuilt.storage.results import Results

            Results(store.results).put(_vouched_key(plan), tree, plan.files)
    return _library(plan, tree, DOWNLOADED)


def _library(plan: Plan, tree: Tree, status: str) -> StoredLibrary:
    return StoredLibrary(tree, plan.files, plan.interface, plan.version, plan.platform, status)


def stored(plan: Plan, store: Store) -> Tree | None:
    """Return a plan's files from the store; None if missing.

    The lock's author chose the hashes of the files. If a consumer requires somebody else to vouch for the
    archives, only a tree that was extracted from these very archives is used.
    """
    tree = store.find(tree_key(plan.files), plan.files)
    if tree is None or not plan.is_vouched:
        return tree
    from cgo_prebuilt.storage.results import Results

    result = Results(store.results).get(_vouched_key(plan))
    is_theirs = result is not None and result.files == plan.files and result.is_of(tree)
    return tree if is_theirs else None


def _with_kept(archive: LockedArchive, store: Store) -> LockedArchive:
    """Return the archive with its copy in the store as first URL, if `lock` kept one."""
    from cgo_prebuilt.storage.kept_downloads import find_download
    from cgo_prebuilt.url import Url

    path = find_download(store, archive.file, archive.sha256, archive.size)
    if path is None:
        return archive
    return replace(archive, urls=(Url(path.as_uri()), *archive.urls))


def _vouched_key(plan: Plan) -> str:
    """Return the key of the store's record that a vouched archive contained the plan's files."""
    from cgo_prebuilt.storage.results import result_key

    archives = [[archive.sha256, archive.format, archive.strip_prefix] for archive in plan.archives]
    return result_key("vouched archives", [archives, tree_key(plan.files)])


def _refuse_unreachable(plan: Plan, archive: LockedArchive) -> None:
    if not archive.urls:
        raise UnavailableError(
            f"offline, and {plan.name} {plan.version} for {plan.platform} is not in the store",
            where=archive.file,
            remedy="fetch it once with a network, or set CGO_PREBUILT_MIRROR to a file:// folder"
            " that has it",
        )


def _download(plan: Plan, staging: Path, transport: Transport, note: Callable[[str], None]) -> None:
    """Download a plan's archives in parallel, and extract them as they arrive."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from cgo_prebuilt.archives.extract import extract
    from cgo_prebuilt.locks.ranges_file import missing_section_problem, read_sections

    sections, beside = {}, plan.ranges_file
    if beside is not None and not plan.is_vouched:
        sections = read_sections(beside)
        if any(one.ranges and one.ranges not in sections for one in plan.archives):
            wrong, remedy = missing_section_problem(beside)
            note(f"{wrong}, so whole archives are read: {remedy}")

    def get(archive: LockedArchive) -> None:
        def consume(stream: ByteStream, format: str = archive.format) -> None:
            for file in archive.files:  # left by an earlier attempt
                (staging / file.path).unlink(missing_ok=True)
            extract(replace(archive, format=format), stream, staging)

        try:
            parts = None if plan.is_vouched else _parts_of(archive, sections, consume, beside)
        except ValueError as error:
            parts = None
            note(
                f"{archive.file} is read whole: its section of {beside} is wrong ({error}); lock again"
            )
        if transport.run(archive, consume, parts).came_whole:
            note(f"{archive.file} was read whole: the server ignores requests for parts")

    if len(plan.archives) == 1:
        get(plan.archives[0])  # without a thread, an interrupt reaches the transport directly
        return
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        try:
            pending = [pool.submit(get, archive) for archive in plan.archives]
            for first in as_completed(pending):
                first.result()
        except BaseException:
            # If one archive fails, the others are useless now; their partial files are kept.
            pool.shutdown(wait=False, cancel_futures=True)
            transport.stop()
            raise


def _parts_of(
    archive: LockedArchive,
    sections: Mapping[str, bytes],
    consume: Callable[[ByteStream, str], None],
    ranges_file: Path | None,
) -> Parts | None:
    """Return how to read an archive in parts; None if that is impossible.

    Args:
        archive: The archive.
        sections: From `read_sections`.
        consume: Extracts files from a stream of a given format.
        ranges_file: The file that has the sections.

    Raises:
        ValueError: The archive's section is malformed.
    """
    from cgo_prebuilt.archives.bytestream import SeekableStream
    from cgo_prebuilt.archives.tar_segments import SegmentStream
    from cgo_prebuilt.archives.zip_reader import member_parts
    from cgo_prebuilt.locks.ranges_file import segments_of
    from cgo_prebuilt.network.transport import Parts

    if archive.format == "zip":
        members = [archive.member_of(file) for file in archive.files]
        return Parts(
            lambda file: member_parts(file, members, where=archive.file),
            lambda file: consume(SeekableStream(file), "zip"),
        )
    segments = segments_of(archive, sections)
    if not segments:
        return None

    def consume_segments(file: BinaryIO) -> None:
        try:
            consume(SegmentStream(file, segments, archive), "tar")
        except IntegrityError as error:
            # Either the server or the ranges are wrong; only the whole archive can tell which.
            raise IntegrityError(
                f"the parts that {ranges_file} names are wrong ({error.what});"
                " if the whole archive verifies, lock again",
                where=archive.file,
                remedy="make the lock again",
            ) from error

    return Parts(lambda _: [segment.part for segment in segments], consume_segments)
