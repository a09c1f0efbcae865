"""Choose the newest release to update to. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cgo_prebuilt.releases.github_api import Release, is_prerelease

_NUMBERED = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class UpdateCriteria:
    """The requirements for a release to update to.

    Attributes:
        tag: The template of the releases' tags, with `{version}`.
        min_age: The least age of the release.
        prereleases: Whether to consider pre-releases.
        withdrawn: The withdrawn versions.
    """

    tag: str
    min_age: timedelta = timedelta()
    prereleases: bool = False
    withdrawn: Container[str] = ()


def tag_template(tag: str, version: str) -> str | None:
    """Return the template of a tag: `v{version}` for `v1.2.0`; None if it lacks the version."""
    return tag.replace(version, "{version}") if tag.count(version) == 1 else None


def newest_version(
    releases: Iterable[Release],
    current: str,
    criteria: UpdateCriteria,
    now: datetime,
    on_skip: Callable[[str], None],
) -> str | None:
    """Choose the newest version that meets the criteria.

    Args:
        releases: The known releases, in any order.
        current: The present version.
        criteria: The requirements.
        now: The present time.
        on_skip: Called with each newer version that is skipped, and the reason.

    Returns:
        The version; None if there is no newer one.
    """
    before, _, after = criteria.tag.partition("{version}")
    found: dict[tuple[object, ...], str] = {}
    for release in releases:
        tag = release.tag
        if release.draft or not (tag.startswith(before) and tag.endswith(after)):
            continue
        version = tag[len(before) : len(tag) - len(after)]
        order, lowest = _order(version), _order(current)
        if order is None or (lowest is not None and order <= lowest):
            continue
        reason = _unfit(release, version, criteria, now)
        if reason is None:
            found[order] = version
        else:
            on_skip(f"{version} is skipped: {reason}")
    return found[max(found)] if found else None


def _unfit(release: Release, version: str, criteria: UpdateCriteria, now: datetime) -> str | None:
    if version in criteria.withdrawn:
        return "it is withdrawn"
    if not criteria.prereleases and (
        release.prerelease or is_prerelease(version) or _is_early(version)
    ):
        return "it is a pre-release"
    if criteria.min_age and (
        release.published is None or now - release.published < criteria.min_age
    ):
        return "it is not old enough"
    return None


def _is_early(version: str) -> bool:
    match = _NUMBERED.fullmatch(version)
    return match is not None and not match[2].startswith("+") and match[2] != ""


def _order(version: str) -> tuple[object, ...] | None:
    """Return a sort key for versions by semver.org; pre-releases before their release."""
    match = _NUMBERED.fullmatch(version)
    if match is None:
        return None
    numbers = tuple(int(part) for part in match[1].split("."))
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    early = match[2].partition("+")[0].lstrip("-")
    parts = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in early.split(".")
    )
    return (numbers, not early, parts)
