"""A real squid: a company's proxy, which requires a user and a password."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port, listening
from tests.programs import provide

USER, PASSWORD = "ci", "secret"

_CONFIGURATION = """\
http_port 127.0.0.1:{port}
visible_hostname squid
auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/passwords
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
pid_filename none
netdb_filename none
coredump_dir {folder}
cache_log {folder}/cache.log
logformat tried %>Hs %un %rm %ru
access_log stdio:{folder}/access.log tried
shutdown_lifetime 0 seconds
"""


@dataclass(frozen=True)
class Squid:
    """A running proxy: its address without credentials, and its folder."""

    address: str
    folder: Path

    def url(self) -> str:
        """Return the value of HTTPS_PROXY for an authorized user."""
        return f"http://{USER}:{PASSWORD}@{self.address}"

    def tried(self) -> list[str]:
        """Status, user, method and address of each request."""
        return (self.folder / "access.log").read_text().splitlines()


@contextmanager
def running_squid() -> Iterator[Squid]:
    """Runs a proxy while the context lasts."""
    program = provide("squid", "squid")
    # Not below the tests' folder, which only root may enter: squid switches to another user.
    folder = Path(tempfile.mkdtemp(prefix="squid-"))
    folder.chmod(0o777)
    port = free_port()
    # Of the forms that basic_ncsa_auth(8) reads, the one that needs no other program.
    (folder / "passwords").write_text(f"{USER}:{hashlib.md5(PASSWORD.encode()).hexdigest()}\n")
    (folder / "squid.conf").write_text(_CONFIGURATION.format(port=port, folder=folder))
    log = folder / "output"
    try:
        with listening([program, "-N", "-f", folder / "squid.conf"], port, log):
            yield Squid(f"127.0.0.1:{port}", folder)
    finally:
        shutil.rmtree(folder)
