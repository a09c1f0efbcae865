"""The manifest's section `source`: how a library is built where there is no prebuilt."""

from __future__ import annotations

from dataclasses import replace

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import Build, Interface, Source
from cgo_prebuilt.locks.lock_keys import BUILD_TOOLS, INTERFACE_LISTS
from cgo_prebuilt.locks.lock_reader import check_interface
from cgo_prebuilt.manifests.public_url import check_public
from cgo_prebuilt.template import fill, fill_url
from cgo_prebuilt.url import Url

_KEYS = ("path", "url", "sha256", "strip_prefix", "build", *INTERFACE_LISTS)


def read_source(value: object, top: Fields, *, name: str, version: str, flavor: str) -> Source:
    """Reads the section.

    Args:
        value: What the manifest holds under `source`.
        top: The manifest; how the library is linked does not depend on who built it.
        name: The library.
        version: The release.
        flavor: The default flavor, which is what a source build stands for; empty where there is none.

    Raises:
        ManifestError: The section is not one.
    """
    where = f"{top.where}: source"
    fields = Fields(value, where=where, known=_KEYS, error=ManifestError)
    if ("path" in fields) == ("url" in fields):
        raise fields.problem("a source has either 'path' or 'url'", "remove one, or add one")

    def holder(key: str) -> Fields:
        # How it is linked does not depend on who built it; where its files are does.
        return top if key in ("linkopts", "defines") and key not in fields else fields

    outputs = Interface.of(
        {key: _of_flavor(holder(key).strings(key), flavor) for key in INTERFACE_LISTS}
    )
    if not outputs.libraries():
        raise fields.problem(
            "no library is named", "set 'static_library' to the path that the build writes"
        )
    check_interface(fields, outputs)
    if outputs.headers and not outputs.include_dirs:
        outputs = replace(outputs, include_dirs=top.strings("include_dirs") or (".",))
    return Source(
        build=_build(fields.required("build"), f"{where}.build"),
        outputs=outputs,
        installed=_installed(outputs, top, flavor),
        path=fields.string("path") if "path" in fields else None,
        url=_url(fields, name, version),
        sha256=fields.sha256("sha256") if "url" in fields else None,
        strip_prefix=fill(
            fields.string("strip_prefix", ""), {"name": name, "version": version}, where=where
        ),
    )


def _url(fields: Fields, name: str, version: str) -> Url | None:
    if "url" not in fields:
        return None
    url = Url(fields.string("url"))
    check_public(url, "url", fields)
    return fill_url(url, {"name": name, "version": version}, where=fields.where)


def _installed(outputs: Interface, top: Fields, flavor: str) -> tuple[str, ...]:
    """Where the built libraries go: where the prebuilt ones are, if those are as many."""
    kinds = ("static_library", "shared_library", "interface_library")
    places: list[str] = []
    for kind in kinds:
        built: tuple[str, ...] = getattr(outputs, kind)
        prebuilt = top.strings(kind)
        if len(prebuilt) == len(built):
            places += _of_flavor(prebuilt, flavor)
        else:
            places += [f"lib/{path.rsplit('/', 1)[-1]}" for path in built]
    return tuple(places)


def _of_flavor(texts: tuple[str, ...], flavor: str) -> tuple[str, ...]:
    """Texts for the default flavor; the platform's placeholders are filled in when it is built."""
    return tuple(text.replace("{flavor}", flavor) for text in texts) if flavor else texts


def _build(value: object, where: str) -> Build:
    fields = Fields(
        value, where=where, known=("tool", "args", "target", "command"), error=ManifestError
    )
    if "command" in fields:
        if any(key in fields for key in ("tool", "args", "target")):
            raise fields.problem(
                "'command' is a whole command line", "remove 'tool', 'args' and 'target'"
            )
        command = fields.strings("command")
        if not command:
            raise fields.problem("'command' is empty", "list the words of a command line")
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
    return Build(tool, fields.strings("args"), target)
