"""`make first-build`: from a fresh clone to a linked program in Bazel, and where the time goes.

Each build has a fresh output base and a running server. The caches are `empty`, or `warm`: the
store and the repository cache of an earlier build. The steps' times are from Bazel's own profile.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cgo_prebuilt import __version__
from cgo_prebuilt.digest import sha256_of
from release.carried import carried_packages
from release.commit import Commit
from release.source_archive import tar_gz
from tests.bazel.provision import find_bazel
from tests.e2e.archive_server import ArchiveServer, serving
from tests.e2e.bazel_workspace import REPOSITORY, Tools, Workspace, make_workspace
from tests.e2e.release import MODULE, cgo_prebuilt

_HTTP_ARCHIVE = """
http_archive = use_repo_rule("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
http_archive(
    name = "big",
    url = "{url}/big.tar.gz",
    sha256 = "{sha256}",
    build_file_content = '''
load("@rules_cc//cc:cc_import.bzl", "cc_import")
load("@rules_cc//cc:cc_library.bzl", "cc_library")
cc_import(name = "archive", static_library = "lib/libbig.a")
cc_library(name = "big", hdrs = ["include/big.h"], includes = ["include"],
    deps = ["archive"], visibility = ["//visibility:public"])
''',
)
"""
_BUILD = """
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
cc_binary(name = "main", srcs = ["main.cc"], deps = ["@big"])
"""
_MAIN = '#include "big.h"\nint main() { return big() - 42; }\n'
_HEADER = 'extern "C" int big(void);\n'

_OBJECT = 8 << 20

# By the end of their repositories' names in Bazel's profile.
_STEPS: Mapping[str, str] = {
    "rules_cgo_prebuilt_python": "packages",
    "big": "library",
}


@dataclass(frozen=True)
class Way:
    """One way to get the library.

    Attributes:
        name: The way's name.
        module: The lines of MODULE.bazel for the library.
        rules: The folder of these rules.
    """

    name: str
    module: str
    rules: Path = REPOSITORY


def main() -> int:
    """Measure all ways in turn, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_build", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000_000, 350_000_000])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way")
    options = parser.parse_args()
    bazel = find_bazel()
    print(
        "| bytes | caches | way | seconds | least | packages | library |\n|---|---|---|---|---|---|---|"
    )
    # With a short path, since Bazel's own are long.
    with tempfile.TemporaryDirectory(prefix="fb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        released = _released(folder)
        for size in options.sizes:
            with _served(folder / str(size), size) as server:
                ways = _ways(server, released)
                for warm in (False, True):
                    samples: dict[str, list[Mapping[str, float]]] = {way.name: [] for way in ways}
                    for number in range(options.rounds):
                        for way in ways:
                            print(f"{size}, {way.name}, {number + 1}", file=sys.stderr, flush=True)
                            tools = Tools(bazel, folder, folder)
                            samples[way.name].append(_build(way, tools, server, folder, warm=warm))
                    for way_name, runs in samples.items():
                        print(_line(size, "warm" if warm else "empty", way_name, runs), flush=True)
                shutil.rmtree(folder / "kept", ignore_errors=True)
    return 0


def _ways(server: ArchiveServer, released: Path) -> list[Way]:
    sha256 = sha256_of(server.folder / "big.tar.gz")[0]
    rules = MODULE.replace("answer", "big")
    by_bazel = rules.replace('.lock.json"', '.lock.json", transport = "bazel"')
    return [
        Way("these rules, released", rules, released),
        Way("these rules, a checkout", rules),
        Way("these rules, transport = bazel", by_bazel, released),
        Way("http_archive + cc_import", _HTTP_ARCHIVE.format(url=server.url, sha256=sha256)),
    ]


def _released(folder: Path) -> Path:
    """Unpack the module as a release of the last commit would have it; return its folder."""
    commit = Commit(REPOSITORY, "HEAD")
    files = commit.files() + carried_packages(commit)
    archive = folder / "module.tar.gz"
    archive.write_bytes(tar_gz(files, __version__, 0))
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "module")
    return folder / "module" / __version__


