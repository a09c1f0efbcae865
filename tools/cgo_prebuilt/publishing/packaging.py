"""The steps of `pack` around the archive: derived files, inspection and contents."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cgo_prebuilt.bounded_read import open_file
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import UsageError, reporting
from cgo_prebuilt.inspection.header_search import header_problems
from cgo_prebuilt.inspection.object_files import can_inspect, is_thin_archive
from cgo_prebuilt.locks.lock import LockedFile
from cgo_prebuilt.manifests.manifest import Manifest
from cgo_prebuilt.manifests.platform_section import PlatformSpec
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.patterns import matches
from cgo_prebuilt.publishing.built_files import promised, refuse_unpackable, source_files
from cgo_prebuilt.publishing.pack import (
    Form,
    Packed,
    all_in_one,
    check_promises,
    pack,
    write_archive,
)
from cgo_prebuilt.publishing.slim_library import slim_libraries
from cgo_prebuilt.publishing.staged import source_sums
from cgo_prebuilt.vouching.signing import check_key, update_signed
from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS


@dataclass(frozen=True, slots=True)
class Extras:
    """Optional steps of packing, and the archive's form.

    Attributes:
        strip: Whether to remove debug information.
        debug_symbols: Whether to strip shared libraries, and pack their debug information separately.
        slim: Whether to pack only the parts of static libraries that their public symbols need.
        localize: Globs of the symbols that stay global; empty to change none.
        notices: Files of third parties' notices, which `licenses` in the manifest names.
        pkg_config: Whether to create and pack a `.pc` file.
        sbom: Whether to write a bill of materials beside the archive.
        form: The form of the archive.
        key: The SSH key that signs `SHA256SUMS`; None to sign nothing.
    """

    strip: bool = False
    debug_symbols: bool = False
    slim: bool = False
    localize: tuple[str, ...] = ()
    notices: tuple[Path, ...] = ()
    pkg_config: bool = False
    sbom: bool = False
    form: Form = field(default_factory=Form)
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Packing:
    """One run of `pack`.

    Attributes:
        manifest: The library.
        folder: The folder of the built files.
        dist: The output folder.
        extras: The additional steps.
        say: Prints the findings.
        progress: Receives the progress of a tar.
    """

    manifest: Manifest
    folder: Path
    dist: Path
    extras: Extras
    say: Callable[[str], None]
    progress: Progress


def package(packing: Packing, specs: Sequence[PlatformSpec]) -> list[Packed]:
    """Pack one platform, or several into one archive, and add what it writes to `SHA256SUMS`.

    Args:
        packing: The run.
        specs: The platforms.

    Raises:
        UsageError: A library cannot work on its platform; or see `pack`.
    """
    say = _each_once(packing.say)
    packing = replace(packing, say=say)
    folder, dist, extras = packing.folder, packing.dist, packing.extras
    was_signed = (dist / SIGNATURE).exists()
    if extras.key is not None:
        check_key(extras.key)
    with tempfile.TemporaryDirectory() as temporary:
        overlay = Path(temporary)
        built = source_files(folder, None)
        for spec in specs:
            _look_at(spec, folder, built, say)
        specs = [_overlaid(packing, spec, overlay) for spec in specs]
        sources = source_files(folder, overlay)
        for spec in specs:
            check_promises(spec, folder, [*sources])
            _inspect(spec, sources, say)
        spec = all_in_one(specs) if len(specs) > 1 else specs[0]
        packed = pack(spec, folder, dist, extras.form, overlay, packing.progress)
        _note_header_problems(specs, sources, say)
        sums = {}
        if extras.sbom:
            platform = str(spec.platform) if len(specs) == 1 else "several"
            sums = _write_sboms(packing.manifest, platform, packed)
        if extras.debug_symbols:
            packed += [_debug_archive(packing, one) for one in specs]
    sums |= {item.path.name: item.sha256 for item in packed}
    if extras.key is not None:
        # A consumer who pins the key refuses a source that it did not sign.
        sums |= source_sums(packing.manifest)
    update_signed(dist / SUMS, sums, extras.key)
    if was_signed and not (dist / SIGNATURE).exists():
        say(
            f"{SIGNATURE} was removed, because the sums changed: pack the last platform with --sign KEY_FILE"
        )
    return packed


def _each_once(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that prints each finding once: several platforms may have the same."""
    said: set[str] = set()

    def tell(text: str) -> None:
        if text not in said:
            said.add(text)
            say(text)

    return tell


def _debug_archive(packing: Packing, spec: PlatformSpec) -> Packed:
    """Pack the debug information stripped from shared libraries, by build ID."""
    from cgo_prebuilt.publishing.debug_symbols import keep_debug

    manifest, dist = packing.manifest, packing.dist
    libraries = [packing.folder / name for name in spec.interface.shared_library]
    if not libraries:
        raise UsageError(
            f"{spec.platform} has no shared library: the debug information of a static one goes into"
            " the programs that are linked with it",
            where="--debug-symbols",
            remedy="leave it out, and keep the unstripped build for debugging",
        )
    with tempfile.TemporaryDirectory() as temporary:
        kept = sorted({keep_debug(spec.platform, one, Path(temporary)) for one in libraries})
        target = dist / f"{manifest.name}-{manifest.version}-{spec.platform}-debug.tar.zst"
        members = [(Path(temporary, path), path) for path in kept]
        level = packing.extras.form.level
        return write_archive(target, "tar.zst", members, packing.progress, level)


