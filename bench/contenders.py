"""What is compared: some work, the ways to do it, and the design's limits for our way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OURS = "cgo-prebuilt"


@dataclass(frozen=True)
class Contender:
    """One way to do the work of a scenario.

    Attributes:
        name: The way's name.
        command: The measured bash command; `$WORK` is a folder of this run, and `$KEPT` one that
            outlives it.
        prepare: The bash command before it, which is not measured.
        in_server: Whether a server does the work, so that a process's time and memory say nothing.
        missing: Why it cannot be measured here; empty if it can.
    """

    name: str
    command: str
    prepare: str = "true"
    in_server: bool = False
    missing: str = ""


@dataclass(frozen=True)
class Target:
    """The most that the design allows.

    Attributes:
        contender: The contender's name.
        figure: The limited figure: `seconds`, `sent_bytes` or `peak_bytes`.
        most: The largest ratio to the rival's figure; without a rival, the largest figure.
        rival: Another contender's name.
    """

    contender: str
    figure: str
    most: float
    rival: str = ""


@dataclass(frozen=True)
class Scenario:
    """Some work.

    Attributes:
        contenders: The ways to do it. Ratios are those of the first one's seconds to the others'.
        targets: The design's limits.
    """

    contenders: Sequence[Contender]
    targets: Sequence[Target] = ()
