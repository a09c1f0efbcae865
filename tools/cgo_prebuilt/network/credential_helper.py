"""Credential helpers, by the protocol of Bazel's `--credential_helper`.

`HELPER get` reads `{"uri": ...}` and prints `{"headers": {NAME: [VALUE]}, "expires": RFC 3339}`:
https://github.com/EngFlow/credential-helper-spec. The URI goes over standard input, so that the list of
processes does not show it. Answers are kept in memory only.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.network.helper_process import run
from cgo_prebuilt.url import Url

VARIABLE: Final = "CGO_PREBUILT_CREDENTIAL_HELPER"
METHOD: Final = "CGO_PREBUILT_METHOD"
"""The variable with the request's method for a helper: the protocol lacks it, and S3 signatures need it."""

_KEPT_SECONDS: Final = 1800.0
"""The lifetime of an answer without `expires`, as in Bazel."""
_MARGIN: Final = 5.0
_PATTERN: Final = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]+")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")

_RESERVED_HEADERS: Final = (
    *("accept-encoding", "connection", "content-length", "expect", "host", "if-range"),
    *("keep-alive", "range", "te", "trailer", "transfer-encoding", "upgrade"),
)
"""Headers that frame a message or select its bytes: a helper may not set them."""

_answers: dict[tuple[str, str, str], tuple[float, dict[str, str]]] = {}
_asking = threading.Lock()


def read_helpers(environ: Mapping[str, str]) -> dict[str, str]:
    """Parse `CGO_PREBUILT_CREDENTIAL_HELPER` of an environment; see `parse_helpers`."""
    return parse_helpers(environ.get(VARIABLE, ""), environ, VARIABLE)


def parse_helpers(text: str, environ: Mapping[str, str], where: str) -> dict[str, str]:
    """Parse helpers by host pattern; an empty pattern means all hosts.

    Args:
        text: `[PATTERN=]PROGRAM`, separated by commas; empty entries are ignored.
        environ: The environment, for `PATH` and `BUILD_WORKSPACE_DIRECTORY`.
        where: The variable or option that has the text.

    Raises:
        UsageError: An entry is malformed, or its program does not exist.
    """
    helpers = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        pattern, equals, program = entry.partition("=")
        if not equals or "/" in pattern or "\\" in pattern:
            pattern, program = "", entry
        elif not _PATTERN.fullmatch(pattern):
            raise UsageError(
                f"{pattern!r} is not a host pattern",
                where=where,
                remedy="write HOST=PROGRAM, *.DOMAIN=PROGRAM, or PROGRAM for all hosts",
            )
        helpers[pattern.lower()] = _resolve_program(program, environ, where)
    return helpers


def helper_for(host: str, helpers: Mapping[str, str]) -> str | None:
    """Return the helper of the most specific pattern for a host; `*.a` does not match `a`."""
    labels = host.split(".")
    above = [f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))]
    return next((helpers[name] for name in (host, *above, "") if name in helpers), None)


def ask(program: str, url: Url, method: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return a helper's headers for a request; cache them until they expire.

    Raises:
        Failure: The helper fails, or its answer has no valid headers.
        ValueError: The URL is malformed.
    """
    key = (program, method, url.without_login())
    with _asking:
        until, headers = _answers.get(key, (0.0, {}))
        if time.time() < until:
            return headers
        text_input = json.dumps({"uri": key[2]})
        folder = _workspace(environ) or Path.cwd()
        said = run([program, "get"], text_input, {**environ, METHOD: method}, folder)
        # A command line to reproduce the failure, without secrets.
        call = f"""echo '{{"uri": "{url}"}}' | {program} get"""
        remedy = f"correct --credential-helper or {VARIABLE}, or try: {call}"
        if isinstance(said, str):
            raise Failure(Kind.CREDENTIAL, said, remedy=remedy)
        try:
            _answers[key] = _read(json.loads(said))
        except _ReservedHeaderError as error:
            what = f"the credential helper {program} does not answer with credentials: {error}"
            raise Failure(Kind.CREDENTIAL, what, remedy=remedy) from None
        except (ValueError, TypeError, AttributeError, RecursionError):
            what = f"the credential helper {program} does not answer with credentials"
            raise Failure(Kind.CREDENTIAL, what, remedy=remedy) from None
        return _answers[key][1]


class _ReservedHeaderError(Exception):
    """A helper set a header that it may not set; the text names it."""


def _read(answer: dict[str, dict[str, list[str]]]) -> tuple[float, dict[str, str]]:
    """Return the time (`time.time`) at which a helper's response expires, and its headers.

    Raises:
        ValueError: The response is malformed, or a request cannot carry its headers. TypeError
            and AttributeError mean the same.
        _ReservedHeaderError: It has a header that a request sets itself.
    """
    given = answer.get("headers", {})
    if not all(isinstance(values, list) for values in given.values()):
        raise TypeError
    headers = {name: ", ".join(values) for name, values in given.items()}
    for name in headers:
        if name.lower() in _RESERVED_HEADERS:
            raise _ReservedHeaderError(f"the header {name}")
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(headers[name]) for name in headers):
        raise ValueError
    expires = answer.get("expires")
    if expires is None:
        return time.time() + _KEPT_SECONDS, headers
    match = _TIME.fullmatch(str(expires))
    if match is None:
        raise ValueError
    zone = "+00:00" if match[3] in "Zz" else match[3]
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").timestamp() - _MARGIN, headers


def _workspace(environ: Mapping[str, str]) -> Path | None:
    """Return the Bazel workspace of the current folder; None outside of a workspace."""
    named, here = environ.get("BUILD_WORKSPACE_DIRECTORY"), Path.cwd()
    above = (folder for folder in (here, *here.parents) if (folder / "MODULE.bazel").is_file())
    return Path(named) if named else next(above, None)


def _resolve_program(program: str, environ: Mapping[str, str], where: str) -> str:
    workspace = _workspace(environ) if "%workspace%" in program else None
    if workspace is None and "%workspace%" in program:
        raise UsageError(
            f"the credential helper {program!r} is in a Bazel workspace, and none was found here",
            where=where,
            remedy="run it where MODULE.bazel is, or below, set BUILD_WORKSPACE_DIRECTORY to that"
            " folder, or name an absolute path",
        )
    path = program.replace("%workspace%", str(workspace))
    # During Bazel's fetches, a relative path would be relative to Bazel's folders.
    is_plain = Path(path).name == path or Path(path).is_absolute()
    found = shutil.which(path, path=environ.get("PATH")) if is_plain else None
    if found is None:
        raise UsageError(
            f"the credential helper {program!r} cannot be run",
            where=where,
            remedy="name an absolute path, %workspace%/PATH, or a program on the PATH",
        )
    return found
