"""Provide a library's files: fetch the prebuilt, or build from source, by the origin."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError, UnavailableError
from cgo_prebuilt.fetching.fetch import obtain
from cgo_prebuilt.fetching.plan import check_linkopts, plan_fetch
from cgo_prebuilt.locks.choice import choose
from cgo_prebuilt.network.tally import total

if TYPE_CHECKING:
    from cgo_prebuilt.locks.choice import Choice
    from cgo_prebuilt.locks.lock import Lock
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.platforms import Platform
    from cgo_prebuilt.settings import Settings
    from cgo_prebuilt.source.source_tree import LibrarySource
    from cgo_prebuilt.storage.store import Store
    from cgo_prebuilt.storage.stored_library import StoredLibrary
    from cgo_prebuilt.this_machine import Machine

_NO_SOURCE = "or give the manifest a 'source' to build it from, and lock it again"
_OTHER_FLAVOR = "the lock's source gives the default flavor only: leave --flavor out to build it"
_FORBIDDEN = "--origin auto builds it from source"


@dataclass(frozen=True, slots=True)
class Provider:
    """The means to provide a library's files.

    Attributes:
        store: The store that keeps the files.
        open_transport: Creates the transport; called only if something must be downloaded.
        detect_host: Detects this machine's platform; called only for a build.
        environ: The environment, for builds.
        say: Prints a message for a person.
        on_line: Called with each line that a build tool prints.
        on_wait: Called if another process is working on the same library.
        machine: The machine that a prebuilt will run on; None if unknown.
        note: See `obtain`.
        names_source: Whether errors say how to enable a source build.
    """

    store: Store
    open_transport: Callable[[], Transport]
    detect_host: Callable[[], Platform]
    environ: Mapping[str, str]
    say: Callable[[str], None]
    on_line: Callable[[str], None] = lambda _: None
    on_wait: Callable[[], None] | None = None
    machine: Machine | None = None
    note: Callable[[str], None] = lambda _: None
    names_source: bool = True

    def provide(
        self, lock: Lock, lock_folder: Path, platform: Platform, settings: Settings
    ) -> StoredLibrary:
        """Fetch the prebuilt or build the source, by the origin in the settings.

        Args:
            lock: The library's lock.
            lock_folder: The lock's folder, to which a source's path is relative.
            platform: The platform.
            settings: The settings.

        Raises:
            LockError: The lock has no such version.
            UnavailableError: The prebuilt is unavailable, and there is no source or the origin
                forbids it; or the source is unavailable.
            IntegrityError: The bytes are wrong, and there is no source or the origin forbids it.
            TrustError: The version is not vouched for as the settings require.
            BuildError: The build from source failed.
        """
        opened: list[Transport] = []

        def open_transport() -> Transport:
            opened.append(self.open_transport())
            return opened[-1]

        choice = choose(lock, settings.version, settings.flavor)
        if warning := choice.warning():
            self.say(f"cgo-prebuilt: warning: {warning}")
        reason: str | None = None
        library: StoredLibrary | None = None
        if settings.origin == "source":
            check_source(choice)
        else:
            try:
                plan = plan_fetch(lock, platform, settings, self.machine)
                library = obtain(plan, self.store, open_transport, self.on_wait, self.note)
            except CgoPrebuiltError as error:
                reason = self._reason_to_build(error, choice, settings)
        if library is None:
            from cgo_prebuilt.source.source_tree import source_of

            wanted = source_of(lock, lock_folder, platform, settings)
            library = replace(self._build(wanted, settings, open_transport), reason=reason)
        # The failed download counts, too.
        return replace(library, tally=total(transport.tally for transport in opened))

    def _reason_to_build(self, error: CgoPrebuiltError, choice: Choice, settings: Settings) -> str:
        """Return why the source is built after a failed fetch; re-raise the error if it is not built."""
        has_source = choice.source is not None
        outcome = after_failed_fetch(settings.origin, error.kind, has_source=has_source)
        if outcome == "fail" or (outcome == "hint" and not self.names_source):
            raise error
        if outcome == "hint":
            raise _with_hint(error, _source_hint(choice)) from None
        self.say(
            f"cgo-prebuilt: warning: {error}\n  falling back to building from source;"
            " to forbid that: --origin prebuilt, or CGO_PREBUILT_ORIGIN=prebuilt"
        )
        return f"{error.what} ({error.where})"

    def _build(
        self, wanted: LibrarySource, settings: Settings, open_transport: Callable[[], Transport]
    ) -> StoredLibrary:
        from cgo_prebuilt.source.build_plan import BuildMachine
        from cgo_prebuilt.source.crates import Crates
        from cgo_prebuilt.source.source_build import Builder
        from cgo_prebuilt.source.source_tree import open_source
        from cgo_prebuilt.source.stored_archive import Downloads

        downloads = Downloads(settings, self.store, open_transport, self.environ, self.on_wait)
        source = open_source(wanted, downloads)
        what = f"the source of {wanted.name} {wanted.version}"
        check_linkopts(wanted.source.outputs.linkopts, settings, what)
        # A mirror replaces every URL, including those inside build tools.
        offline = settings.offline or settings.mirror is not None
        machine = BuildMachine(self.detect_host(), self.environ, os.cpu_count() or 1, offline)
        builder = Builder(machine, self.store, self.say, self.on_line, self.on_wait)
        return builder.build(source, Crates(wanted, downloads))


def check_source(choice: Choice) -> None:
    """Check that a library can be built from source.

    Raises:
        UnavailableError: It has no source, or none of its flavor.
    """
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


def after_failed_fetch(origin: str, kind: str, *, has_source: bool) -> str:
    """Decide what a failed fetch leads to; `rules/private/origin.bzl` decides the same in Bazel.

    Args:
        origin: `auto`, `prebuilt` or `source`.
        kind: The kind of the failure, see `errors`.
        has_source: Whether there is a source to build.

    Returns:
        `build`: build the source instead. `hint`: fail, and explain how to enable a source build.
        `fail`: fail, since a person must fix the cause.
    """
    if kind not in (UnavailableError.kind, IntegrityError.kind):
        return "fail"
    return "build" if origin != "prebuilt" and has_source else "hint"


def _source_hint(choice: Choice) -> str:
    """Return how a person can enable a source build."""
    if choice.locked.source is None:
        return _NO_SOURCE
    return _OTHER_FLAVOR if choice.source is None else _FORBIDDEN


def _with_hint(error: CgoPrebuiltError, hint: str) -> CgoPrebuiltError:
    return type(error)(error.what, where=error.where, remedy=f"{error.remedy}; {hint}")
