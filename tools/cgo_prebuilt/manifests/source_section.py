"""A manifest's `source`: how to build the library without a prebuilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.fields import Fields, keys_of
from cgo_prebuilt.locks.lock import Build, Interface, Source
from cgo_prebuilt.locks.lock_checks import (
    check_interface,
    check_programs,
    check_url,
    check_variables,
)
from cgo_prebuilt.locks.lock_keys import BUILD_TOOLS, INTERFACE_LISTS
from cgo_prebuilt.locks.lock_names import TOOLCHAIN
from cgo_prebuilt.manifests.archive_section import glob_error
from cgo_prebuilt.manifests.platform_section import PlatformSpec, platform_of
from cgo_prebuilt.manifests.public_url import check_public
from cgo_prebuilt.patterns import is_pattern
from cgo_prebuilt.template import bare_version, fill, fill_url, values_for
from cgo_prebuilt.url import Url

_PLATFORM_KEYS = ("build", "env", "tools", *INTERFACE_LISTS)
_KEYS = ("path", "url", "sha256", "strip_prefix", "vendor", "platforms", *_PLATFORM_KEYS)
_BUILD_KEYS = (*keys_of(Build), "command")
_LIBRARIES = ("static_library", "shared_library", "interface_library")


def read_source(
    value: object,
    top: Fields,
    specs: Sequence[PlatformSpec],
    *,
    name: str,
    version: str,
    flavor: str,
) -> Source:
    """Read the section.

    Args:
        value: The manifest's value of `source`.
        top: The manifest.
        specs: The platforms of the default flavor, which a source build replaces.
        name: The library.
        version: The release.
        flavor: The default flavor; empty for a library without flavors.

    Raises:
        ManifestError: The section is invalid.
    """
    where = f"{top.where}: source"
    fields = Fields(value, where=where, known=_KEYS, error=ManifestError)
    if ("path" in fields) == ("url" in fields):
        raise fields.problem("a source has either 'path' or 'url'", "remove one, or add one")
    names = {"name": name, "version": version, "bare_version": bare_version(version)}
    usual = replace(
        _part(fields, _described(top, flavor), top, flavor),
        path=fields.string("path") if "path" in fields else None,
        url=_url(fields, names),
        sha256=fields.sha256("sha256") if "url" in fields else None,
        strip_prefix=fill(fields.string("strip_prefix", ""), names, where=where),
        vendor=fields.flag("vendor"),
    )
    if usual.vendor and all(step.tool != "cargo" for step in usual.steps):
        raise fields.problem("'vendor' is for cargo, which no step runs", "remove it")
    prebuilts = {str(spec.platform): spec.interface for spec in specs}
    own = _platform_layers(fields)
    platforms = {}
    for platform in dict.fromkeys([*prebuilts, *own]):
        layer = own.get(platform, fields)
        prebuilt = prebuilts.get(platform) or _described(top, flavor)
        part = _part(layer, prebuilt, top, flavor)
        values = values_for(name, version, platform_of(platform, layer.where))
        if part.installed == tuple(fill(path, values, where=where) for path in usual.installed):
            part = replace(part, installed=usual.installed)
        whole = replace(
            usual,
            build=part.build,
            then=part.then,
            env=part.env,
            tools=part.tools,
            outputs=part.outputs,
            installed=part.installed,
        )
        if whole != usual:
            platforms[platform] = whole
    return replace(usual, platforms=platforms)


def _described(top: Fields, flavor: str) -> Interface:
    """Return the manifest's interface for the prebuilts of all platforms."""
    return Interface.of({key: _of_flavor(top.strings(key), flavor) for key in INTERFACE_LISTS})


def _platform_layers(fields: Fields) -> dict[str, Fields]:
    """Return the section of each platform, which overrides the values for all platforms."""
    listed = {} if fields.get("platforms") is None else fields.get("platforms")
    if not isinstance(listed, Mapping):
        raise fields.problem("'platforms' must be a mapping", "such as `linux_arm64: {}`")
    usual = {key: fields.get(key) for key in _PLATFORM_KEYS if key in fields}
    layers = {}
    for name, different in listed.items():
        where = f"{fields.where}.platforms.{name}"
        own = Fields(
            {} if different is None else different,
            where=where,
            known=_PLATFORM_KEYS,
            error=ManifestError,
        )
        given = {key: own.get(key) for key in _PLATFORM_KEYS if key in own}
        layers[str(platform_of(str(name), where))] = Fields(
            {**usual, **given}, where=where, known=_PLATFORM_KEYS, error=ManifestError
        )
    return layers


