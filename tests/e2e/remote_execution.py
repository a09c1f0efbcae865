"""A real remote executor: BuildGrid over PostgreSQL, and workers of buildbox, each a machine of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bazel.executor_root import APART, BUILDGRID
from tests.ports import free_port, wait_for

# The keys are what a worker offers and an action may ask for. A call above the number of concurrent ones is
# refused, not queued: Bazel has a hundred uploads at once, and a worker whose call is refused ends.
_SERVER = """\
server:
  - !channel
    address: 127.0.0.1:{port}
    insecure-mode: true
authorization: {{method: none}}
connections:
  - !sql-connection &sql
    connection-string: {database}
storages:
  - !lru-storage &storage
    size: 4096M
caches:
  - !lru-action-cache &cache
    storage: *storage
    max-cached-refs: 256
    allow-updates: true
schedulers:
  - !sql-scheduler &scheduler
    sql: *sql
    storage: *storage
    action-cache: *cache
    property-set: !dynamic-property-set
      match-property-keys: [OSFamily, tools]
instances:
  - name: ''
    services:
      - !action-cache {{cache: *cache}}
      - !execution {{scheduler: *scheduler}}
      - !bots {{scheduler: *scheduler}}
      - !cas {{storage: *storage}}
      - !bytestream {{storage: *storage}}
thread-pool-size: 200
maximum-concurrent-rpcs: 1000
"""

# As its own user: as root it refuses to run.
_DATABASE = """\
as_postgres="setpriv --reuid postgres --regid postgres --clear-groups"
install -d -o postgres postgres
bin=$(echo /usr/lib/postgresql/*/bin)
$as_postgres $bin/initdb --no-sync --auth=trust -D postgres
exec $as_postgres $bin/postgres -D postgres -p {port} -c fsync=off -c unix_socket_directories=
"""

# casd creates the folders in which actions run, so it must be on the worker's machine.
_WORKER = """\
buildbox-casd --cas-remote={remote} --bind=unix:/srv/casd.sock /srv/casd &
until [ -S /srv/casd.sock ]; do kill -0 $!; sleep 0.05; done
exec buildbox-worker --concurrent-jobs=2 --bots-remote={remote} --cas-remote=unix:/srv/casd.sock \
    --buildbox-run=buildbox-run-hosttools {properties} {name}
"""


@dataclass(frozen=True)
class Executor:
    """A running remote executor without workers.

    Attributes:
        root: The root folder with the system of all its machines.
        folder: The folder with a subfolder for each machine.
        port: Its port on loopback.
    """

    root: Path
    folder: Path
    port: int

    @property
    def address(self) -> str:
        """Return the address for `--remote_executor`."""
        return f"grpc://127.0.0.1:{self.port}"

    @contextmanager
    def worker(self, name: str, properties: Mapping[str, str]) -> Iterator[None]:
        """Run a worker during the block; existing files of its folder are in its `/srv`.

        Args:
            name: The name of the worker and of its folder.
            properties: The properties that actions can request, by the keys in `_SERVER`.
        """
        told = " ".join(f"--platform {key}={value}" for key, value in properties.items())
        remote = f"http://127.0.0.1:{self.port}"
        script = _WORKER.format(name=name, properties=told, remote=remote)
        with _machine(self.root, self.folder / name, script):
            yield

    def logs(self) -> str:
        """Return the end of each machine's log."""
        return "\n".join(
            "\n".join([f"{log.name}:", *log.read_text(errors="replace").splitlines()[-20:]])
            for log in sorted(self.folder.glob("*.log"))
        )


@contextmanager
def remote_executor(root: Path, folder: Path) -> Iterator[Executor]:
    """Runs a remote executor while the context lasts.

    Args:
        root: The root from `provide_executor_root`.
        folder: The folder for its machines' files.
    """
    port, database_port = free_port(), free_port()
    database = f"postgresql://postgres@127.0.0.1:{database_port}/postgres"
    script = _DATABASE.format(port=database_port)
    with _machine(root, folder / "database", script) as (process, log):
        wait_for(database_port, process, log)
        server = folder / "server"
        server.mkdir()
        (server / "server.yml").write_text(_SERVER.format(database=database, port=port))
        subprocess.run(
            [APART, root, server, BUILDGRID, "migrate", "apply", database],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with _machine(root, server, f"exec {BUILDGRID} server start server.yml") as (process, log):
            wait_for(port, process, log)
            yield Executor(root, folder, port)


@contextmanager
def _machine(
    root: Path, folder: Path, script: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a shell script on a separate machine; yield the process and its log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_name(f"{folder.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [APART, root, folder, "sh", "-euc", script],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()
