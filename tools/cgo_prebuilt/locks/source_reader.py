"""Read a lock's `source`: how to build a library without a prebuilt."""

from __future__ import annotations

from dataclasses import replace

from cgo_prebuilt.errors import LockError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import Build, Interface, LockedCrates, Source
from cgo_prebuilt.locks.lock_checks import (
    check_interface,
    check_programs,
    check_url,
    check_variables,
)
from cgo_prebuilt.locks.lock_keys import BUILD_TOOLS, INTERFACE_LISTS, KEYS
from cgo_prebuilt.locks.lock_names import GIT_SOURCE, TOOLCHAIN
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
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.url import Url


def read_source(reading: LockReading, value: object, where: str) -> Source:
    """Read a version's source.

    Args:
        reading: The reading of its lock.
        value: The lock's value of `source`.
        where: That place, for errors.

    Raises:
        LockError: It is not a source.
    """
    fields = reading.fields("source", value, where)
    usual = {key: fields.get(key) for key in KEYS["source"] if key in fields}
    platforms = {}
    for name, different in mapping(fields, "platforms").items() if "platforms" in fields else ():
        place = f"{where}.platforms.{name}"
        if name not in PLATFORMS:
            reading.unread.append(place)
            continue
        own = reading.fields("source_platform", different, place)
        given = {key: own.get(key) for key in KEYS["source_platform"] if key in own}
        if "build" in given:  # the platform has its own steps
            given.setdefault("then", [])
        whole = Fields({**usual, **given}, where=place, known=KEYS["source"], error=LockError)
        platforms[name] = _source_of_platform(reading, whole)
    return replace(_source_of_platform(reading, fields), platforms=platforms)


def _source_of_platform(reading: LockReading, fields: Fields) -> Source:
    where = fields.where
    if ("path" in fields) == ("url" in fields):
        raise fields.problem("a source has either 'path' or 'url'", "remove one, or add one")
    lists = {key: strings(fields, key) for key in INTERFACE_LISTS}
    outputs = check_interface(fields, Interface.of(lists))
    installed = strings(fields, "installed")
    if len(installed) != len(outputs.libraries()):
        raise fields.problem(
            f"'installed' has {len(installed)} names for {len(outputs.libraries())} libraries",
            RESTORE,
        )
    with blaming_the_lock():
        for path in installed:
            check_member_name(path, where=where)
    return Source(
        build=_build(reading, fields.required("build"), f"{where}.build"),
        then=tuple(
            _build(reading, step, f"{where}.then[{index}]")
            for index, step in enumerate(listed(fields, "then") if "then" in fields else ())
        ),
        env=check_variables(fields, strings(fields, "env")),
        tools=check_programs(fields, strings(fields, "tools")),
        vendor=fields.flag("vendor"),
        git=tuple(
            _git(reading, crates, f"{where}.git[{index}]")
            for index, crates in enumerate(listed(fields, "git") if "git" in fields else ())
        ),
        outputs=outputs,
        installed=installed,
        path=fields.string("path") if "path" in fields else None,
        url=check_url(fields, "url", fields.string("url")) if "url" in fields else None,
        sha256=fields.sha256("sha256") if "url" in fields else None,
        strip_prefix=fields.string("strip_prefix", ""),
    )


def _git(reading: LockReading, value: object, where: str) -> LockedCrates:
    fields = reading.fields("git", value, where)
    source = fields.string("source")
    if not GIT_SOURCE.fullmatch(source):
        raise fields.problem(
            f"'source' must be one of Cargo.lock, git+URL#COMMIT, without a login; found '{Url(source)}'",
            "correct Cargo.toml, and lock it again",
        )
    return LockedCrates(source, fields.sha256("sha256"))


def _build(reading: LockReading, value: object, where: str) -> Build:
    fields = reading.fields("build", value, where)
    try:
        tool = reading.one_of(fields, "tool", BUILD_TOOLS)
    except NewerValue:
        # `plan_build` refuses it; the prebuilts remain usable.
        reading.unread.append(where)
        tool = fields.string("tool")
    args = strings(fields, "args", lines=True)
    if tool == "command" and not args:
        raise fields.problem("'args' is empty", "for a command it is the whole command line")
    toolchain = fields.string("toolchain", "")
    if toolchain:
        toolchain = fields.matching(
            "toolchain", TOOLCHAIN, "a toolchain's name as rustup spells it"
        )
    return Build(tool, args, fields.string("target", ""), toolchain)
