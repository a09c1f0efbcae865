"""Read and check `prebuilt.yaml`, for `pack`, `lock` and `goproxy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.fields import Fields, keys_of
from cgo_prebuilt.locks.lock import Source
from cgo_prebuilt.locks.lock_names import FLAVOR, NAME, VERSION
from cgo_prebuilt.manifests.archive_section import check_names
from cgo_prebuilt.manifests.platform_section import (
    PLATFORM_KEYS,
    PlatformSpec,
    checked_layer,
    read_platforms,
)
from cgo_prebuilt.manifests.source_section import read_source
from cgo_prebuilt.manifests.strict_yaml import parse_yaml
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.trust import find_public_key


@dataclass(frozen=True, slots=True)
class GoSpec:
    """The section `go`; paths are relative to the manifest's folder.

    Attributes:
        module: The forwarding module's path.
        package: The folder of the Go package to publish in it; or None.
        license: The file that becomes each module's LICENSE; None for a `LICENSE` beside the
            manifest, if there is one.
    """

    module: str
    package: str | None
    license: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest, with placeholders filled in for one version.

    Attributes:
        where: The manifest's file, for errors.
        folder: The folder to which `source.path` is relative.
        name: The library.
        version: The release.
        source: How to build it, `path` relative to `folder`; or None.
        go: The section `go`, for `goproxy build`; or None.
        public_key: The SSH key that signs the releases; or None.
        flavors: The platforms of each flavor, in the manifest's order; the first is the default. A
            library without flavors has one flavor, whose name is empty.
        withdrawn: The reasons for withdrawn versions, by version; other releases may be among them.
    """

    where: str
    folder: Path
    name: str
    version: str
    source: Source | None
    go: GoSpec | None
    public_key: str | None
    flavors: Mapping[str, tuple[PlatformSpec, ...]]
    withdrawn: Mapping[str, str] = field(default_factory=dict)

    @property
    def default_flavor(self) -> str:
        """The first flavor."""
        return next(iter(self.flavors))

    @property
    def platforms(self) -> tuple[PlatformSpec, ...]:
        """The platforms of the default flavor."""
        return self.flavors[self.default_flavor]

    def specs(self) -> tuple[PlatformSpec, ...]:
        """Return every platform of every flavor; the default flavor first."""
        return tuple(spec for specs in self.flavors.values() for spec in specs)

    def of_flavor(self, flavor: str | None) -> Manifest:
        """Return the manifest of one flavor; of the default one for None.

        Raises:
            ManifestError: It has no such flavor.
        """
        chosen = self.default_flavor if flavor is None else flavor
        if chosen not in self.flavors:
            there = ", ".join(filter(None, self.flavors)) or "none"
            raise ManifestError(
                f"{self.name} has no flavor {flavor}",
                where=self.where,
                remedy=f"it has {there}; add `{flavor}: {{}}` under 'flavors'",
            )
        return replace(self, flavors={chosen: self.flavors[chosen]})

    def platform(self, platform: Platform) -> PlatformSpec:
        """Return the specification of a platform.

        Raises:
            ManifestError: It has no such platform.
        """
        for spec in self.platforms:
            if spec.platform == platform:
                return spec
        listed = ", ".join(str(spec.platform) for spec in self.platforms)
        raise ManifestError(
            f"{self.name} has no platform {platform}"
            + (f" of the flavor {self.default_flavor}" if self.default_flavor else ""),
            where=self.where,
            remedy=f"it has {listed}; add `{platform}: {{}}` under 'platforms'",
        )


def read_manifest(path: Path, version: str | None = None) -> Manifest:
    """Read and check a manifest.

    Args:
        path: The YAML file.
        version: A version to use instead of the manifest's.

    Raises:
        ManifestError: It cannot be read, is not YAML, or is not a manifest.
    """
    try:
        text = text_of_file(path)
    except FileNotFoundError:
        raise ManifestError(
            "there is no such manifest", where=str(path), remedy="correct the path"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"the manifest cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="give the path of a YAML file in UTF-8",
        ) from None
    document = parse_yaml(text, str(path))
    if isinstance(document, Mapping) and {"schema", "versions"} <= set(document):
        raise ManifestError(
            "this is a lock, not a manifest",
            where=str(path),
            remedy="give the manifest, prebuilt.yaml, from which `cgo-prebuilt lock` made it",
        )
    return parse_manifest(document, where=str(path), folder=path.parent, version=version)


