"""The settings of the environment and the command line, read once.

`read_settings` collects what influences a fetch, so a caller (a test, a repository rule) sees it in
one place. The modules that own credentials, the store and debugging read their own variables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.errors import LockError, UsageError
from cgo_prebuilt.trust import NO_REQUIREMENTS, Trust
from cgo_prebuilt.url import Url

ORIGINS = ("auto", "prebuilt", "source")
"""Where a library may come from: the prebuilt, else its source; only the prebuilt; only the source."""

_MIRROR = "CGO_PREBUILT_MIRROR"

LINK_MODES = ("auto", "reflink", "hardlink", "copy")
"""How files leave the store: the best safe method, or a given one with copying as its fallback."""

_LINK_MODE = "CGO_PREBUILT_LINK_MODE"

_WAIT = "CGO_PREBUILT_WAIT_SECONDS"

_RENAMED = {"CGO_PREBUILT_FALLBACK": "CGO_PREBUILT_ORIGIN"}
"""New variable names by old ones. Ignoring an old one could allow a build that it forbids."""

NEW_ORIGINS = {"never": "prebuilt", "always": "source"}
"""New origin names by old ones."""

_URL = re.compile(r"(?i)(https?|file)://?")
_CONTROL = re.compile("[\x00-\x1f\x7f]")

# A placeholder with percent-encoded braces, as in a URL made from a path.
_QUOTED_PLACEHOLDER = re.compile(r"%7B(\w+)%7D")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one fetch.

    Attributes:
        offline: Contact no server: use the store or a `file://` mirror, else fail.
        origin: One of `ORIGINS`.
        mirror: A base URL or template that replaces every URL of the lock, or None.
        release_url: The same for one library; `mirror` takes precedence.
        release_url_variable: The variable that set `release_url`; empty if none did.
        version: The version to take instead of the lock's default, or None.
        flavor: The flavor to take instead of the default one, or None.
        allowed_linkopts: The words of link options that are allowed even if they can run a program.
        trust: Who must vouch for the release.
        mirror_name: The option or variable that names the mirror, for messages.
    """

    offline: bool = False
    origin: str = "auto"
    mirror: Url | None = None
    release_url: Url | None = None
    release_url_variable: str = ""
    version: str | None = None
    flavor: str | None = None
    allowed_linkopts: frozenset[str] = frozenset()
    trust: Trust = NO_REQUIREMENTS
    mirror_name: str = _MIRROR


def library_variables(library: str, setting: str) -> tuple[str, str]:
    """Return the variables for a library's setting, by precedence.

    `rules/private/library_variables.bzl` has the same rule. Other programs may use
    the short name, too: a container may set it for one of them.

    Args:
        library: The library's name in its lock.
        setting: `VERSION` or `RELEASE_URL`.

    Returns:
        For `lancedb-go`, `CGO_PREBUILT_LANCEDB_GO_VERSION` and `LANCEDB_GO_VERSION`.
    """
    name = re.sub(r"[^A-Z0-9]", "_", re.sub("[a-z]", lambda letter: letter[0].upper(), library))
    return f"CGO_PREBUILT_{name}_{setting}", f"{name}_{setting}"


@dataclass(frozen=True, slots=True)
class CommandLineSettings:
    """What a command line asks for; it takes precedence over the environment.

    Attributes:
        offline: Whether it forbids the network.
        origin: The origin, or None.
        version: The version, or None.
        flavor: The flavor, or None.
        mirror: The mirror, a URL or a folder, or None.
        default_mirror: The mirror in MODULE.bazel; every variable takes precedence over it.
        trust: Who must vouch for the release.
    """

    offline: bool = False
    origin: str | None = None
    version: str | None = None
    flavor: str | None = None
    mirror: str | None = None
    default_mirror: str | None = None
    trust: Trust = NO_REQUIREMENTS


_NOTHING = CommandLineSettings()


def read_settings(
    environ: Mapping[str, str],
    library: str,
    asked: CommandLineSettings = _NOTHING,
    versions: Collection[str] | None = None,
) -> Settings:
    """Return the settings for a library.

    Args:
        environ: The environment.
        library: The library's name, for its own variables.
        asked: What the command line asks for.
        versions: The versions in its lock, one of which a variable must name; None for any.

    Raises:
        UsageError: A variable has an invalid value.
        LockError: A variable names a version that is not in the lock.
    """
    release = library_variables(library, "RELEASE_URL")
    release_variable = next((name for name in release if environ.get(name)), "")
    for old, new in _RENAMED.items():
        if environ.get(old):
            raise UsageError(f"{old} is called {new} now", where=old, remedy=f"set {new} instead")
    release_url = _absolute(environ.get(release_variable), release_variable)
    url, mirror_name = _mirror_url(asked.mirror, "--mirror"), "--mirror"
    if url is None:
        url, mirror_name = _absolute(environ.get(_MIRROR), _MIRROR), _MIRROR
    if url is None and release_url is None and asked.default_mirror is not None:
        mirror_name = "'mirror' in MODULE.bazel"
        url = _absolute(asked.default_mirror, mirror_name)
    return Settings(
        offline=asked.offline or is_on(environ.get("CGO_PREBUILT_OFFLINE", "")),
        origin=asked.origin or _origin(environ.get("CGO_PREBUILT_ORIGIN") or "auto"),
        mirror=url,
        mirror_name=mirror_name,
        release_url=release_url,
        release_url_variable=release_variable,
        version=asked.version or _version_in(environ, library, versions),
        flavor=asked.flavor,
        allowed_linkopts=frozenset(environ.get("CGO_PREBUILT_ALLOW_LINKOPTS", "").split()),
        trust=asked.trust,
    )


