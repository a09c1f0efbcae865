"""What the environment says, read once and handed on.

Nothing else in the package reads `os.environ` for settings of its own, so a caller (a test, a
repository rule) can see in one place what influences a fetch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cgo_prebuilt.errors import UsageError

FALLBACKS = ("auto", "never", "always")
"""The policies: build from source when the prebuilt cannot be had, never, or without trying it."""

_ADDRESS = re.compile(r"(?i)(https?|file)://?")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one fetch.

    Attributes:
        offline: Contact nothing: the store, a `file://` mirror, or an error.
        fallback: One of `FALLBACKS`.
        mirror: A base URL or template that replaces every URL of the lock, or None.
        release_url: The same for one library; `mirror` wins over it.
        version: The version to take instead of the lock's default, or None.
        flavor: The flavor to take instead of the default one, or None.
    """

    offline: bool = False
    fallback: str = "auto"
    mirror: str | None = None
    release_url: str | None = None
    version: str | None = None
    flavor: str | None = None


def environment_name(library: str) -> str:
    """The prefix of a library's own variables: `lancedb-go` is `LANCEDB_GO`."""
    return re.sub(r"[^A-Z0-9]", "_", library.upper())


def read_settings(
    environ: Mapping[str, str],
    library: str,
    *,
    offline: bool = False,
    fallback: str | None = None,
    version: str | None = None,
    flavor: str | None = None,
    mirror: str | None = None,
) -> Settings:
    """Joins the environment and the command line; the command line wins.

    Args:
        environ: The environment.
        library: The library's name, for `<NAME>_VERSION` and `<NAME>_RELEASE_URL`.
        offline: True where the command line asks for it.
        fallback: The command line's policy, or None.
        version: The command line's version, or None.
        flavor: The command line's flavor, or None.
        mirror: The URL of the command line's folder of archives, or None.

    Raises:
        UsageError: A variable has a value that it cannot have.
    """
    prefix = environment_name(library)
    policy = fallback or environ.get("CGO_PREBUILT_FALLBACK") or "auto"
    if policy not in FALLBACKS:
        raise UsageError(
            f"fallback {policy!r} is not a policy",
            where="CGO_PREBUILT_FALLBACK",
            remedy=f"use one of {', '.join(FALLBACKS)}",
        )
    return Settings(
        offline=offline or is_on(environ.get("CGO_PREBUILT_OFFLINE", "")),
        fallback=policy,
        mirror=mirror or _address(environ, "CGO_PREBUILT_MIRROR"),
        release_url=_address(environ, f"{prefix}_RELEASE_URL"),
        version=version or environ.get(f"{prefix}_VERSION") or None,
        flavor=flavor,
    )


def _address(environ: Mapping[str, str], variable: str) -> str | None:
    value = environ.get(variable)
    if value and not _ADDRESS.match(value):
        raise UsageError(
            f"{variable} is no URL of http, https or file",  # its value may hold a password
            where=variable,
            remedy="a folder is file:///srv/mirror, a server https://mirror.example.com",
        )
    return value or None


def is_on(value: str) -> bool:
    """Whether a variable such as `CGO_PREBUILT_OFFLINE` is set to something that means yes."""
    return value.strip().lower() not in ("", "0", "false", "no", "off")
