"""The context of a verb: this user's store, and this machine's network and platform."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cgo_prebuilt.host import Host
    from cgo_prebuilt.network.progress import Progress
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.storage.kept_downloads import KeptDownloads
    from cgo_prebuilt.storage.store import Store
    from cgo_prebuilt.url import Url

progress_override: Progress | None = None
"""The progress display of this process, if it is not the one for standard error."""

is_in_bazel = False
"""Whether Bazel's rules run this process."""


def open_store(*, verified_at_use: bool = False) -> Store:
    """Return the user's store.

    Args:
        verified_at_use: See `Store`.
    """
    from cgo_prebuilt.commands.verbs import print_prefixed
    from cgo_prebuilt.errors import UsageError
    from cgo_prebuilt.files.file_lock import PATIENCE, Waiting
    from cgo_prebuilt.settings import patience_of
    from cgo_prebuilt.storage.store import Store, default_root, home_by_account, system_roots

    patience = patience_of(os.environ, PATIENCE)

    def on_stuck(holder: str) -> None:
        print_prefixed(
            f"{holder} has shown no sign of life for {patience:g} s (is it stopped?);"
            " not waiting for it any longer"
        )

    system = system_roots(os.environ, sys.platform)
    try:
        root = default_root(os.environ, sys.platform, home_by_account())
    except UsageError:
        if not system:
            raise
        root = system[0]  # may have all files; else the store reports that it cannot be written
    waiting = Waiting(
        lambda: print_prefixed("another process is working on the same files; waiting for it"),
        patience,
        on_stuck,
    )
    return Store(root, verified_at_use=verified_at_use, waiting=waiting, system=system)


def open_transport(partials: Path) -> Transport:
    """Return a transport that shows its progress.

    Args:
        partials: The folder of unfinished files.
    """
    from cgo_prebuilt.network.progress import progress_for
    from cgo_prebuilt.network.transport import Transport
    from cgo_prebuilt.network.transport_settings import TransportSettings

    return Transport(partials, TransportSettings(), progress_override or progress_for(sys.stderr))


def open_downloads(store: Store) -> KeptDownloads:
    """Return a downloader for `init` and `lock` that keeps files in the store.

    Args:
        store: The store.
    """
    from cgo_prebuilt.commands.verbs import print_message
    from cgo_prebuilt.network.api import API_SETTINGS
    from cgo_prebuilt.network.client import HttpClient
    from cgo_prebuilt.storage.kept_downloads import KeptDownloads

    def is_unchanged(url: Url, validator: str) -> bool:
        with HttpClient(API_SETTINGS, os.environ) as client:
            return client.is_unchanged(url, validator)

    return KeptDownloads(store, open_transport(store.partials), is_unchanged, print_message)


def this_host() -> Host:
    """Return the machine's platform, and how it was detected."""
    from cgo_prebuilt.host import detect

    return detect()
