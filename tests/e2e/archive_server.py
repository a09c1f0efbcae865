"""A real HTTP server on loopback that serves a folder and records its requests."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """A request: its method, its path with the leading slash, and its Range header if any."""

    method: str
    path: str
    range: str | None = None


@dataclass
class ArchiveServer:
    """A running server.

    Attributes:
        folder: The served folder; a test may add and change files while it runs.
        url: Its address, without a slash at the end.
        requests: Every request that it got, in order.
        pause_after: The bytes of a body after which it pauses until the client hangs up.
        paused: Set when it pauses.
        left: Set when the client hung up on a paused body.
        pace: The bytes a second of all bodies together; None for no limit.
        line: Held while a piece of a paced body is on its way.
    """

    folder: Path
    url: str
    requests: list[Request] = field(default_factory=list)
    pause_after: int | None = None
    paused: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    pace: int | None = None
    line: threading.Lock = field(default_factory=threading.Lock)

    def paths(self) -> list[str]:
        """Return the requested paths, each once, sorted."""
        return sorted({request.path for request in self.requests})


@contextmanager
def serving(folder: Path) -> Iterator[ArchiveServer]:
    """Serves a folder on a free port of loopback while the context lasts."""

    class Handler(_FolderHandler):
        archive_server: ArchiveServer

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        server = ArchiveServer(folder, f"http://127.0.0.1:{http_server.server_port}")
        Handler.archive_server = server
        thread = threading.Thread(target=http_server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http_server.shutdown()
            thread.join()


class _FolderHandler(BaseHTTPRequestHandler):
    archive_server: ArchiveServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: `requests` is the log."""

    def _list(self, folder: Path) -> None:
        """Answer with an index page, as web servers do for a folder."""
        names = sorted(path.name for path in folder.iterdir())
        links = "".join(f'<a href="{quote(name)}">{escape(name)}</a>\n' for name in names)
        body = f'<html><a href="../">..</a>\n{links}</html>'.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        wanted = self.headers.get("Range")
        self.archive_server.requests.append(Request(self.command, path, wanted))
        file = self.archive_server.folder / path.lstrip("/")
        if path.endswith("/") and ".." not in file.parts and file.is_dir():
            self._list(file)
            return
        if ".." in file.parts or not file.is_file():
            self.send_response(HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        stat = file.stat()
        first, last = 0, stat.st_size - 1
        status = HTTPStatus.OK
        # One range with a known start (RFC 9110, section 14); any other gets the whole.
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if match and int(match[1]) <= last:
            status = HTTPStatus.PARTIAL_CONTENT
            first = int(match[1])
            last = min(last, int(match[2] or last))
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("ETag", f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
        if status is HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {first}-{last}/{stat.st_size}")
        self.end_headers()
        if not with_body:
            return
        with file.open("rb") as content:
            content.seek(first)
            if self.archive_server.pause_after is not None:
                self.wfile.write(content.read(self.archive_server.pause_after))
                self.archive_server.paused.set()
                with suppress(OSError):
                    self.rfile.read(1)  # empty when the client hangs up
                self.archive_server.left.set()
                self.close_connection = True
                return
            if self.archive_server.pace is not None:
                self._send_slowly(content, last - first + 1, self.archive_server.pace)
                return
            if last + 1 == stat.st_size:
                shutil.copyfileobj(content, self.wfile, 1 << 20)
            else:
                self.wfile.write(content.read(last - first + 1))

    def _send_slowly(self, content: BinaryIO, remaining: int, pace: int) -> None:
        with suppress(ConnectionError):  # the client needs no more of this connection
            while remaining:
                piece = content.read(min(remaining, pace // 10))
                remaining -= len(piece)
                with self.archive_server.line:
                    time.sleep(len(piece) / pace)
                self.wfile.write(piece)