def _look_at(
    spec: PlatformSpec, folder: Path, sources: Mapping[str, Path], say: Callable[[str], None]
) -> None:
    """Refuse unsafe files and report excluded ones, before anything is written."""
    promises = spec.interface.required_files()
    refuse_unpackable(folder, promises)
    packed = promised(sources, promises)
    hidden = sorted({name for name in sources if matches(name, promises)} - {*packed})
    if hidden:
        say(
            f"{', '.join(hidden)}: left out, since globs do not match hidden files; name those that"
            " must be packed"
        )
    _refuse_thin(spec, sources)


def _refuse_thin(spec: PlatformSpec, sources: Mapping[str, Path]) -> None:
    """Refuse thin archives, which can be linked on this machine only."""
    for name in spec.interface.libraries():
        if name in sources and is_thin_archive(sources[name]):
            raise UsageError(
                f"{name} is a thin archive: it has the paths of its objects, and not the objects",
                where=str(sources[name]),
                remedy="run `ar` without T (--thin)",
            )


def _overlaid(packing: Packing, spec: PlatformSpec, overlay: Path) -> PlatformSpec:
    """Create the files that replace or extend those of the folder."""
    from cgo_prebuilt.publishing.localize import localize
    from cgo_prebuilt.publishing.strip_library import strip_library

    manifest, folder, extras = packing.manifest, packing.folder, packing.extras
    interface = spec.interface
    slim: list[str] = []
    if extras.slim:
        headers = tuple(promised(source_files(folder, None), interface.headers))
        found = replace(interface, headers=headers)
        slim = slim_libraries(spec.platform, found, folder, overlay, packing.say, extras.localize)
    for name in interface.libraries():
        source = folder / name
        if name in slim:
            source = overlay / name
        elif extras.localize and name in interface.static_library and source.is_file():
            localize(spec.platform, source, overlay / name, extras.localize)
            source = overlay / name
        is_split = extras.debug_symbols and name in interface.shared_library
        if (
            (extras.strip or is_split)
            and name not in interface.interface_library
            and source.is_file()
        ):
            strip_library(spec.platform, source, overlay / name)
    for notice in extras.notices:
        _add_notice(spec, notice, overlay)
    if not extras.pkg_config:
        return spec
    from cgo_prebuilt.linking.pkg_config import pkg_config

    path = f"lib/pkgconfig/{manifest.name}.pc"
    (overlay / path).parent.mkdir(parents=True, exist_ok=True)
    text = pkg_config(manifest.name, manifest.version, interface, spec.platform.os, "../..")
    (overlay / path).write_text(text, encoding="utf-8", newline="\n")
    # Like a license, this goes wherever the library goes, and no compiler reads it.
    return replace(spec, interface=replace(interface, licenses=(*interface.licenses, path)))


def _add_notice(spec: PlatformSpec, notice: Path, overlay: Path) -> None:
    if not matches(notice.name, spec.interface.licenses):
        raise UsageError(
            f"'licenses' in the manifest does not name {notice.name}, so nobody would get it",
            where=str(notice),
            remedy=f"add it there: licenses: [{notice.name}]",
        )
    with (
        reporting("the notice cannot be read", where=notice, remedy="correct --notice"),
        open_file(notice) as source,
        (overlay / notice.name).open("wb") as target,
    ):
        shutil.copyfileobj(source, target)


def _inspect(spec: PlatformSpec, sources: dict[str, Path], say: Callable[[str], None]) -> None:
    if not can_inspect():
        say("the libraries were not inspected: pip install 'cgo-prebuilt[inspect]'")
        return
    from cgo_prebuilt.inspection.inspect_files import inspect_files, refusals

    findings = inspect_files(spec, sources)
    wrong = refusals(findings)
    for finding in findings:
        if finding not in wrong:
            say(str(finding))
    if wrong:
        raise UsageError(
            "\n".join(finding.what for finding in wrong),
            where=", ".join(dict.fromkeys(finding.file for finding in wrong)),
            remedy=wrong[0].remedy or "build it again",
        )


def _note_header_problems(
    specs: Sequence[PlatformSpec], sources: Mapping[str, Path], say: Callable[[str], None]
) -> None:
    for spec in specs:
        headers = [name for name in sources if matches(name, spec.interface.headers)]
        for problem in header_problems(headers, spec.interface.include_dirs):
            say(f"{spec}: {problem}")


def _write_sboms(manifest: Manifest, platform: str, packed: Sequence[Packed]) -> dict[str, str]:
    """Write a bill of materials beside each archive; return their hashes by file."""
    from cgo_prebuilt.publishing.sbom import SUFFIX, sbom

    dist = packed[0].path.parent
    hashes = {}
    for item in packed:
        files = [LockedFile(name, *sha256_of(path)) for name, path in sorted(item.members.items())]
        archive = {item.path.name: item.sha256}
        target = dist / f"{item.path.name}{SUFFIX}"
        text = sbom(manifest.name, manifest.version, platform, archive, files)
        target.write_text(text, encoding="utf-8", newline="\n")
        hashes[target.name] = sha256_of(target)[0]
    return hashes
