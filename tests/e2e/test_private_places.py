"""The vecsearch example in private places: published, locked and fetched with a helper."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.bazel.debian_root import cache_folder
from tests.e2e.bazel_workspace import REPOSITORY, Result
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.credential_helper import write_helper
from tests.e2e.nginx_files import nginx_files
from tests.e2e.object_store import object_store
from tests.e2e.oci_registry import oci_registry
from tests.e2e.release import cgo_prebuilt

EXAMPLE = REPOSITORY / "examples" / "vecsearch"
ANSWER = "vecsearch 0.3.0: the 3 nearest of 1000 vectors"
CANARY = "cAnArY"
"""A part of every secret here."""

PYTHON = "/usr/bin/env python3"
"""Runs the helpers where Bazel does, too."""

_LIBRARY = """\
prebuilt.library(name = "{name}", lock = "//:{name}.lock.json", origin = "prebuilt")
use_repo(prebuilt, "{name}")
"""
_BINARY = """\
cc_binary(name = "search_{name}", srcs = ["search.cc"], deps = ["@{name}"])
"""


@dataclass(frozen=True)
class Place:
    """Where a release is published, and what a manifest's `urls` say of it."""

    name: str
    to: str
    url: str


@contextmanager
def watching_processes() -> Iterator[list[str]]:
    """Looks for the canary in the command lines of all processes, until the context ends."""
    found: list[str] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.01):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = process.read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if CANARY in line:
                    found.append(line)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _build(folder: Path) -> None:
    """Compiles the example's crate."""
    target = cache_folder(os.environ) / "cargo-target"
    command = ["cargo", "build", "--quiet", "--release", "--locked"]
    variables = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    subprocess.run(command, cwd=EXAMPLE / "native", env=variables, check=True)
    for path, source in {
        "lib/libvecsearch.a": target / "release/libvecsearch.a",
        "include/vecsearch.h": EXAMPLE / "native/include/vecsearch.h",
    }.items():
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(source.read_bytes())


def _files_with_the_canary(*folders: Path) -> list[str]:
    command = ["grep", "-rlF", CANARY, *map(str, folders)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    ).stdout.splitlines()


@pytest.mark.slow
def test_private_places_are_used_with_a_helpers_credentials(
    workspace: MakeWorkspace, tmp_path: Path
) -> None:
    folder = tmp_path / "maintainer"
    _build(folder / "out")
    with ExitStack() as stack:
        nginx = stack.enter_context(nginx_files(tmp_path / "nginx"))
        registry = stack.enter_context(oci_registry(tmp_path / "registry"))
        objects = stack.enter_context(object_store(tmp_path / "objects"))
        bucket = objects.bucket("releases")
        places = [
            Place("files", f"{nginx.bearer}/v0.3.0", f"{nginx.bearer}/{{version}}/{{file}}"),
            Place("objects", f"{bucket}/v0.3.0", f"{bucket}/{{version}}/{{file}}"),
            Place("registry", *[registry.place("acme/vecsearch")] * 2),
        ]
        secrets: dict[str, dict[str, str] | str] = {
            **nginx.secrets("bearer"),
            objects.address: str(objects.helper(tmp_path / "s3", PYTHON)),
            registry.address: registry.header(),
        }
        helper = write_helper(tmp_path / "helper", secrets, PYTHON)
        known = {"CGO_PREBUILT_CREDENTIAL_HELPER": str(helper)}
        said: list[Result] = []

        def run(*arguments: str | Path, **env: str) -> Result:
            own = {"CGO_PREBUILT_CACHE": str(folder / "store"), "NETRC": "/dev/null", **env}
            said.append(cgo_prebuilt(*arguments, cwd=folder, env=own))
            return said[-1]

        processes = stack.enter_context(watching_processes())
        manifest = yaml.safe_load((EXAMPLE / "prebuilt.yaml").read_text())
        del manifest["source"]
        manifest["platforms"] = {"linux_amd64": manifest["platforms"]["linux_amd64"]}
        for place in places:
            text = yaml.safe_dump({**manifest, "urls": [place.url], "name": place.name})
            (folder / f"{place.name}.yaml").write_text(text)
            pack = ("pack", f"{place.name}.yaml", "--platform", "linux_amd64", "--from", "out")
            run(*pack, "--output", place.name).checked()
            command = ("publish", f"{place.name}.yaml", "--dist", place.name, "--to", place.to)
            refused = run(*command)
            assert (refused.code, "CREDENTIAL_HELPER" in refused.stderr) == (3, True)
            run(*command, **known).checked()
            refused = run("lock", f"{place.name}.yaml")
            assert (refused.code, "next: " in refused.stderr) == (3, True)
            run("lock", f"{place.name}.yaml", **known).checked()

            # At a prompt, on a clean store.
            lock = folder / f"{place.name}.lock.json"
            fetch = ("fetch", "--lock", lock, "--output", place.name + "-fetched")
            clean = {"CGO_PREBUILT_CACHE": str(tmp_path / f"clean-{place.name}")}
            refused = run(*fetch, "--origin", "prebuilt", **clean)
            assert (refused.code, "next: give credentials" in refused.stderr) == (3, True)
            run(*fetch, **clean, **known).checked()
            fetched = folder / f"{place.name}-fetched/lib/libvecsearch.a"
            assert fetched.read_bytes() == (folder / "out/lib/libvecsearch.a").read_bytes()

        consumer = workspace(
            {
                "BUILD.bazel": 'load("@rules_cc//cc:defs.bzl", "cc_binary")\n'
                + "".join(_BINARY.format(name=place.name) for place in places),
                "search.cc": (EXAMPLE / "cpp/search.cc").read_bytes(),
                **{
                    f"{place.name}.lock.json": (folder / f"{place.name}.lock.json").read_bytes()
                    for place in places
                },
            },
            module='prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")\n'
            + "".join(_LIBRARY.format(name=place.name) for place in places),
            environment={"NETRC": "/dev/null", "CGO_PREBUILT_CACHE": str(tmp_path / "bazels")},
        )
        refused = consumer.bazel("build", "//:search_files")
        said.append(refused)
        assert refused.code != 0
        assert "next: give credentials" in refused.stderr
        targets = [f"//:search_{place.name}" for place in places]
        with_helper = f"--repo_env=CGO_PREBUILT_CREDENTIAL_HELPER={helper}"
        said.append(consumer.bazel("build", with_helper, *targets).checked())
        for place in places:
            shown = consumer.in_root(f"bazel-bin/search_{place.name}").checked()
            assert shown.stdout.splitlines()[0] == ANSWER
        base = consumer.bazel("info", "output_base").checked().stdout.strip()

    assert processes == []
    assert [one for one in said if CANARY in one.stdout + one.stderr] == []
    stores = [path for path in tmp_path.iterdir() if path.name.startswith(("clean-", "bazels"))]
    assert len(stores) == len(places) + 1
    assert _files_with_the_canary(folder, consumer.path, Path(base), *stores) == []
    locks = [json.loads((folder / f"{place.name}.lock.json").read_text()) for place in places]
    assert "/blobs/sha256:" in json.dumps(locks[2])
