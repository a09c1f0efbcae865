"""`make fleet`: what a fleet of builders costs a release host and each builder, by the way it fetches.

Bytes, requests and seconds are measured (`fleet_ways`) with releases of two sizes, and scaled from
these to the size that docs/bench.json names (`fleet_model`). `Fleet` has the assumptions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from bench.fleet_model import Fleet, checks, day, scale_way
from bench.fleet_report import document, table, write
from bench.fleet_ways import measure_ways
from bench.report import machine

_DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> int:
    """Measures, models, prints, and writes docs/fleet.json and docs/fleet.svg."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the payloads here", required=True)
    parser.add_argument(
        "--sizes",
        type=int,
        nargs=2,
        default=(150_000_000, 450_000_000),
        help="bytes of the two trees, the smaller first",
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each later fetch")
    options = parser.parse_args()
    # The load of the last minute is not this program's: other programs lengthen the seconds.
    facts = {**machine(), "load_average": os.getloadavg()[0]}
    bench = json.loads((_DOCS / "bench.json").read_text())
    size = bench["facts"]["cold fetch, tar.gz"]["gz_bytes"]
    small, large = (measure_ways(options.folder, tree, options.rounds) for tree in options.sizes)
    ways = [
        scale_way((small.archive_bytes, one), (large.archive_bytes, two), size)
        for one, two in zip(small.ways, large.ways, strict=True)
    ]
    fleet = Fleet()
    days = [day(fleet, way) for way in ways]
    seconds = {(line["scenario"], line["contender"]): line["seconds"] for line in bench["lines"]}
    compared = checks({way.name: way for way in ways}, seconds)
    print("\n".join([table(days), "", *compared]))
    write(document(fleet, size, facts, (small, large), days, compared), days, _DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
