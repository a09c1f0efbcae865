"""A manifest's platforms: the archives and files of each prebuilt, by flavor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cgo_prebuilt.errors import CgoPrebuiltError, ManifestError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.locks.lock_checks import check_interface, check_texts
from cgo_prebuilt.locks.lock_keys import INTERFACE_LISTS, KEYS
from cgo_prebuilt.manifests.archive_section import (
    ArchiveSpec,
    check_names,
    check_urls,
    read_archive,
)
from cgo_prebuilt.platforms import Platform, parse_platform
from cgo_prebuilt.requirements import Requires, is_for, read_requires
from cgo_prebuilt.template import fill, values_for

PLATFORM_KEYS = ("urls", "archives", *INTERFACE_LISTS, "requires")
"""The keys that a manifest may set for all platforms, for one, and for a flavor."""

_PLACEHOLDER_NAME = re.compile(r"(?!(?:name|version|bare_version|file|flavor)\Z)[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """A platform's prebuilt in a manifest; headers are still globs.

    Attributes:
        platform: The platform.
        archives: The downloads.
        interface: How it is compiled and linked.
        flavor: The flavor; empty for a library without flavors.
    """

    platform: Platform
    archives: tuple[ArchiveSpec, ...]
    interface: Interface
    flavor: str = ""

    def __str__(self) -> str:
        return f"{self.platform}, flavor {self.flavor}" if self.flavor else str(self.platform)


def read_platforms(
    top: Fields, flavor: Fields | None, names: Mapping[str, str], flavor_name: str
) -> tuple[PlatformSpec, ...]:
    """Read the platforms of a flavor: its own list, else the manifest's.

    Args:
        top: The manifest.
        flavor: The flavor's section; None for a library without flavors.
        names: The library's `name` and `version`.
        flavor_name: The flavor's name; empty for a library without flavors.

    Raises:
        ManifestError: A platform is unknown, or lacks a required key.
    """
    usual = _platform_layers(top)
    own = _platform_layers(flavor) if flavor is not None and "platforms" in flavor else {}
    specs = []
    for name in own or usual:
        # A flavor's section overrides the manifest's section of a platform.
        layers = [own.get(name), flavor, usual.get(name), top]
        specs.append(
            _platform_spec(
                name, [layer for layer in layers if layer is not None], names, flavor_name
            )
        )
    return tuple(specs)


def _platform_layers(holder: Fields) -> dict[str, Fields]:
    """Return each platform's section of a manifest or a flavor."""
    listed = holder.required("platforms")
    if not isinstance(listed, Mapping) or not listed:
        raise holder.problem(
            "'platforms' must name at least one platform", "such as `linux_amd64: {}`"
        )
    return {
        str(name): checked_layer(
            Fields(
                {} if overrides is None else overrides,
                where=f"{holder.where}{'.' if 'flavors.' in holder.where else ': '}platforms.{name}",
                known=(*PLATFORM_KEYS, "names"),
                error=ManifestError,
            )
        )
        for name, overrides in listed.items()
    }


def checked_layer(layer: Fields) -> Fields:
    """Check the types of all values of a layer, even of overridden ones; return the layer.

    Raises:
        ManifestError: A value has a wrong type.
    """
    check_texts(layer, Interface.of({key: layer.strings(key) for key in INTERFACE_LISTS}))
    _requires(layer)
    _names(layer)
    check_urls(layer)
    return layer


def _names(layer: Fields) -> dict[str, str]:
    """Return the values of a platform's placeholders in this release."""
    names = layer.string_mapping("names")
    for name in names:
        if not _PLACEHOLDER_NAME.fullmatch(name):
            raise layer.problem(
                f"'names' gives a value to {name!r}",
                "it is for `os`, `arch`, `platform` and placeholders of your own, such as `{variant}`",
            )
    return names


def _requires(layer: Fields) -> Requires:
    value = layer.get("requires")
    where = f"{layer.where}{'.' if ': ' in layer.where else ': '}requires"
    known = KEYS["requires"]
    return read_requires(
        Fields({} if value is None else value, where=where, known=known, error=ManifestError)
    )


def platform_of(name: str, where: str) -> Platform:
    """Return the platform of a manifest's key.

    Raises:
        ManifestError: There is no such platform.
    """
    try:
        return parse_platform(name)
    except CgoPrebuiltError as error:
        raise ManifestError(error.what, where=where, remedy=error.remedy) from None


def _platform_spec(
    platform_name: str, layers: Sequence[Fields], names: Mapping[str, str], flavor: str
) -> PlatformSpec:
    """Read one platform of one flavor.

    Args:
        platform_name: The platform's name.
        layers: The sections that may set its keys; the first one takes precedence.
        names: The library's `name` and `version`.
        flavor: The flavor's name; empty for a library without flavors.
    """
    own, top = layers[0], layers[-1]
    platform = platform_of(platform_name, own.where)

    def holder(key: str) -> Fields:
        return next((layer for layer in layers if key in layer), top)

    values = values_for(names["name"], names["version"], platform)
    for layer in reversed(layers):
        values |= _names(layer)
    if flavor:
        values["flavor"] = flavor
    lists = {
        key: tuple(fill(text, values, where=own.where) for text in holder(key).strings(key))
        for key in INTERFACE_LISTS
    }
    if lists["headers"] and not lists["include_dirs"]:
        lists["include_dirs"] = (".",)
    requires = _requires(holder("requires"))
    if requires.cpu and not is_for(requires.cpu, platform.arch):
        raise holder("requires").problem(
            f"'cpu' is {requires.cpu!r}, which is not a processor level of {platform.arch}",
            "put 'requires' under the platforms that it is for",
        )
    interface = Interface.of(lists, requires)
    if not interface.libraries():
        raise own.problem(
            "no library is named", "set 'static_library' or 'shared_library' to its path"
        )
    check_names(
        [
            *interface.libraries(),
            *interface.undeclared_archives(),
            *(path for path in interface.include_dirs if path != "."),
        ],
        own.where,
    )
    check_interface(own, interface)
    archives = holder("archives").get("archives")
    if not isinstance(archives, list) or not archives:
        raise holder("archives").problem(
            "'archives' must list at least one archive",
            "such as `- file: {name}-{version}.tar.zst`",
        )
    urls = holder("urls").strings("urls")
    return PlatformSpec(
        platform,
        tuple(
            read_archive(archive, urls, values, f"{holder('archives').where}: archives[{index}]")
            for index, archive in enumerate(archives)
        ),
        interface,
        flavor,
    )
