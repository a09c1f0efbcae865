"""`prebuilt.yaml`: what a person says about a library; `pack`, `lock` and `goproxy` read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cgo_prebuilt.errors import CgoPrebuiltError, ManifestError, UnavailableError
from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import (
    FORMATS,
    INTERFACE_LISTS,
    NAME,
    PUBLIC_KEY,
    VERSION,
    Build,
    Interface,
    Source,
)
from cgo_prebuilt.locks.lock_file import BUILD_TOOLS
from cgo_prebuilt.manifests.strict_yaml import parse_yaml
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.platforms import Platform, parse_platform
from cgo_prebuilt.template import fill, fill_url, values_for

_PLATFORM_KEYS = ("urls", "archives", *INTERFACE_LISTS, "requires")
_SOURCE_KEYS = ("path", "url", "sha256", "strip_prefix", "build", *INTERFACE_LISTS)

SUFFIXES = {
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".tar.xz": "tar.xz",
    ".txz": "tar.xz",
    ".tar.zst": "tar.zst",
    ".tzst": "tar.zst",
    ".zip": "zip",
    ".whl": "zip",
}
"""What the end of an archive's name says of its format."""


@dataclass(frozen=True, slots=True)
class ArchiveSpec:
    """One archive of a platform, its placeholders filled in.

    Attributes:
        file: Its file name.
        urls: Where it is published, in the order to try.
        format: One of `lock.FORMATS`.
        strip_prefix: The folder inside it that the library's paths are relative to.
        path: For a loose file, where it goes.
    """

    file: str
    urls: tuple[str, ...]
    format: str
    strip_prefix: str
    path: str


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """What one platform's prebuilt is to be made of; headers are globs still."""

    platform: Platform
    archives: tuple[ArchiveSpec, ...]
    interface: Interface


@dataclass(frozen=True, slots=True)
class GoSpec:
    """What is published for the go command; paths are relative to the manifest's folder.

    Attributes:
        module: The forwarding module's path.
        package: The folder of the Go package that is published in it; or None.
        license: The file that becomes each module's LICENSE; None for a `LICENSE` beside the
            manifest, if there is one.
    """

    module: str
    package: str | None
    license: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, checked, its placeholders filled in for one version.

    Attributes:
        where: The manifest's file, for errors.
        folder: The folder that `source.path` is relative to.
        name: The library.
        version: The release.
        platforms: In the manifest's order.
        source: How to build it, `path` relative to `folder`; or None.
        go: What `goproxy build` needs; or None.
        public_key: The SSH key that signs the releases; or None.
    """

    where: str
    folder: Path
    name: str
    version: str
    platforms: tuple[PlatformSpec, ...]
    source: Source | None
    go: GoSpec | None
    public_key: str | None

    def platform(self, platform: Platform) -> PlatformSpec:
        """The specification of a platform.

        Raises:
            UnavailableError: The manifest has no such platform.
        """
        for spec in self.platforms:
            if spec.platform == platform:
                return spec
        listed = ", ".join(str(spec.platform) for spec in self.platforms)
        raise UnavailableError(
            f"{self.name} has no platform {platform}",
            where=self.where,
            remedy=f"it has {listed}; add `{platform}: {{}}` under 'platforms'",
        )


def read_manifest(path: Path, version: str | None = None) -> Manifest:
    """Reads and checks a manifest.

    Args:
        path: The YAML file.
        version: A version to use instead of the manifest's.

    Raises:
        ManifestError: It cannot be read, is not YAML, or is not a manifest.
    """
    try:
        text = path.read_text(encoding="utf-8")
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
    return parse_manifest(document, where=str(path), folder=path.parent, version=version)


def parse_manifest(
    document: object, *, where: str, folder: Path, version: str | None = None
) -> Manifest:
    """Checks a manifest that was read.

    Args:
        document: What the YAML holds.
        where: The manifest's file, for errors.
        folder: What `source.path` is relative to.
        version: A version to use instead of the manifest's.

    Raises:
        ManifestError: It is not a manifest.
    """
    known = ("name", "version", *_PLATFORM_KEYS, "platforms", "source", "go", "public_key")
    top = Fields(document, where=where, known=known, error=ManifestError)
    name = top.matching("name", NAME, "letters, digits and any of . _ + -")
    _check_names([name], where)
    version = version or top.string("version")
    if not VERSION.fullmatch(version):
        raise top.problem(f"the version {version!r} is empty or has white space in it")
    listed = top.required("platforms")
    if not isinstance(listed, Mapping) or not listed:
        raise top.problem(
            "'platforms' must name at least one platform", "such as `linux_amd64: {}`"
        )
    platforms = []
    for platform_name, overrides in listed.items():
        at = f"{where}: platforms.{platform_name}"
        platform = _platform(str(platform_name), at)
        own = Fields(
            {} if overrides is None else overrides,
            where=at,
            known=_PLATFORM_KEYS,
            error=ManifestError,
        )
        platforms.append(_platform_spec(platform, top, own, name=name, version=version))
    source = top.get("source")
    return Manifest(
        where=where,
        folder=folder,
        name=name,
        version=version,
        platforms=tuple(platforms),
        source=None if source is None else _source(source, top, name=name, version=version),
        go=_go(top),
        public_key=_public_key(top),
    )


def _public_key(top: Fields) -> str | None:
    if "public_key" not in top:
        return None
    # The form of a `.pub` file has a comment, which is nobody's but the key's owner's.
    key = " ".join(top.string("public_key").split()[:2])
    if not PUBLIC_KEY.fullmatch(key):
        raise top.problem(
            "'public_key' is not an SSH public key", "paste the text of the key's .pub file"
        )
    return key


def format_of(file: str) -> str:
    """The format that a file's name says; a name that says none is a loose file."""
    for suffix, archive_format in SUFFIXES.items():
        if file.lower().endswith(suffix):
            return archive_format
    return "file"


