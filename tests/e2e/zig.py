"""zig, the tests' cross compiler: the dev dependency ziglang, in one copy that serves every checkout.

Only the same copy of zig reuses what it compiled (a C library takes a minute): the same version in
another virtual environment compiles everything again.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from cgo_prebuilt.files.file_lock import hold
from tests.bazel.debian_root import cache_folder

TARGETS = {
    "darwin_amd64": "x86_64-macos",
    "darwin_arm64": "aarch64-macos",
    "linux_amd64_musl": "x86_64-linux-musl",
    "linux_arm64": "aarch64-linux-gnu.2.28",
    "windows_amd64": "x86_64-windows-gnu",
}
"""zig's name of each platform."""


@functools.cache
def zig_program() -> Path:
    """Return the program, in a folder with all that it needs; copy it there if missing."""
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        pytest.fail("zig is the cross compiler: pip install ziglang")
    installed = Path(found.origin).parent
    copy = cache_folder(os.environ) / f"ziglang-{importlib.metadata.version('ziglang')}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    with hold(copy.with_name("ziglang-lock")):
        if not copy.exists():
            partial = copy.with_name(f"{copy.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(installed, partial)
            partial.rename(copy)
    return copy / ("zig.exe" if os.name == "nt" else "zig")


def zig_cache() -> Path:
    """Return the folder of zig's cache, which test runs share."""
    return cache_folder(os.environ) / "zig"


def zig_environment() -> dict[str, str]:
    """Return the variables that name the cache to zig."""
    cache = str(zig_cache())
    return {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
