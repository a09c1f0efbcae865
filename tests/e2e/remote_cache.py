"""A real remote cache: bazel-remote, built from its Go module, once, into the tests' cache folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgo_prebuilt.files.file_lock import hold
from tests.bazel.debian_root import cache_folder
from tests.ports import free_port, wait_for

_MODULE = "github.com/buchgr/bazel-remote/v2@v2.6.1"


def provide_bazel_remote() -> Path:
    """The program; the test is skipped where there is no go to build it with."""
    cache = cache_folder(os.environ)
    program = cache / "bazel-remote-2.6.1"
    cache.mkdir(parents=True, exist_ok=True)
    with hold(cache / "bazel-remote-lock"):
        if not program.exists():
            _build(program)
    return program


def _build(program: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no go, to build bazel-remote with")
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [go, "mod", "download", "-json", _MODULE],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
        # In its own folder, so that its own go.sum says what its dependencies are.
        source = Path(folder, "source")
        shutil.copytree(json.loads(told.stdout)["Dir"], source)
        building = program.with_name(f"{program.name}.partial")
        command = [go, "build", "-o", str(building), "."]
        subprocess.run(command, cwd=source, stdin=subprocess.DEVNULL, check=True)
        building.rename(program)


@contextmanager
def remote_cache(folder: Path) -> Iterator[str]:
    """Runs a remote cache while the context lasts.

    Args:
        folder: Where it keeps what it is given; made.

    Yields:
        Its address, for `--remote_cache` and `--experimental_remote_downloader`.
    """
    folder.mkdir()
    port, http_port = free_port(), free_port()
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [provide_bazel_remote(), f"--dir={folder}/blobs", "--max_size=1",
             f"--grpc_address=127.0.0.1:{port}", f"--http_address=127.0.0.1:{http_port}",
             "--experimental_remote_asset_api"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )  # fmt: skip
    try:
        wait_for(port, process, log)
        yield f"grpc://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