@contextmanager
def _served(folder: Path, size: int) -> Iterator[ArchiveServer]:
    """Serves a release of one static library of real code, and its lock."""
    tree = folder / "tree"
    for name in ("include", "lib", "objects"):
        (tree / name).mkdir(parents=True)
    (tree / "include/big.h").write_text(_HEADER)
    (folder / "big.c").write_text("int big(void) { return 42; }\n")
    objects = [str(folder / "big.o")]
    _run("gcc", "-c", str(folder / "big.c"), "-o", objects[0])
    for number, content in enumerate(_pieces(size)):
        stem = folder / f"piece{number}"
        stem.with_suffix(".bin").write_bytes(content)
        text = f'.section .rodata\n.globl piece{number}\npiece{number}:\n.incbin "{stem}.bin"\n'
        stem.with_suffix(".s").write_text(text + '.section .note.GNU-stack,"",@progbits\n')
        objects.append(f"{stem}.o")
        _run("gcc", "-c", f"{stem}.s", "-o", objects[-1])
    _run("ar", "rcsD", str(tree / "lib/libbig.a"), *objects)
    with serving(folder) as server:
        _run(
            "tar",
            "--sort=name",
            "-C",
            str(tree),
            "-czf",
            str(folder / "big.tar.gz"),
            "include",
            "lib",
        )
        (folder / "big.yaml").write_text(
            f"name: big\nversion: v1.0.0\nurls: ['{server.url}/{{file}}']\n"
            "archives: [{file: big.tar.gz}]\nstatic_library: lib/libbig.a\nheaders: ['include/**']\n"
            "include_dirs: [include]\nplatforms: {linux_amd64: {}}\n"
        )
        store = {"CGO_PREBUILT_CACHE": str(folder / "store")}
        cgo_prebuilt("lock", "big.yaml", cwd=folder, env=store).checked()
        yield server


def _pieces(size: int) -> Iterator[bytes]:
    """Yield `size` bytes of this machine's libraries, in pieces."""
    held = bytearray()
    for path in sorted(Path("/usr/lib").rglob("*.so*")):
        held += path.read_bytes() if path.is_file() else b""
        while len(held) >= _OBJECT or len(held) >= size:
            piece = bytes(held[: min(_OBJECT, size)])
            del held[: len(piece)]
            size -= len(piece)
            yield piece
            if not size:
                return


def _build(
    way: Way, tools: Tools, server: ArchiveServer, folder: Path, *, warm: bool
) -> Mapping[str, float]:
    """Build once; return the seconds of the whole and of each step."""
    kept = folder / "kept" / str(abs(hash(way.name))) if warm else folder / "empty"
    environment = {
        "CGO_PREBUILT_CACHE": str(kept / "store"),
        "PIP_CACHE_DIR": str(kept / "pip"),
    }
    first = warm and not kept.exists()
    files: dict[str, str | bytes] = {
        "BUILD.bazel": _BUILD,
        "main.cc": _MAIN,
        "big.lock.json": (server.folder / "big.lock.json").read_bytes(),
    }
    made = make_workspace(folder / "clone", tools, files, way.module, environment)
    module = (made.path / "MODULE.bazel").read_text()
    made.write({"MODULE.bazel": module.replace(f'"{REPOSITORY}"', f'"{way.rules}"')})
    try:
        if first:
            _timed(made, kept)
            _forget(made)
        made.bazel("info", "release").checked()
        os.sync()
        return _timed(made, kept)
    finally:
        _forget(made)
        shutil.rmtree(made.path)
        shutil.rmtree(folder / "empty", ignore_errors=True)


def _timed(made: Workspace, kept: Path) -> Mapping[str, float]:
    begin = time.perf_counter()
    profile = made.path / "profile.gz"
    caches = [f"--repository_cache={kept / 'repositories'}", f"--profile={profile}"]
    made.bazel("build", *caches, "--lockfile_mode=off", "//:main").checked()
    return {"all": time.perf_counter() - begin, **_steps(profile)}


def _steps(profile: Path) -> dict[str, float]:
    """Return the seconds of each step, from Bazel's profile."""
    with gzip.open(profile) as file:
        events = json.load(file)["traceEvents"]
    found = dict.fromkeys(_STEPS.values(), 0.0)
    for event in events:
        name = event.get("name", "")
        if (
            event.get("cat") == "Fetching repository"
            or "repository" in event.get("cat", "").lower()
        ):
            for end, step in _STEPS.items():
                if name.endswith((f"~{end}", f"+{end}", f"{end}__linux_amd64")):
                    found[step] += event.get("dur", 0) / 1e6
    return found


def _forget(made: Workspace) -> None:
    """Removes the output base, and ends its server."""
    made.bazel("clean", "--expunge").checked()


def _line(size: int, caches: str, way: str, runs: list[Mapping[str, float]]) -> str:
    whole = [run["all"] for run in runs]
    steps = " | ".join(f"{median(run[step] for run in runs):.2f}" for step in _STEPS.values())
    return f"| {size} | {caches} | {way} | {median(whole):.2f} | {min(whole):.2f} | {steps} |"


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
