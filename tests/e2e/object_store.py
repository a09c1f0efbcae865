"""A real object store with the API of S3: versitygw, on a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.credential_helper import write_s3_helper
from tests.e2e.go_program import provide_go_program
from tests.ports import free_port, listening

KEY, SECRET, REGION = "AKIDEXAMPLE", "cAnArY/object+store", "eu-central-1"
"""The credentials of its one user, which signs its requests."""

_MODULE = ("github.com/versity/versitygw", "v1.8.0", "./cmd/versitygw")


@dataclass(frozen=True)
class ObjectStore:
    """A running store.

    Attributes:
        address: Its host and port.
        buckets: The folder with a folder for each bucket.
        log: Its log of requests.
    """

    address: str
    buckets: Path
    log: Path

    @property
    def url(self) -> str:
        """Its address, for requests by path: `URL/BUCKET/KEY`."""
        return f"http://{self.address}"

    def bucket(self, name: str) -> str:
        """Makes a bucket.

        Returns:
            Its URL.
        """
        (self.buckets / name).mkdir()
        return f"{self.url}/{name}"

    def helper(self, folder: Path, python: str, secret: str = SECRET) -> Path:
        """Writes a credential helper that signs requests to it; see `write_s3_helper`."""
        return write_s3_helper(folder, KEY, secret, REGION, python)


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Runs a store while the context lasts.

    Args:
        folder: The folder for its files, which is created.
    """
    buckets, attributes, log = folder / "buckets", folder / "attributes", folder / "log"
    for path in (buckets, attributes):
        path.mkdir(parents=True)
    port = free_port()
    variables = {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET, "VGW_REGION": REGION}
    command: list[str | Path] = [
        provide_go_program("versitygw", *_MODULE),
        "--port",
        f"127.0.0.1:{port}",
    ]
    # Its metadata is in files: not every file system has extended attributes.
    command += ["posix", "--sidecar", attributes, buckets]
    with listening(command, port, log, {**os.environ, **variables}):
        yield ObjectStore(f"127.0.0.1:{port}", buckets, log)
