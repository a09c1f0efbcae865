"""All scenarios by name. The targets are those of the design."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.bazel_ways import BazelWays
from bench.contenders import OURS, Contender, Scenario, Target
from bench.payload import PLATFORM, Payload
from bench.peers import Peers
from bench.servers import Servers
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.vouching.sums import SUMS, write_sums
from tests.e2e.oci_registry import Registry

_PYTHON = shlex.quote(sys.executable)
_COPIED = f"{OURS}, link_mode copy"
_PEAK = 150e6
_PACKED = f"""\
name: payload
version: v1.0.0
urls: ['http://127.0.0.1/{{file}}']
archives: [{{file: payload.tar.zst}}]
static_library: lib/libpayload.a
platforms: {{{PLATFORM}: {{}}}}
"""


@dataclass(frozen=True)
class Site:
    """The parts from which scenarios are made.

    Attributes:
        payload: The payload, which is fetched.
        peers: The other ways to fetch it.
        servers: The servers that it is fetched from.
        registry: A registry, behind one of the servers' ports.
        bazel: The ways in Bazel; None to leave them out.
        folder: The folder for the scenarios' files.
    """

    payload: Payload
    peers: Peers
    servers: Servers
    registry: Registry
    bazel: BazelWays | None
    folder: Path

    def lock(self, kind: str) -> Path:
        """The lock of an archive."""
        return self.payload.lock(kind, self.servers.plain, self.folder / "locks")


def _fetch(lock: Path, store: str, out: str, *, mirror: str = "", mode: str = "auto") -> str:
    mirrored = f"CGO_PREBUILT_MIRROR='{mirror}/{{file}}' " if mirror else ""
    return (
        f"{mirrored}CGO_PREBUILT_CACHE={store} {_PYTHON} -m cgo_prebuilt fetch --lock {lock}"
        f" --platform {PLATFORM} --output {out} --link-mode={mode}"
        " --auto-hard-links=yes"  # as Bazel's rules run it; at a prompt, root gets copies
    )


def _cold(lock: Path, mirror: str = "") -> Contender:
    return Contender(OURS, _fetch(lock, "$WORK/store", "out", mirror=mirror))


def _zst(site: Site) -> Scenario:
    url, kind = site.servers.plain, "tar.zst"
    piped = site.peers.curl(url, kind)
    others = [piped, site.peers.curl_in_turn(url, kind), site.peers.aria2(url, kind)]
    others.append(site.peers.dotslash(url, kind))
    return Scenario(
        [_cold(site.lock(kind)), *others],
        [Target(OURS, "seconds", 0.85, piped.name), Target(OURS, "peak_bytes", _PEAK)],
    )


def _gz(site: Site) -> Scenario:
    url, kind = site.servers.plain, "tar.gz"
    aria2 = site.peers.aria2(url, kind)
    others = [aria2, site.peers.curl(url, kind), site.peers.dotslash(url, kind)]
    return Scenario([_cold(site.lock(kind)), *others], [Target(OURS, "seconds", 0.45, aria2.name)])


def _limited(site: Site) -> Scenario:
    aria2 = site.peers.aria2(site.servers.limited, "tar.zst")
    ours = _cold(site.lock("tar.zst"), site.servers.limited)
    return Scenario([ours, aria2], [Target(OURS, "seconds", 0.6, aria2.name)])


def _one_of_five(site: Site) -> Scenario:
    url = site.servers.faster
    whole, alone = site.peers.this_platform(url), site.peers.one_platform(url)
    return Scenario(
        [_cold(site.lock("all platforms"), url), whole, alone],
        [
            Target(OURS, "seconds", 0.3, whole.name),
            Target(OURS, "sent_bytes", 1.02, alone.name),
        ],
    )


def _wheel(site: Site) -> Scenario:
    return Scenario([_cold(site.lock("wheel")), site.peers.uv(site.servers.plain)])


def _oci(site: Site) -> Scenario:
    kind, folder, name = "tar.zst", site.folder / "oci", "fetch/payload"
    folder.mkdir()
    archive = site.payload.archive(kind)
    write_sums(folder / SUMS, {archive.name: sha256_of(archive)[0]})
    (folder / archive.name).symlink_to(archive)
    (folder / "prebuilt.yaml").write_text(site.payload.manifest(kind, site.registry.place(name)))
    publish = ["publish", "prebuilt.yaml", "--dist", ".", "--to", site.registry.place(name)]
    command = [sys.executable, "-m", "cgo_prebuilt", *publish]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    front = f"{site.servers.registry}/{name}"
    lock = site.payload.lock(kind, f"oci://{front}", folder)
    return Scenario([_cold(lock), site.peers.oras(front, kind), site.peers.skopeo(front, kind)])


def _second(site: Site) -> Scenario:
    ours = []
    for name, mode in ((OURS, "auto"), (_COPIED, "copy")):
        fetch = _fetch(site.lock("tar.gz"), "$KEPT/store", "out", mode=mode)
        prepare = _fetch(site.lock("tar.gz"), "$KEPT/store", "$KEPT/first", mode="hardlink")
        ours.append(Contender(name, fetch, prepare))
    if site.bazel is None:
        return Scenario(ours)
    rules = [site.bazel.rules(transport, warm=True) for transport in ("python", "bazel")]
    theirs = site.bazel.http_archive(warm=True)
    targets = [Target(OURS, "seconds", 1 / 20, theirs.name)]
    targets.append(Target(_COPIED, "seconds", 1 / 8, theirs.name))
    return Scenario([*ours, *rules, theirs], targets)


def _nothing(site: Site) -> Scenario:
    fetch = _fetch(site.lock("tar.zst"), "$KEPT/store", "$KEPT/first")
    return Scenario([Contender(OURS, fetch, prepare=fetch)], [Target(OURS, "seconds", 0.15)])


def _pack(site: Site) -> Scenario:
    tree = site.payload.member(site.payload.size * 865 // 1050)
    manifest = site.folder / "pack.yaml"
    manifest.write_text(_PACKED)
    ours = [
        Contender(
            OURS if kind == "tar.zst" else f"{OURS}, {kind}",
            f"{_PYTHON} -m cgo_prebuilt pack {manifest} --platform {PLATFORM} --from {tree}"
            f" --output dist --format {kind}",
        )
        for kind in ("tar.zst", "tar.gz", "zip")
    ]
    others = [site.peers.tar(str(tree), how) for how in ("zstd -q -T0 -11", "zstd -q -T0", "gzip")]
    return Scenario([*ours, *others], [Target(one.name, "peak_bytes", _PEAK) for one in ours])


def _bazel_cold(site: Site) -> Scenario:
    assert site.bazel is not None
    rules = [site.bazel.rules(transport, warm=False) for transport in ("python", "bazel")]
    return Scenario([*rules, site.bazel.http_archive(warm=False)])


def _verified(site: Site) -> Scenario:
    assert site.bazel is not None
    return Scenario([site.bazel.compile(verified=verified) for verified in (True, False)])


SCENARIOS: Mapping[str, Callable[[Site], Scenario]] = {
    "cold fetch, tar.zst": _zst,
    "cold fetch, tar.gz": _gz,
    "12 MB/s a connection, tar.zst": _limited,
    "one of five platforms, 50 MB/s a connection": _one_of_five,
    "cold fetch, wheel": _wheel,
    "cold fetch, OCI registry": _oci,
    "second workspace": _second,
    "nothing changed": _nothing,
    "pack": _pack,
}
"""How each scenario is made, by its name."""

IN_BAZEL: Mapping[str, Callable[[Site], Scenario]] = {
    "cold fetch in Bazel, tar.gz": _bazel_cold,
    "verification at use": _verified,
}
"""The scenarios that run in Bazel only."""
