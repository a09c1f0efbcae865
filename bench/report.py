"""The results as a table, as JSON and as a plot."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.contenders import OURS, Scenario
from bench.measure import Sample


@dataclass(frozen=True)
class Line:
    """The medians of one contender in one scenario.

    Attributes:
        scenario: Its name.
        contender: Its name.
        seconds: Of the wall clock.
        cpu_seconds: Of the processor.
        peak_bytes: The largest peak of all runs.
        ratio: Our seconds to its seconds; less than 1 is faster.
        runs: The seconds of each run.
    """

    scenario: str
    contender: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    ratio: float
    runs: list[float]


def summarize(scenario: Scenario, samples: dict[str, list[Sample]]) -> list[Line]:
    """The lines of a scenario, ours first."""
    ours = median(sample.seconds for sample in samples[OURS])
    lines = []
    for contender in scenario.contenders:
        runs = [sample.seconds for sample in samples[contender.name]]
        lines.append(
            Line(
                scenario.name,
                contender.name,
                median(runs),
                median(sample.cpu_seconds for sample in samples[contender.name]),
                max(sample.peak_bytes for sample in samples[contender.name]),
                ours / median(runs),
                runs,
            )
        )
    return lines


def verdict(scenario: Scenario, lines: list[Line]) -> str:
    """One sentence: whether the design's target holds."""
    if scenario.target is None:
        return f"{scenario.name}: no target"
    ratio = next(
        line.ratio
        for line in lines
        if (line.scenario, line.contender) == (scenario.name, scenario.rival)
    )
    word = "holds" if ratio <= scenario.target else "MISSED"
    return (
        f"{scenario.name}: {ratio:.2f}x of {scenario.rival}, target {scenario.target:.2f}x: {word}"
    )


def table(lines: list[Line]) -> str:
    """Aligned text."""
    rows = [("scenario", "contender", "seconds", "cpu s", "peak MB", "ours / it")]
    for line in lines:
        rows.append(
            (
                line.scenario,
                line.contender,
                f"{line.seconds:.2f}",
                f"{line.cpu_seconds:.2f}",
                f"{line.peak_bytes / 1e6:.0f}",
                f"{line.ratio:.2f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def machine() -> dict[str, Any]:
    """The facts of this machine that matter for a reader of the figures."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    import os

    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def write(lines: list[Line], facts: dict[str, Any], folder: Path) -> None:
    """Writes `bench.json` and `bench.svg` into a folder."""
    document = {"facts": facts, "lines": [asdict(line) for line in lines]}
    (folder / "bench.json").write_text(json.dumps(document, indent=2) + "\n")
    _plot(lines, folder / "bench.svg")


def _plot(lines: list[Line], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    # Without these the file would differ from run to run: element ids, and the time.
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    from matplotlib import pyplot

    names = list(dict.fromkeys(line.scenario for line in lines))
    figure, axes = pyplot.subplots(len(names), 1, figsize=(9, 1.1 + 0.42 * len(lines)))
    for axis, name in zip(axes, names, strict=True):
        chosen = [line for line in lines if line.scenario == name][::-1]
        colors = ["#1f6f8b" if line.contender == OURS else "#b8c4cc" for line in chosen]
        bars = axis.barh(
            [line.contender for line in chosen], [line.seconds for line in chosen], color=colors
        )
        axis.bar_label(bars, fmt="%.2f s", padding=3)
        axis.set_title(name, loc="left", fontsize=10)
        axis.margins(x=0.15)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
