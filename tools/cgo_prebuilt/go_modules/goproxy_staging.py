"""Stage the modules of a release: verified files, and the generated Go files."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.go_modules.go_bindings import read_bindings
from cgo_prebuilt.go_modules.go_module import (
    GoModule,
    check_module_path,
    check_root_package,
    module_version,
    platform_module,
)
from cgo_prebuilt.go_modules.go_package import (
    GO_VERSION,
    GoLibrary,
    forwarding_files,
    go_mod,
    platform_files,
)
from cgo_prebuilt.go_modules.go_release import GoRelease
from cgo_prebuilt.go_modules.joined_archive import Join, join_archives, plan_join
from cgo_prebuilt.go_modules.module_zip import check_contents, check_sizes, contents_hash
from cgo_prebuilt.locks.lock import Interface, LockedPlatform
from cgo_prebuilt.manifests.manifest import GoSpec, Manifest
from cgo_prebuilt.platforms import Platform

LICENSE = "LICENSE"


@dataclass(frozen=True, slots=True)
class StagedModule:
    """A module that is ready to be published.

    Attributes:
        module: Its path and version.
        platform: The platform's name; empty for the forwarding module.
        contents: Its files.
        zip_hash: The `h1:` hash that its zip will have.
    """

    module: GoModule
    platform: str
    contents: Mapping[str, bytes | Path]
    zip_hash: str

    @property
    def go_mod(self) -> bytes:
        """Its `go.mod`."""
        content = self.contents["go.mod"]
        assert isinstance(content, bytes)
        return content


def stage_modules(manifest: Manifest, release: GoRelease, staging: Path) -> list[StagedModule]:
    """Stage the modules of a release: one for each platform, then the forwarding one.

    Args:
        manifest: The manifest, with `go.module`.
        release: The release.
        staging: An empty folder for the files.

    Raises:
        IntegrityError: The published files do not match the lock.
        UnavailableError: It cannot be fetched.
        UsageError: The release cannot be a Go module, because of its version, a name, an option or its size.
    """
    go = go_section(manifest)
    where = f"{manifest.where}: go.module"
    check_module_path(go.module, where=where)
    version = module_version(manifest.version, go.module, where=where)
    library = GoLibrary(manifest.name, manifest.version, go.module, manifest.where)
    bindings = None
    if go.package is None:
        check_root_package(go.module, where=where)
    else:
        globs = {glob for spec in manifest.platforms for glob in spec.interface.headers}
        modules = {platform_module(go.module, platform) for platform in release.platforms}
        bindings = read_bindings(manifest.folder / go.package, globs, modules)
    license = _license(manifest, go)
    staged = []
    for platform, files in release.platforms.items():
        folder = staging / str(platform)
        path = platform_module(go.module, platform)
        sizes = {file.path: file.size for file in files.files()}
        join = plan_join(files.interface, platform.os, manifest.name)
        linked = join.files(sizes)
        # Check everything possible before extracting gigabytes.
        if release.as_locked:
            check_sizes(GoModule(path, version), sizes)
        generated = platform_files(library, platform, join.interface, linked)
        # Requirements in both directions, so that no build mixes versions.
        generated["go.mod"] = go_mod(path, requires=[f"{go.module} {version}"])
        _refuse_overlap(sizes.keys(), {*generated, join.path}, manifest)
        release.put(platform, folder)
        _join(join, folder, where=f"{manifest.where}: platforms.{platform}")
        contents = {**license, **{name: folder / name for name in linked}, **generated}
        staged.append(_staged(GoModule(path, version), str(platform), contents))
    interface = Interface()
    headers: dict[str, bytes | Path] = {}
    if bindings is not None:
        interface, headers = _headers(manifest, release.platforms, staging)
    contents = {
        **license,
        **headers,
        **forwarding_files(library, release.platforms, interface, bindings),
        "go.mod": go_mod(
            go.module,
            bindings.go_version if bindings else GO_VERSION,
            (f"{item.module.path} {version}" for item in staged),
        ),
    }
    staged.append(_staged(GoModule(go.module, version), "", contents))
    return staged


def go_section(manifest: Manifest) -> GoSpec:
    """Return the manifest's section `go`.

    Raises:
        ManifestError: It is missing.
    """
    if manifest.go is None:
        raise ManifestError(
            "the manifest names no Go module",
            where=manifest.where,
            remedy="add `go: {module: go.acme.dev/vecsearch-prebuilt}`, with a path of yours",
        )
    return manifest.go


def _license(manifest: Manifest, go: GoSpec) -> dict[str, bytes | Path]:
    path = manifest.folder / (go.license or LICENSE)
    if path.is_file():
        return {LICENSE: path}
    if go.license is None:
        return {}
    raise ManifestError(
        "'go.license' is not a file", where=str(path), remedy="name one, relative to the manifest"
    )


def _join(join: Join, folder: Path, *, where: str) -> None:
    if join.parts:
        parts = {part: folder / part for part in join.parts}
        join_archives(parts, folder / join.path, where=where)
        for place in parts.values():
            place.unlink()


def _refuse_overlap(own: Set[str], generated: Set[str], manifest: Manifest) -> None:
    for path in sorted(own & generated):
        raise ManifestError(
            f"the library's {path!r} has the name of a file that is generated",
            where=manifest.where,
            remedy="leave it out of 'headers', or give it another name in the archive",
        )


def _staged(module: GoModule, platform: str, contents: Mapping[str, bytes | Path]) -> StagedModule:
    check_contents(module, contents)
    return StagedModule(module, platform, contents, contents_hash(module, contents))


def _headers(
    manifest: Manifest, platforms: Mapping[Platform, LockedPlatform], staging: Path
) -> tuple[Interface, dict[str, bytes | Path]]:
    """Return the headers for the bindings, which must be the same on every platform."""
    kinds: dict[tuple[object, ...], Platform] = {}
    for platform, locked in platforms.items():
        interface = locked.interface
        files = tuple(file for file in locked.files() if file.path in interface.headers)
        kinds.setdefault((files, interface.include_dirs, interface.defines), platform)
    first, *others = kinds.values()
    if others:
        raise ManifestError(
            f"the headers or defines of {others[0]} differ from those of {first}, and the bindings"
            " can be compiled against one set of them only",
            where=f"{manifest.where}: go.package",
            remedy="publish the bindings as a module of their own, without 'go.package'",
        )
    interface = platforms[first].interface
    return interface, {path: staging / str(first) / path for path in interface.headers}
