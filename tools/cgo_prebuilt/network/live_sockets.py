"""The open sockets of a requests session, so that another thread can break a wait in them."""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from typing import Any


class LiveSockets:
    """Knows the connections that its adapters open.

    A blocking read cannot be told to stop; it ends when its socket is shut down.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()

    def shut(self) -> None:
        """Shuts every socket down; reads and writes in progress end with an error."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            sock = getattr(connection, "sock", None)
            if sock is not None:
                with contextlib.suppress(OSError):
                    # Past SSLSocket's own shutdown, which would change state under a reader.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _add(self, connection: Any) -> None:
        with self._lock:
            self._connections.add(connection)

    def adapter(self) -> Any:
        """A requests adapter whose connections are known here; it never retries by itself."""
        from requests.adapters import HTTPAdapter
        from urllib3.connection import HTTPConnection, HTTPSConnection
        from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

        add = self._add

        class Plain(HTTPConnection):
            def connect(self) -> None:
                add(self)
                super().connect()

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                add(self)
                super().connect()

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        pools = {"http": PlainPool, "https": SecurePool}

        class Adapter(HTTPAdapter):
            def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
                super().init_poolmanager(*args, **kwargs)
                self.poolmanager.pool_classes_by_scheme = pools

            def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
                manager: Any = super().proxy_manager_for(proxy, **kwargs)
                # A SOCKS proxy has connections of its own kind.
                if not proxy.lower().startswith("socks"):
                    manager.pool_classes_by_scheme = pools
                return manager

        return Adapter(max_retries=0)
