"""Convert a lock to JSON's types."""

from __future__ import annotations

from dataclasses import asdict

from cgo_prebuilt.locks.lock import (
    Build,
    Interface,
    Lock,
    LockedArchive,
    LockedFile,
    LockedPlatform,
    LockedVersion,
    Source,
)
from cgo_prebuilt.locks.lock_keys import INTERFACE_LISTS, REVISION, SCHEMA
from cgo_prebuilt.locks.shared_lists import SharedLists, share


def lock_json(lock: Lock) -> dict[str, object]:
    """Convert a lock to JSON's types; leave out what is empty."""
    shared = share(lock)
    document: dict[str, object] = {
        "schema": SCHEMA,
        "revision": REVISION,
        "name": lock.name,
        "default_version": lock.default_version,
        "versions": {name: _version_json(item, shared) for name, item in lock.versions.items()},
    }
    if shared.lists:
        document["shared"] = {
            name: [_file_json(file) for file in files] for name, files in shared.lists.items()
        }
    return document


def _version_json(version: LockedVersion, shared: SharedLists) -> dict[str, object]:
    flavors = {
        flavor: {name: _platform_json(value, shared) for name, value in platforms.items()}
        for flavor, platforms in version.flavors.items()
    }
    document: dict[str, object] = (
        {"flavors": flavors, "default_flavor": version.default_flavor}
        if version.default_flavor
        else {"platforms": flavors[""]}
    )
    if version.source is not None:
        document["source"] = _source_json(version.source)
    if version.signature is not None:
        document["signature"] = asdict(version.signature)
    for key in ("published", "withdrawn"):
        if getattr(version, key):
            document[key] = getattr(version, key)
    if version.attestations:
        document["verified"] = {"attestations": [asdict(one) for one in version.attestations]}
    return document


def _platform_json(platform: LockedPlatform, shared: SharedLists) -> dict[str, object]:
    document = {
        "archives": [_archive_json(platform, archive, shared) for archive in platform.archives],
        **_interface_json(platform.interface),
    }
    paths = set(platform.interface.headers)
    _, names = shared.split(platform, (file for file in platform.files() if file.path in paths))
    if names:
        listed = {file.path for name in names for file in shared.lists[name]}
        own = [path for path in platform.interface.headers if path not in listed]
        document["shared_headers"] = names
        document["headers"] = own
        if not own:
            del document["headers"]
    return document


def _archive_json(
    platform: LockedPlatform, archive: LockedArchive, shared: SharedLists
) -> dict[str, object]:
    own, names = shared.split(platform, archive.files)
    document: dict[str, object] = {
        "file": archive.file,
        "urls": [url.raw for url in archive.urls],
        "sha256": archive.sha256,
        "size": archive.size,
        "format": archive.format,
        "strip_prefix": archive.strip_prefix,
        "files": [_file_json(file) for file in own],
    }
    if names:
        document["shared_files"] = names
    if archive.ranges:
        document["ranges"] = archive.ranges
    return document


def _file_json(file: LockedFile) -> dict[str, object]:
    document: dict[str, object] = {"path": file.path, "sha256": file.sha256, "size": file.size}
    if file.member:
        document["member"] = file.member
    return document


def _source_json(source: Source) -> dict[str, object]:
    usual = _part_json(source)
    document: dict[str, object] = {
        **(
            {"path": source.path}
            if source.url is None
            else {
                "url": source.url.raw,
                "sha256": source.sha256,
                "strip_prefix": source.strip_prefix,
            }
        ),
        **usual,
    }
    if source.vendor:
        document["vendor"] = True
    if source.git:
        document["git"] = [asdict(crates) for crates in source.git]
    different = {}
    for name, of_platform in source.platforms.items():
        own = _part_json(of_platform)
        keys = {key for key in (*usual, *own) if own.get(key) != usual.get(key)}
        if "then" in keys:
            keys.add("build")  # if one of the two is written, so is the other
        different[name] = {key: own.get(key, []) for key in keys}
    if any(different.values()):
        document["platforms"] = {name: own for name, own in different.items() if own}
    return document


def _part_json(source: Source) -> dict[str, object]:
    """Convert the part of a source that may differ by platform."""
    first, *then = map(_build_json, source.steps)
    document: dict[str, object] = {
        "build": first,
        "installed": list(source.installed),
        **_interface_json(source.outputs),
    }
    further = {"then": then, "env": list(source.env), "tools": list(source.tools)}
    return document | {key: value for key, value in further.items() if value}


def _build_json(build: Build) -> dict[str, object]:
    document: dict[str, object] = {"tool": build.tool, "args": list(build.args)}
    further = {"target": build.target, "toolchain": build.toolchain}
    return document | {key: value for key, value in further.items() if value}


def _interface_json(interface: Interface) -> dict[str, object]:
    document: dict[str, object] = {
        key: list(getattr(interface, key)) for key in INTERFACE_LISTS if getattr(interface, key)
    }
    requires = {key: value for key, value in asdict(interface.requires).items() if value}
    if requires:
        document["requires"] = requires
    return document
