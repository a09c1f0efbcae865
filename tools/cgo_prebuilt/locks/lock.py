"""The types of a lock: exactly which bytes a library consists of.

It is an allow-list. It names every archive by hash and size, and inside each archive every file
that may be written, again by hash and size. `lock_file.py` reads and writes it as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import LockError, UnavailableError, UsageError
from cgo_prebuilt.locks.lock_keys import INTERFACE_LISTS, REVISION
from cgo_prebuilt.platforms import Platform, parse_platform
from cgo_prebuilt.requirements import Requires
from cgo_prebuilt.url import Url


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file of an archive.

    Attributes:
        path: Its path in the output, with `/` between its parts.
        sha256: The SHA-256 of its contents, 64 lower-case hex digits.
        size: Its size in bytes.
        member: The archive's member that holds it, named from the archive's root. Empty if the member is
            `path` below the archive's `strip_prefix`.
    """

    path: str
    sha256: str
    size: int
    member: str = ""


@dataclass(frozen=True, slots=True)
class LockedArchive(Download):
    """A download whose bytes are known.

    Attributes:
        format: One of `lock_keys.FORMATS`.
        strip_prefix: The folder inside the archive that `files` are relative to; empty for its root.
        files: What to extract, sorted by path.
        ranges: The SHA-256 of its section in the lock's `.ranges` file; empty without one.
    """

    sha256: str
    size: int
    format: str
    strip_prefix: str
    files: tuple[LockedFile, ...]
    ranges: str = ""

    def member_of(self, file: LockedFile) -> str:
        """Return the name of the member that holds a file."""
        if file.member:
            return file.member
        return f"{self.strip_prefix}/{file.path}" if self.strip_prefix else file.path


@dataclass(frozen=True, slots=True)
class Interface:
    """How a compiler and a linker use a library's files; the same in a manifest and in a lock.

    Attributes:
        static_library: Static archives in link order.
        alwayslink: The static archives that are linked as a whole, including unreferenced objects.
        circular: The static archives with circular dependencies.
        shared_library: Shared libraries in link order. One with the name of a static archive, but for
            the ending, is another form of it.
        interface_library: Import libraries (Windows), one for each shared library or none.
        headers: Header files.
        include_dirs: Folders to search for headers.
        linkopts: Options for the linker, each one string (`-framework Security` is one).
        defines: `NAME` or `NAME=VALUE`.
        licenses: Files to distribute with the library: its license, third parties' notices.
        runtime_files: Files that a program reads or loads at run time: plugins, models, data.
        requires: The library's requirements on the machine at run time.
    """

    static_library: tuple[str, ...] = ()
    alwayslink: tuple[str, ...] = ()
    circular: tuple[str, ...] = ()
    shared_library: tuple[str, ...] = ()
    interface_library: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    include_dirs: tuple[str, ...] = ()
    linkopts: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    runtime_files: tuple[str, ...] = ()
    requires: Requires = field(default_factory=Requires)

    @classmethod
    def of(
        cls, lists: Mapping[str, tuple[str, ...]], requires: Requires | None = None
    ) -> Interface:
        """Return an interface from its lists by key."""
        known: dict[str, Any] = {key: lists.get(key, ()) for key in INTERFACE_LISTS}
        return cls(**known, requires=requires or Requires())

    def libraries(self) -> tuple[str, ...]:
        """Return every library file of any kind."""
        return self.static_library + self.shared_library + self.interface_library

    def undeclared_archives(self) -> list[str]:
        """Return the archives of `alwayslink` and `circular` that `static_library` lacks."""
        named = dict.fromkeys(self.alwayslink + self.circular)
        return [path for path in named if path not in self.static_library]

    def required_files(self) -> tuple[str, ...]:
        """Return every file that must exist; in a manifest, also globs that must match a file."""
        return self.libraries() + self.headers + self.licenses + self.runtime_files


