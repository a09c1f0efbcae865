"""A manifest's archives: file names, URLs and layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cgo_prebuilt.archive_names import SUFFIXES, format_of
from cgo_prebuilt.errors import CgoPrebuiltError, ManifestError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock_checks import check_url
from cgo_prebuilt.locks.lock_keys import FORMATS, SINGLE
from cgo_prebuilt.manifests.public_url import check_public
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.patterns import is_pattern
from cgo_prebuilt.template import fill, fill_url
from cgo_prebuilt.url import Url

_NOT_READ = re.compile(
    r"(?i).*\.(7z|rar|rpm|apk|dmg|pkg|msi|exe|cab|iso|appimage|snap|xar|cpio"
    r"|lz|lz4|lzma|lzo|z|br|sz|(tar\.\w+)|t[bglx]z\w*)"
)

_REGISTRY = re.compile(r"oci://[^\[\]/?#@: ]+(:[0-9]{1,5})?/[^/?#@: ]")
"""A repository of a registry, in which `lock` finds the URLs of archives."""

# The keys that describe an archive's layout; a loose file has its `path` only.
_LAYOUT = ("strip_prefix", "find", "members")


@dataclass(frozen=True, slots=True)
class ArchiveSpec:
    """One archive of a platform, its placeholders filled in.

    Attributes:
        file: Its file name.
        urls: Its URLs, in the order to try.
        format: One of `lock_keys.FORMATS`.
        strip_prefix: The folder inside it to which the library's paths are relative; or a glob that
            matches only this folder.
        path: For a loose file, its path in the output.
        find: A file that appears once; its folder is the prefix. Empty for none.
        members: The path of each file that has a different name in the archive, and that name.
        is_loose_by_name: Whether it counts as a loose file only because its suffix is unknown.
    """

    file: str
    urls: tuple[Url, ...]
    format: str
    strip_prefix: str
    path: str
    find: str = ""
    members: tuple[tuple[str, str], ...] = ()
    is_loose_by_name: bool = False

    @property
    def has_fixed_layout(self) -> bool:
        """Return whether the manifest alone tells the place of each file in the archive."""
        return not (self.find or self.members or is_pattern(self.strip_prefix))


def _name_without_format(file: str) -> str:
    """Return the name of a compressed loose file without its compression suffix."""
    stem, dot, ending = file.rpartition(".")
    return stem if dot and f".{ending.lower()}" in SUFFIXES else file


def read_archive(
    value: object, urls: tuple[str, ...], values: Mapping[str, str], where: str
) -> ArchiveSpec:
    """Read an entry of 'archives'.

    Args:
        value: The entry.
        urls: The URLs of archives without their own.
        values: The values of the placeholders.
        where: The name of the entry in errors.

    Raises:
        ManifestError: The entry is invalid.
    """
    fields = Fields(
        value,
        where=where,
        known=("file", "urls", "format", "path", *_LAYOUT),
        error=ManifestError,
    )
    file = fill(fields.string("file"), values, where=where)
    check_names([file], where)
    if "/" in file:
        raise fields.problem(f"'file' is {file!r}, a path", "put folders into 'urls'")
    archive_format = fields.string("format", format_of(file))
    if archive_format not in FORMATS:
        raise fields.problem(
            f"'format' is {archive_format!r}", f"it can be one of {', '.join(FORMATS)}"
        )
    by_name = "format" not in fields
    if by_name and archive_format == "file" and (unread := _NOT_READ.fullmatch(file)):
        raise fields.problem(
            f"{file!r} is of a format that is not read: .{unread[1].lower()}",
            f"take another archive of the release, in one of {', '.join(FORMATS)};"
            " if the name is wrong, write its 'format' (`format: file` keeps it unchanged)",
        )
    is_loose = archive_format in SINGLE
    if "path" in fields and not is_loose:
        raise fields.problem("'path' is for a loose file", "for an archive, use 'strip_prefix'")
    for key in _LAYOUT:
        if key in fields and is_loose:
            raise fields.problem(f"'{key}' is for an archive", "for a loose file, use 'path'")
    if "find" in fields and "strip_prefix" in fields:
        raise fields.problem("'find' and 'strip_prefix' both set the prefix", "remove one")
    alone = _name_without_format(file) if archive_format != "file" else file
    path = fill(fields.string("path", alone), values, where=where)
    strip_prefix = fill(fields.string("strip_prefix", ""), values, where=where).strip("/")
    find = fill(fields.string("find", ""), values, where=where)
    if "**" in strip_prefix.split("/") or is_pattern(find):
        raise fields.problem(
            "a glob with `**`, or one in 'find', may fit anything",
            "write `*` for one folder of 'strip_prefix', or a file's name into 'find'",
        )
    members = {
        fill(place, values, where=where): fill(member, values, where=where)
        for place, member in fields.string_mapping("members").items()
    }
    plain = re.sub("[*?]", "x", strip_prefix)
    check_names([path, *filter(None, (plain, find)), *members], where)
    check_urls(fields)
    filled = tuple(
        fill_url(Url(url), {**values, "file": file}, where=where)
        for url in fields.strings("urls", urls)
    )
    return ArchiveSpec(
        file,
        filled,
        archive_format,
        strip_prefix,
        path,
        find,
        tuple(sorted(members.items())),
        by_name and archive_format == "file",
    )


def check_urls(fields: Fields) -> None:
    """Refuse URLs that cannot be fetched or that hold a secret.

    Raises:
        ManifestError: 'urls' has one.
    """
    for text in fields.strings("urls"):
        url = Url(text) if _REGISTRY.match(text) else check_url(fields, "urls", text)
        check_public(url, "urls", fields)


def glob_error(name: str) -> tuple[str, str]:
    """Return the error for a glob where none is allowed."""
    return (
        f"{name!r} is a glob; a file name is required here",
        "name each file; only 'headers', 'licenses' and 'runtime_files' take globs",
    )


def check_names(names: list[str], where: str) -> None:
    """Refuse names that an archive's member must not have.

    Raises:
        ManifestError: A name is unsafe.
    """
    for name in names:
        if is_pattern(name):
            what, remedy = glob_error(name)
            raise ManifestError(what, where=where, remedy=remedy)
        try:
            check_member_name(name, where=where)
        except CgoPrebuiltError as error:
            raise ManifestError(
                error.what, where=error.where, remedy="use a plain, portable, relative name"
            ) from None
