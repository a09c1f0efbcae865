"""Properties of extraction: what is packed comes out, and damage is refused or harmless."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgo_prebuilt.errors import CgoPrebuiltError
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.members import check_member_names
from tests.unit.archive_builders import (
    END_OF_TAR,
    HOLDERS,
    MemoryStream,
    ZipEntry,
    compress,
    locked_archive,
    pack_tar,
    pax,
    tar_member,
    zip_archive,
)
from tests.unit.extract_case import extract_into, index_bytes

SETTINGS = settings(
    max_examples=int(os.environ.get("PROPERTY_CASES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def portable(names: list[str]) -> bool:
    try:
        check_member_names(names, where="test")
    except CgoPrebuiltError:
        return False
    return True


PARTS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}", fullmatch=True),
    st.text(min_size=1, max_size=12),
)
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(lambda name: portable([name]))
CONTENTS = st.one_of(st.binary(max_size=2000), st.integers(0, 40000).map(bytes))
TREES = st.dictionaries(NAMES, CONTENTS, min_size=1, max_size=8).filter(
    lambda tree: portable(list(tree))
)
FORMAT = st.sampled_from(["zip", *HOLDERS])


def packed(tree: dict[str, bytes], format: str) -> bytes:
    if format == "zip":
        return zip_archive(*(ZipEntry(name, data) for name, data in tree.items()))
    tar = b"".join(pax({"path": name}) + tar_member("x", data) for name, data in tree.items())
    return pack_tar(tar + END_OF_TAR, format)


def extracted(data: bytes, format: str, files: dict[str, bytes], most: int) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        archive = locked_archive(data, format, files)
        return extract_into(Path(folder), archive, MemoryStream(data, most))


@SETTINGS
@given(TREES, FORMAT, st.integers(1, 5000), st.data())
def test_any_part_of_any_tree_comes_out_as_it_was_packed(
    tree: dict[str, bytes], format: str, most: int, data: st.DataObject
) -> None:
    archive = packed(tree, format)
    kept = data.draw(st.sets(st.sampled_from(sorted(tree))))
    files = {name: tree[name] for name in kept}
    assert extracted(archive, format, files, most) == files


@SETTINGS
@given(TREES, FORMAT, st.integers(1, 5000))
def test_index_names_exactly_the_packed_files(
    tree: dict[str, bytes], format: str, most: int
) -> None:
    found = indexed(packed(tree, format), format, most)
    locked = locked_archive(b"", format, tree)
    assert found == locked.files


def indexed(data: bytes, format: str, most: int) -> tuple[LockedFile, ...]:
    return index_bytes(data, format, most=most)


MUTATIONS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.integers(0, 3)),
    min_size=1,
    max_size=6,
)


def mutated(data: bytes, mutations: list[tuple[float, int, int]]) -> bytes:
    """Replaces, inserts or removes a byte, or cuts, at places given as parts of the whole."""
    out = bytearray(data)
    for place, byte, action in mutations:
        at = int(place * len(out))
        if action == 0:
            out[at : at + 1] = bytes([byte])
        elif action == 1:
            out[at:at] = bytes([byte])
        elif action == 2:
            del out[at : at + 1 + byte]
        else:
            del out[at + 1024 :]
    return bytes(out)


def survives(data: bytes, format: str, tree: dict[str, bytes]) -> None:
    """Whatever comes: the right files or an error of ours; `extract_into` looks at the rest."""
    with contextlib.suppress(CgoPrebuiltError):
        assert extracted(data, format, tree, 1 << 20) == tree
    with contextlib.suppress(CgoPrebuiltError):
        indexed(data, format, 1 << 20)


@SETTINGS
@given(TREES, FORMAT, MUTATIONS)
def test_a_damaged_archive_is_refused_or_harmless(
    tree: dict[str, bytes], format: str, mutations: list[tuple[float, int, int]]
) -> None:
    survives(mutated(packed(tree, format), mutations), format, tree)


@SETTINGS
@given(TREES, MUTATIONS)
def test_a_damaged_tar_in_a_sound_gzip_is_refused_or_harmless(
    tree: dict[str, bytes], mutations: list[tuple[float, int, int]]
) -> None:
    tar = b"".join(pax({"path": name}) + tar_member("x", data) for name, data in tree.items())
    survives(compress(mutated(tar + END_OF_TAR, mutations), "tar.gz"), "tar.gz", tree)
