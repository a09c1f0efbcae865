"""An HTTP server on loopback that does what it is told, however wrong that is.

Each path has a script: a list of behaviors, one for each request; the last one is kept for the rest.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Request:
    target: str
    headers: Headers

    @property
    def range(self) -> tuple[int, int | None] | None:
        """Start and end (not included, None if it is open) of the range that is asked for."""
        value = self.headers.get("range")
        if value is None:
            return None
        first, _, last = value.removeprefix("bytes=").partition("-")
        return int(first), int(last) + 1 if last else None


class Exchange:
    """One request, and the connection to answer it on."""

    def __init__(
        self,
        server: HostileServer,
        connection: socket.socket,
        request: Request,
        read: Callable[[int], bytes],
    ) -> None:
        self.server = server
        self.connection = connection
        self.request = request
        self.read = read
        self.keep = False

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def body(self) -> bytes:
        """What was sent with the request."""
        return self.read(int(self.request.headers.get("content-length", "0")))

    def head(self, status: int, headers: Headers) -> None:
        lines = [f"HTTP/1.1 {status} Some Reason", *(f"{k}: {v}" for k, v in headers.items())]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def reset(self) -> None:
        """Ends the connection with a RST instead of a FIN."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def stall(self) -> None:
        """Says no more until the client or the test gives up."""
        self.connection.settimeout(0.05)
        while not self.server.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


Behavior = Callable[[Exchange], None]


class HostileServer:
    """Serves until the `with` block ends.

    Args:
        scripts: For each path (without its query) the behaviors in turn.
        tls: Makes it an https server.
        resets: How many connections are reset as soon as they are there.
        accepts: How many connections are accepted; whoever else comes waits to be connected.
    """

    def __init__(
        self,
        scripts: Mapping[str, Sequence[Behavior]],
        *,
        tls: ssl.SSLContext | None = None,
        resets: int = 0,
        accepts: int | None = None,
    ) -> None:
        self._scripts = {path: list(script) for path, script in scripts.items()}
        self._tls = tls
        self._resets = resets
        self._accepts = accepts
        self._lock = threading.Lock()
        self._listener = socket.create_server(
            ("127.0.0.1", 0), backlog=64 if accepts is None else 0
        )
        self._connections: list[socket.socket] = []
        self.stopping = threading.Event()
        self.requests: list[Request] = []
        self.connections = 0
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        # Closing it alone leaves Linux' accept() waiting, on a port that still listens.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def replace(self, path: str, script: Sequence[Behavior]) -> None:
        """Changes what a path does from now on."""
        with self._lock:
            self._scripts[path] = list(script)

    def asked(self, path: str) -> list[Request]:
        """The requests for one path, in order."""
        return [r for r in self.requests if r.target.split("?")[0] == path]

    def _accept(self) -> None:
        while self.connections != self._accepts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.append(connection)
                self.connections += 1
                reset, self._resets = self._resets > 0, self._resets - 1
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
                continue
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, plain: socket.socket) -> None:
        connection = plain
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._connections.append(connection)
            stack.callback(connection.close)
            reader = stack.enter_context(connection.makefile("rb"))
            while (request := self._read(reader.readline)) is not None:
                exchange = Exchange(self, connection, request, reader.read)
                self._next(request)(exchange)
                if not exchange.keep:
                    return

    def _read(self, readline: Callable[[], bytes]) -> Request | None:
        parts = readline().decode("latin-1").split()
        if len(parts) != 3:
            return None
        headers: dict[str, str] = {}
        while line := readline().strip().decode("latin-1"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        request = Request(parts[1], headers)
        with self._lock:
            self.requests.append(request)
        return request

    def _next(self, request: Request) -> Behavior:
        with self._lock:
            script = self._scripts.get(request.target.split("?")[0])
            if not script:
                return status(404)
            return script.pop(0) if len(script) > 1 else script[0]


def status(code: int, **headers: str) -> Behavior:
    """An answer without a body; `retry_after` becomes `Retry-After`."""

    def answer(exchange: Exchange) -> None:
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        exchange.head(code, {**named, "Content-Length": "0"})

    return answer


def redirect(location: str, code: int = 302) -> Behavior:
    return status(code, location=location)


def raw(data: bytes) -> Behavior:
    """These bytes, and the end."""
    return lambda exchange: exchange.send(data)


def whole(body: bytes, **headers: str) -> Behavior:
    """A plain 200, whatever was asked for."""

    def answer(exchange: Exchange) -> None:
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        exchange.head(200, {"Content-Length": str(len(body)), **named})
        exchange.send(body)

    return answer


def ranges(
    body: bytes,
    *,
    etag: str | None = '"v1"',
    headers: Headers | None = None,
    cut: int | None = None,
    end: str = "close",
    piece: int | None = None,
) -> Behavior:
    """A server that knows its trade: ranges, If-Range, validators.

    Args:
        body: The file.
        etag: Its ETag.
        headers: More headers.
        cut: Ends the body after so many bytes.
        end: How it is ended then: `close`, `reset` or `stall`.
        piece: The most that one answer to a range gives.
    """

    def answer(exchange: Exchange) -> None:
        named = dict(headers or {})
        if etag is not None:
            named["ETag"] = etag
        asked = exchange.request.range
        if exchange.request.headers.get("if-range", etag) not in (
            etag,
            named.get("Last-Modified"),
        ):
            asked = None
        code, start, stop = 200, 0, len(body)
        if asked is not None:
            start = asked[0]
            stop = min(len(body), asked[1] if asked[1] is not None else len(body))
            if piece is not None:
                stop = min(stop, start + piece)
            if start >= len(body):
                exchange.head(416, {"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"})
                return
            code = 206
            named["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        part = body[start:stop]
        exchange.head(code, {"Accept-Ranges": "bytes", "Content-Length": str(len(part)), **named})
        if cut is None:
            exchange.send(part)
            exchange.keep = True
            return
        exchange.send(part[:cut])
        if end == "reset":
            exchange.reset()
        elif end == "stall":
            exchange.stall()

    return answer


def send_in_pieces(exchange: Exchange, size: int, pause: Callable[[], bool]) -> None:
    """Let an exchange send bodies in pieces; `pause` runs after each, and ends the body if true."""
    send = exchange.send

    def paced(data: bytes) -> None:
        if len(data) < 10_000:  # a head
            return send(data)
        for start in range(0, len(data), size):
            send(data[start : start + size])
            if pause():
                return None
        return None

    exchange.send = paced  # type: ignore[method-assign]


def slow(body: bytes, *, rate: int, etag: str = '"v1"') -> Behavior:
    """Ranges at so many bytes a second for each connection."""

    def answer(exchange: Exchange) -> None:
        send_in_pieces(exchange, rate // 50, lambda: exchange.server.stopping.wait(0.02))
        ranges(body, etag=etag)(exchange)

    return answer


def ranges_until(body: bytes, enough: Callable[[HostileServer], bool]) -> Behavior:
    """Ranges that last until something has happened, however slow the machine is."""

    def answer(exchange: Exchange) -> None:
        server = exchange.server
        send_in_pieces(exchange, 20_000, lambda: not enough(server) and server.stopping.wait(0.02))
        ranges(body)(exchange)

    return answer


def endlessly(start: bytes, more: bytes, *, pause: float = 0.0) -> Behavior:
    """Some bytes, and then others again and again, until the client or the test gives up."""

    def answer(exchange: Exchange) -> None:
        exchange.send(start)
        while not exchange.server.stopping.wait(pause):
            exchange.send(more)

    return answer
