"""The store's locks between processes, with a limit on waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cgo_prebuilt.files.file_lock import Waiting, hold
from cgo_prebuilt.storage.store_folder import StoreFolder


class StoreLocks:
    """The locks of a store, by key.

    Args:
        folder: The store's folder.
        waiting: How to wait for another process, which is reported once for a key.
    """

    def __init__(self, folder: StoreFolder, waiting: Waiting) -> None:
        self._folder = folder
        self._waiting = waiting
        self._stuck: set[str] = set()

    @contextmanager
    def hold(
        self, key: str, *, shared: bool = False, on_wait: Callable[[], None] | None = None
    ) -> Iterator[bool]:
        """Hold the lock of a key while the block runs.

        Args:
            key: A tree's key, or another name.
            shared: Take a shared lock.
            on_wait: Called once, before waiting, instead of the store's own.

        Yields:
            Whether it is held, see `file_lock.hold`.

        Raises:
            UsageError: The store belongs to another user, or others can write it.
        """

        def give_up(holder: str) -> None:
            if key not in self._stuck:
                self._stuck.add(key)
                self._waiting.on_stuck(holder)

        usual = self._waiting
        patience = 0 if key in self._stuck else usual.patience
        waiting = Waiting(on_wait or usual.on_wait, patience, give_up)
        with hold(self._folder.lock_file(key), waiting, shared=shared) as is_held:
            yield is_held
