"""A real nginx on loopback: one port as fast as it goes, one limited."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port, wait_for
from tests.programs import provide

LIMIT = 12_000_000
"""Bytes a second that the limited port gives a connection."""

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
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{plain}; root {root}; }}
    server {{ listen 127.0.0.1:{limited}; root {root}; limit_rate {limit}; }}
}}
"""


@dataclass(frozen=True)
class Servers:
    """The addresses of a running nginx, and its log: the bytes of each answer, one a line."""

    plain: str
    limited: str
    log: Path


@contextmanager
def nginx(root: Path, folder: Path) -> Iterator[Servers]:
    """Serves a folder while the context lasts.

    Args:
        root: What is served.
        folder: Where nginx keeps its own files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain, limited = free_port(), free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, root=root, plain=plain, limited=limited, limit=LIMIT)
    )
    errors = folder / "error.log"
    process = subprocess.Popen([provide("nginx", "nginx-light"), "-c", configuration, "-e", errors])
    try:
        wait_for(plain, process, errors)
        log = folder / "access.log"
        yield Servers(f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{limited}", log)
    finally:
        process.terminate()
        process.wait()