def _origin(value: str) -> str:
    if value in ORIGINS:
        return value
    remedy = f"use one of {', '.join(ORIGINS)}"
    if value in NEW_ORIGINS:
        remedy = f"use {NEW_ORIGINS[value]}, its new name"
    raise UsageError(f"{value!r} is not an origin", where="CGO_PREBUILT_ORIGIN", remedy=remedy)


def _version_in(
    environ: Mapping[str, str], library: str, versions: Collection[str] | None
) -> str | None:
    """Return the version that a library's variables select."""
    own, short = library_variables(library, "VERSION")
    variable = own if environ.get(own) else short
    version = environ.get(variable)
    if not version:
        return None
    if versions is not None and version not in versions:
        listed = ", ".join(versions)
        raise LockError(
            f"{library} {version} is not in the lock, and a variable asks for it",
            where=f"{variable}={version}",
            remedy=f"unset {variable}, or set it to one of {listed}"
            if variable == own
            else f"unset {variable} if it is another program's, or set {own}, which takes"
            f" precedence, to one of {listed}",
        )
    return version


def _absolute(value: str | None, where: str) -> Url | None:
    """Return the URL of a place; refuse a relative path, since its base is ambiguous."""
    if value and not _URL.match(value) and not Path(value).is_absolute():
        raise _not_a_location(where, "an absolute path")
    return _mirror_url(value, where)


def _mirror_url(value: str | None, where: str) -> Url | None:
    """Return the URL of a place given as URL or folder, with or without placeholders."""
    if not value:
        return None
    if _CONTROL.search(value):
        raise UsageError(
            f"{where} has a control character: {Url(value)}",
            where=where,
            remedy="remove it; one at the end may come from a file with the line ends of Windows",
        )
    if _URL.match(value):
        url = Url(value)
        if not url.is_fetchable():
            raise UsageError(
                f"{where} is not a URL that can be fetched: {url}",
                where=where,
                remedy="write https://HOST/PATH, http://HOST/PATH or file:///PATH; a port is a number",
            )
        return url
    if "://" in value:
        raise _not_a_location(where, "a path")
    uri = Path(os.path.realpath(value)).as_uri()
    # An existing folder with braces in its name is not a template.
    return Url(uri if Path(value).is_dir() else _QUOTED_PLACEHOLDER.sub(r"{\1}", uri))


def _not_a_location(where: str, path: str) -> UsageError:
    return UsageError(
        f"{where} is not an http, https or file URL, and not {path}",  # it may hold a password
        where=where,
        remedy="a folder is /srv/mirror, a server https://mirror.example.com",
    )


def link_mode_of(environ: Mapping[str, str], asked: str | None, default: str | None) -> str:
    """Return how files leave the store.

    Args:
        environ: The environment.
        asked: The mode on the command line, or None.
        default: The mode in MODULE.bazel, over which the variable takes precedence, or None.

    Returns:
        One of `LINK_MODES`.

    Raises:
        UsageError: The variable has another value.
    """
    named = environ.get(_LINK_MODE)
    if named and named not in LINK_MODES:
        raise UsageError(
            f"{named!r} is not a link mode",
            where=_LINK_MODE,
            remedy=f"use one of {', '.join(LINK_MODES)}",
        )
    return asked or named or default or "auto"


def patience_of(environ: Mapping[str, str], default: float) -> float:
    """Return the seconds to wait for a process that shows no sign of life.

    Raises:
        UsageError: The variable is not a number of seconds.
    """
    text = environ.get(_WAIT)
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text):
        raise UsageError(
            f"{text!r} is not a number of seconds",
            where=_WAIT,
            remedy=f"{default:g} is the default",
        )
    return float(text)


def command_named(environ: Mapping[str, str], variable: str) -> list[str]:
    """Return the program that a variable such as `CC` names, with options; empty if unset.

    Raises:
        UsageError: The variable has an open quote.
    """
    import shlex

    try:
        return shlex.split(environ.get(variable, ""))
    except ValueError as error:
        raise UsageError(
            f"{variable} is not a command line: {error}",
            where=f"{variable}={environ[variable]}",
            remedy=f"correct {variable}, or unset it",
        ) from None


def is_on(value: str) -> bool:
    """Return whether a variable such as `CGO_PREBUILT_OFFLINE` is set to a true value."""
    return value.strip().lower() not in ("", "0", "false", "no", "off")
