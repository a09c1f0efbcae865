"""`Cargo.lock`: the crates of a build, each by checksum or commit. Pure.

Reference: the Cargo book, "Cargo.toml vs Cargo.lock"; versions 1 to 4 of the format are supported.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from cgo_prebuilt.errors import BuildError, UsageError
from cgo_prebuilt.locks.lock import Build, LockedCrates
from cgo_prebuilt.locks.lock_names import GIT_SOURCE
from cgo_prebuilt.members import check_member_name
from cgo_prebuilt.url import Url

CARGO_LOCK = "Cargo.lock"

_CRATES_IO = (
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
)
_DOWNLOADS = "https://static.crates.io/crates"

# Cargo writes the file, so its TOML has a fixed form.
_PAIR = re.compile(r'^("?[^"=]+"?) = "([^"]*)"$')
_OLD_CHECKSUM = re.compile(r'"checksum (\S+) (\S+) \(')
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(r"((branch|tag|rev)=[^&?]*)?")


@dataclass(frozen=True, slots=True)
class Crate:
    """A crate of crates.io.

    Attributes:
        name: Its name.
        version: Its version.
        sha256: The SHA-256 of its archive.
    """

    name: str
    version: str
    sha256: str

    @property
    def folder(self) -> str:
        """The top folder in its archive."""
        return f"{self.name}-{self.version}"

    @property
    def file(self) -> str:
        """Its archive's file name."""
        return f"{self.folder}.crate"

    @property
    def label(self) -> str:
        """Its description, for people."""
        return f"the crate {self.name} {self.version}"

    @property
    def url(self) -> Url:
        """Its URL at crates.io."""
        name, file = quote(self.name), quote(self.file)
        return Url(f"{_DOWNLOADS}/{name}/{file}")


@dataclass(frozen=True, slots=True)
class GitCrates:
    """The crates of one commit of a Git repository.

    Attributes:
        source: The name in `Cargo.lock`: `git+URL?branch=NAME#COMMIT`.
        crates: The crates' names and versions, sorted.
    """

    source: str
    crates: tuple[tuple[str, str], ...]

    @property
    def commit(self) -> str:
        """The commit's hash."""
        return self.source.rpartition("#")[2]

    @property
    def url(self) -> Url:
        """The repository's URL."""
        return Url(self.source.removeprefix("git+").partition("#")[0].partition("?")[0])

    @property
    def label(self) -> str:
        """Its description, for people."""
        return f"the crates of {self.url} at {self.commit[:12]}"

    def config(self) -> str:
        """Return cargo's settings that take the crates from the folder of this configuration."""
        query = self.source.partition("#")[0].partition("?")[2]
        kind, _, reference = query.partition("=")
        name = "cgo-prebuilt-" + hashlib.sha256(self.source.encode()).hexdigest()[:16]
        # TOML quotes strings as JSON does.
        settings = {"git": self.url.raw, kind: unquote(reference), "replace-with": f"{name}-folder"}
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if key]
        return "\n".join(
            [f"[source.{name}]", *lines, f"[source.{name}-folder]", 'directory = "."', ""]
        )


@dataclass(frozen=True, slots=True)
class NamedCrates:
    """All crates of a build.

    Attributes:
        registry: The crates of crates.io.
        git: The crates of Git repositories.
    """

    registry: tuple[Crate, ...]
    git: tuple[GitCrates, ...] = ()


def git_archive(locked: LockedCrates) -> str:
    """Return the file name of the archive of crates from Git."""
    repository = GitCrates(locked.source, ()).url.name.removesuffix(".git")
    return f"{_NOT_IN_NAMES.sub('-', repository) or 'crates'}-{locked.sha256[:16]}.tar"


def cargo_locks(steps: Iterable[Build]) -> list[list[str]]:
    """Return the possible paths of each cargo step's `Cargo.lock`, relative to the source.

    Args:
        steps: The steps of the build. Cargo searches from the manifest's folder upwards for the workspace.

    Returns:
        The candidates for each step, the likeliest first.
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


def parse_cargo_lock(text: str, where: str) -> NamedCrates:
    """Return a `Cargo.lock`'s crates, without those of the workspace itself.

    Args:
        text: The file's text.
        where: Its name in errors.

    Raises:
        BuildError: A crate is of another registry, or has no checksum.
        UsageError: The URL of a crate's Git repository has credentials.
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
    named = [package for package in packages if "name" in package and "source" in package]
    git: dict[str, list[tuple[str, str]]] = {}
    for package in named:
        if GIT_SOURCE.fullmatch(package["source"]):
            crate = (package["name"], package.get("version", ""))
            check_member_name("-".join(crate), where=where)
            git.setdefault(package["source"], []).append(crate)
        elif package["source"].startswith("git+"):
            _check_public(package, where)
    return NamedCrates(
        tuple(_crate(one, checksums, where) for one in named if one["source"] not in git),
        tuple(GitCrates(source, tuple(sorted(crates))) for source, crates in git.items()),
    )


def _check_public(package: Mapping[str, str], where: str) -> None:
    """Refuse a repository whose URL grants access, since the lock would publish it."""
    source = Url(package["source"])
    found = source.credential()
    query = source.raw.partition("#")[0].partition("?")[2]
    if found is None and not _REFERENCE.fullmatch(query):
        found = "a query that is not cargo's own"
    if found is not None:
        raise UsageError(
            f"the crate {package['name']} is of '{source}', which has {found}: the lock would publish it",
            where=where,
            remedy="take it out of Cargo.toml, and regenerate Cargo.lock; git's own credential helper can"
            " have the login",
        )


def _crate(
    package: Mapping[str, str], checksums: Mapping[tuple[str, str], str], where: str
) -> Crate:
    name, version, source = package["name"], package.get("version", ""), package["source"]
    if source not in _CRATES_IO:
        raise BuildError(
            f"the crate {name} {version} is not from crates.io, and cannot be fetched:"
            f" {Url(source)}",
            where=where,
            remedy="remove 'vendor' from the source, and commit what `cargo vendor` writes",
        )
    sha256 = package.get("checksum") or checksums.get((name, version), "")
    if not _SHA256.fullmatch(sha256):
        raise BuildError(
            f"the crate {name} {version} has no checksum",
            where=where,
            remedy="regenerate Cargo.lock: `cargo generate-lockfile`",
        )
    crate = Crate(name, version, sha256)
    check_member_name(crate.file, where=where)
    return crate
