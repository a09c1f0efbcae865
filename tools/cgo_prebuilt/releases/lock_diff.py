"""Describe the changes of a new lock, for the person who reviews it. Pure."""

from __future__ import annotations

from dataclasses import fields, replace

from cgo_prebuilt.amounts import format_size
from cgo_prebuilt.locks.lock import Interface, Lock, LockedPlatform, LockedVersion
from cgo_prebuilt.releases.locked_ranges import with_ranges
from cgo_prebuilt.requirements import Requires


def describe_changes(old: Lock | None, new: Lock) -> list[str]:
    """Return the changes, a line each.

    A new version is compared with the previous default, since its users will see that difference. An
    existing version must not change, so a change there is marked.

    Returns:
        The lines, indented below their subject; none without a change.
    """
    lines = []
    before = old.versions if old is not None else {}
    for name, version in new.versions.items():
        if name not in before:
            origin = old.default_version if old is not None else None
            lines.append(f"+ {name}" + (f", compared with {origin}:" if origin else ":"))
            lines += _version(before.get(origin or ""), version)
        elif before[name] != version:
            # Ranges affect how archives are read, but not the result.
            was, now = with_ranges(before[name], {}), with_ranges(version, {})
            told = replace(was, published=now.published, withdrawn=now.withdrawn)
            lines.append(f"~ {name}:" if told == now else f"! {name} has changed:")
            lines += _version(was, now) or ["  ~ how to read parts of its archives"]
    lines += [f"- {name}" for name in before if name not in new.versions]
    if old is not None and old.default_version != new.default_version:
        lines.append(f"default version: {old.default_version} -> {new.default_version}")
    return lines


def _version(old: LockedVersion | None, new: LockedVersion) -> list[str]:
    before, after = _prebuilts(old), _prebuilts(new)
    lines = []
    if new.published and (old is None or old.published != new.published):
        lines.append(f"  published {new.published}")
    if (old.withdrawn if old is not None else "") != new.withdrawn:
        lines.append(
            f"  ! withdrawn: {new.withdrawn}" if new.withdrawn else "  no longer withdrawn"
        )
    for name, platform in after.items():
        if name not in before:
            lines.append(f"  + {name}: {_archives(platform)}")
            needs = platform.interface.requires.words()
            lines += [f"      requires: {needs}"] if needs else []
        elif before[name] != platform:
            lines.append(f"  ~ {name}: {_archives(platform)}")
            lines += [f"      {line}" for line in _platform(before[name], platform)]
    lines += [f"  - {name}" for name in before if name not in after]
    if old is not None and old.default_flavor != new.default_flavor:
        lines.append(
            f"  ~ default flavor: {old.default_flavor or 'none'} -> {new.default_flavor or 'none'}"
        )
    if old is not None and old.source != new.source:
        lines.append("  ~ source")
    keys = [
        version.signature.public_key if version is not None and version.signature else "nobody"
        for version in (old, new)
    ]
    if old is not None and keys[0] != keys[1]:
        lines.append(f"  ! signed by {keys[1]}, before by {keys[0]}")
    attesters = [
        ", ".join(one.workflow for one in version.attestations) if version is not None else ""
        for version in (old, new)
    ]
    if old is not None and attesters[0] != attesters[1]:
        lines.append(
            f"  ! attested by {attesters[1] or 'nobody'}, before by {attesters[0] or 'nobody'}"
        )
    return lines


def _prebuilts(version: LockedVersion | None) -> dict[str, LockedPlatform]:
    """Return every prebuilt, by its platform and its flavor."""
    return {
        f"{name}, flavor {flavor}" if flavor else name: platform
        for flavor, name, platform in (version.prebuilts() if version is not None else ())
    }


def _archives(platform: LockedPlatform) -> str:
    return ", ".join(
        f"{archive.file} ({format_size(archive.size)}, sha256 {archive.sha256[:12]}...)"
        for archive in platform.archives
    )


def _platform(old: LockedPlatform, new: LockedPlatform) -> list[str]:
    lines = []
    before = {file.path: file for file in old.files()}
    after = {file.path: file for file in new.files()}
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            lines.append(f"+ {path}, {format_size(after[path].size)}")
        elif path not in after:
            lines.append(f"- {path}")
        elif before[path] != after[path]:
            sizes = (format_size(before[path].size), format_size(after[path].size))
            size = sizes[0] if sizes[0] == sizes[1] else f"{sizes[0]} -> {sizes[1]}"
            lines.append(f"~ {path}, {size}")
    return lines + _interface(old.interface, new.interface)


def _interface(old: Interface, new: Interface) -> list[str]:
    return [
        f"{field.name}: {_value(getattr(old, field.name))} -> {_value(getattr(new, field.name))}"
        for field in fields(Interface)
        # Headers are listed as files.
        if field.name not in ("headers", "runtime_files")
        and getattr(old, field.name) != getattr(new, field.name)
    ]


def _value(value: tuple[str, ...] | Requires) -> str:
    return (value.words() if isinstance(value, Requires) else " ".join(value)) or "none"
