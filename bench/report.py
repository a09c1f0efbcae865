"""The results as a table, as JSON, and beside earlier ones."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.contenders import Scenario, Target
from bench.measure import Sample

_WORSE = 1.05


@dataclass(frozen=True)
class Line:
    """The figures of one contender of a scenario: medians, except for `peak_bytes`.

    Attributes:
        scenario: The scenario's name.
        contender: The contender's name.
        seconds: The elapsed time; None if it was not measured.
        runs: The seconds of each run.
        ratio: The first contender's seconds divided by its own: below 1, the first one is faster.
        sent_bytes: The bytes that the server sent.
        cpu_seconds: The processor's time; None if a server did the work.
        peak_bytes: The largest peak of all runs; None if a server did the work.
        missing: Why it was not measured.
    """

    scenario: str
    contender: str
    seconds: float | None = None
    runs: Sequence[float] = ()
    ratio: float | None = None
    sent_bytes: int | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    missing: str = ""


def summarize(name: str, scenario: Scenario, samples: Mapping[str, Sequence[Sample]]) -> list[Line]:
    """The lines of a scenario.

    Args:
        name: The scenario's name.
        scenario: The scenario.
        samples: The runs of each contender by name, without those that are missing.
    """
    first = median(one.seconds for one in samples[scenario.contenders[0].name])
    lines = []
    for contender in scenario.contenders:
        runs = samples.get(contender.name, ())
        if not runs:
            lines.append(Line(name, contender.name, missing=contender.missing))
            continue
        seconds = median(one.seconds for one in runs)
        lines.append(
            Line(
                name,
                contender.name,
                seconds,
                [round(one.seconds, 3) for one in runs],
                first / seconds,
                round(median(one.sent_bytes for one in runs)),
                None if contender.in_server else median(one.cpu_seconds for one in runs),
                None if contender.in_server else max(one.peak_bytes for one in runs),
            )
        )
    return lines


def verdict(target: Target, lines: Sequence[Line]) -> str:
    """Return a sentence on whether a target is met.

    Args:
        target: The target.
        lines: The lines of its scenario.
    """
    figures = {line.contender: getattr(line, target.figure) for line in lines}
    figure, rival = figures[target.contender], figures.get(target.rival, 1)
    name, subject = lines[0].scenario, f"{target.contender}, {target.figure}"
    if figure is None or rival is None:
        return f"{name}: {subject}: not measured"
    word = "holds" if figure / rival <= target.most else "MISSED"
    than = f" of {target.rival}" if target.rival else ""
    return f"{name}: {subject}: {figure / rival:.3g}{than}, target {target.most:.3g}: {word}"


def table(lines: Sequence[Line]) -> str:
    """Aligned text."""
    columns = (
        "scenario",
        "contender",
        "seconds",
        "min..max",
        "ratio",
        "sent MB",
        "cpu s",
        "peak MB",
    )
    rows = [columns, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cells(line: Line) -> tuple[str, ...]:
    if line.seconds is None:
        return (line.scenario, line.contender, f"not measured: {line.missing}", *[""] * 5)
    return (
        line.scenario,
        line.contender,
        f"{line.seconds:.2f}",
        f"{min(line.runs):.2f}..{max(line.runs):.2f}",
        f"{line.ratio:.2f}",
        *(
            "" if value is None else f"{value / unit:.{digits}f}"
            for value, unit, digits in (
                (line.sent_bytes, 1e6, 1),
                (line.cpu_seconds, 1, 2),
                (line.peak_bytes, 1e6, 0),
            )
        ),
    )


def machine() -> dict[str, Any]:
    """Return the facts of this machine that a reader of the figures needs."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def worse(before: Mapping[str, Any], lines: Sequence[Line]) -> list[str]:
    """Return the contenders whose ratio has grown by more than a twentieth since earlier results.

    Args:
        before: The earlier results, as `merged` gives them.
        lines: The new ones.
    """
    ratios = {(one["scenario"], one["contender"]): one["ratio"] for one in before["lines"]}
    found = []
    for line in lines:
        ratio = ratios.get((line.scenario, line.contender))
        if ratio and line.ratio and line.ratio > _WORSE * ratio:
            text = f"{ratio:.2f} before, {line.ratio:.2f} now"
            found.append(f"WORSE: {line.scenario}: to {line.contender}: {text}")
    return found


def merged(
    before: Mapping[str, Any], facts: Mapping[str, Any], lines: Sequence[Line]
) -> dict[str, Any]:
    """Return earlier results with the measured scenarios replaced; each scenario has its own facts.

    Args:
        before: The earlier results; empty for none.
        facts: The facts of the machine, the payload and the run.
        lines: What was measured.
    """
    measured = dict.fromkeys(line.scenario for line in lines)
    kept = [one for one in before.get("lines", []) if one["scenario"] not in measured]
    return {
        "facts": {**before.get("facts", {}), **{name: dict(facts) for name in measured}},
        "lines": [*kept, *(asdict(line) for line in lines)],
    }


def read(path: Path) -> dict[str, Any]:
    """Earlier results; empty without any."""
    answer: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return answer or {"facts": {}, "lines": []}
