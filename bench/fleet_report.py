"""The model's answers as a table, as JSON and as a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.fleet_model import Day, Fleet, Way
from bench.servers import LIMIT

if TYPE_CHECKING:
    from bench.fleet_ways import Measured


def table(days: Sequence[Day]) -> str:
    """Aligned text."""
    rows = [("way", "kept by", "host GB/day", "requests", "near GB/day", "MB a build", "s a build")]
    rows += [
        (
            one.way,
            one.keeps,
            f"{one.host_bytes / 1e9:,.1f}",
            f"{one.host_requests:,}",
            f"{one.near_bytes / 1e9:,.1f}",
            f"{one.builder_bytes / 1e6:,.0f}",
            f"{one.builder_seconds:.2f}",
        )
        for one in days
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        words = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join(words + numbers))
    return "\n".join(lines)


_HEADER = (
    "| way | a fetch is | kept by | from the release host | requests to it"
    " | from the fleet's own servers | seconds a fetch |"
)


def guide_table(days: Sequence[Day]) -> str:
    """The rows of the guide's table, in Markdown."""
    lines = [_HEADER, "|---" * 7 + "|"]
    lines += [
        f"| {one.way} | {_fetch(one.way)} | {one.keeps} | {_size(one.host_bytes / 1e9)}"
        f" | {one.host_requests:,} | {_size(one.near_bytes / 1e9)} | {one.builder_seconds:.1f} |"
        for one in days
    ]
    return "".join(line + "\n" for line in lines)


def _fetch(way: str) -> str:
    """Return the kind of command that fetches: compare seconds only within one kind."""
    if way.startswith("curl"):
        return "a shell command"
    return "`cgo-prebuilt fetch`" if way.startswith("cgo-prebuilt") else "`bazel fetch`"


def with_table(guide: str, rows: str) -> str:
    """Replace a guide's table of the fleet.

    Args:
        guide: The guide's text, which has such a table.
        rows: From `guide_table`.

    Raises:
        ValueError: It has no such table.
    """
    before, header, rest = guide.partition(_HEADER + "\n")
    if not header:
        raise ValueError("the guide has no table of a fleet")
    lines = rest.splitlines(keepends=True)
    while lines and lines[0].startswith("|"):
        del lines[0]
    return before + rows + "".join(lines)


def document(
    fleet: Fleet,
    archive_bytes: int,
    facts: Mapping[str, Any],
    measured: Sequence[Measured],
    days: Sequence[Day],
    compared: Sequence[str],
) -> dict[str, Any]:
    """Return the contents of docs/fleet.json.

    Args:
        fleet: The assumptions.
        archive_bytes: The archive's size for the model.
        facts: The facts of the measuring machine.
        measured: The measurements that were scaled.
        days: The model's answers.
        compared: How they compare with docs/bench.json.
    """
    return {
        "assumed": {**asdict(fleet), "host_bytes_a_second_a_connection": LIMIT},
        "archive_bytes": archive_bytes,
        "days": [asdict(one) for one in days],
        "measured_on": dict(facts),
        "measured": [
            {
                "archive_bytes": one.archive_bytes,
                "tree_bytes": one.tree_bytes,
                "ways": [_way(way) for way in one.ways],
            }
            for one in measured
        ],
        "compared": list(compared),
    }


def _way(way: Way) -> dict[str, Any]:
    return {**asdict(way), "keeps": way.keeps.value}


def write(answers: dict[str, Any], days: Sequence[Day], folder: Path) -> None:
    """Writes `fleet.json`, `fleet.svg` and the table of `fleet.md` into a folder."""
    (folder / "fleet.json").write_text(json.dumps(answers, indent=2) + "\n")
    guide = folder / "fleet.md"
    text = with_table(guide.read_text(encoding="utf-8"), guide_table(days))
    guide.write_text(text, encoding="utf-8")
    plot(days, folder / "fleet.svg")


def plot(days: Sequence[Day], path: Path) -> None:
    """Draws what the release host sends a day, and how long a builder's fetch lasts."""
    import matplotlib

    matplotlib.use("svg")
    # Without these the file would differ from run to run: element ids, and the time.
    matplotlib.rcParams["svg.hashsalt"] = "fleet"
    from matplotlib import pyplot

    names = [one.way for one in days][::-1]
    figure, (sent, lasted) = pyplot.subplots(
        1, 2, figsize=(11, 1.2 + 0.42 * len(days)), sharey=True
    )
    gigabytes = [one.host_bytes / 1e9 for one in days][::-1]
    seconds = [one.builder_seconds for one in days][::-1]
    bars = sent.barh(names, gigabytes, color="#1f6f8b")
    sent.bar_label(bars, [_size(value) for value in gigabytes], padding=3)
    sent.set_xscale("log")
    sent.set_title("from the release host, a day (log scale)", loc="left", fontsize=10)
    sent.set_xticks([])
    sent.minorticks_off()
    bars = lasted.barh(names, seconds, color="#b8c4cc")
    lasted.bar_label(bars, fmt="%.1f s", padding=3)
    lasted.set_title("a builder's fetch, on average", loc="left", fontsize=10)
    lasted.set_xticks([])
    for axis in (sent, lasted):
        axis.margins(x=0.3)
        for side in ("top", "right", "bottom"):
            axis.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _size(gigabytes: float) -> str:
    if gigabytes >= 1000:
        return f"{gigabytes / 1000:.1f} TB"
    return f"{gigabytes:.1f} GB" if gigabytes else "0"