def _platform(name: str, where: str) -> Platform:
    try:
        return parse_platform(name)
    except CgoPrebuiltError as error:
        raise ManifestError(error.what, where=where, remedy=error.remedy) from None


def _platform_spec(
    platform: Platform, top: Fields, own: Fields, *, name: str, version: str
) -> PlatformSpec:
    def holder(key: str) -> Fields:
        return own if key in own else top

    values = values_for(name, version, platform)
    lists = {
        key: tuple(fill(text, values, where=own.where) for text in holder(key).strings(key))
        for key in INTERFACE_LISTS
    }
    if lists["headers"] and not lists["include_dirs"]:
        lists["include_dirs"] = (".",)
    interface = Interface.of(lists, holder("requires").string_mapping("requires"))
    if not interface.libraries():
        raise own.problem(
            "no library is named", "set 'static_library' or 'shared_library' to its path"
        )
    _check_archives(own, interface)
    _check_names(
        [*interface.libraries(), *(path for path in interface.include_dirs if path != ".")],
        own.where,
    )
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
            _archive_spec(archive, urls, values, f"{holder('archives').where}: archives[{index}]")
            for index, archive in enumerate(archives)
        ),
        interface,
    )


def _check_archives(fields: Fields, interface: Interface) -> None:
    strange = interface.strange_archives()
    if strange:
        raise fields.problem(
            f"'static_library' lacks {', '.join(strange)}, which 'alwayslink' or 'circular' names",
            "name only archives that 'static_library' lists, in the same words",
        )


