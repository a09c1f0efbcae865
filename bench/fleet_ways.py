"""Measure what each way of fetching costs: real commands, a real Bazel, and what nginx logs."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.fleet_model import NOTHING, Cost, Keeper, Way
from bench.measure import run
from bench.payload import Payload, make_payload
from bench.servers import Servers, nginx
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.vouching.sums import SUMS, write_sums
from tests.bazel.provision import find_bazel
from tests.e2e.bazel_workspace import Tools, Workspace, make_workspace
from tests.e2e.object_store import ObjectStore, object_store
from tests.e2e.oci_registry import Registry, oci_registry
from tests.e2e.remote_cache import remote_cache

HTTP_ARCHIVES = """\
http_archive = use_repo_rule("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
http_archive(name = "tiny", url = "{tiny}", sha256 = "{tiny_sha256}", build_file_content = "")
http_archive(name = "payload", url = "{payload}", sha256 = "{sha256}", build_file_content = "")
"""
LIBRARIES = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(name = "tiny", lock = "//:tiny.lock.json", transport = "bazel")
prebuilt.library(name = "payload", lock = "//:payload.lock.json", transport = "bazel")
use_repo(prebuilt, payload = "payload__linux_amd64", tiny = "tiny__linux_amd64")
"""


@dataclass(frozen=True)
class Measured:
    """One release, fetched in all ways.

    Attributes:
        archive_bytes: The size of its archive.
        tree_bytes: The size of the files in it.
        ways: The measured ways.
    """

    archive_bytes: int
    tree_bytes: int
    ways: list[Way]


@dataclass(frozen=True)
class _Site:
    """Where the builders fetch from.

    Attributes:
        host: The release host; its limited port is the one that is used.
        mirror: The fleet's own mirror, without a limit.
        mirrored: The mirror's folder.
        archive: The release's archive.
        lock: Its lock.
        tiny: The archive of another, tiny release. Bazel fetches it first, unmeasured, to prepare
            what a build machine has already: Bazel's server, the modules, the fetcher's packages.
        tiny_lock: Its lock.
        work: The folder for all files.
        tools: The Bazel to use.
        remote: The address of the fleet's remote cache.
        registry: The fleet's registry, which everybody may read.
        objects: Its object store, which accepts signed requests only.
        rounds: How often a later fetch is measured.
    """

    host: Servers
    mirror: Servers
    mirrored: Path
    archive: Path
    lock: Path
    tiny: Path
    tiny_lock: Path
    work: Path
    tools: Tools
    remote: str
    registry: Registry
    objects: ObjectStore
    rounds: int

    def builder(self, number: int, name: str) -> Path:
        """The folder of a builder."""
        folder = self.work / f"{name}-{number}"
        folder.mkdir()
        return folder

    def cost(self, work: Callable[[], float], near_bytes: int = 0) -> Cost:
        """Measure what some work costs.

        Args:
            work: Does the work, and returns its seconds.
            near_bytes: The bytes that it got from a server of the fleet besides the mirror.
        """
        servers = (self.host, self.mirror)
        before = [len(server.sent()) for server in servers]
        seconds = work()
        host, mirror = (server.sent()[n:] for server, n in zip(servers, before, strict=True))
        return Cost(len(host), sum(host), sum(mirror) + near_bytes, seconds)


def measure_ways(folder: Path, size: int, rounds: int) -> Measured:
    """Measures all ways with one release.

    Args:
        folder: Where payloads are kept.
        size: The least bytes of the release's tree.
        rounds: How often a fetch that is not a first one is measured.
    """
    payload, tiny = make_payload(folder, size), make_payload(folder, 1)
    work = Path(tempfile.mkdtemp(prefix="fleet-", dir=folder))
    try:
        ways = _measure(payload, tiny, work, rounds)
    finally:
        _remove(work)
    return Measured(payload.archive("tar.gz").stat().st_size, payload.size, ways)


def _measure(payload: Payload, tiny: Payload, work: Path, rounds: int) -> list[Way]:
    for name in ("host", "mirror", "bazel", "locks", "tiny-locks"):
        (work / name).mkdir()
    shutil.copy(payload.archive("tar.gz"), work / "host")
    write_sums(work / "host" / SUMS, {"payload.tar.gz": sha256_of(payload.archive("tar.gz"))[0]})
    shutil.copytree(tiny.served, work / "host/tiny")
    with ExitStack() as stack:
        host = stack.enter_context(nginx(work / "host", work / "nginx-host"))
        site = _Site(
            host=host,
            mirror=stack.enter_context(nginx(work / "mirror", work / "nginx-mirror")),
            mirrored=work / "mirror",
            archive=work / "host/payload.tar.gz",
            lock=payload.lock("tar.gz", host.limited, work / "locks"),
            tiny=work / "host/tiny/payload.tar.gz",
            tiny_lock=tiny.lock("tar.gz", f"{host.limited}/tiny", work / "tiny-locks"),
            work=work,
            tools=Tools(find_bazel(), work / "bazel", work / "go"),
            remote=stack.enter_context(remote_cache(work / "bazel-remote")),
            registry=stack.enter_context(oci_registry(work / "registry", "none")),
            objects=stack.enter_context(object_store(work / "objects")),
            rounds=rounds,
        )
        ways = []
        for measure in _WAYS:
            way = measure(site)
            said = f"{way.name}: {way.first.seconds:.1f} s, later {way.later.seconds:.1f} s"
            print(said, file=sys.stderr, flush=True)
            ways.append(way)
    return ways


def _typical(costs: Sequence[Cost]) -> Cost:
    """The median of what was sent; the least of the seconds, which other work only makes longer."""
    return Cost(
        median(cost.host_requests for cost in costs),
        median(cost.host_bytes for cost in costs),
        median(cost.near_bytes for cost in costs),
        min(cost.seconds for cost in costs),
    )


def _commands(
    site: _Site, name: str, command: str, keeps: Keeper, fill: Cost = NOTHING, near_bytes: int = 0
) -> Way:
    """Measure a command as a way; its `$STORE` is the folder of the machine or of the builder."""

    def once(number: int) -> Cost:
        folder = site.builder(number, "builder")
        store = site.work / "kept-store" if keeps is Keeper.MACHINE else folder / "store"
        cost = site.cost(lambda: run(command, folder, {"STORE": str(store)}).seconds, near_bytes)
        _remove(folder)
        return cost

    return _way(name, keeps, once, site.rounds, fill)


def _way(
    name: str, keeps: Keeper, once: Callable[[int], Cost], rounds: int, fill: Cost = NOTHING
) -> Way:
    """Measure a way; `once` measures the builder of a number."""
    if keeps is Keeper.NOBODY:
        each = _typical([once(number) for number in range(rounds)])
        return Way(name, keeps, each, each, fill)
    first, *later = (once(number) for number in range(1 + rounds))
    return Way(name, keeps, first, _typical(later), fill)


def _near(site: _Site, name: str, to: str, url: str, helper: str = "") -> Way:
    """Measure a way through a server of the fleet, to which the release is published, too."""
    folder = site.work / name.replace(", ", "-").replace(" ", "-")
    folder.mkdir()
    manifest = (site.lock.parent / "tar.gz.yaml").read_text()
    (folder / "near.yaml").write_text(manifest.replace(f"{site.host.limited}/{{file}}", url))
    command = (
        f"CGO_PREBUILT_CREDENTIAL_HELPER={helper} {shlex.quote(sys.executable)} -m cgo_prebuilt"
    )
    publish = f"{command} publish near.yaml --dist {site.host.limited} --to {to}"
    fill = site.cost(lambda: run(publish, folder, {}).seconds)
    run(f"{command} lock near.yaml", folder, {"CGO_PREBUILT_CACHE": str(folder / "store")})
    fetch = f"export CGO_PREBUILT_CREDENTIAL_HELPER={helper}; {_fetch(folder / 'near.lock.json')}"
    # Neither server reports what it sent: it is the archive, to each builder.
    size = site.archive.stat().st_size
    return _commands(site, name, fetch, Keeper.NOBODY, fill, near_bytes=size)


def _registry(site: _Site) -> Way:
    place = site.registry.place("fleet/payload")
    return _near(site, "cgo-prebuilt, registry", place, place)


def _objects(site: _Site) -> Way:
    bucket = site.objects.bucket("releases")
    helper = str(site.objects.helper(site.work / "helper", sys.executable))
    return _near(site, "cgo-prebuilt, object store", bucket, f"{bucket}/{{file}}", helper)


def _curl(site: _Site) -> Way:
    digest, url = sha256_of(site.archive)[0], f"{site.host.limited}/{site.archive.name}"
    command = (
        f"curl -sSfO {url} && echo '{digest}  {site.archive.name}' | sha256sum -c --quiet"
        f" && mkdir out && tar -C out -xzf {site.archive.name}"
    )
    return _commands(site, "curl, sha256sum, tar", command, Keeper.NOBODY)


def _fetch(lock: Path, mirror: str = "") -> str:
    return (
        f"CGO_PREBUILT_CACHE=$STORE CGO_PREBUILT_MIRROR={mirror} {shlex.quote(sys.executable)}"
        f" -m cgo_prebuilt fetch --lock {lock} --platform linux_amd64 --output out"
        " --auto-hard-links=yes"  # as Bazel's rules run it
    )


def _alone(site: _Site) -> Way:
    return _commands(site, "cgo-prebuilt, nothing kept", _fetch(site.lock), Keeper.NOBODY)


def _mirror(site: _Site) -> Way:
    command = f"{shlex.quote(sys.executable)} -m cgo_prebuilt mirror --lock {site.lock}"
    fill = site.cost(lambda: run(f"{command} --to {site.mirrored}", site.work, {}).seconds)
    fetch = _fetch(site.lock, site.mirror.plain)
    return _commands(site, "cgo-prebuilt, mirror", fetch, Keeper.NOBODY, fill)


def _store(site: _Site) -> Way:
    return _commands(site, "cgo-prebuilt, shared store", _fetch(site.lock), Keeper.MACHINE)


def _http_archive(site: _Site) -> Way:
    name, flags = "http_archive, nothing kept", ["--repository_cache="]
    return _in_bazel(site, name, Keeper.NOBODY, flags, ours=False)


def _http_archive_cached(site: _Site) -> Way:
    name, flags = "http_archive, repository cache", [f"--repository_cache={site.work}/kept"]
    return _in_bazel(site, name, Keeper.MACHINE, flags, ours=False)


def _transport_cached(site: _Site) -> Way:
    name, flags = "transport = bazel, repository cache", [f"--repository_cache={site.work}/kept-2"]
    return _in_bazel(site, name, Keeper.MACHINE, flags, ours=True)


def _remote_downloader(site: _Site) -> Way:
    flags = [
        "--repository_cache=",
        f"--remote_cache={site.remote}",
        f"--experimental_remote_downloader={site.remote}",
    ]
    # The remote cache does not report what it sent: it is the archive, to each builder.
    size = site.archive.stat().st_size
    name = "transport = bazel, remote downloader"
    return _in_bazel(site, name, Keeper.FLEET, flags, ours=True, near_bytes=size)


_WAYS = (
    _curl,
    _http_archive,
    _alone,
    _mirror,
    _registry,
    _objects,
    _store,
    _http_archive_cached,
    _transport_cached,
    _remote_downloader,
)


def _in_bazel(
    site: _Site, name: str, keeps: Keeper, flags: Sequence[str], *, ours: bool, near_bytes: int = 0
) -> Way:
    def once(number: int) -> Cost:
        return _bazel_fetch(site, number, flags, ours=ours, near_bytes=near_bytes)

    return _way(name, keeps, once, site.rounds)


def _bazel_fetch(
    site: _Site, number: int, flags: Sequence[str], *, ours: bool, near_bytes: int = 0
) -> Cost:
    """Measure a fetch by a builder whose Bazel has never fetched the release."""
    folder = site.builder(number, "workspace")
    workspace = _workspace(site, folder, ours)
    workspace.bazel("fetch", *flags, "--repo=@tiny").checked()

    def fetch() -> float:
        begin = time.perf_counter()
        workspace.bazel("fetch", *flags, "--repo=@payload").checked()
        return time.perf_counter() - begin

    cost = site.cost(fetch, near_bytes)
    workspace.bazel("clean", "--expunge").checked()
    _remove(folder)
    return cost


def _workspace(site: _Site, folder: Path, ours: bool) -> Workspace:
    module = LIBRARIES
    if not ours:
        module = HTTP_ARCHIVES.format(
            tiny=f"{site.host.limited}/tiny/{site.tiny.name}",
            tiny_sha256=sha256_of(site.tiny)[0],
            payload=f"{site.host.limited}/{site.archive.name}",
            sha256=sha256_of(site.archive)[0],
        )
    files: dict[str, str | bytes] = {
        "BUILD.bazel": "",
        "payload.lock.json": site.lock.read_bytes(),
        "tiny.lock.json": site.tiny_lock.read_bytes().replace(b'"payload"', b'"tiny"'),
    }
    own_store = {"CGO_PREBUILT_CACHE": str(folder / "store")}
    return make_workspace(folder / "workspace", site.tools, files, module, own_store)


def _remove(folder: Path) -> None:
    run("chmod -R u+w .", folder, {})
    shutil.rmtree(folder)
