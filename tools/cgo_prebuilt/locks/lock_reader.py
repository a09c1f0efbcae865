"""Reading a lock's JSON, by the rule of `docs/decisions/lock-evolution.md`.

What this program knows is checked strictly. What it does not know is an error in a lock of its own
revision; in one of a newer revision it is left out, and only using it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from cgo_prebuilt.errors import CgoPrebuiltError, LockError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import (
    FLAVOR,
    NAME,
    TOOLCHAIN,
    VERSION,
    Attestation,
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
from cgo_prebuilt.locks.lock_checks import check_interface, check_programs, check_variables
from cgo_prebuilt.locks.lock_keys import (
    BUILD_TOOLS,
    FORMATS,
    INTERFACE_LISTS,
    KEYS,
    KNOWN,
    REVISION,
    SCHEMA,
)
from cgo_prebuilt.members import check_member_name, check_member_names
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.requirements import CPU_LEVELS, Requires, read_requires
from cgo_prebuilt.trust import PUBLIC_KEY
from cgo_prebuilt.url import Url

_PLATFORMS = frozenset(str(platform) for platform in SUPPORTED)
_FLAVOR_WORDS = "letters, digits and any of . _ -"


def read_document(document: object, where: str) -> Lock:
    """Reads a lock.

    Args:
        document: What its JSON holds.
        where: What to call the lock in errors.

    Raises:
        LockError: It is not a lock, or not one that this program can read.
    """
    anything = document if isinstance(document, Mapping) else ()
    head = Fields(document, where=where, known=anything, error=LockError)
    schema = head.required("schema")
    if schema != SCHEMA or not isinstance(schema, int) or schema is True:
        raise head.problem(
            f"the lock has schema {schema!r}, this program reads {SCHEMA}",
            "use the cgo-prebuilt that wrote it, or make it anew with `cgo-prebuilt lock`",
        )
    revision = _revision(head)
    strange = [key for key in _strings(head, "must_understand") if key not in KNOWN]
    if strange:
        raise head.problem(
            f"the lock must be read by a program that knows {', '.join(strange)}",
            "update rules_cgo_prebuilt and cgo-prebuilt to a version that reads revision"
            f" {revision} of a lock",
        )
    return _Reader(revision).lock(document, where)


def _revision(head: Fields) -> int:
    value = head.get("revision") if "revision" in head else REVISION
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise head.problem(f"'revision' must be a whole number from 1, found {value!r}")
    return value


class _NewerValue(Exception):
    """A word of a newer revision, which only those who use it need to know."""


class _Reader:
    """Reads a lock of one revision, and lists what it left out."""

    def __init__(self, revision: int) -> None:
        self._revision = revision
        self._is_newer = revision > REVISION
        self._unread: list[str] = []
        self._shared: dict[str, tuple[LockedFile, ...]] = {}

    def lock(self, document: object, where: str) -> Lock:
        fields = self._fields("lock", document, where)
        name = fields.matching("name", NAME, "letters, digits and any of . _ + -")
        with _blaming_the_lock(where):
            check_member_name(name, where=where)
        shared = _mapping(fields, "shared") if "shared" in fields else {}
        self._shared = {
            name: self._files(files, f"{where}: shared.{name}") for name, files in shared.items()
        }
        versions = {
            version: self._version(value, f"{where}: versions.{version}")
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
        return Lock(name, default, versions, self._revision, tuple(self._unread))

    def _fields(self, kind: str, value: object, where: str) -> Fields:
        ignore = self._unread.append if self._is_newer else None
        return Fields(value, where=where, known=KEYS[kind], error=LockError, ignore=ignore)

    def _one_of(self, fields: Fields, key: str, known: Sequence[str]) -> str:
        """A word that this program knows."""
        value = fields.string(key)
        if value in known:
            return value
        if self._is_newer:
            raise _NewerValue(f"{key} {value}")
        raise fields.problem(f"{key!r} is {value!r}", f"it can be one of {', '.join(known)}")

    def _version(self, value: object, where: str) -> LockedVersion:
        fields = self._fields("version", value, where)
        default_flavor, flavors = self._flavors(fields)
        source, signature = None, None
        if "source" in fields:
            source = self._source(fields.get("source"), f"{where}.source")
        if "signature" in fields:
            signature = self._signature(fields.get("signature"), f"{where}.signature")
        attestations = self._verified(fields) if "verified" in fields else ()
        return LockedVersion(flavors, source, signature, default_flavor, attestations)

    def _flavors(self, fields: Fields) -> tuple[str, dict[str, dict[str, LockedPlatform]]]:
        """The default flavor's name, and each flavor's prebuilts by platform."""
        if ("platforms" in fields) == ("flavors" in fields):
            raise fields.problem(
                "a version has either 'platforms' or 'flavors'", "remove one, or add one"
            )
        if "platforms" in fields:
            if "default_flavor" in fields:
                raise fields.problem(
                    "'default_flavor' is for a version with 'flavors'", "remove it, or add them"
                )
            platforms = _mapping(fields, "platforms")
            return "", {"": self._platforms(platforms, f"{fields.where}.platforms")}
        names = _mapping(fields, "flavors")
        inner = Fields(names, where=f"{fields.where}.flavors", known=names, error=LockError)
        flavors = {}
        for name in names:
            if not FLAVOR.fullmatch(name):
                raise inner.problem(f"the flavor {name!r} is not made of {_FLAVOR_WORDS}")
            flavors[name] = self._platforms(_mapping(inner, name), f"{inner.where}.{name}")
        default = fields.string("default_flavor")
        if default not in flavors:
            raise fields.problem(
                f"'default_flavor' is {default!r}, which is not in 'flavors'",
                f"choose one of {', '.join(flavors) or 'none'}",
            )
        return default, {default: flavors.pop(default), **flavors}

    def _platforms(self, value: dict[str, object], where: str) -> dict[str, LockedPlatform]:
        self._unread += [f"{where}.{name}" for name in value if name not in _PLATFORMS]
        return {
            name: self._platform(platform, f"{where}.{name}")
            for name, platform in value.items()
            if name in _PLATFORMS
        }

    def _signature(self, value: object, where: str) -> Signature:
        fields = self._fields("signature", value, where)
        return Signature(
            fields.matching("public_key", PUBLIC_KEY, "an SSH public key without options"),
            fields.string("sums"),
            fields.string("signature"),
        )

    def _verified(self, version: Fields) -> tuple[Attestation, ...]:
        where = f"{version.where}.verified"
        verified = self._fields("verified", version.get("verified"), where)
        read = []
        for index, item in enumerate(_list(verified, "attestations")):
            fields = self._fields("attestation", item, f"{where}.attestations[{index}]")
            read.append(Attestation(**{key: fields.string(key) for key in KEYS["attestation"]}))
        return tuple(read)

    def _platform(self, value: object, where: str) -> LockedPlatform:
        try:
            return self._usable_platform(self._fields("platform", value, where))
        except _NewerValue as error:
            self._unread.append(where)
            return LockedPlatform((), Interface(), unusable=str(error))

    def _usable_platform(self, fields: Fields) -> LockedPlatform:
        where = fields.where
        archives = tuple(
            self._archive(archive, f"{where}.archives[{index}]")
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
        platform = LockedPlatform(archives, self._interface(fields))
        paths = [file.path for file in platform.files()]
        with _blaming_the_lock(where):
            check_member_names(paths, where=where)
        there = set(paths)
        absent = [path for path in platform.interface.promises() if path not in there]
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

    def _archive(self, value: object, where: str) -> LockedArchive:
        fields = self._fields("archive", value, where)
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
        files = self._files(_list(fields, "files"), f"{where}.files")
        shared = self._shared_files(fields, "shared_files")
        return LockedArchive(
            file=file,
            urls=tuple(map(Url, urls)),
            sha256=fields.sha256("sha256"),
            size=fields.count("size"),
            format=self._one_of(fields, "format", FORMATS),
            strip_prefix=strip_prefix,
            files=tuple(sorted((*files, *shared), key=lambda f: f.path)) if shared else files,
        )

    def _files(self, value: object, where: str) -> tuple[LockedFile, ...]:
        if not isinstance(value, list):
            raise LockError("expected a list of files", where=where)
        return tuple(self._file(item, f"{where}[{index}]") for index, item in enumerate(value))

    def _shared_files(self, fields: Fields, key: str) -> list[LockedFile]:
        """The files of the lists that a key names."""
        names = _strings(fields, key)
        absent = [name for name in names if name not in self._shared]
        if absent:
            raise fields.problem(
                f"{key!r} names {absent[0]}, which is not in the lock's 'shared'",
                "restore the lock from version control, or make it anew with `cgo-prebuilt lock`",
            )
        return [file for name in names for file in self._shared[name]]

    def _interface(self, fields: Fields) -> Interface:
        requires = Requires()
        if "requires" in fields:
            inner = self._fields("requires", fields.get("requires"), f"{fields.where}.requires")
            if "cpu" in inner:
                self._one_of(inner, "cpu", CPU_LEVELS)
            _strings(inner, "system")
            requires = read_requires(inner)
        lists = {key: _strings(fields, key) for key in INTERFACE_LISTS}
        shared = [file.path for file in self._shared_files(fields, "shared_headers")]
        if shared:
            lists["headers"] = tuple(sorted((*lists["headers"], *shared)))
        return check_interface(fields, Interface.of(lists, requires))

    def _file(self, value: object, where: str) -> LockedFile:
        fields = self._fields("file", value, where)
        # It is compared with names and never becomes one on a disk, so it need not be a portable one.
        member = fields.string("member") if "member" in fields else ""
        if "member" in fields and not member:
            raise fields.problem("'member' is empty", "remove it: `path` is the member's name then")
        return LockedFile(
            fields.string("path"), fields.sha256("sha256"), fields.count("size"), member
        )

    def _source(self, value: object, where: str) -> Source:
        fields = self._fields("source", value, where)
        usual = {key: fields.get(key) for key in KEYS["source"] if key in fields}
        platforms = {}
        for name, different in (
            _mapping(fields, "platforms").items() if "platforms" in fields else ()
        ):
            place = f"{where}.platforms.{name}"
            if name not in _PLATFORMS:
                self._unread.append(place)
                continue
            own = self._fields("source_platform", different, place)
            given = {key: own.get(key) for key in KEYS["source_platform"] if key in own}
            if "build" in given:  # other steps than the usual ones
                given.setdefault("then", [])
            whole = Fields({**usual, **given}, where=place, known=KEYS["source"], error=LockError)
            platforms[name] = self._source_of_platform(whole)
        return replace(self._source_of_platform(fields), platforms=platforms)

    def _source_of_platform(self, fields: Fields) -> Source:
        where = fields.where
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
            build=self._build(fields.required("build"), f"{where}.build"),
            then=tuple(
                self._build(step, f"{where}.then[{index}]")
                for index, step in enumerate(_list(fields, "then") if "then" in fields else ())
            ),
            env=check_variables(fields, _strings(fields, "env")),
            tools=check_programs(fields, _strings(fields, "tools")),
            vendor=fields.flag("vendor"),
            outputs=outputs,
            installed=installed,
            path=fields.string("path") if "path" in fields else None,
            url=Url(fields.string("url")) if "url" in fields else None,
            sha256=fields.sha256("sha256") if "url" in fields else None,
            strip_prefix=fields.string("strip_prefix", ""),
        )

    def _build(self, value: object, where: str) -> Build:
        fields = self._fields("build", value, where)
        try:
            tool = self._one_of(fields, "tool", BUILD_TOOLS)
        except _NewerValue:
            # `plan_build` refuses it; the prebuilts can be used all the same.
            self._unread.append(where)
            tool = fields.string("tool")
        args = _strings(fields, "args")
        if tool == "command" and not args:
            raise fields.problem("'args' is empty", "for a command it is the whole command line")
        toolchain = fields.string("toolchain", "")
        if toolchain:
            fields.matching("toolchain", TOOLCHAIN, "a toolchain's name, as rustup has it")
        return Build(tool, args, fields.string("target", ""), toolchain)


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


@contextmanager
def _blaming_the_lock(where: str) -> Iterator[None]:
    """A name that an archive may not have is, in a lock, the lock's fault."""
    try:
        yield
    except CgoPrebuiltError as error:
        raise LockError(error.what, where=error.where or where, remedy=error.remedy) from None
