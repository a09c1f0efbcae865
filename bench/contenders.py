"""What is compared. Every command downloads, verifies the SHA-256 and extracts, in a folder of its own."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.payload import Payload
from bench.servers import Servers
from cgo_prebuilt.digest import sha256_of

OURS = "cgo-prebuilt"


@dataclass(frozen=True)
class Contender:
    """One way to do the work of a scenario.

    Attributes:
        name: Of the way.
        command: What is measured, in bash; `$WORK` is a folder of this run, `$KEPT` one that outlives it.
        prepare: What goes before, unmeasured.
    """

    name: str
    command: str
    prepare: str = "true"


@dataclass(frozen=True)
class Scenario:
    """Some work, and the ways to do it; the target is a ratio to the first one that is not ours.

    Attributes:
        name: Of the work.
        contenders: Ours first.
        rival: Whom the target is measured against.
        target: The largest ratio of our time to the rival's that the design allows; None for none.
    """

    name: str
    contenders: tuple[Contender, ...]
    rival: str = ""
    target: float | None = None


def scenarios(
    payload: Payload, servers: Servers, folder: Path, bazel: str | None
) -> list[Scenario]:
    """All scenarios.

    Args:
        payload: What is fetched.
        servers: From where.
        folder: For locks and workspaces.
        bazel: The Bazel to compare with, or None to leave it out.
    """
    zst = payload.lock("tar.zst", servers.plain, folder)
    gz = payload.lock("tar.gz", servers.plain, folder)
    second = [_ours("store", gz)]
    if bazel:
        second.append(_http_archive(bazel, payload, servers, folder, "warm"))
    cold_zst = [
        _ours("cold", zst),
        Contender(
            "curl | tee sha256sum | zstd | tar",
            _piped(payload, servers.plain, "tar.zst", "zstd -d"),
        ),
        Contender(
            "curl, sha256sum, zstd, tar",
            f"curl -sSfO {servers.plain}/payload.tar.zst && {_sum(payload, 'tar.zst')}"
            " && mkdir out && zstd -dc payload.tar.zst | tar -C out -x",
        ),
        Contender("aria2c -x8, sha256sum, bsdtar", _aria2(payload, servers.plain, "tar.zst")),
    ]
    cold_gz = [
        _ours("cold", gz),
        Contender("aria2c -x8, sha256sum, bsdtar", _aria2(payload, servers.plain, "tar.gz")),
        Contender(
            "curl | tee sha256sum | gzip | tar",
            _piped(payload, servers.plain, "tar.gz", "gzip -d"),
        ),
        Contender("pooch", _pooch(payload, servers.plain)),
    ]
    if bazel:  # Debian's Bazel is built without zstd
        cold_gz.append(_http_archive(bazel, payload, servers, folder, "cold"))
    return [
        Scenario("cold fetch, tar.zst", tuple(cold_zst), cold_zst[1].name, 1.0),
        Scenario(
            "cold fetch, tar.gz",
            tuple(cold_gz),
            "aria2c -x8, sha256sum, bsdtar",
            0.5,
        ),
        Scenario(
            "12 MB/s a connection, tar.zst",
            (
                _ours("cold", zst, f"{servers.limited}/{{file}}"),
                Contender(
                    "aria2c -x8, sha256sum, bsdtar", _aria2(payload, servers.limited, "tar.zst")
                ),
            ),
            "aria2c -x8, sha256sum, bsdtar",
            1.1,
        ),
        Scenario(
            "second workspace",
            tuple(second),
            second[-1].name if bazel else "",
            1 / 20 if bazel else None,
        ),
        Scenario("nothing changed", (_ours("nothing", zst),)),
    ]


def _ours(kind: str, lock: Path, mirror: str = "") -> Contender:
    fetch = (
        f"{shlex.quote(sys.executable)} -m cgo_prebuilt fetch --lock {lock} --platform linux_amd64"
        " --auto-hard-links=yes"  # as Bazel's rules run it; at a prompt, root gets copies
    )
    if mirror:
        fetch = f"CGO_PREBUILT_MIRROR='{mirror}' {fetch}"
    warm = f"CGO_PREBUILT_CACHE=$KEPT/store {fetch} --output"
    if kind == "cold":
        return Contender(OURS, f"CGO_PREBUILT_CACHE=$WORK/store {fetch} --output out")
    if kind == "store":
        return Contender(OURS, f"{warm} out", prepare=f"{warm} $KEPT/first")
    return Contender(OURS, f"{warm} $KEPT/first", prepare=f"{warm} $KEPT/first")


def _sha256(payload: Payload, kind: str) -> str:
    return sha256_of(payload.archive(kind))[0]


def _sum(payload: Payload, kind: str) -> str:
    return f"echo '{_sha256(payload, kind)}  payload.{kind}' | sha256sum -c --quiet"


def _piped(payload: Payload, url: str, kind: str, decoder: str) -> str:
    return (
        f"mkdir out && curl -sSf {url}/payload.{kind}"
        f" | tee >(sha256sum > sum) | {decoder} | tar -C out -x"
        f" && grep -q {_sha256(payload, kind)} <(sleep 0.01; cat sum)"
    )


def _aria2(payload: Payload, url: str, kind: str) -> str:
    return (
        f"aria2c -q -x8 -s8 -k1M --file-allocation=none {url}/payload.{kind}"
        f" && {_sum(payload, kind)} && mkdir out && bsdtar -C out -xf payload.{kind}"
    )


def _pooch(payload: Payload, url: str) -> str:
    program = (
        "import pooch; pooch.retrieve("
        f"'{url}/payload.tar.gz', 'sha256:{_sha256(payload, 'tar.gz')}', path='.',"
        " processor=pooch.Untar())"
    )
    return f'{shlex.quote(sys.executable)} -c "{program}"'


def _http_archive(
    bazel: str, payload: Payload, servers: Servers, folder: Path, kind: str
) -> Contender:
    """Bazel's own rule; its server is started before and its start is not measured."""
    workspace = folder / f"http-archive-{kind}"
    workspace.mkdir(exist_ok=True)
    (workspace / "BUILD.bazel").touch()
    (workspace / "MODULE.bazel").write_text(
        'http_archive = use_repo_rule("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")\n'
        f'http_archive(name = "payload", url = "{servers.plain}/payload.tar.gz",'
        f' sha256 = "{_sha256(payload, "tar.gz")}", build_file_content = "")\n'
    )
    cache = "$KEPT/repository-cache" if kind == "warm" else "$WORK/repository-cache"
    run = f"cd {workspace} && {bazel} --output_base=$WORK/base --nohome_rc"
    fetch = f"--repository_cache={cache}"
    prepare = f"({run} info {fetch} release)"
    if kind == "warm":
        seed = f"(cd {workspace} && {bazel} --output_base=$KEPT/base --nohome_rc"
        prepare += f" && ([ -d $KEPT/base ] || {seed} fetch {fetch} --repo=@payload && {bazel}"
        prepare += " --output_base=$KEPT/base --nohome_rc shutdown))"
    return Contender(
        f"Bazel http_archive, {'warm repository cache' if kind == 'warm' else 'cold'}",
        f"{run} fetch {fetch} --repo=@payload",
        prepare=prepare,
    )
