"""The model: what a day of a fleet costs, from what single fetches cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_DAY_SECONDS = 86_400

# The ways that docs/bench.json has, too: its scenario and contender for each.
_ALSO_IN_BENCH = {
    "cgo-prebuilt, shared store": ("second workspace", "cgo-prebuilt"),
    "http_archive, repository cache": (
        "second workspace",
        "Bazel http_archive, warm repository cache",
    ),
}


class Keeper(Enum):
    """Who keeps what was downloaded, so that the next one need not download it."""

    NOBODY = "nobody"
    MACHINE = "each machine"
    FLEET = "the fleet"


@dataclass(frozen=True)
class Cost:
    """What one fetch cost.

    Attributes:
        host_requests: The requests that the release host answered.
        host_bytes: The bytes that it sent, headers included.
        near_bytes: The bytes that the fleet's own server sent.
        seconds: The time from the command's start to its end.
    """

    host_requests: float = 0
    host_bytes: float = 0
    near_bytes: float = 0
    seconds: float = 0

    def times(self, factor: float) -> Cost:
        """Return this cost, multiplied by a factor."""
        return Cost(
            self.host_requests * factor,
            self.host_bytes * factor,
            self.near_bytes * factor,
            self.seconds * factor,
        )

    def plus(self, other: Cost) -> Cost:
        """Return the sum of both costs."""
        return Cost(
            self.host_requests + other.host_requests,
            self.host_bytes + other.host_bytes,
            self.near_bytes + other.near_bytes,
            self.seconds + other.seconds,
        )


NOTHING = Cost()
"""The cost of doing nothing."""


@dataclass(frozen=True)
class Way:
    """A way to get a library to all builders.

    Attributes:
        name: The way's name.
        keeps: Who keeps what was downloaded.
        first: The cost of a builder's fetch while nothing is kept yet.
        later: The cost of each later fetch.
        fill: The cost of what is done once for each platform of a release, before any fetch.
    """

    name: str
    keeps: Keeper
    first: Cost
    later: Cost
    fill: Cost = NOTHING


@dataclass(frozen=True)
class Fleet:
    """The assumptions.

    Attributes:
        builds: The builds a day; each needs the library.
        machines: The machines that they are spread over, if machines outlive a build.
        releases: The new locked versions a day.
        platforms: The platforms of a lock that the fleet builds for.
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
        host_requests: The requests to the release host.
        host_bytes: The bytes from the release host.
        host_rate: The same in bytes a second, spread over the day.
        near_bytes: The bytes from the fleet's own server.
        builder_bytes: The bytes that a builder gets over any network, on average.
        builder_seconds: How long a builder's fetch lasts, on average.
    """

    way: str
    keeps: str
    host_requests: int
    host_bytes: int
    host_rate: float
    near_bytes: int
    builder_bytes: int
    builder_seconds: float


def firsts(fleet: Fleet, keeps: Keeper) -> int:
    """How many builds of a day find nothing kept."""
    if keeps is Keeper.NOBODY:
        return fleet.builds
    keepers = fleet.machines if keeps is Keeper.MACHINE else fleet.platforms
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
        The cost. If the larger release cost no more, which is chance, the mean of both.
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
    """Scale all costs of a way.

    Raises:
        ValueError: The two are different ways.
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
        seconds: The seconds in docs/bench.json, by scenario and contender.

    Returns:
        A line for each way that both have.
    """
    lines = []
    for name, measured in _ALSO_IN_BENCH.items():
        if name in ways and measured in seconds:
            model, bench = ways[name].later.seconds, seconds[measured]
            lines.append(f"{name}: {model:.2f} s, docs/bench.json says {bench:.2f} s")
    return lines
