"""A real nginx on loopback: one port as fast as it goes, one limited."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    if shutil.which("nginx") is None:
        raise SystemExit("nginx is needed: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    plain, limited = _free_ports(2)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, root=root, plain=plain, limited=limited, limit=LIMIT)
    )
    process = subprocess.Popen(["nginx", "-c", configuration, "-e", folder / "error.log"])
    try:
        _wait(plain)
        log = folder / "access.log"
        yield Servers(f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{limited}", log)
    finally:
        process.terminate()
        process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("nginx did not start")