def _archive_spec(
    value: object, urls: tuple[str, ...], values: Mapping[str, str], where: str
) -> ArchiveSpec:
    fields = Fields(
        value,
        where=where,
        known=("file", "urls", "format", "strip_prefix", "path"),
        error=ManifestError,
    )
    file = fill(fields.string("file"), values, where=where)
    _check_names([file], where)
    if "/" in file:
        raise fields.problem(f"'file' is {file!r}, a path", "put folders into 'urls'")
    archive_format = fields.string("format", format_of(file))
    if archive_format not in FORMATS:
        raise fields.problem(
            f"'format' is {archive_format!r}", f"it can be one of {', '.join(FORMATS)}"
        )
    if "path" in fields and archive_format != "file":
        raise fields.problem("'path' is for a loose file", "for an archive, use 'strip_prefix'")
    if "strip_prefix" in fields and archive_format == "file":
        raise fields.problem("'strip_prefix' is for an archive", "for a loose file, use 'path'")
    path = fill(fields.string("path", file), values, where=where)
    strip_prefix = fill(fields.string("strip_prefix", ""), values, where=where).strip("/")
    _check_names([path, *([strip_prefix] if strip_prefix else [])], where)
    filled = tuple(
        fill_url(url, {**values, "file": file}, where=where) for url in fields.strings("urls", urls)
    )
    return ArchiveSpec(file, filled, archive_format, strip_prefix, path)


def _source(value: object, top: Fields, *, name: str, version: str) -> Source:
    where = f"{top.where}: source"
    fields = Fields(value, where=where, known=_SOURCE_KEYS, error=ManifestError)
    if ("path" in fields) == ("url" in fields):
        raise fields.problem("a source has either 'path' or 'url'", "remove one, or add one")

    def holder(key: str) -> Fields:
        # How it is linked does not depend on who built it; where its files are does.
        return top if key in ("linkopts", "defines") and key not in fields else fields

    outputs = Interface.of({key: holder(key).strings(key) for key in INTERFACE_LISTS})
    if not outputs.libraries():
        raise fields.problem(
            "no library is named", "set 'static_library' to the path that the build writes"
        )
    _check_archives(fields, outputs)
    if outputs.headers and not outputs.include_dirs:
        outputs = replace(outputs, include_dirs=top.strings("include_dirs") or (".",))
    return Source(
        build=_build(fields.required("build"), f"{where}.build"),
        outputs=outputs,
        installed=_installed(outputs, top),
        path=fields.string("path") if "path" in fields else None,
        url=_source_url(fields, name, version),
        sha256=fields.sha256("sha256") if "url" in fields else None,
        strip_prefix=fill(
            fields.string("strip_prefix", ""), {"name": name, "version": version}, where=where
        ),
    )


def _source_url(fields: Fields, name: str, version: str) -> str | None:
    if "url" not in fields:
        return None
    return fill_url(fields.string("url"), {"name": name, "version": version}, where=fields.where)


def _installed(outputs: Interface, top: Fields) -> tuple[str, ...]:
    """Where the built libraries go: where the prebuilt ones are, if those are as many."""
    kinds = ("static_library", "shared_library", "interface_library")
    places: list[str] = []
    for kind in kinds:
        built: tuple[str, ...] = getattr(outputs, kind)
        prebuilt = top.strings(kind)
        if len(prebuilt) == len(built):
            places += prebuilt
        else:
            places += [f"lib/{path.rsplit('/', 1)[-1]}" for path in built]
    return tuple(places)


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
    return Build(tool, fields.strings("args"), fields.string("target", ""))


def _go(top: Fields) -> GoSpec | None:
    value = top.get("go")
    if value is None:
        return None
    known = ("module", "package", "license")
    fields = Fields(value, where=f"{top.where}: go", known=known, error=ManifestError)
    return GoSpec(
        fields.string("module"),
        fields.optional_string("package"),
        fields.optional_string("license"),
    )


def _check_names(names: list[str], where: str) -> None:
    try:
        for name in names:
            check_member_name(name, where=where)
    except CgoPrebuiltError as error:
        raise ManifestError(
            error.what, where=error.where, remedy="use a plain, portable, relative name"
        ) from None
