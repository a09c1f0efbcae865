"""Recognize a file by its first bytes, to name it if it is not the expected archive."""

from __future__ import annotations

from cgo_prebuilt.archive_names import COMPRESSIONS

HEAD_SIZE = 512
"""The number of first bytes that `recognize` needs, if the file has as many."""

_EMPTY = "an empty file"
_PAGE = "HTML, probably an error page"
_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"!<arch>\ndebian-binary", "a Debian package"),
    (b"!<arch>\n", "a static library"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xed\xab\xee\xdb", "rpm"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"LZIP", "lzip"),
    (b"MSCF", "a Windows cabinet"),
    (b"xar!", "a macOS package"),
    (b"\x7fELF", "an ELF file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file that it stands for"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")

_TAR = "a tar that is not compressed"
_CONTENT_OF = {
    **COMPRESSIONS,
    **{f"tar.{ending}": name for ending, name in COMPRESSIONS.items()},
    "zip": "zip",
    "conda": "zip",
    "deb": "a Debian package",
    "tar": _TAR,
    "gem": _TAR,
}
_ARCHIVES = frozenset(
    {
        *_CONTENT_OF.values(),
        "7z",
        "rar",
        "rpm",
        "lz4",
        "lzip",
        "a Windows cabinet",
        "a macOS package",
    }
)


def recognize(head: bytes) -> str | None:
    """Return a description of a file by its first bytes.

    Args:
        head: Its first `HEAD_SIZE` bytes, or all of it.

    Returns:
        A few words to follow "this is"; None if unknown.
    """
    if not head:
        return _EMPTY
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    # RFC 8878, section 3.1.2: a zstd file may begin with a skippable frame.
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    if head[257:262] == b"ustar":
        return _TAR
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_HTML):
        return _PAGE
    if text.startswith(b"<?xml"):
        return "XML, probably an error page"
    if text.startswith(b"{"):
        return "JSON, probably an error message"
    return None


def format_mismatch(head: bytes, format: str) -> str | None:
    """Return why a file is not the expected archive; None if it may be.

    Args:
        head: Its first `HEAD_SIZE` bytes, or all of it.
        format: One of `lock_keys.FORMATS`.

    Returns:
        A sentence; None if the first bytes fit the format. A loose file can be anything but empty or an
        HTML page.
    """
    found = recognize(head)
    expected = _CONTENT_OF.get(format)
    if expected is None:
        return f"this is {found}" if found in (_EMPTY, _PAGE) else None
    # A zip is read from its end, so anything may precede it; an old tar has no magic.
    if found == expected or (found is None and expected in ("zip", _TAR)):
        return None
    return f"this is {found or 'an unknown format'}, but {format} was expected"


def recognize_archive(head: bytes) -> str | None:
    """Return the format of an archive or compressed file; None if none is recognized.

    Args:
        head: Its first `HEAD_SIZE` bytes, or all of it.
    """
    found = recognize(head)
    return found if found in _ARCHIVES else None
