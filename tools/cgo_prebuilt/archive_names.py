"""Archive formats, by file name."""

from __future__ import annotations

SUFFIXES = {
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".crate": "tar.gz",
    ".tar.bz2": "tar.bz2",
    ".tbz2": "tar.bz2",
    ".tbz": "tar.bz2",
    ".tar.xz": "tar.xz",
    ".txz": "tar.xz",
    ".tar.zst": "tar.zst",
    ".tzst": "tar.zst",
    ".zip": "zip",
    ".whl": "zip",
    ".jar": "zip",
    ".aar": "zip",
    ".nupkg": "zip",
    ".conda": "conda",
    ".deb": "deb",
    ".gem": "gem",
    ".gz": "gz",
    ".bz2": "bz2",
    ".xz": "xz",
    ".zst": "zst",
}
"""The format by the end of an archive's name; if two endings match, the longer one takes precedence."""

COMPRESSIONS = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstd"}
"""The names of compressions, by the last part of a format."""


def format_of(file: str) -> str:
    """Return the format by a file's name; an unknown suffix means a loose file."""
    fitting = [suffix for suffix in SUFFIXES if file.lower().endswith(suffix)]
    return SUFFIXES[max(fitting, key=len)] if fitting else "file"


def compression_of(file: str) -> str | None:
    """Return the name of a file's compression, by the file's name; None if it has none of its own."""
    return COMPRESSIONS.get(format_of(file).rpartition(".")[2])
