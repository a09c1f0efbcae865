"""`make bench`: serve a payload, measure contenders in turn, print a table, keep the results."""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import cgo_prebuilt
from bench.bazel_ways import BazelWays
from bench.contenders import Contender, Scenario
from bench.measure import Sample, run
from bench.payload import Payload, make_payload
from bench.peer_programs import PeerPrograms
from bench.peers import Peers
from bench.report import Line, machine, merged, read, summarize, table, verdict, worse
from bench.scenarios import IN_BAZEL, SCENARIOS, Site
from bench.servers import nginx
from tests.bazel.provision import find_bazel
from tests.e2e.oci_registry import oci_registry

_RESULTS = Path(__file__).resolve().parents[1] / "docs/bench.json"
_SIZE = 1_050_000_000


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", type=int, default=_SIZE, help="bytes of the tree")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender")
    parser.add_argument("--only", default="", help="only scenarios whose name contains this")
    parser.add_argument("--no-bazel", action="store_true", help="leave out all that runs in Bazel")
    parser.add_argument("--no-install", action="store_true", help="use installed programs only")
    parser.add_argument("--folder", type=Path, help="keep the payload here", required=True)
    parser.add_argument("--results", type=Path, help="compare with these, and replace them")
    options = parser.parse_args()
    results = options.results or (_RESULTS if options.size == _SIZE else None)
    options.folder.mkdir(parents=True, exist_ok=True)
    # As an installer does; some environments keep Python from writing bytecode.
    compileall.compile_dir(Path(cgo_prebuilt.__file__).parent, quiet=1)
    payload = make_payload(options.folder.resolve(), options.size)
    peers = Peers(payload, PeerPrograms(options.folder / "peers", install=not options.no_install))
    os.environ["PATH"] = peers.programs.path
    makers = {**SCENARIOS, **({} if options.no_bazel else IN_BAZEL)}
    lines: list[Line] = []
    verdicts = []
    with _site(payload, peers, bazel=not options.no_bazel) as site:
        for name, make in makers.items():
            if options.only in name:
                print(f"{name}: preparing", file=sys.stderr, flush=True)
                scenario = make(site)
                samples = _measure(name, scenario, options.rounds, site)
                measured = summarize(name, scenario, samples)
                print(table(measured), file=sys.stderr, flush=True)
                lines += measured
                verdicts += [verdict(target, measured) for target in scenario.targets]
    print("\n".join([table(lines), "", *verdicts]))
    if results:
        before = read(results)
        print("\n".join(worse(before, lines)))
        facts = {
            **machine(),
            "date": datetime.now(timezone.utc).date().isoformat(),
            "load_average": round(os.getloadavg()[0], 1),
            "files": payload.files,
            "tree_bytes": payload.size,
            "zst_bytes": payload.archive("tar.zst").stat().st_size,
            "gz_bytes": payload.archive("tar.gz").stat().st_size,
            "rounds": options.rounds,
        }
        results.write_text(json.dumps(merged(before, facts, lines), indent=2) + "\n")
    return 0


@contextmanager
def _site(payload: Payload, peers: Peers, *, bazel: bool) -> Iterator[Site]:
    """Run the servers, with a folder that is removed at the end."""
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=payload.folder.parent))
    tiny = make_payload(payload.folder.parent, 1)
    tiny.archive("tar.gz")
    linked = payload.served / "tiny"
    if not linked.exists():
        linked.symlink_to(tiny.served)
    try:
        with (
            oci_registry(work / "registry", "none") as registry,
            nginx(payload.served, work / "nginx", registry.address) as servers,
        ):
            ways = None
            if bazel:
                ways = BazelWays(find_bazel(), payload, tiny, servers, work / "b", work / "locks")
                ways.folder.mkdir()
            yield Site(payload, peers, servers, registry, ways, work)
    finally:
        _remove(work)


def _measure(name: str, scenario: Scenario, rounds: int, site: Site) -> dict[str, list[Sample]]:
    """Run the contenders in turn, so that other load on the machine affects all of them equally."""
    running = [one for one in scenario.contenders if not one.missing]
    samples: dict[str, list[Sample]] = {one.name: [] for one in running}
    kept = {one.name: Path(tempfile.mkdtemp(prefix="kept-", dir=site.folder)) for one in running}
    for number in range(rounds):
        for contender in running:
            print(f"{name}: {contender.name}, round {number + 1}", file=sys.stderr, flush=True)
            samples[contender.name].append(_once(contender, kept[contender.name], site))
    for folder in kept.values():
        _remove(folder)
    return samples


def _once(contender: Contender, kept: Path, site: Site) -> Sample:
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=site.folder))
    env = {"WORK": str(folder), "KEPT": str(kept)}
    try:
        run(contender.prepare, folder, env)
        os.sync()  # so that no contender waits for the writes of the one before
        before = len(site.servers.sent())
        sample = run(contender.command, folder, env)
        return Sample(
            sample.seconds,
            sample.cpu_seconds,
            sample.peak_bytes,
            sum(site.servers.sent()[before:]),
        )
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    subprocess.run(["chmod", "-R", "u+w", folder], check=False)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
