"""`prebuilt.lock.json`: the lock as JSON, sorted and stable so that a diff shows what changed.

`rules/lock.schema.json` describes the same format for editors; a test keeps the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cgo_prebuilt.errors import CgoPrebuiltError, LockError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import (
    FLAVOR,
    FORMATS,
    INTERFACE_LISTS,
    NAME,
    PUBLIC_KEY,
    VERSION,
    Build,
    Interface,
    Lock,
    LockedArchive,
    LockedFile,
    LockedPlatform,
    LockedVersion,
    Signature,
    Source,
)
from cgo_prebuilt.locks.lock_json import version_json
from cgo_prebuilt.members import check_member_name, check_member_names
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.url import Url

SCHEMA = 1
"""The version of the format; a lock of another one is refused."""

BUILD_TOOLS = ("cargo", "cmake", "command", "make")


def read_lock(path: Path) -> Lock:
    """Reads a lock file.

    Raises:
        LockError: It cannot be read, is not JSON, or is not a lock.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LockError(
            "there is no such lock",
            where=str(path),
            remedy="make it with `cgo-prebuilt lock MANIFEST`, or correct the path",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(
            f"the lock cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="correct the path, or restore the file from version control",
        ) from None
    return parse_lock(text, where=str(path))


def parse_lock(text: str, *, where: str) -> Lock:
    """Reads a lock from its text.

    Args:
        text: JSON.
        where: What to call the text in errors.

    Raises:
        LockError: It is not JSON, or is not a lock.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise LockError(
            f"the lock is not JSON: {error}",
            where=where,
            remedy="restore it from version control, or make it anew with `cgo-prebuilt lock`; if"
            " this is a manifest, name its lock, such as prebuilt.lock.json",
        ) from None
    fields = Fields(
        document,
        where=where,
        known=("$schema", "schema", "name", "default_version", "versions"),
        error=LockError,
    )
    if fields.required("schema") != SCHEMA or fields.get("schema") is True:
        raise fields.problem(
            f"the lock has schema {fields.get('schema')!r}, this program reads {SCHEMA}",
            "use the cgo-prebuilt that wrote it, or make it anew with `cgo-prebuilt lock`",
        )
    name = fields.matching("name", NAME, "letters, digits and any of . _ + -")
    with _blaming_the_lock(where):
        check_member_name(name, where=where)
    versions = {
        version: _read_version(value, f"{where}: versions.{version}")
        for version, value in _mapping(fields, "versions").items()
    }
    default = fields.string("default_version")
    if default not in versions:
        raise fields.problem(
            f"'default_version' is {default!r}, which is not in 'versions'",
            f"choose one of {', '.join(versions)}",
        )
    for version in versions:
        if not VERSION.fullmatch(version):
            raise fields.problem(f"the version {version!r} is empty or has white space in it")
    return Lock(name, default, versions)


def format_lock(lock: Lock) -> str:
    """Writes a lock as JSON text: keys sorted, two spaces, a line feed at the end."""
    document = {
        "schema": SCHEMA,
        "name": lock.name,
        "default_version": lock.default_version,
        "versions": {name: version_json(version) for name, version in lock.versions.items()},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object. Of two equal keys, which a bad merge leaves, Python would take the last."""
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return document


def _mapping(fields: Fields, key: str) -> dict[str, object]:
    value = fields.required(key)
    if not isinstance(value, dict):
        raise fields.problem(f"{key!r} must be a mapping")
    return value


def _list(fields: Fields, key: str) -> list[object]:
    value = fields.required(key)
    if not isinstance(value, list):
        raise fields.problem(f"{key!r} must be a list")
    return value


def _strings(fields: Fields, key: str) -> tuple[str, ...]:
    """A list of strings. The form that people may use, one string for a list of one, is not for locks."""
    if key in fields:
        _list(fields, key)
    return fields.strings(key)


def _read_version(value: object, where: str) -> LockedVersion:
    fields = Fields(
        value,
        where=where,
        known=("platforms", "default_flavor", "flavors", "source", "signature"),
        error=LockError,
    )
    platforms = _read_platforms(_mapping(fields, "platforms"), f"{where}.platforms")
    default_flavor, flavors = _read_flavors(fields)
    source = signature = None
    if "source" in fields:
        source = _read_source(fields.get("source"), f"{where}.source")
    if "signature" in fields:
        signature = _read_signature(fields.get("signature"), f"{where}.signature")
    return LockedVersion(platforms, source, signature, default_flavor, flavors)


def _read_flavors(fields: Fields) -> tuple[str, dict[str, dict[str, LockedPlatform]]]:
    """The default flavor's name, and the others' platforms; a lock has both keys or none."""
    if "flavors" not in fields and "default_flavor" not in fields:
        return "", {}
    words = "letters, digits and any of . _ -"
    default = fields.matching("default_flavor", FLAVOR, words)
    names = _mapping(fields, "flavors")
    others = Fields(names, where=f"{fields.where}.flavors", known=names, error=LockError)
    for name in names:
        if not FLAVOR.fullmatch(name):
            raise others.problem(f"the flavor {name!r} is not made of {words}")
        if name == default:
            raise others.problem(f"{name} is the default flavor, whose place is 'platforms'")
    return default, {
        name: _read_platforms(_mapping(others, name), f"{others.where}.{name}") for name in names
    }


def _read_platforms(value: dict[str, object], where: str) -> dict[str, LockedPlatform]:
    platforms = {}
    for name, platform in value.items():
        with _blaming_the_lock(where):
            parse_platform(name)
        platforms[name] = _read_platform(platform, f"{where}.{name}")
    return platforms


def _read_signature(value: object, where: str) -> Signature:
    fields = Fields(value, where=where, known=("public_key", "sums", "signature"), error=LockError)
    return Signature(
        fields.matching("public_key", PUBLIC_KEY, "an SSH public key without options"),
        fields.string("sums"),
        fields.string("signature"),
    )


def _read_platform(value: object, where: str) -> LockedPlatform:
    fields = Fields(
        value, where=where, known=("archives", *INTERFACE_LISTS, "requires"), error=LockError
    )
    archives = tuple(
        _read_archive(archive, f"{where}.archives[{index}]")
        for index, archive in enumerate(_list(fields, "archives"))
    )
    if not archives:
        raise fields.problem("'archives' is empty", "a platform needs at least one archive")
    hashes: dict[str, str] = {}
    for archive in archives:
        if hashes.setdefault(archive.file, archive.sha256) != archive.sha256:
            raise fields.problem(
                f"two archives are the file {archive.file}, with different hashes",
                "publish one of them under another name: in a folder, one would replace the other",
            )
    platform = LockedPlatform(archives, _read_interface(fields))
    paths = [file.path for file in platform.files()]
    with _blaming_the_lock(where):
        check_member_names(paths, where=where)
    absent = [path for path in platform.interface.promises() if path not in set(paths)]
    if absent:
        raise fields.problem(
            f"no archive here has the promised {', '.join(absent)}",
            "restore the lock from version control, or make it anew with `cgo-prebuilt lock`",
        )
    with _blaming_the_lock(where):
        for path in platform.interface.include_dirs:
            if path != ".":
                check_member_name(path, where=where)
    return platform


@contextmanager
def _blaming_the_lock(where: str) -> Iterator[None]:
    """A name that an archive or a platform may not have is, in a lock, the lock's fault."""
    try:
        yield
    except CgoPrebuiltError as error:
        raise LockError(error.what, where=error.where or where, remedy=error.remedy) from None


def _read_archive(value: object, where: str) -> LockedArchive:
    fields = Fields(
        value,
        where=where,
        known=("file", "urls", "sha256", "size", "format", "strip_prefix", "files"),
        error=LockError,
    )
    archive_format = fields.string("format")
    if archive_format not in FORMATS:
        raise fields.problem(
            f"'format' is {archive_format!r}", f"it can be one of {', '.join(FORMATS)}"
        )
    file = fields.string("file")
    strip_prefix = fields.string("strip_prefix", "")
    with _blaming_the_lock(where):
        check_member_name(file, where=where)
        if strip_prefix:
            check_member_name(strip_prefix, where=where)
    if "/" in file:
        raise fields.problem(f"'file' is {file!r}, a path", "an archive's file has no folder")
    urls = _strings(fields, "urls")
    if not urls:
        raise fields.problem("'urls' is empty", "an archive needs at least one URL")
    return LockedArchive(
        file=file,
        urls=tuple(map(Url, urls)),
        sha256=fields.sha256("sha256"),
        size=fields.count("size"),
        format=archive_format,
        strip_prefix=strip_prefix,
        files=tuple(
            _read_file(item, f"{where}.files[{index}]")
            for index, item in enumerate(_list(fields, "files"))
        ),
    )


def _read_file(value: object, where: str) -> LockedFile:
    fields = Fields(value, where=where, known=("path", "sha256", "size", "member"), error=LockError)
    # It is compared with names and never becomes one on a disk, so it need not be a portable one.
    member = fields.string("member") if "member" in fields else ""
    if "member" in fields and not member:
        raise fields.problem("'member' is empty", "remove it: `path` is the member's name then")
    return LockedFile(fields.string("path"), fields.sha256("sha256"), fields.count("size"), member)


def _read_interface(fields: Fields) -> Interface:
    if "requires" in fields:
        _mapping(fields, "requires")
    return check_interface(
        fields,
        Interface.of(
            {key: _strings(fields, key) for key in INTERFACE_LISTS},
            fields.string_mapping("requires"),
        ),
    )


def check_interface(fields: Fields, interface: Interface) -> Interface:
    """The interface, where what it says fits together; else an error at this place."""
    strange = interface.strange_archives()
    if strange:
        raise fields.problem(
            f"'static_library' lacks {', '.join(strange)}, which 'alwayslink' or 'circular' names",
            "name only archives that 'static_library' lists, in the same words",
        )
    return interface


def _read_source(value: object, where: str) -> Source:
    fields = Fields(
        value,
        where=where,
        known=("path", "url", "sha256", "strip_prefix", "build", "installed", *INTERFACE_LISTS),
        error=LockError,
    )
    build = Fields(
        fields.required("build"),
        where=f"{where}.build",
        known=("tool", "args", "target"),
        error=LockError,
    )
    tool = build.string("tool")
    if tool not in BUILD_TOOLS:
        raise build.problem(f"'tool' is {tool!r}", f"it can be one of {', '.join(BUILD_TOOLS)}")
    args = _strings(build, "args")
    if tool == "command" and not args:
        raise build.problem("'args' is empty", "for a command it is the whole command line")
    if any("\0" in arg for arg in args):
        raise build.problem("'args' has a NUL character", "no command line can have one: remove it")
    if ("path" in fields) == ("url" in fields):
        raise fields.problem("a source has either 'path' or 'url'", "remove one, or add one")
    lists = {key: _strings(fields, key) for key in INTERFACE_LISTS}
    outputs = check_interface(fields, Interface.of(lists))
    installed = _strings(fields, "installed")
    if len(installed) != len(outputs.libraries()):
        raise fields.problem(
            f"'installed' has {len(installed)} names for {len(outputs.libraries())} libraries"
        )
    with _blaming_the_lock(where):
        for path in installed:
            check_member_name(path, where=where)
    return Source(
        build=Build(tool, args, build.string("target", "")),
        outputs=outputs,
        installed=installed,
        path=fields.string("path") if "path" in fields else None,
        url=Url(fields.string("url")) if "url" in fields else None,
        sha256=fields.sha256("sha256") if "url" in fields else None,
        strip_prefix=fields.string("strip_prefix", ""),
    )
