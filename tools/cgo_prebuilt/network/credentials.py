"""The GitHub token of an environment, as a header can carry it. Never part of a message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cgo_prebuilt.errors import UsageError

_NAMES: Final = ("GITHUB_TOKEN", "GH_TOKEN")
_TOKEN: Final = re.compile(r"[!-~]+")


def github_token(environ: Mapping[str, str]) -> str | None:
    """The token that an environment names, without the space around it; None without one.

    Raises:
        UsageError: It has characters that no header can carry; the token is not shown.
    """
    for name in _NAMES:
        token = environ.get(name, "").strip()
        if token and not _TOKEN.fullmatch(token):
            raise UsageError(
                "the GitHub token has a space, a control character or a letter that is not ASCII",
                where=name,
                remedy=f"set {name} again, to the token alone",
            )
        if token:
            return token
    return None
