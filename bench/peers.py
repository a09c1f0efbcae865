"""What people do today, as commands: each downloads, verifies the SHA-256 and extracts, in its own folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.contenders import Contender
from bench.payload import ARCHIVES, PLATFORM, Payload
from bench.peer_programs import PeerPrograms
from cgo_prebuilt.digest import sha256_of

_DECODERS = {"tar.zst": "zstd -d"}


@dataclass(frozen=True)
class Peers:
    """The other ways to get a payload's archives.

    Attributes:
        payload: The payload.
        programs: Provides the programs that they need.
    """

    payload: Payload
    programs: PeerPrograms

    def curl(self, url: str, kind: str, only: str = "") -> Contender:
        """Everything at once, through pipes; `only` is what tar extracts."""
        decoder = _DECODERS.get(kind, "gzip -d")
        return self._contender(
            f"curl | tee sha256sum | {decoder.split()[0]} | tar",
            ["curl", "zstd"],
            f"mkdir out && curl -sSf {url}/{ARCHIVES[kind]}"
            f" | tee >(sha256sum > sum) | {decoder} | tar -C out -x {only}"
            f" && grep -q {self._sha256(kind)} <(sleep 0.01; cat sum)",
        )

    def curl_in_turn(self, url: str, kind: str) -> Contender:
        """One step after the other, as scripts do it."""
        name = ARCHIVES[kind]
        return self._contender(
            "curl, sha256sum, zstd, tar",
            ["curl", "zstd"],
            f"curl -sSfO {url}/{name} && {self._sum(kind)} && mkdir out && zstd -dc {name} | tar -C out -x",
        )

    def aria2(self, url: str, kind: str) -> Contender:
        """Eight connections, then the rest in turn."""
        name = ARCHIVES[kind]
        return self._contender(
            "aria2c -x8, sha256sum, bsdtar",
            ["aria2c", "bsdtar"],
            f"aria2c -q -x8 -s8 -k1M --file-allocation=none {url}/{name}"
            f" && {self._sum(kind)} && mkdir out && bsdtar -C out -xf {name}",
        )

    def dotslash(self, url: str, kind: str) -> Contender:
        """A file that names an archive by its hash, and runs a program in it."""
        artifact = {
            "size": self.payload.archive(kind).stat().st_size,
            "hash": "sha256",
            "digest": self._sha256(kind),
            "format": kind,
            "path": "lib",
            "providers": [{"url": f"{url}/{ARCHIVES[kind]}"}],
        }
        text = json.dumps({"name": "payload", "platforms": {"linux-x86_64": artifact}})
        return self._contender(
            "DotSlash",
            ["dotslash", "curl"],
            "DOTSLASH_CACHE=$WORK/cache dotslash -- fetch payload",
            f"(echo '#!/usr/bin/env dotslash'; echo {shlex.quote(text)}) > payload",
        )

    def uv(self, url: str) -> Contender:
        """The fastest installer of wheels."""
        line = f"payload @ {url}/{ARCHIVES['wheel']} --hash=sha256:{self._sha256('wheel')}"
        return self._contender(
            "uv pip install",
            ["uv"],
            "UV_CACHE_DIR=$WORK/cache uv pip install --quiet --no-deps --require-hashes --no-config"
            f" --python {shlex.quote(sys.executable)} --target out --requirement wheel.txt",
            f"echo '{line}' > wheel.txt",
        )

    def oras(self, place: str, kind: str) -> Contender:
        """The client of artifacts in OCI registries; it verifies digests itself."""
        return self._contender(
            "oras pull, zstd, tar",
            ["oras", "zstd"],
            f"oras pull --no-tty --plain-http {place}:v1.0.0"
            f" && mkdir out && zstd -dc {ARCHIVES[kind]} | tar -C out -x",
        )

    def skopeo(self, place: str, kind: str) -> Contender:
        """A client of images in OCI registries; it verifies digests itself."""
        return self._contender(
            "skopeo copy, zstd, tar",
            ["skopeo", "zstd"],
            f"skopeo copy --quiet --src-tls-verify=false docker://{place}:v1.0.0 dir:got"
            f" && mkdir out && zstd -dc got/{self._sha256(kind)} | tar -C out -x",
        )

    def one_platform(self, url: str) -> Contender:
        """What would be sent if the maintainer had packed each platform by itself."""
        one = self.curl(url, "one platform")
        return Contender("an archive of this platform alone, curl | tar", one.command)

    def this_platform(self, url: str) -> Contender:
        """All platforms are downloaded, one is extracted."""
        return self.curl(url, "all platforms", f"include lib/{PLATFORM}")

    def tar(self, tree: str, compressor: str) -> Contender:
        """How a maintainer packs by hand."""
        command = f"tar --sort=name -C {tree} -cf - lib | {compressor} > out"
        return self._contender(f"tar | {compressor}", [compressor.split()[0]], command)

    def _contender(
        self, name: str, programs: Sequence[str], command: str, prepare: str = "true"
    ) -> Contender:
        return Contender(name, command, prepare, missing=self.programs.missing(programs))

    def _sha256(self, kind: str) -> str:
        return sha256_of(self.payload.archive(kind))[0]

    def _sum(self, kind: str) -> str:
        return f"echo '{self._sha256(kind)}  {ARCHIVES[kind]}' | sha256sum -c --quiet"
