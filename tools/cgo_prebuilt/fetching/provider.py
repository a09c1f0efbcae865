"""Provide a library's files: the prebuilt, a source build, or the second where the first fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError
from cgo_prebuilt.fetching.fetch import obtain
from cgo_prebuilt.fetching.plan import check_linkopts, plan_fetch
from cgo_prebuilt.locks.choice import choose
from cgo_prebuilt.network.tally import Tally
from cgo_prebuilt.storage.store import Tree

if TYPE_CHECKING:
    from cgo_prebuilt.locks.choice import Choice
    from cgo_prebuilt.locks.lock import Interface, Lock, LockedFile
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.settings import Settings
    from cgo_prebuilt.source.source_build import Built
    from cgo_prebuilt.storage.store import Store
    from cgo_prebuilt.this_machine import Machine

_NO_SOURCE = "or give the manifest a 'source' to build it from, and lock it again"
_OTHER_FLAVOR = "the lock's source gives the default flavor only: leave --flavor out to build it"
_FORBIDDEN = "--origin auto builds it from source"


@dataclass(frozen=True, slots=True)
class Provided:
    """A library's files, wherever they came from.

    Attributes:
        tree: In the store.
        files: The same, sorted by path.
        interface: How they are compiled and linked.
        version: The library's release.
        status: `cached`, `downloaded` or `built`.
        tally: What was downloaded for it, whether or not anything came of it.
        reason: Why it is the source build, or None.
    """

    tree: Tree
    files: tuple[LockedFile, ...]
    interface: Interface
    version: str
    status: str
    tally: Tally
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """What a library's files are provided with.

    Attributes:
        store: Where they are kept.
        open_transport: Makes the transport, where something must be downloaded.
        detect_host: Finds out what this machine is, where something must be built.
        environ: The environment, which a build gets.
        say: Tells a person something.
        on_line: Called with each line that the tool of a build says.
        on_wait: Called where another process is at the same.
        machine: What a prebuilt will run on; None where that is not known.
    """

    store: Store
    open_transport: Callable[[], Transport]
    detect_host: Callable[[], Platform]
    environ: Mapping[str, str]
    say: Callable[[str], None]
    on_line: Callable[[str], None] = lambda _: None
    on_wait: Callable[[], None] | None = None
    machine: Machine | None = None
    _opened: list[Transport] = field(default_factory=list, init=False)

    def provide(
        self, lock: Lock, lock_folder: Path, platform: Platform, settings: Settings
    ) -> Provided:
        """Fetch the prebuilt, or build it from source, as the settings' origin says.

        Args:
            lock: The library's lock.
            lock_folder: The lock's folder, which a source's path is relative to.
            platform: The platform.
            settings: The settings.

        Raises:
            LockError: The lock has no such version.
            UnavailableError: The prebuilt is unavailable, and there is no source or the origin
                forbids it; or the source is unavailable.
            IntegrityError: The same, where the bytes are wrong.
            TrustError: The version is not vouched for as the settings require.
            BuildError: The build from source failed.
        """
        choice = choose(lock, settings.version, settings.flavor)
        warning = choice.warning()
        if warning is not None:
            self.say(f"cgo-prebuilt: warning: {warning}")
        if settings.origin == "source":
            if choice.locked.source is None:
                raise UnavailableError(
                    f"{choice} has no source, and the origin is 'source'",
                    where=f"the lock of {choice.name}: versions.{choice.version}",
                    remedy="use --origin auto, or give the manifest a 'source' and lock it again",
                )
            if choice.source is None:
                raise UnavailableError(
                    f"{choice} cannot be built in the flavor {choice.flavor}",
                    where=f"the lock of {choice.name}: versions.{choice.version}.source",
                    remedy=_OTHER_FLAVOR,
                )
            return self._build(lock, lock_folder, platform, settings, "the origin is 'source'")
        try:
            plan = plan_fetch(lock, platform, settings, self.machine)
            tree, is_new = obtain(plan, self.store, self._open, self.on_wait)
        except CgoPrebuiltError as error:
            outcome = after_failed_fetch(
                settings.origin, error.kind, has_source=choice.source is not None
            )
            if outcome == "fail":
                raise
            if outcome == "hint":
                raise _with_hint(error, _source_hint(choice)) from None
            self.say(
                f"cgo-prebuilt: warning: {error}\n  so it is built from source instead;"
                " to forbid that: --origin prebuilt, or CGO_PREBUILT_ORIGIN=prebuilt"
            )
            reason = f"{error.what} ({error.where})"
            return self._build(lock, lock_folder, platform, settings, reason)
        return Provided(
            tree=tree,
            files=plan.files,
            interface=plan.interface,
            version=choice.version,
            status="downloaded" if is_new else "cached",
            tally=self._tally(),
        )

    def _open(self) -> Transport:
        transport = self.open_transport()
        self._opened.append(transport)
        return transport

    def _tally(self) -> Tally:
        """What all that was opened has cost, also of what a build from source stands in for."""
        tally = Tally()
        for part in (transport.tally for transport in self._opened):
            tally.add(requests=part.requests, downloaded=part.downloaded, resumed=part.resumed)
        return tally

    def _build(
        self, lock: Lock, lock_folder: Path, platform: Platform, settings: Settings, reason: str
    ) -> Provided:
        built, version = self._built(lock, lock_folder, platform, settings)
        return Provided(
            tree=built.tree,
            files=built.files,
            interface=built.interface,
            version=version,
            status="built" if built.is_new else "cached",
            tally=self._tally(),
            reason=reason,
        )

    def _built(
        self, lock: Lock, lock_folder: Path, platform: Platform, settings: Settings
    ) -> tuple[Built, str]:
        from cgo_prebuilt.source.crates import Crates
        from cgo_prebuilt.source.source_build import build
        from cgo_prebuilt.source.source_tree import source_of, source_origin

        wanted = source_of(lock, lock_folder, platform, settings)
        origin = source_origin(wanted, settings, self.store, self._open, self.on_wait)
        what = f"the source of {wanted.name} {wanted.version}"
        check_linkopts(wanted.source.outputs.linkopts, settings, what)
        built = build(
            wanted,
            origin,
            host=self.detect_host(),
            store=self.store,
            environ=self.environ,
            # A mirror replaces every URL, also those that a build tool knows.
            offline=settings.offline or settings.mirror is not None,
            crates=Crates(wanted, settings, self.store, self._open, self.environ),
            on_start=lambda command: self.say(
                f"building {wanted.name} {wanted.version} for {platform}: {command}"
            ),
            on_line=self.on_line,
            on_wait=self.on_wait,
        )
        return built, wanted.version


def report(provided: Provided, platform: Platform, output: Path) -> dict[str, object]:
    """Sums up what was done; the answer of `cgo-prebuilt fetch --json`.

    Returns:
        `status`, `version` and `reason` as `Provided` has them; `platform`; `output`, the folder, and
        `files`, relative to it and sorted; `requests` that were sent, `bytes_downloaded`, and
        `bytes_resumed`, which an earlier, interrupted run had left.
    """
    tally = provided.tally
    return {
        "status": provided.status,
        "platform": str(platform),
        "version": provided.version,
        "output": str(output),
        "files": [file.path for file in provided.files],
        "requests": tally.requests,
        "bytes_downloaded": tally.downloaded,
        "bytes_resumed": tally.resumed,
        "reason": provided.reason,
    }


def after_failed_fetch(origin: str, kind: str, *, has_source: bool) -> str:
    """Decide what a failed fetch leads to; `rules/private/origin.bzl` decides the same in Bazel.

    Args:
        origin: `auto`, `prebuilt` or `source`.
        kind: What the fetch failed with, see `errors`.
        has_source: Whether there is a source to build.

    Returns:
        `build`: the source is built instead. `hint`: it fails, and says how a source build would be
        possible. `fail`: it is to be mended, not built around.
    """
    if kind not in (UnavailableError.kind, IntegrityError.kind):
        return "fail"
    return "build" if origin != "prebuilt" and has_source else "hint"


def _source_hint(choice: Choice) -> str:
    """How a source build would be possible."""
    if choice.locked.source is None:
        return _NO_SOURCE
    return _OTHER_FLAVOR if choice.source is None else _FORBIDDEN


def _with_hint(error: CgoPrebuiltError, hint: str) -> CgoPrebuiltError:
    return type(error)(error.what, where=error.where, remedy=f"{error.remedy}; {hint}")
