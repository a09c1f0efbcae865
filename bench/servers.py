"""A real nginx on loopback: one port without a limit, two with one, one in front of a registry."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port, wait_for
from tests.programs import provide

LIMIT = 12_000_000
"""Bytes a second that the limited port gives a connection."""

FASTER_LIMIT = 50_000_000
"""The same for the faster port."""

_LOG_SECONDS = 0.3  # nginx logs an answer after it was sent

_CONFIGURATION = """\
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format sent '$bytes_sent';
    access_log {folder}/access.log sent;
    sendfile on;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{plain}; root {root}; }}
    server {{ listen 127.0.0.1:{limited}; root {root}; limit_rate {limit}; }}
    server {{ listen 127.0.0.1:{faster}; root {root}; limit_rate {faster_limit}; }}
    {registry}
}}
"""
_REGISTRY = """\
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://{address};
        proxy_set_header Host $http_host;
        proxy_http_version 1.1;
        proxy_max_temp_file_size 0;
    }}
}}
"""


@dataclass(frozen=True)
class Servers:
    """The addresses of a running nginx.

    Attributes:
        plain: The URL without a limit.
        limited: The URL with `LIMIT` for each connection.
        faster: The URL with `FASTER_LIMIT` for each connection.
        registry: The host and port in front of the registry; empty without one.
        log: The log, with the bytes of one answer in each line.
    """

    plain: str
    limited: str
    faster: str
    registry: str
    log: Path

    def sent(self) -> list[int]:
        """The bytes of each answer so far."""
        time.sleep(_LOG_SECONDS)
        return [int(line) for line in self.log.read_text().split()]


@contextmanager
def nginx(root: Path, folder: Path, registry: str = "") -> Iterator[Servers]:
    """Serve a folder during the block.

    Args:
        root: The served folder.
        folder: The folder for nginx's own files.
        registry: The host and port of a registry to forward requests to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = [free_port() for _ in range(4)]
    plain, limited, faster, front = (f"127.0.0.1:{port}" for port in ports)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            root=root,
            plain=ports[0],
            limited=ports[1],
            limit=LIMIT,
            faster=ports[2],
            faster_limit=FASTER_LIMIT,
            registry=_REGISTRY.format(port=ports[3], address=registry) if registry else "",
        )
    )
    errors = folder / "error.log"
    process = subprocess.Popen([provide("nginx", "nginx-light"), "-c", configuration, "-e", errors])
    try:
        wait_for(ports[0], process, errors)
        yield Servers(
            f"http://{plain}",
            f"http://{limited}",
            f"http://{faster}",
            front if registry else "",
            folder / "access.log",
        )
    finally:
        process.terminate()
        process.wait()
