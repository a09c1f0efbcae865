"""Report a failure: a diagnosis for a person, and an answer for a program."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from cgo_prebuilt import __version__
from cgo_prebuilt.commands.verbs import print_message, print_prefixed
from cgo_prebuilt.errors import (
    SCARCE,
    BugError,
    CgoPrebuiltError,
    InterruptError,
    PackageError,
    UsageError,
)
from cgo_prebuilt.printable import printable
from cgo_prebuilt.settings import is_on

_ISSUES = "https://github.com/rules-cgo/rules_cgo_prebuilt/issues"

# The user and password of a URL in unexpected places: a mistyped option, or a quoted line of a file.
_LOGIN = re.compile(r"(?<=//)[^\s/'\"]+(?=@)")

_LIMITS = "end other programs, or raise the limits of this one (ulimit -a)"

COMMAND = "cgo-prebuilt"
"""The place of a failure that concerns no argument of the command."""

_STOP = {"powershell": "throw 'cgo-prebuilt env failed'\n"}
"""For each shell, the command that stops it when it evaluates the output; others get `false`."""


_RERUN = {
    "pack": "run it again",
    "publish": "run it again: files that are already published are not sent again",
}
"""The remedy after an interrupt of a verb that does not resume within a file."""


def diagnose(error: BaseException, verb: str = "") -> CgoPrebuiltError:
    """Convert any exception of a command to an error for a person.

    Args:
        error: The exception.
        verb: The command's verb; empty without one.
    """
    if isinstance(error, CgoPrebuiltError):
        return error
    if isinstance(error, KeyboardInterrupt):
        remedy = _RERUN.get(verb, "run it again: it resumes")
        return InterruptError("interrupted", where=COMMAND, remedy=remedy)
    if isinstance(error, OSError):
        remedy = "check that the path is right and may be used, and that there is space left"
        return UsageError(
            f"the operation failed: {error.strerror or error}",
            where=COMMAND if error.filename is None else str(error.filename),
            remedy=_LIMITS if error.errno in SCARCE else remedy,
        )
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("cgo_prebuilt"):
        return PackageError.of(error)
    if isinstance(error, ImportError) and not str(error.name).startswith("cgo_prebuilt"):
        return UsageError(
            f"Python cannot load a module of its own: {error}",
            where=sys.executable,
            remedy="check that there are memory and file descriptors left (ulimit -a), else install"
            " Python again",
        )
    if isinstance(error, UnicodeEncodeError):
        return UsageError(
            f"a text cannot be written: {error}",
            where="standard output",
            remedy="set PYTHONUTF8=1",
        )
    # threading has no specific exception for a refused thread.
    if isinstance(error, MemoryError) or "can't start new thread" in str(error):
        return UsageError(
            "out of memory, or no more threads can be started",
            where=COMMAND,
            remedy=_LIMITS,
        )
    # Its message may hold a secret, such as a URL's password, and so appears only in the traceback.
    return BugError(
        f"this is a bug in cgo-prebuilt {__version__}: {type(error).__name__}",
        where=_place(error),
        remedy=f"report it at {_ISSUES}; CGO_PREBUILT_DEBUG=1 shows the traceback",
    )


def answer(arguments: Sequence[str], failure: CgoPrebuiltError) -> str:
    """Return what a failed command prints on standard output.

    Args:
        arguments: The command line without the program; it may be invalid.
        failure: The failure.

    Returns:
        A JSON object with `--json`; for `env`, a command that makes the evaluating shell stop; else
        nothing.
    """
    shell = _shell(arguments) if arguments[:1] == ["env"] else None
    if shell == "json" or "--json" in arguments:
        shown = {key: printable(value) for key, value in failure.json().items()}
        return json.dumps(shown, indent=2) + "\n"
    return "" if shell is None else _STOP.get(shell, "false\n")


def report(arguments: Sequence[str], error: BaseException) -> int:
    """Report a failure to a person and to a program, and return the exit code."""
    failure = _without_logins(diagnose(error, *arguments[:1]))
    if isinstance(failure, BugError) and is_on(os.environ.get("CGO_PREBUILT_DEBUG", "")):
        print_message("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    print_prefixed(f"error: {failure}")
    print_and_flush(answer(arguments, failure))
    return failure.exit_code


def report_thread(error: BaseException | None) -> None:
    """Report an exception of a background thread."""
    if error is not None:
        print_prefixed(f"a thread has ended early: {_without_logins(diagnose(error))}")


def _without_logins(failure: CgoPrebuiltError) -> CgoPrebuiltError:
    """Return the failure with passwords in misplaced URLs removed."""
    failure.what = _LOGIN.sub("***", failure.what)
    failure.where = _LOGIN.sub("***", failure.where)
    failure.remedy = _LOGIN.sub("***", failure.remedy)
    return failure


def print_and_flush(text: str) -> None:
    """Print the last text and flush standard output; stay silent if its reader has gone."""
    try:
        print(text, end="", flush=True)
    except OSError:
        # The interpreter would complain about the remaining buffer when it exits.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _shell(arguments: Sequence[str]) -> str:
    """Return the value of the last `--shell` in a command line that may be invalid."""
    shell = "sh"
    for index, word in enumerate(arguments):
        if word == "--shell":
            shell = "".join(arguments[index + 1 : index + 2])
        elif word.startswith("--shell="):
            shell = word.removeprefix("--shell=")
    return shell


def _place(error: BaseException) -> str:
    """Return the innermost place in this package in an exception's traceback."""
    places = [
        f"{module}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (module := str(frame.f_globals.get("__name__"))).startswith("cgo_prebuilt.")
    ]
    return places[-1] if places else COMMAND
