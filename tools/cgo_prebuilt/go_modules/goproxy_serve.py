"""A small HTTP server to try a module site."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cgo_prebuilt.errors import CgoPrebuiltError, UsageError
from cgo_prebuilt.go_modules.goproxy_pages import NOT_FOUND
from cgo_prebuilt.go_modules.goproxy_tree import ProxyTree
from cgo_prebuilt.printable import printable

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".info": "application/json",
    ".zip": "application/zip",
}
_PLAIN = "text/plain; charset=utf-8"


def site_server(site: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Bind a server; `serve_forever` runs it.

    It answers proxy requests (`GET http://go.acme.dev/x`, RFC 9112 section 3.2.2) as if it were that host.
    So, as HTTP_PROXY, it lets you try the go command's direct mode before the host exists.

    Args:
        site: The folder that `build_site` wrote.
        host: The address to listen on.
        port: The port; 0 for a free one.

    Raises:
        UsageError: The folder is not a site, or the server cannot listen on the address.
        IntegrityError: A file of the site is damaged.
    """
    if not (site / NOT_FOUND).is_file():
        raise UsageError(
            "this is not a module site",
            where=str(site),
            remedy="name the folder that `cgo-prebuilt goproxy build` wrote",
        )
    ProxyTree(site).redirects()  # report a damaged file now, not at each request
    try:
        return _Server((host, port), partial(_Handler, Path(os.path.realpath(site))))
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(
            f"the address cannot be listened on: {getattr(error, 'strerror', None) or error}",
            where=f"{host}:{port}",
            remedy="choose another with --port, or another address with --host",
        ) from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Callable[..., _Handler]) -> None:
        known = socket.getaddrinfo(address[0] or None, 0, flags=socket.AI_PASSIVE)
        families = {family for family, *_ in known}
        # Like http.server, IPv4 for a name that has both.
        if socket.AF_INET not in families and socket.AF_INET6 in families:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        # A closed connection must not print a traceback.
        sys.stderr.write(printable(f"{client_address}: {sys.exc_info()[1]}") + "\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "cgo-prebuilt"

    def __init__(self, site: Path, *arguments: object) -> None:
        self._site = site
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        # One write, since requests run in parallel; one line, whatever the request holds.
        sys.stderr.write(printable(format % args).replace("\n", "\\n") + "\n")
        sys.stderr.flush()

    def _answer(self, *, with_body: bool) -> None:
        try:
            self._answer_site(with_body=with_body)
        except CgoPrebuiltError as error:
            self.log_message("%s", error)
            self._head(HTTPStatus.INTERNAL_SERVER_ERROR, 0, _PLAIN)
        except ValueError:  # not a URL
            self._head(HTTPStatus.BAD_REQUEST, 0, _PLAIN)

    def _answer_site(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        # Read for each request, since a site may be rebuilt while it is served.
        target = ProxyTree(self._site).redirects().get(path)
        if target is not None:
            self._head(HTTPStatus.FOUND, 0, _PLAIN, location=target)
            return
        file, status = self._file(path)
        if file is None:
            self._head(HTTPStatus.NOT_FOUND, 0, _PLAIN)
            return
        with file.open("rb") as content:
            size = file.stat().st_size
            self._head(status, size, _TYPES.get(file.suffix, _PLAIN))
            if with_body:
                shutil.copyfileobj(content, self.wfile, 1 << 20)

    def _file(self, path: str) -> tuple[Path | None, HTTPStatus]:
        for name in (path, f"{path}/index.html".lstrip("/")):
            file = self._inside(name)
            if file is not None:
                return file, HTTPStatus.OK
        return self._inside(NOT_FOUND), HTTPStatus.NOT_FOUND

    def _inside(self, name: str) -> Path | None:
        """Return the site's file for a path, following links inside the site; None without one."""
        try:
            file = Path(os.path.realpath(self._site / name))
            return file if file.is_relative_to(self._site) and file.is_file() else None
        except (OSError, ValueError):  # a name that is invalid for files
            return None

    def _head(self, status: HTTPStatus, size: int, kind: str, location: str | None = None) -> None:
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
