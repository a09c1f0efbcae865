"""Read a lock's JSON by the rules of docs/decisions/lock-evolution.md.

Known keys are checked strictly. An unknown key is an error in a lock of this program's revision. In a
lock of a newer revision, it is left out, and only using it is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cgo_prebuilt.errors import LockError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import (
    Attestation,
    Interface,
    Lock,
    LockedArchive,
    LockedFile,
    LockedPlatform,
    LockedVersion,
    Signature,
)
from cgo_prebuilt.locks.lock_checks import check_interface, check_url
from cgo_prebuilt.locks.lock_keys import (
    FORMATS,
    INTERFACE_LISTS,
    KEYS,
    KNOWN,
    REVISION,
    SCHEMA,
)
from cgo_prebuilt.locks.lock_names import DAY, FLAVOR, NAME, VERSION
from cgo_prebuilt.locks.reading import (
    PLATFORMS,
    RESTORE,
    LockReading,
    NewerValue,
    blaming_the_lock,
    listed,
    mapping,
    strings,
)
from cgo_prebuilt.locks.source_reader import read_source
from cgo_prebuilt.members import check_member_name, check_member_names
from cgo_prebuilt.requirements import CPU_LEVELS, Requires, is_for, levels_of, read_requires
from cgo_prebuilt.trust import PUBLIC_KEY

_FLAVOR_WORDS = "letters, digits and any of . _ -"


def read_document(document: object, where: str) -> Lock:
    """Read a lock.

    Args:
        document: Its parsed JSON.
        where: The name of the lock in errors.

    Raises:
        LockError: It is not a lock, or not one that this program can read.
    """
    if not isinstance(document, Mapping):
        raise LockError("the lock is not a JSON object", where=where, remedy=RESTORE)
    head = Fields(document, where=where, known=document, error=LockError)
    schema = head.required("schema")
    if schema != SCHEMA or not isinstance(schema, int) or schema is True:
        raise head.problem(
            f"the lock has schema {schema!r}, this program reads {SCHEMA}",
            "use the cgo-prebuilt that wrote it, or create it again with `cgo-prebuilt lock`",
        )
    revision = _revision(head)
    strange = [key for key in strings(head, "must_understand") if key not in KNOWN]
    if strange:
        raise head.problem(
            f"the lock must be read by a program that knows {', '.join(strange)}",
            f"update rules_cgo_prebuilt and cgo-prebuilt to a version that reads revision {revision}"
            " of a lock"
            if revision > REVISION
            else f"this program reads revision {revision} of a lock, which knows no such key: correct"
            f" 'must_understand'; {RESTORE}",
        )
    return _Reader(revision).lock(document, where)


def _revision(head: Fields) -> int:
    value = head.get("revision") if "revision" in head else 1
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise head.problem(f"'revision' must be a whole number from 1, found {value!r}", RESTORE)
    return value


class _Reader:
    """A reader of one revision, which lists what it left out."""

    def __init__(self, revision: int) -> None:
        self._reading = LockReading(revision)
        self._shared: dict[str, tuple[LockedFile, ...]] = {}

    def lock(self, document: object, where: str) -> Lock:
        fields = self._reading.fields("lock", document, where)
        name = fields.matching("name", NAME, "letters, digits and any of . _ + -")
        with blaming_the_lock():
            check_member_name(name, where=where)
        shared = mapping(fields, "shared") if "shared" in fields else {}
        self._shared = {
            name: self._files(files, f"{where}: shared.{name}") for name, files in shared.items()
        }
        versions = {
            version: self._version(value, f"{where}: versions.{version}")
            for version, value in mapping(fields, "versions").items()
        }
        default = fields.string("default_version")
        if default not in versions:
            raise fields.problem(
                f"'default_version' is {default!r}, which is not in 'versions'",
                f"choose one of {', '.join(versions)}" if versions else RESTORE,
            )
        for version in versions:
            if not VERSION.fullmatch(version):
                raise fields.problem(
                    f"the version {version!r} is empty or has white space in it", RESTORE
                )
        return Lock(name, default, versions, self._reading.revision, tuple(self._reading.unread))

    def _version(self, value: object, where: str) -> LockedVersion:
        fields = self._reading.fields("version", value, where)
        flavors = self._flavors(fields)
        source, signature = None, None
        if "source" in fields:
            source = read_source(self._reading, fields.get("source"), f"{where}.source")
        if "signature" in fields:
            signature = self._signature(fields.get("signature"), f"{where}.signature")
        return LockedVersion(
            flavors,
            source,
            signature,
            next(iter(flavors)),
            published=fields.matching("published", DAY, "a day, such as 2026-11-28")
            if "published" in fields
            else "",
            withdrawn=fields.line("withdrawn") if "withdrawn" in fields else "",
            attestations=self._verified(fields) if "verified" in fields else (),
        )

    def _flavors(self, fields: Fields) -> dict[str, dict[str, LockedPlatform]]:
        """Read the prebuilts by flavor and platform; the default flavor is the first."""
        has_flavors = "flavors" in fields
        if ("platforms" in fields) == has_flavors or ("default_flavor" in fields) != has_flavors:
            raise fields.problem(
                "a version has either 'platforms', or 'flavors' and 'default_flavor'",
                "remove what is too much, or add what is missing",
            )
        if not has_flavors:
            platforms = mapping(fields, "platforms")
            return {"": self._platforms(platforms, f"{fields.where}.platforms")}
        names = mapping(fields, "flavors")
        inner = Fields(names, where=f"{fields.where}.flavors", known=names, error=LockError)
        flavors = {}
        for name in names:
            if not FLAVOR.fullmatch(name):
                raise inner.problem(f"the flavor {name!r} is not made of {_FLAVOR_WORDS}", RESTORE)
            flavors[name] = self._platforms(mapping(inner, name), f"{inner.where}.{name}")
        default = fields.string("default_flavor")
        if default not in flavors:
            raise fields.problem(
                f"the default flavor {default!r} is not in 'flavors'",
                f"choose one of {', '.join(flavors)}" if flavors else RESTORE,
            )
        return {default: flavors.pop(default), **flavors}

    def _platforms(self, value: dict[str, object], where: str) -> dict[str, LockedPlatform]:
        self._reading.unread += [f"{where}.{name}" for name in value if name not in PLATFORMS]
        return {
            name: self._platform(platform, f"{where}.{name}", name.split("_")[1])
            for name, platform in value.items()
            if name in PLATFORMS
        }

    def _signature(self, value: object, where: str) -> Signature:
        fields = self._reading.fields("signature", value, where)
        return Signature(
            fields.matching(
                "public_key", re.compile(PUBLIC_KEY), "an SSH public key without options"
            ),
            fields.string("sums", lines=True),
            fields.string("signature", lines=True),
        )

    def _verified(self, version: Fields) -> tuple[Attestation, ...]:
        where = f"{version.where}.verified"
        verified = self._reading.fields("verified", version.get("verified"), where)
        read = []
        for index, item in enumerate(listed(verified, "attestations")):
            fields = self._reading.fields("attestation", item, f"{where}.attestations[{index}]")
            values = {key: fields.string(key, lines=key == "bundle") for key in KEYS["attestation"]}
            read.append(Attestation(**values))
        return tuple(read)

    def _platform(self, value: object, where: str, arch: str) -> LockedPlatform:
        try:
            return self._usable_platform(self._reading.fields("platform", value, where), arch)
        except NewerValue as error:
            self._reading.unread.append(where)
            return LockedPlatform((), Interface(), unusable=str(error))

    def _usable_platform(self, fields: Fields, arch: str) -> LockedPlatform:
        where = fields.where
        archives = tuple(
            self._archive(archive, f"{where}.archives[{index}]")
            for index, archive in enumerate(listed(fields, "archives"))
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
        cpu = platform.interface.requires.cpu
        if cpu and not is_for(cpu, arch):
            raise fields.problem(
                f"'cpu' is {cpu!r}, which is not a processor level of {arch}",
                f"it can be one of {', '.join(levels_of(arch)) or 'none, so remove it'}",
            )
        paths = [file.path for file in platform.files()]
        with blaming_the_lock():
            check_member_names(paths, where=where)
        there = set(paths)
        absent = [path for path in platform.interface.required_files() if path not in there]
        if absent:
            raise fields.problem(
                f"no archive here contains {', '.join(absent)}",
                RESTORE,
            )
        with blaming_the_lock():
            for path in platform.interface.include_dirs:
                if path != ".":
                    check_member_name(path, where=where)
        return platform

    def _archive(self, value: object, where: str) -> LockedArchive:
        fields = self._reading.fields("archive", value, where)
        file = fields.string("file")
        strip_prefix = fields.string("strip_prefix", "")
        with blaming_the_lock():
            check_member_name(file, where=where)
            if strip_prefix:
                check_member_name(strip_prefix, where=where)
        if "/" in file:
            raise fields.problem(f"'file' is {file!r}, a path", "an archive's file has no folder")
        urls = strings(fields, "urls")
        if not urls:
            raise fields.problem("'urls' is empty", "an archive needs at least one URL")
        files = self._files(listed(fields, "files"), f"{where}.files")
        shared = self._shared_files(fields, "shared_files")
        return LockedArchive(
            file=file,
            urls=tuple(check_url(fields, "urls", url) for url in urls),
            sha256=fields.sha256("sha256"),
            size=fields.count("size"),
            format=self._reading.one_of(fields, "format", FORMATS),
            strip_prefix=strip_prefix,
            files=tuple(sorted((*files, *shared), key=lambda f: f.path)) if shared else files,
            ranges=fields.sha256("ranges") if "ranges" in fields else "",
        )

    def _files(self, value: object, where: str) -> tuple[LockedFile, ...]:
        if not isinstance(value, list):
            raise LockError("expected a list of files", where=where, remedy=RESTORE)
        return tuple(self._file(item, f"{where}[{index}]") for index, item in enumerate(value))

    def _shared_files(self, fields: Fields, key: str) -> list[LockedFile]:
        """Return the files of the lists that a key names."""
        names = strings(fields, key)
        absent = [name for name in names if name not in self._shared]
        if absent:
            raise fields.problem(
                f"{key!r} names {absent[0]}, which is not in the lock's 'shared'",
                RESTORE,
            )
        return [file for name in names for file in self._shared[name]]

    def _interface(self, fields: Fields) -> Interface:
        requires = Requires()
        if "requires" in fields:
            inner = self._reading.fields(
                "requires", fields.get("requires"), f"{fields.where}.requires"
            )
            if "cpu" in inner:
                self._reading.one_of(inner, "cpu", CPU_LEVELS)
            strings(inner, "system")
            requires = read_requires(inner)
        lists = {key: strings(fields, key) for key in INTERFACE_LISTS}
        shared = [file.path for file in self._shared_files(fields, "shared_headers")]
        if shared:
            lists["headers"] = tuple(sorted((*lists["headers"], *shared)))
        return check_interface(fields, Interface.of(lists, requires))

    def _file(self, value: object, where: str) -> LockedFile:
        fields = self._reading.fields("file", value, where)
        # It is only compared with member names and never written to a disk, so it need not be portable.
        member = fields.string("member") if "member" in fields else ""
        if "member" in fields and not member:
            raise fields.problem("'member' is empty", "remove it: `path` is the member's name then")
        return LockedFile(
            fields.string("path"), fields.sha256("sha256"), fields.count("size"), member
        )
