"""From a Rust library to `go run`, without Bazel, on this machine: python examples/gomodule/demo.py.

A release is built and packed, published as Go modules into a folder, and served on loopback. Then a
Go program that imports the library is built with an empty module cache.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

EXAMPLE = Path(__file__).resolve().parent
REPOSITORY = EXAMPLE.parents[1]
NATIVE = EXAMPLE.parent / "vecsearch" / "native"
COMMAND = [sys.executable, "-m", "cgo_prebuilt"]


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Show a command, run it, and return its standard output."""
    print("$", shlex.join(command).replace(shlex.join(COMMAND), "cgo-prebuilt"), flush=True)
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"demo: exit code {done.returncode}")
    return done.stdout


def release(folder: Path, environment: Mapping[str, str]) -> Path:
    """Build, pack and publish the library for this machine; return the site."""
    print("\n1. The maintainer builds, packs and publishes a release")
    platform = subprocess.check_output([*COMMAND, "platform"], env=environment, text=True).strip()
    stage = folder / "stage"
    run(["cargo", "build", "--quiet", "--release", "--locked"], NATIVE, environment)
    (stage / "lib").mkdir(parents=True)
    target = Path(environment["CARGO_TARGET_DIR"])
    shutil.copy(target / "release" / "libvecsearch.a", stage / "lib")
    shutil.copytree(NATIVE / "include", stage / "include")

    # A copy of the manifest with this machine's platform only: no other platform is built here.
    manifest = yaml.safe_load((EXAMPLE / "prebuilt.yaml").read_text())
    manifest["platforms"] = {platform: manifest["platforms"][platform]}
    for key in ("package", "license"):
        manifest["go"][key] = str((EXAMPLE / manifest["go"][key]).resolve())
    (folder / "prebuilt.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))

    pack = ("--platform", platform, "--from", "stage", "--output", "dist")
    run([*COMMAND, "pack", "prebuilt.yaml", *pack], folder, environment)
    build = ("goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site")
    print(run([*COMMAND, *build], folder, environment), end="")
    return folder / "site"


@contextmanager
def served(site: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve the site while the block runs; yield its URL."""
    print("\n2. A server offers the site (any static host would do)")
    command = [*COMMAND, "goproxy", "serve", str(site), "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def use(folder: Path, site: Path, url: str, environment: Mapping[str, str]) -> None:
    """Builds and runs the program as its author would."""
    print("\n3. A Go program is built: two zips are downloaded, however many platforms there are")
    program = folder / "program"
    shutil.copytree(EXAMPLE / "program", program)
    for name in ("go.mod", "go.sum"):
        lines = run(
            [*COMMAND, "goproxy", "require", str(site), "--only", name], folder, environment
        )
        with (program / name).open("a") as file:
            file.write(lines)
    go = {
        **environment,
        "GOPROXY": url,
        "GONOSUMDB": "go.acme.dev",
        "GOMODCACHE": str(folder / "modules"),
        "GOFLAGS": "-modcacherw",
    }
    print(run(["go", "run", "."], program, go), end="")


def main() -> None:
    """Does everything in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="gomodule-demo-") as name:
        folder = Path(name).resolve()
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "tools"),
            "CARGO_TARGET_DIR": os.environ.get("CARGO_TARGET_DIR", str(folder / "target")),
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))),
        }
        site = release(folder, environment)
        with served(site, environment) as url:
            use(folder, site, url, environment)


if __name__ == "__main__":
    main()
