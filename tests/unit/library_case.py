"""A small library for tests: its files, archives of them, its manifest and its lock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cgo_prebuilt.locks.lock import (
    Build,
    Interface,
    Lock,
    LockedArchive,
    LockedPlatform,
    LockedVersion,
    Source,
)
from cgo_prebuilt.manifests.manifest import Manifest, parse_manifest, read_manifest
from cgo_prebuilt.requirements import Requires
from cgo_prebuilt.url import Url
from tests.unit.archive_builders import archive_of as archive_of
from tests.unit.archive_builders import locked_file

LIBRARY = b"!<arch>\n" + bytes(range(256)) * 40
HEADER = b"int vec_search(void);\n"
FILES: Mapping[str, bytes] = {
    "include/vec.h": HEADER,
    "include/vec/ext.h": b"int vec_extra(void);\n",
    "lib/libvec.a": LIBRARY,
}
"""What the library's archive yields."""

MANIFEST: Mapping[str, Any] = {
    "name": "vec",
    "version": "v1.2.3",
    "urls": ["https://example.com/{version}/{file}"],
    "archives": [{"file": "vec-{version}-{platform}.tar.gz"}],
    "static_library": "lib/libvec.a",
    "headers": ["include/**"],
    "include_dirs": ["include"],
    "platforms": {"linux_amd64": {}},
}
"""The least manifest of the library, as YAML gives it."""


def write_files(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """Writes files below a folder, and gives the folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def files_below(folder: Path) -> list[str]:
    """The paths of all files below a folder, sorted; hidden ones too."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def manifest(**changes: Any) -> Manifest:
    """The library's manifest; a key that is changed to None is left out."""
    document = {key: value for key, value in {**MANIFEST, **changes}.items() if value is not None}
    return parse_manifest(document, where="prebuilt.yaml", folder=Path("native"))


def write_manifest(path: Path, **changes: Any) -> Path:
    """Writes the library's manifest as YAML."""
    document = {key: value for key, value in {**MANIFEST, **changes}.items() if value is not None}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def read_text_as_manifest(folder: Path, text: str) -> Manifest:
    """Reads YAML text as a manifest file."""
    path = folder / "prebuilt.yaml"
    path.write_text(text, encoding="utf-8")
    return read_manifest(path)


def locked_platform(
    *urls: str, files: Mapping[str, bytes] = FILES, data: bytes | None = None
) -> LockedPlatform:
    """The library's files in a tar.gz at these URLs."""
    data = archive_of(files) if data is None else data
    archive = LockedArchive(
        file="vec-v1.2.3-linux_amd64.tar.gz",
        urls=tuple(
            Url(url) for url in urls or ["https://example.com/v1.2.3/vec-v1.2.3-linux_amd64.tar.gz"]
        ),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        format="tar.gz",
        strip_prefix="",
        files=tuple(locked_file(path, content) for path, content in sorted(files.items())),
    )
    interface = Interface(
        static_library=("lib/libvec.a",),
        headers=tuple(sorted(path for path in files if path.endswith(".h"))),
        include_dirs=("include",),
        linkopts=("-lm",),
        requires=Requires(glibc="2.28"),
    )
    return LockedPlatform((archive,), interface)


def lock(*urls: str, platform: str = "linux_amd64") -> Lock:
    """A lock of one version and one platform of the library, with a source."""
    source = Source(
        build=Build("cargo", ("--locked",)),
        outputs=Interface(static_library=("target/release/libvec.a",), headers=("include/*.h",)),
        installed=("lib/libvec.a",),
        path="native",
    )
    version = LockedVersion({"": {platform: locked_platform(*urls)}}, source)
    return Lock("vec", "v1.2.3", {"v1.2.3": version})
