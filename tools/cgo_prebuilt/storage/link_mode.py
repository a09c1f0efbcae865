"""The methods by which files get from the store into an output folder; see docs/decisions/links.md."""

from __future__ import annotations

from enum import Enum


class Method(Enum):
    """A method to create a file, the best first."""

    REFLINK = "reflink"
    HARDLINK = "hardlink"
    COPY = "copy"


def methods_of(mode: str, *, hard_links: bool) -> tuple[Method, ...]:
    """Return the methods to try, in order; the last always works.

    Args:
        mode: One of `settings.LINK_MODES`.
        hard_links: Whether `auto` may make hard links, see `may_share`.
    """
    if mode == "auto":
        return tuple(Method) if hard_links else (Method.REFLINK, Method.COPY)
    asked = Method(mode)
    return (asked,) if asked is Method.COPY else (asked, Method.COPY)


def may_share(*, is_root: bool, rules: bool | None) -> bool:
    """Return whether `auto` makes hard links, which share a file with the store and other workspaces.

    Args:
        is_root: Whether this user is root, who can write through a link to a read-only file.
        rules: The decision of the Bazel rules, which compare each file before its use and know Bazel's
            version; None at a prompt.
    """
    return not is_root if rules is None else rules
