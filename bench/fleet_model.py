"""The model: what a day of a fleet costs, from what single fetches cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_DAY_SECONDS = 86_400

# A way, and the scenario and contender of docs/bench.json that are the same.
_ALSO_IN_BENCH = {
    "cgo-prebuilt, shared store": ("second workspace", "cgo-prebuilt"),
    "http_archive, repository cache": (
        "second workspace",
        "Bazel http_archive, warm repository cache",
    ),
}


class Keeps(Enum):
    """Who keeps what was downloaded, so that the next one need not download it."""

    NOBODY = "nobody"
    MACHINE = "each machine"
    FLEET = "the fleet"


@dataclass(frozen=True)
class Cost:
    """What one fetch cost.

    Attributes:
        host_requests: That the release host answered.
        host_bytes: That it sent, headers included.
        near_bytes: That a server of the fleet's own sent.
        seconds: From the command's start to its end.
    """

    host_requests: float = 0
    host_bytes: float = 0
    near_bytes: float = 0
    seconds: float = 0

    def times(self, factor: float) -> Cost:
        """So many of it."""
        return Cost(
            self.host_requests * factor,
            self.host_bytes * factor,
            self.near_bytes * factor,
            self.seconds * factor,
        )

    def plus(self, other: Cost) -> Cost:
        """Both."""
        return Cost(
            self.host_requests + other.host_requests,
            self.host_bytes + other.host_bytes,
            self.near_bytes + other.near_bytes,
            self.seconds + other.seconds,
        )


NOTHING = Cost()
"""What costs nothing."""


@dataclass(frozen=True)
class Way:
    """A way to get a library to all builders.

    Attributes:
        name: Of the way.
        keeps: Who keeps what was downloaded.
        first: A builder's fetch where nothing is kept yet.
        later: Each one after it.
        fill: What is done once for each platform of a release, before any builder's fetch.
    """

    name: str
    keeps: Keeps
    first: Cost
    later: Cost
    fill: Cost = NOTHING


@dataclass(frozen=True)
class Fleet:
    """The assumptions.

    Attributes:
        builds: A day; each needs the library.
        machines: Over which they are spread, where machines stay from one build to the next.
        releases: New locked versions a day.
        platforms: That a lock names and the fleet builds for.
    """

    builds: int = 10_000
    machines: int = 100
    releases: int = 1
    platforms: int = 4


@dataclass(frozen=True)
class Day:
    """What a day costs.

    Attributes:
        way: The way's name.
        keeps: Who keeps what was downloaded.
        host_requests: To the release host.
        host_bytes: From the release host.
        host_rate: The same as bytes a second, spread over the day.
        near_bytes: From the fleet's own server.
        builder_bytes: That a builder gets over any network, on average.
        builder_seconds: That a builder's fetch lasts, on average.
    """

    way: str
    keeps: str
    host_requests: int
    host_bytes: int
    host_rate: float
    near_bytes: int
    builder_bytes: int
    builder_seconds: float


def firsts(fleet: Fleet, keeps: Keeps) -> int:
    """How many builds of a day find nothing kept."""
    if keeps is Keeps.NOBODY:
        return fleet.builds
    keepers = fleet.machines if keeps is Keeps.MACHINE else fleet.platforms
    return min(fleet.builds, keepers * fleet.releases)


def day(fleet: Fleet, way: Way) -> Day:
    """What a day of a fleet costs with one way."""
    early = firsts(fleet, way.keeps)
    builders = way.first.times(early).plus(way.later.times(fleet.builds - early))
    total = builders.plus(way.fill.times(fleet.releases * fleet.platforms))
    return Day(
        way=way.name,
        keeps=way.keeps.value,
        host_requests=math.ceil(total.host_requests),
        host_bytes=round(total.host_bytes),
        host_rate=total.host_bytes / _DAY_SECONDS,
        near_bytes=round(total.near_bytes),
        builder_bytes=round((builders.host_bytes + builders.near_bytes) / fleet.builds),
        builder_seconds=builders.seconds / fleet.builds,
    )


def scale(small: tuple[int, Cost], large: tuple[int, Cost], size: int) -> Cost:
    """The cost of a release of any size, on the line through two that were measured.

    Args:
        small: Bytes of the smaller release's archive, and what it cost.
        large: The same of the larger one.
        size: Bytes of the archive whose cost is wanted; no less than the smaller one's.

    Returns:
        Its cost. Where the larger one cost no more, which is chance, the mean of both.
    """

    def on_line(first: float, second: float) -> float:
        if second <= first:
            return (first + second) / 2
        return first + (second - first) * (size - small[0]) / (large[0] - small[0])

    one, two = small[1], large[1]
    return Cost(
        on_line(one.host_requests, two.host_requests),
        on_line(one.host_bytes, two.host_bytes),
        on_line(one.near_bytes, two.near_bytes),
        on_line(one.seconds, two.seconds),
    )


def scale_way(small: tuple[int, Way], large: tuple[int, Way], size: int) -> Way:
    """The same of all costs of a way.

    Raises:
        ValueError: They are two ways.
    """
    one, two = small[1], large[1]
    if (one.name, one.keeps) != (two.name, two.keeps):
        raise ValueError(f"{one.name} and {two.name} are two ways")

    def scaled(first: Cost, second: Cost) -> Cost:
        return scale((small[0], first), (large[0], second), size)

    return Way(
        one.name,
        one.keeps,
        scaled(one.first, two.first),
        scaled(one.later, two.later),
        scaled(one.fill, two.fill),
    )


def checks(ways: Mapping[str, Way], seconds: Mapping[tuple[str, str], float]) -> list[str]:
    """Compares what was scaled with what `make bench` measured at that size.

    Args:
        ways: The scaled ways, by name.
        seconds: Of docs/bench.json, by scenario and contender.

    Returns:
        A line for each way that both have.
    """
    lines = []
    for name, measured in _ALSO_IN_BENCH.items():
        if name in ways and measured in seconds:
            model, bench = ways[name].later.seconds, seconds[measured]
            lines.append(f"{name}: {model:.2f} s, docs/bench.json says {bench:.2f} s")
    return lines