@dataclass(frozen=True, slots=True)
class LockedPlatform:
    """One platform's prebuilt.

    Attributes:
        archives: The downloads.
        interface: How the files are compiled and linked.
        unusable: The part that only a newer program can use; then there are no archives. Empty for a
            prebuilt that can be fetched.
    """

    archives: tuple[LockedArchive, ...]
    interface: Interface
    unusable: str = ""

    def check_usable(self, what: str) -> None:
        """Check that this program can use the prebuilt.

        Raises:
            UnavailableError: Only a newer program can.
        """
        if self.unusable:
            raise UnavailableError(
                f"the prebuilt is for a newer cgo-prebuilt, which knows the {self.unusable}",
                where=what,
                remedy="update rules_cgo_prebuilt and cgo-prebuilt, or build from source",
            )

    def files(self) -> tuple[LockedFile, ...]:
        """Return every file of every archive, sorted by path."""
        return tuple(sorted((f for a in self.archives for f in a.files), key=lambda f: f.path))


@dataclass(frozen=True, slots=True)
class Build:
    """A step of a source build.

    Attributes:
        tool: `cargo`, `make`, `cmake` or `command`.
        args: Arguments for the tool; for `command`, the whole command line.
        target: The target of `make` or `cmake`; empty for the default.
        toolchain: The Rust toolchain by rustup's name; empty for the default.
    """

    tool: str
    args: tuple[str, ...] = ()
    target: str = ""
    toolchain: str = ""


