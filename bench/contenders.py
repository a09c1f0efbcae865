"""What is compared: some work, the ways to do it, and what the design demands of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OURS = "cgo-prebuilt"


@dataclass(frozen=True)
class Contender:
    """One way to do the work of a scenario.

    Attributes:
        name: Of the way.
        command: What is measured, in bash; `$WORK` is a folder of this run, `$KEPT` one that outlives it.
        prepare: What goes before, unmeasured.
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
        contender: Of which contender.
        figure: Of what: `seconds`, `sent_bytes` or `peak_bytes`.
        most: The largest ratio to the rival's figure; the largest figure where there is no rival.
        rival: Another contender.
    """

    contender: str
    figure: str
    most: float
    rival: str = ""


@dataclass(frozen=True)
class Scenario:
    """Some work.

    Attributes:
        contenders: Who does it; the ratios are of the first one's seconds to the others'.
        targets: What is demanded.
    """

    contenders: Sequence[Contender]
    targets: Sequence[Target] = ()
