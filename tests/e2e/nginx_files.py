"""A real nginx as a generic repository: files by PUT and GET, behind a password or a bearer token."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port, listening
from tests.programs import provide

USER, PASSWORD, TOKEN = "publisher", "cAnArY-password", "cAnArY-token"

_CONFIGURATION = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format tried "$status $request_method $request_uri";
    access_log {folder}/access.log tried;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    client_max_body_size 0;
    map $http_authorization $bearer {{
        default 0;
        "Bearer {token}" 1;
    }}
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        dav_methods PUT;
        create_full_put_path on;
        # PUT replaces what is there, unless the request forbids it (RFC 9110 13.1.2).
        set $there "$request_method$http_if_none_match";
        if (-f $request_filename) {{ set $there "$there is there"; }}
        if ($there = "PUT* is there") {{ return 412; }}
        location /basic/ {{
            auth_basic files;
            auth_basic_user_file {folder}/passwords;
        }}
        location /bearer/ {{
            if ($bearer = 0) {{ return 401; }}
        }}
    }}
}}
"""


@dataclass(frozen=True)
class NginxFiles:
    """A running server.

    Attributes:
        address: Its host and port.
        folder: Its files are in `files/basic` and `files/bearer`.
    """

    address: str
    folder: Path

    @property
    def basic(self) -> str:
        """Return the URL that requires a user and a password."""
        return f"http://{self.address}/basic"

    @property
    def bearer(self) -> str:
        """Return the URL that requires a token."""
        return f"http://{self.address}/bearer"

    def secrets(self, kind: str) -> dict[str, dict[str, str]]:
        """Return the headers for `credential_helper.write_helper`.

        Args:
            kind: `basic` or `bearer`.
        """
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        header = f"Bearer {TOKEN}" if kind == "bearer" else f"Basic {login}"
        return {self.address: {"Authorization": header}}

    def tried(self) -> list[str]:
        """Status, method and path of each request."""
        return (self.folder / "access.log").read_text().splitlines()


@contextmanager
def nginx_files(folder: Path) -> Iterator[NginxFiles]:
    """Runs a server while the context lasts.

    Args:
        folder: The folder for its files, which is created.
    """
    (folder / "files").mkdir(parents=True)
    port = free_port()
    (folder / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, token=TOKEN))
    log = folder / "output.log"
    program = provide("nginx", "nginx-light")
    command: list[str | Path] = [program, "-p", folder, "-e", folder / "e", "-c", configuration]
    with listening(command, port, log):
        yield NginxFiles(f"127.0.0.1:{port}", folder)