def _part(fields: Fields, prebuilt: Interface, top: Fields, flavor: str) -> Source:
    """Read the part that may differ by platform.

    Args:
        fields: The platform's section.
        prebuilt: The prebuilt that the build replaces: its libraries' paths, and how they are linked.
        top: The manifest.
        flavor: The default flavor.
    """
    outputs = Interface.of(
        {key: _of_flavor(fields.strings(key), flavor) for key in INTERFACE_LISTS}
    )
    for key in ("linkopts", "defines"):
        # A source build is linked like the prebuilt; only the paths of its files differ.
        if key not in fields:
            outputs = replace(outputs, **{key: getattr(prebuilt, key)})
    if not outputs.libraries():
        raise fields.problem(
            "no library is named", "set 'static_library' to the path that the build writes"
        )
    for path in (*outputs.libraries(), *outputs.undeclared_archives(), *outputs.include_dirs):
        if is_pattern(path):
            raise fields.problem(*glob_error(path))
    check_interface(fields, outputs)
    if outputs.headers and not outputs.include_dirs:
        outputs = replace(outputs, include_dirs=top.strings("include_dirs") or (".",))
    first, *then = _steps(fields)
    return Source(
        build=first,
        then=tuple(then),
        env=check_variables(fields, fields.strings("env")),
        tools=check_programs(fields, fields.strings("tools")),
        outputs=outputs,
        installed=_installed(outputs, prebuilt),
    )


def _url(fields: Fields, names: Mapping[str, str]) -> Url | None:
    if "url" not in fields:
        return None
    url = check_url(fields, "url", fields.string("url"))
    check_public(url, "url", fields)
    return fill_url(url, names, where=fields.where)


def _installed(outputs: Interface, prebuilt: Interface) -> tuple[str, ...]:
    """Return the paths of built libraries: the prebuilt's paths, if their number is equal."""
    places: list[str] = []
    for kind in _LIBRARIES:
        built: tuple[str, ...] = getattr(outputs, kind)
        there: tuple[str, ...] = getattr(prebuilt, kind)
        if len(there) == len(built):
            places += there
        else:
            places += [f"lib/{path.rsplit('/', 1)[-1]}" for path in built]
    return tuple(places)


def _of_flavor(texts: tuple[str, ...], flavor: str) -> tuple[str, ...]:
    """Fill in the flavor's placeholders; the platform's follow at build time."""
    return tuple(text.replace("{flavor}", flavor) for text in texts) if flavor else texts


def _steps(fields: Fields) -> list[Build]:
    """Read the build: one step, or a list of several."""
    value = fields.required("build")
    where = f"{fields.where}.build"
    if not isinstance(value, list):
        return [_build(value, where)]
    if not value:
        raise fields.problem("'build' has no step", "such as `- tool: cargo`")
    return [_build(step, f"{where}[{index}]") for index, step in enumerate(value)]


def _build(value: object, where: str) -> Build:
    fields = Fields(value, where=where, known=_BUILD_KEYS, error=ManifestError)
    if "command" in fields:
        if any(key in fields for key in _BUILD_KEYS if key != "command"):
            raise fields.problem(
                "'command' is a whole command line",
                "remove 'tool', 'args', 'target' and 'toolchain'",
            )
        command = fields.strings("command", lines=True)
        if not command:
            raise fields.problem("'command' is empty", "list the words of a command line")
        if isinstance(fields.get("command"), str) and len(words := command[0].split()) > 1:
            raise fields.problem(
                f"'command' is one word, and has spaces: {command[0]}",
                f"list its words: `command: [{', '.join(words)}]`",
            )
        return Build("command", command)
    tool = fields.string("tool")
    if tool not in BUILD_TOOLS or tool == "command":
        raise fields.problem(
            f"'tool' is {tool!r}", "use cargo, make or cmake, or `command: [...]` for another"
        )
    target = fields.string("target", "")
    if target and tool == "cargo":
        raise fields.problem(
            "'target' is for make and cmake", "put what cargo is to build into 'args'"
        )
    toolchain = fields.string("toolchain", "")
    if toolchain and tool != "cargo":
        raise fields.problem(f"'toolchain' is for cargo, and the tool is {tool}", "remove it")
    if toolchain:
        toolchain = fields.matching(
            "toolchain", TOOLCHAIN, "a toolchain's name as rustup spells it"
        )
    return Build(tool, fields.strings("args", lines=True), target, toolchain)