@dataclass(frozen=True, slots=True)
class LockedCrates:
    """The crates of one commit of a Git repository, as one archive.

    Attributes:
        source: The name in `Cargo.lock`: `git+URL?branch=NAME#COMMIT`.
        sha256: The SHA-256 of the archive.
    """

    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A library's source, and how to build it.

    Either `path` is set, or `url` and `sha256` are.

    Attributes:
        build: The build, or its first step.
        outputs: The built files and the headers, relative to the source's root, and how they are
            compiled and linked. Headers may be globs.
        installed: The paths of the libraries of `outputs` in an output folder, in the same order, so
            that a built library has the path of the prebuilt. They may have placeholders for the
            platform.
        path: The source's folder, relative to the lock's.
        url: The source's archive.
        sha256: The SHA-256 of that archive.
        strip_prefix: The folder in that archive that is the source's root.
        then: The steps after the first.
        env: The build's variables: `NAME` for the caller's value, or `NAME=VALUE`.
        tools: The programs that the build needs besides those of its steps.
        vendor: Whether to fetch and verify the crates in Cargo.lock before the build.
        git: The crates that are in Git repositories.
        platforms: The whole source, by platform, for platforms where it differs.
    """

    build: Build
    outputs: Interface
    installed: tuple[str, ...] = ()
    path: str | None = None
    url: Url | None = None
    sha256: str | None = None
    strip_prefix: str = ""
    then: tuple[Build, ...] = ()
    env: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    vendor: bool = False
    git: tuple[LockedCrates, ...] = ()
    platforms: Mapping[str, Source] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[Build, ...]:
        """All steps of the build, in order."""
        return (self.build, *self.then)

    def of_platform(self, platform: str) -> Source:
        """Return the source for a platform."""
        return self.platforms.get(platform, self)


@dataclass(frozen=True, slots=True)
class Signature:
    """A publisher's signature of a release's archives; `vouching.signing` verifies it.

    Attributes:
        public_key: The publisher's SSH public key, `ssh-ed25519 AAAA...`.
        sums: The text of the signed `SHA256SUMS`.
        signature: Its signature, in the armored form of `ssh-keygen -Y sign`.
    """

    public_key: str
    sums: str
    signature: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """A workflow's statement that it built a release's archives; `vouching.attestation` verifies it.

    Attributes:
        issuer: The OpenID Connect issuer that vouches for the workflow's identity.
        repository: The workflow's repository, `OWNER/NAME`.
        workflow: The workflow, `OWNER/NAME/.github/workflows/FILE@REF`.
        commit: The commit that was built.
        predicate: The type of the statement, a URL.
        bundle: The Sigstore bundle that proves all this, as JSON.
    """

    issuer: str
    repository: str
    workflow: str
    commit: str
    predicate: str
    bundle: str


@dataclass(frozen=True, slots=True)
class LockedVersion:
    """One release of a library.

    Attributes:
        flavors: The prebuilts by flavor and platform. A library without flavors has one flavor,
            whose name is empty.
        source: How to build the default flavor; or None.
        signature: The publisher's signature of the archives; or None.
        default_flavor: The flavor that is used if no other is chosen.
        published: The day of its release, such as `2026-11-28`; empty if unknown.
        withdrawn: Why nobody should use it any more; empty for a version that may be used.
        attestations: The attestations that were verified when the version was locked.
    """

    flavors: Mapping[str, Mapping[str, LockedPlatform]]
    source: Source | None = None
    signature: Signature | None = None
    default_flavor: str = ""
    published: str = ""
    withdrawn: str = ""
    attestations: tuple[Attestation, ...] = ()

    @property
    def platforms(self) -> Mapping[str, LockedPlatform]:
        """The prebuilts of the default flavor, by platform."""
        return self.flavors[self.default_flavor]

    def flavor_names(self) -> list[str]:
        """Return the flavors' names; none for a library without flavors."""
        return [flavor for flavor in self.flavors if flavor]

    def prebuilts(self) -> Iterator[tuple[str, str, LockedPlatform]]:
        """Yield every prebuilt with its flavor and platform."""
        for flavor, platforms in self.flavors.items():
            for platform, prebuilt in platforms.items():
                yield flavor, platform, prebuilt


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole lock file.

    Attributes:
        name: The library.
        default_version: The version that is used if no other is chosen.
        versions: The releases.
        revision: The revision of the format; see `lock_keys`.
        unread: The places in the file that this program does not know, and left out.
        ranges_file: The file beside the lock, see `ranges_file.py`; None for a lock that is not in a file.
    """

    name: str
    default_version: str
    versions: Mapping[str, LockedVersion]
    revision: int = REVISION
    unread: tuple[str, ...] = ()
    ranges_file: Path | None = field(default=None, compare=False)

    def check_complete(self, where: str) -> None:
        """Check that writing the lock again would drop nothing.

        Raises:
            LockError: It would.
        """
        if self.revision > REVISION or self.unread:
            there = self.unread[0] if self.unread else f"revision {self.revision}"
            raise LockError(
                f"writing the lock would drop parts that this program does not know: {there}",
                where=where,
                remedy="update cgo-prebuilt, or create a new lock with --output",
            )

    def known_platform(self, name: str) -> Platform:
        """Return a platform by name; the lock may lack it.

        Raises:
            UsageError: No supported platform has that name.
            LockError: The lock has a platform of that name, which a newer program may know.
        """
        try:
            return parse_platform(name)
        except UsageError:
            places = [place for place in self.unread if place.rpartition(".")[2] == name]
            if not places:
                raise
            raise LockError(
                f"the lock has the platform {name}, which this program does not know",
                where=places[0],
                remedy="update rules_cgo_prebuilt and cgo-prebuilt: a newer version may know it",
            ) from None

    def version(self, version: str | None) -> tuple[str, LockedVersion]:
        """Return a version by name, or the default one.

        Raises:
            LockError: The lock has no such version.
        """
        chosen = version or self.default_version
        found = self.versions.get(chosen)
        if found is None:
            raise LockError(
                f"{self.name} {chosen} is not in the lock",
                where=f"the lock of {self.name}: versions",
                remedy=f"choose one of {', '.join(self.versions)}, or add it with"
                f" `cgo-prebuilt lock MANIFEST --version {chosen}`",
            )
        return chosen, found