def parse_manifest(
    document: object, *, where: str, folder: Path, version: str | None = None
) -> Manifest:
    """Check a manifest that is already parsed as YAML.

    Args:
        document: The parsed YAML.
        where: The manifest's file, for errors.
        folder: The folder to which `source.path` is relative.
        version: A version to use instead of the manifest's.

    Raises:
        ManifestError: It is not a manifest.
    """
    known = (
        "name",
        "version",
        *PLATFORM_KEYS,
        "platforms",
        "flavors",
        "source",
        "go",
        "public_key",
        "withdrawn",
    )
    top = checked_layer(Fields(document, where=where, known=known, error=ManifestError))
    name = top.matching("name", NAME, "letters, digits and any of . _ + -")
    check_names([name], where)
    version = version or top.string("version")
    if not VERSION.fullmatch(version):
        raise top.problem(
            f"the version {version!r} is empty or has white space in it",
            "write it exactly like its tag",
        )
    flavors = {
        flavor: read_platforms(top, own, {"name": name, "version": version}, flavor)
        for flavor, own in _flavors(top).items()
    }
    _refuse_equal_flavors(top, [spec for specs in flavors.values() for spec in specs])
    source = top.get("source")
    if source is not None:
        default = next(iter(flavors))
        source = read_source(
            source, top, flavors[default], name=name, version=version, flavor=default
        )
    return Manifest(
        where=where,
        folder=folder,
        name=name,
        version=version,
        source=source,
        go=_go(top),
        public_key=_public_key(top),
        withdrawn=_withdrawn(top),
        flavors=flavors,
    )


def _refuse_equal_flavors(top: Fields, specs: Sequence[PlatformSpec]) -> None:
    """Refuse flavors that are equal on a platform: their archives would overwrite each other."""
    for position, spec in enumerate(specs):
        for other in specs[:position]:
            if spec == replace(other, flavor=spec.flavor):
                raise top.problem(
                    f"the flavors {other.flavor} and {spec.flavor} are the same for {spec.platform}",
                    "put {flavor} into the archives' 'file', or say under 'flavors' what is different",
                )


def _flavors(top: Fields) -> dict[str, Fields | None]:
    """Return each flavor's section; an empty one for a library without flavors."""
    listed = top.get("flavors")
    if listed is None:
        return {"": None}
    if not isinstance(listed, Mapping) or not listed:
        raise top.problem("'flavors' must name at least one flavor", "such as `optimized: {}`")
    flavors: dict[str, Fields | None] = {}
    for name, overrides in listed.items():
        if not isinstance(name, str) or not FLAVOR.fullmatch(name):
            raise top.problem(
                f"{name!r} cannot be a flavor's name", "use letters, digits and any of . _ -"
            )
        flavors[name] = checked_layer(
            Fields(
                {} if overrides is None else overrides,
                where=f"{top.where}: flavors.{name}",
                known=(*PLATFORM_KEYS, "platforms"),
                error=ManifestError,
            )
        )
    return flavors


def _withdrawn(top: Fields) -> dict[str, str]:
    listed = top.get("withdrawn")
    if listed is None:
        return {}
    if not isinstance(listed, Mapping) or not all(isinstance(name, str) for name in listed):
        raise top.problem(
            "'withdrawn' must map versions to reasons", 'such as `"v1.2.3": it crashes on arm64`'
        )
    reasons = Fields(listed, where=f"{top.where}: withdrawn", known=listed, error=ManifestError)
    return {version: reasons.line(version) for version in listed}


def _public_key(top: Fields) -> str | None:
    if "public_key" not in top:
        return None
    key = find_public_key(top.string("public_key", lines=True))
    if key is None:
        raise top.problem(
            "'public_key' is not an SSH public key", "paste the text of the key's .pub file"
        )
    return key


def _go(top: Fields) -> GoSpec | None:
    value = top.get("go")
    if value is None:
        return None
    fields = Fields(value, where=f"{top.where}: go", known=keys_of(GoSpec), error=ManifestError)
    return GoSpec(
        fields.string("module"),
        fields.optional_string("package"),
        fields.optional_string("license"),
    )
