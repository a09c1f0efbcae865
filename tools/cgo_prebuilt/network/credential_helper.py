"""Programs that know credentials, asked by the protocol that Bazel's `--credential_helper` speaks.

`HELPER get` reads `{"uri": ...}` and prints `{"headers": {NAME: [VALUE]}, "expires": RFC 3339}`:
https://github.com/EngFlow/credential-helper-spec. The URI goes over standard input, where no list of
processes shows it. Answers stay in memory, and in no file.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.network.failure import Failure, Kind
from cgo_prebuilt.url import Url

VARIABLE: Final = "CGO_PREBUILT_CREDENTIAL_HELPER"
METHOD: Final = "CGO_PREBUILT_METHOD"
"""Tells a helper the request's method, which the protocol does not: S3 wants it signed, too."""

_SECONDS: Final = 10.0
_KEPT_SECONDS: Final = 1800.0
"""How long an answer without `expires` is good, as in Bazel."""
_MARGIN: Final = 5.0
_PATTERN: Final = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]+")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")

_answers: dict[tuple[str, str, str], tuple[float, dict[str, str]]] = {}
_asking = threading.Lock()


def read_helpers(environ: Mapping[str, str]) -> dict[str, str]:
    """The helpers that an environment names: programs by pattern, which is empty for all hosts.

    Args:
        environ: `CGO_PREBUILT_CREDENTIAL_HELPER`: `[PATTERN=]PROGRAM`, with commas in between.

    Raises:
        UsageError: One is malformed, or its program is not there.
    """
    helpers = {}
    for entry in filter(None, map(str.strip, environ.get(VARIABLE, "").split(","))):
        pattern, equals, program = entry.partition("=")
        if not equals or "/" in pattern or "\\" in pattern:
            pattern, program = "", entry
        elif not _PATTERN.fullmatch(pattern):
            raise UsageError(
                f"{pattern!r} is no pattern of hosts",
                where=VARIABLE,
                remedy="write HOST=PROGRAM, *.DOMAIN=PROGRAM, or PROGRAM for all hosts",
            )
        helpers[pattern.lower()] = _found(program, environ)
    return helpers


def helper_for(host: str, helpers: Mapping[str, str]) -> str | None:
    """The program for a host: that of the most specific pattern. `*.a` is not for `a` itself."""
    labels = host.split(".")
    above = [f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))]
    return next((helpers[name] for name in (host, *above, "") if name in helpers), None)


def ask(program: str, url: Url, method: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The headers that a helper has for a request; kept until they expire.

    Raises:
        Failure: It has no answer.
        ValueError: The URL is malformed.
    """
    key = (program, method, url.without_login())
    with _asking:
        until, headers = _answers.get(key, (0.0, {}))
        if time.time() < until:
            return headers
        words = json.dumps({"uri": key[2]})
        said = run([program, "get"], words, {**environ, METHOD: method}, _workspace(environ))
        # A command line that shows what is wrong, and has no secret.
        remedy = f"""correct {VARIABLE}, or try: echo '{{"uri": "{url}"}}' | {program} get"""
        if isinstance(said, str):
            raise Failure(Kind.CREDENTIAL, said, remedy=remedy)
        try:
            _answers[key] = _read(json.loads(said))
        except (ValueError, TypeError, AttributeError, RecursionError):
            what = f"the credential helper {program} answers something else than credentials"
            raise Failure(Kind.CREDENTIAL, what, remedy=remedy) from None
        return _answers[key][1]


def run(
    command: list[str], words: str, environ: Mapping[str, str], folder: Path | None = None
) -> bytes | str:
    """What a helper prints, or why it prints nothing; never what else it has printed then."""
    what = f"the credential helper {command[0]}"
    try:
        done = subprocess.run(
            command,
            input=words.encode(),
            capture_output=True,
            check=False,
            cwd=folder,
            env=dict(environ),
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"{what} has not answered in {_SECONDS:g} s"
    except OSError as error:
        return f"{what} cannot be run: {error.strerror}"
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr[-200:].decode("utf-8", "replace").split())
    return f"{what} failed with exit code {done.returncode}: {said}"


def _read(answer: dict[str, dict[str, list[str]]]) -> tuple[float, dict[str, str]]:
    """When an answer expires, by `time.time`, and its headers.

    Raises:
        ValueError: It has what no request can carry, as do TypeError and AttributeError.
    """
    headers = {name: ", ".join(values) for name, values in answer.get("headers", {}).items()}
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


def _workspace(environ: Mapping[str, str]) -> Path:
    """The Bazel workspace that this is called in, else the current folder."""
    named, here = environ.get("BUILD_WORKSPACE_DIRECTORY"), Path.cwd()
    above = (folder for folder in (here, *here.parents) if (folder / "MODULE.bazel").is_file())
    return Path(named) if named else next(above, here)


def _found(program: str, environ: Mapping[str, str]) -> str:
    path = program.replace("%workspace%", str(_workspace(environ)))
    # Where Bazel fetches, a relative path would be one of its own folders.
    is_plain = Path(path).name == path or Path(path).is_absolute()
    found = shutil.which(path, path=environ.get("PATH")) if is_plain else None
    if found is None:
        raise UsageError(
            f"the credential helper {program!r} is no program that can be run",
            where=VARIABLE,
            remedy="name an absolute path, %workspace%/PATH, or a program on the PATH",
        )
    return found
