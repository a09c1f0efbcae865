"""Run a credential helper, and explain why it has no answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cgo_prebuilt.bounded_run import MAX_OUTPUT_BYTES, TooMuchError, run_bounded

_SECONDS: Final = 10.0


def run(
    command: list[str], text_input: str, environ: Mapping[str, str], folder: Path | None = None
) -> bytes | str:
    """Return a helper's output; or why it failed, in words that do not quote its output."""
    what = f"the credential helper {command[0]}"
    try:
        done = run_bounded(
            command, stdin=text_input.encode(), environ=environ, folder=folder, seconds=_SECONDS
        )
    except TimeoutError:
        return f"{what} has not answered in {_SECONDS:g} s"
    except TooMuchError:
        return f"the output of {what} exceeds {MAX_OUTPUT_BYTES >> 20} MB"
    except OSError as error:
        return f"{what} cannot be run: {error.strerror}"
    if done.code == 0:
        return done.stdout
    return f"{what} {done.failure()}"
