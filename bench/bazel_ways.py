"""Contenders in Bazel: workspaces that fetch a payload with `http_archive` or with these rules."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import Contender
from bench.fleet_ways import HTTP_ARCHIVES, LIBRARIES
from bench.payload import ARCHIVES, PLATFORM, Payload
from bench.servers import Servers
from cgo_prebuilt.digest import sha256_of
from tests.bazel.provision import Bazel
from tests.e2e.bazel_workspace import Tools, make_workspace

_HUB = 'use_repo(prebuilt, hub = "payload")\n'

# The target `unverified` bypasses the rule, so that nothing verifies the library.
_BUILD = f"""
load("@rules_cc//cc:cc_import.bzl", "cc_import")
load("@rules_cc//cc:cc_library.bzl", "cc_library")
cc_import(name = "raw", static_library = "@payload//:lib/{PLATFORM}/libpayload.a")
cc_library(name = "verified", srcs = ["use.c"], deps = ["@hub//:payload"])
cc_library(name = "unverified", srcs = ["use.c"], deps = [":raw"])
"""


@dataclass(frozen=True)
class BazelWays:
    """Contenders that are Bazel commands.

    One Bazel server runs all rounds of a contender. Fetching another, tiny release prepares what a
    build machine has already: the server, the modules, and the fetcher's packages.

    Attributes:
        bazel: The Bazel to use.
        payload: What is fetched.
        tiny: Another, tiny release; it is served in the folder `tiny`.
        servers: The servers that it is fetched from.
        folder: The folder for workspaces and output bases.
        locks: The folder for locks.
    """

    bazel: Bazel
    payload: Payload
    tiny: Payload
    servers: Servers
    folder: Path
    locks: Path

    def http_archive(self, *, warm: bool) -> Contender:
        """Bazel's own rule; warm: from the repository cache."""
        url = self.servers.plain
        module = HTTP_ARCHIVES.format(
            tiny=f"{url}/tiny/{ARCHIVES['tar.gz']}",
            tiny_sha256=sha256_of(self.tiny.archive("tar.gz"))[0],
            payload=f"{url}/{ARCHIVES['tar.gz']}",
            sha256=sha256_of(self.payload.archive("tar.gz"))[0],
        )
        name = f"Bazel http_archive, {'warm repository cache' if warm else 'cold'}"
        again = """s/content = ".*"/content = "# '$RANDOM'"/' MODULE.bazel"""
        return self._fetch(name, module, again, warm=warm)

    def rules(self, transport: str, *, warm: bool) -> Contender:
        """These rules; warm: from the store or, with the transport `bazel`, the repository cache."""
        name = f"these rules in Bazel, transport = {transport}"
        again = "s/v1.0.[0-9]*/v1.0.'$RANDOM'/' payload.lock.json"
        return self._fetch(name, _libraries(transport), again, warm=warm)

    def compile(self, *, verified: bool) -> Contender:
        """Compile a C file against a fetched library; the verifying program is built already."""
        target = "verified" if verified else "unverified"
        run = self._workspace(f"build-{target}", _libraries("python") + _HUB, "all platforms")
        build = f"export CGO_PREBUILT_CACHE=$KEPT/store; {run} build //:{target}"
        return Contender(
            f"bazel build, {target} library",
            build,
            f"{build} && {run} clean && {run} build @rules_cgo_prebuilt//rules/verify",
            in_server=True,
        )

    def _fetch(self, name: str, module: str, again: str, *, warm: bool) -> Contender:
        """Return a fetch; `again` is a sed script after which Bazel fetches the release again."""
        run = self._workspace(name, module)
        env = f"export CGO_PREBUILT_CACHE={'$KEPT' if warm else '$WORK'}/store"
        cache = f"--repository_cache={'$KEPT/repositories' if warm else ''}"
        fetch = f"{env}; {run} fetch {cache} --repo=@payload"
        first = f"{fetch} && " if warm else f"cd {shlex.quote(str(self.folder / name))} && "
        tiny = f"{env}; {run} fetch {cache} --repo=@tiny"
        return Contender(name, fetch, f"{first}sed -i '{again} && {tiny}", in_server=True)

    def _workspace(self, name: str, module: str, kind: str = "tar.gz") -> str:
        """Makes a workspace, and returns how to run Bazel in it."""
        folder = self.folder / name
        url = self.servers.plain
        lock = self.payload.lock(kind, url, self.locks)
        tiny = self.tiny.lock("tar.gz", f"{url}/tiny", self.locks / "tiny")
        files: dict[str, str | bytes] = {
            "BUILD.bazel": _BUILD if kind == "all platforms" else "",
            "use.c": "int use;\n",
            "payload.lock.json": lock.read_bytes(),
            "tiny.lock.json": tiny.read_bytes().replace(b'"payload"', b'"tiny"'),
        }
        # With a short path, since Bazel's own are long.
        tools = Tools(self.bazel, self.folder / f"b{len(list(self.folder.iterdir()))}", self.folder)
        make_workspace(folder, tools, files, module)
        return f"cd {shlex.quote(str(folder))} && {shlex.join(tools.startup_options())}"


def _libraries(transport: str) -> str:
    return LIBRARIES.replace('"bazel"', f'"{transport}"')
