"""The store's locks between processes, with a limit on waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cgo_prebuilt.files.file_lock import hold
from cgo_prebuilt.storage.store_folder import StoreFolder


class StoreLocks:
    """The locks of a store, by key.

    Args:
        folder: The store's.
        patience: How many seconds to wait for a holder that shows no sign of life.
        on_wait: Called before waiting, where the caller of `hold` says nothing of that.
        on_stuck: Told who that is, once for a key.
    """

    def __init__(
        self,
        folder: StoreFolder,
        patience: float,
        on_wait: Callable[[], None],
        on_stuck: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._patience = patience
        self._on_wait = on_wait
        self._on_stuck = on_stuck
        self._stuck: set[str] = set()

    @contextmanager
    def hold(
        self, key: str, *, shared: bool = False, on_wait: Callable[[], None] | None = None
    ) -> Iterator[bool]:
        """Hold the lock of a key while the block runs.

        Args:
            key: A tree's, or another name.
            shared: Let other sharers in.
            on_wait: Called once, before waiting.

        Yields:
            Whether it is held, see `file_lock.hold`.

        Raises:
            UsageError: The store is another user's, or others can write it.
        """

        def give_up(holder: str) -> None:
            if key not in self._stuck:
                self._stuck.add(key)
                self._on_stuck(holder)

        with hold(
            self._folder.lock_file(key),
            shared=shared,
            on_wait=on_wait or self._on_wait,
            patience=0 if key in self._stuck else self._patience,
            on_stuck=give_up,
        ) as is_held:
            yield is_held
