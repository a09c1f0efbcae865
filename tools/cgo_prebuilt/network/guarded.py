"""Bounded reads for the connections of `requests`; another thread can interrupt them.

http.client and urllib3 read headers, chunk sizes and trailers in loops. All of these read through this
module, which limits time and bytes: no server can block a reader, or fill its memory.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
import weakref
from typing import Any

from cgo_prebuilt.network.failure import Failure, Kind

BUFFER = 1 << 13
"""The size of a response's read buffer, which gets its head and perhaps the start of its body."""
_LONGEST_HEAD = 1 << 18
"""The most bytes of all headers of one answer, including `100 Continue`."""


class Guard:
    """Limits for a session's next reads. One thread reads; any may call `shut`.

    Attributes:
        head_seconds: The longest time from the first wait for an answer to the end of its headers.
        response: The latest response: first that of a proxy's tunnel, then the server's.
        room: The number of bytes that may still be read.
        deadline: The time limit, by `time.monotonic`.
        connected: Whether a connection was made since `expect`.
    """

    def __init__(self, head_seconds: float) -> None:
        self.connected = False
        self.head_seconds = head_seconds
        self.response: http.client.HTTPResponse | None = None
        self.room = 0
        self.deadline = 0.0
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()

    def expect(self) -> None:
        """Note that a request is about to be sent."""
        self.connected, self.room = False, _LONGEST_HEAD

    def is_stale(self) -> bool:
        """Return whether a kept connection closed before any byte of a response."""
        return not self.connected and self.room == _LONGEST_HEAD

    def begin(self, response: http.client.HTTPResponse) -> None:
        """Note that the request was sent."""
        self.response = response
        self.allow(_LONGEST_HEAD, self.head_seconds)

    def allow(self, size: int, seconds: float) -> None:
        """Set the limits of bytes and time from now on."""
        self.room = size
        self.deadline = time.monotonic() + seconds

    def refuse(self) -> Failure:
        """Return the failure of a read beyond the limits."""
        if self.room > 0:
            return Failure(Kind.TIMEOUT, "no answer in time")
        return Failure(Kind.MALFORMED, "an answer with endless headers, chunk sizes or trailers")

    def add(self, connection: Any) -> None:
        """Register a connection, for `shut`."""
        with self._lock:
            self._connections.add(connection)

    def shut(self) -> None:
        """Shut every socket down; pending reads and writes fail.

        A blocking read cannot be cancelled, but ends when its socket is shut down.
        """
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            sock = getattr(connection, "sock", None)
            if sock is not None:
                with contextlib.suppress(OSError):
                    # Bypass SSLSocket's shutdown, which would change the state of a concurrent reader.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _GuardedSocket(io.RawIOBase):
    """A socket whose `makefile` checks the guard before each read.

    Args:
        sock: The socket; with a time-out.
        raw: Its file, which keeps the socket open until it is closed.
        guard: Bounds the reads.
    """

    def __init__(self, sock: Any, raw: Any, guard: Guard) -> None:
        self._socket = sock
        self._raw = raw
        self._guard = guard

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        guard = self._guard
        left, usual = guard.deadline - time.monotonic(), self._socket.gettimeout()
        if guard.room <= 0 or left <= 0:
            raise guard.refuse()
        # A deviation of a second is not worth a call for each read.
        is_short = usual is None or left < usual - 1
        if is_short:
            self._socket.settimeout(left)
        try:
            got: int = self._socket.recv_into(buffer)
        finally:
            if is_short:
                self._socket.settimeout(usual)
        guard.room -= got
        return got

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _OneRead(io.BufferedReader):
    """A reader whose `readinto`, like that of `HTTPResponse`, makes one system call at most."""

    readinto = io.BufferedReader.readinto1


def guarded_adapter(guard: Guard) -> Any:
    """Return a requests adapter whose connections obey a guard and never retry."""
    from requests.adapters import HTTPAdapter

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            self.fp = _OneRead(_GuardedSocket(sock, self.fp.detach(), guard), BUFFER)
            guard.begin(self)

    def guarded(pool: Any) -> Any:
        class Connection(pool.ConnectionCls):  # type: ignore[misc]
            response_class = Response

            def connect(self) -> None:
                guard.connected = True
                guard.add(self)
                super().connect()

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    def guard_pools(manager: Any) -> None:
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: guarded(pools[scheme]) for scheme in pools}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            guard_pools(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager: Any = super().proxy_manager_for(proxy, **kwargs)
            if not known:
                guard_pools(manager)
            return manager

    return Adapter(max_retries=0)
