"""`Cargo.lock`: the crates that a build takes, each by its checksum. Pure.

Reference: the Cargo book, "Cargo.toml vs Cargo.lock"; its forms 1 to 4 are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cgo_prebuilt.errors import BuildError
from cgo_prebuilt.locks.lock import Build
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.url import Url

CARGO_LOCK = "Cargo.lock"

_CRATES_IO = (
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
)
_DOWNLOADS = "https://static.crates.io/crates"

# Cargo writes it, so its TOML has one form.
_PAIR = re.compile(r'^("?[^"=]+"?) = "([^"]*)"$')
_OLD_CHECKSUM = re.compile(r'"checksum (\S+) (\S+) \(')
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Crate:
    """A crate of crates.io.

    Attributes:
        name: Its name.
        version: Its version.
        sha256: Of its archive.
    """

    name: str
    version: str
    sha256: str

    @property
    def folder(self) -> str:
        """The one folder in its archive."""
        return f"{self.name}-{self.version}"

    @property
    def file(self) -> str:
        """Its archive's file name."""
        return f"{self.folder}.crate"

    @property
    def url(self) -> Url:
        """Where crates.io has it."""
        name, file = quote(self.name), quote(self.file)
        return Url(f"{_DOWNLOADS}/{name}/{file}")


def cargo_locks(steps: Iterable[Build]) -> list[list[str]]:
    """Where the `Cargo.lock` of each of cargo's steps may be, relative to the source's root.

    Args:
        steps: The build's. Cargo looks from the manifest's folder upwards for the workspace.

    Returns:
        For each step its candidates, the likeliest first.
    """
    found = []
    for step in steps:
        if step.tool == "cargo":
            folder = PurePosixPath(_manifest_path(step.args)).parent
            found.append([str(parent / CARGO_LOCK) for parent in (folder, *folder.parents)])
    return list({tuple(candidates): candidates for candidates in found}.values())


def _manifest_path(args: Sequence[str]) -> str:
    for index, word in enumerate(args):
        option, given, value = word.partition("=")
        if option == "--manifest-path":
            return value if given else "".join(args[index + 1 : index + 2])
    return "Cargo.toml"


def parse_cargo_lock(text: str, where: str) -> tuple[Crate, ...]:
    """The crates that a `Cargo.lock` names, but for those of the workspace itself.

    Args:
        text: The file's text.
        where: What to call it in errors.

    Raises:
        BuildError: A crate is of another registry or of Git, or has no checksum.
    """
    checksums: dict[tuple[str, str], str] = {}
    packages: list[dict[str, str]] = []
    for line in text.splitlines():
        if line.startswith("["):
            packages.append({})
        elif (pair := _PAIR.match(line)) and packages:
            packages[-1][pair[1]] = pair[2]
            if old := _OLD_CHECKSUM.match(pair[1]):
                checksums[(old[1], old[2])] = pair[2]
    return tuple(
        _crate(package, checksums, where)
        for package in packages
        if "name" in package and "source" in package
    )


def _crate(
    package: Mapping[str, str], checksums: Mapping[tuple[str, str], str], where: str
) -> Crate:
    name, version, source = package["name"], package.get("version", ""), package["source"]
    if source not in _CRATES_IO:
        raise BuildError(
            f"the crate {name} {version} is not of crates.io, and cannot be fetched by a checksum:"
            f" {source}",
            where=where,
            remedy="remove 'vendor' from the source, and commit what `cargo vendor` writes",
        )
    sha256 = package.get("checksum") or checksums.get((name, version), "")
    if not _SHA256.fullmatch(sha256):
        raise BuildError(
            f"the crate {name} {version} has no checksum",
            where=where,
            remedy="make Cargo.lock anew: `cargo generate-lockfile`",
        )
    crate = Crate(name, version, sha256)
    check_member_name(crate.file, where=where)
    return crate
