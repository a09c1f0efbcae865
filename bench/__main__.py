"""`make bench`: builds the payload, serves it, measures, prints a table, writes docs/bench.json and .svg."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.contenders import Contender, Scenario, scenarios
from bench.measure import Sample, run
from bench.payload import make_payload
from bench.report import Line, machine, summarize, table, verdict, write
from bench.servers import nginx
from tests.programs import provide

_DOCS = Path(__file__).resolve().parents[1] / "docs"
_PACKAGES = {
    "aria2c": "aria2",
    "bsdtar": "libarchive-tools",
    "zstd": "zstd",
}


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", type=int, default=1_050_000_000, help="bytes of the tree")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender")
    parser.add_argument("--only", default="", help="scenarios whose name has this")
    parser.add_argument("--bazel", help="compare with this Bazel's http_archive")
    parser.add_argument("--folder", type=Path, help="keep the payload here", required=True)
    options = parser.parse_args()
    for program, package in _PACKAGES.items():
        provide(program, package)
    payload = make_payload(options.folder, options.size)
    facts = {
        **machine(),
        "files": payload.files,
        "tree_bytes": payload.size,
        "zst_bytes": payload.archive("tar.zst").stat().st_size,
        "gz_bytes": payload.archive("tar.gz").stat().st_size,
        "rounds": options.rounds,
    }
    print("\n".join(f"{name}: {value}" for name, value in facts.items()), flush=True)
    lines: list[Line] = []
    verdicts = []
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder))
    try:
        with nginx(payload.served, work / "nginx") as servers:
            for scenario in scenarios(payload, servers, work, options.bazel):
                if options.only in scenario.name:
                    samples = _measure(scenario, options.rounds, work)
                    lines += summarize(scenario, samples)
                    verdicts.append(verdict(scenario, lines))
    finally:
        _remove(work)
    print("\n" + table(lines) + "\n\n" + "\n".join(verdicts))
    if not options.only:
        write(lines, facts, _DOCS)
    return 0


def _measure(scenario: Scenario, rounds: int, work: Path) -> dict[str, list[Sample]]:
    """Runs the contenders in turn, so that what else the machine does falls on all of them."""
    samples: dict[str, list[Sample]] = {one.name: [] for one in scenario.contenders}
    kept = {
        one.name: Path(tempfile.mkdtemp(prefix="kept-", dir=work)) for one in scenario.contenders
    }
    for number in range(rounds):
        for contender in scenario.contenders:
            print(f"{scenario.name}: {contender.name}, round {number + 1}", file=sys.stderr)
            samples[contender.name].append(_once(contender, kept[contender.name], work))
    for folder in kept.values():
        _remove(folder)
    return samples


def _once(contender: Contender, kept: Path, work: Path) -> Sample:
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    env = {"WORK": str(folder), "KEPT": str(kept)}
    try:
        run(contender.prepare, folder, env)
        os.sync()  # so that nobody waits for the disk to take what the one before wrote
        return run(contender.command, folder, env)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    subprocess.run(["chmod", "-R", "u+w", folder], check=False)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
