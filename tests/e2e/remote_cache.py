"""A real remote cache: bazel-remote, built from its Go module, once, into the tests' cache folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.go_program import provide_go_program
from tests.ports import free_port, listening

_MODULE = ("github.com/buchgr/bazel-remote/v2", "v2.6.1")


@contextmanager
def remote_cache(folder: Path) -> Iterator[str]:
    """Runs a remote cache while the context lasts.

    Args:
        folder: The folder for its files, which is created.

    Yields:
        Its address, for `--remote_cache` and `--experimental_remote_downloader`.
    """
    folder.mkdir()
    port, http_port = free_port(), free_port()
    log = folder / "log"
    command: list[str | Path] = [
        provide_go_program("bazel-remote", *_MODULE),
        f"--dir={folder}/blobs",
        "--max_size=1",
        f"--grpc_address=127.0.0.1:{port}",
        f"--http_address=127.0.0.1:{http_port}",
        "--experimental_remote_asset_api",
    ]
    with listening(command, port, log):
        yield f"grpc://127.0.0.1:{port}"
