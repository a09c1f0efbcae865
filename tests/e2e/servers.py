"""Real web servers that serve a module site: `goproxy serve`, nginx, and Caddy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.bazel_workspace import REPOSITORY
from tests.ports import free_port, wait_for
from tests.programs import provide

SERVERS = ("serve", "nginx", "caddy")

_PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}
_PATIENCE_SECONDS = 120

_NGINX = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format paths "$status $request_uri";
    access_log {folder}/access.log paths;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        root {site};
        include {site}/nginx-site.conf;
    }}
}}
"""

_CADDY = """\
{{
\tadmin off
\tauto_https off
}}
http://:{port} {{
\tbind 127.0.0.1
\troot * {site}
\tlog {{
\t\toutput file {folder}/access.log
\t}}
\timport {site}/Caddyfile-site
}}
"""


@dataclass
class SiteServer:
    """A running server.

    Attributes:
        kind: One of `SERVERS`.
        url: Its address, without a slash at the end.
        log: What it says about each request.
        process: The server's process.
    """

    kind: str
    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ends it, after which its log is complete."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT if self.kind == "nginx" else signal.SIGINT)
            self.process.wait(_PATIENCE_SECONDS)

    def requests(self) -> list[tuple[int, str]]:
        """The status and the path of each request that it answered, with `!` for `%21`."""
        self.stop()
        lines = self.log.read_text().splitlines()
        found = []
        for line in lines:
            if self.kind == "caddy":
                entry = json.loads(line)
                found.append((entry["status"], entry["request"]["uri"]))
            elif self.kind == "nginx":
                status, path = line.split(" ", 1)
                found.append((int(status), path))
            elif line.startswith('"'):
                request, status = line.rsplit('" ', 1)
                found.append((int(status.split()[0]), request.split()[1]))
        return [(status, path.replace("%21", "!")) for status, path in found]

    def zips(self) -> list[str]:
        """The zips that were sent, sorted, without folders of the module's host."""
        return sorted(
            path.split("/", 2)[2]
            for status, path in self.requests()
            if path.endswith(".zip") and status == 200
        )


@contextmanager
def running(kind: str, site: Path, folder: Path) -> Iterator[SiteServer]:
    """Serves a site while the context lasts.

    Args:
        kind: One of `SERVERS`.
        site: What `goproxy build` wrote.
        folder: An empty folder for the server's own files; made.
    """
    folder.mkdir(parents=True)
    port = free_port()
    log = folder / "access.log"
    environment = dict(os.environ)
    if kind == "nginx":
        configuration = folder / "nginx.conf"
        configuration.write_text(_NGINX.format(folder=folder, port=port, site=site))
        command = [
            provide(kind, _PACKAGES[kind]),
            "-p",
            str(folder),
            "-e",
            str(folder / "e"),
            "-c",
            str(configuration),
        ]
    elif kind == "caddy":
        configuration = folder / "Caddyfile"
        configuration.write_text(_CADDY.format(folder=folder, port=port, site=site))
        environment |= {"HOME": str(folder), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
        command = [
            provide(kind, _PACKAGES[kind]),
            "run",
            "--config",
            str(configuration),
            "--adapter",
            "caddyfile",
        ]
    else:
        environment["PYTHONPATH"] = str(REPOSITORY / "tools")
        command = [sys.executable, "-m", "cgo_prebuilt", "goproxy", "serve", str(site)]
        command += ["--port", str(port)]
    own_log = log if kind == "serve" else folder / "output.log"
    with own_log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            env=environment,
        )
    server = SiteServer(kind, f"http://127.0.0.1:{port}", log, process)
    try:
        wait_for(port, process, own_log)
        yield server
    finally:
        server.stop()
