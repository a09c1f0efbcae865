"""The command line: it parses, calls, and prints, and decides nothing else."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from cgo_prebuilt import __version__
from cgo_prebuilt.commands.cache_cli import add_cache
from cgo_prebuilt.commands.fetch_cli import add_fetching
from cgo_prebuilt.commands.gazelle_cli import add_gazelle
from cgo_prebuilt.commands.goproxy_cli import add_goproxy
from cgo_prebuilt.commands.lock_cli import add_lock
from cgo_prebuilt.commands.machine_cli import add_machine
from cgo_prebuilt.commands.mirror_cli import add_mirror
from cgo_prebuilt.commands.publish_cli import add_publishing
from cgo_prebuilt.commands.verbs import note
from cgo_prebuilt.errors import CgoPrebuiltError, UsageError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Without the program's name; the process's own where it is None.

    Returns:
        The exit code: 0 done, 1 stale (`lock --check`), 2 bad usage, manifest or lock, 3 unavailable,
        4 integrity, 5 the source build failed, 130 interrupted.
    """
    _fill_standard_streams()
    # Bazel and CI end a process so: what it does then is what it does for Ctrl-C.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except CgoPrebuiltError as error:
        note(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        note("interrupted; run it again to go on from here")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the answer has read enough; without this, the flush at exit would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, UnicodeError) as error:
        note(f"error: {_unexpected(error)}")
        return UsageError.exit_code
    return code


def _fill_standard_streams() -> None:
    """Opens the null device for each standard stream that the caller has closed.

    Its number would else be that of the next file that is opened, and a child's output end in there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _unexpected(error: OSError | UnicodeError) -> UsageError:
    """A refusal of the system that nobody foresaw, and so knows no better remedy for."""
    if isinstance(error, OSError):
        where = None if error.filename is None else str(error.filename)
        return UsageError(
            f"the system refused: {error.strerror or error}",
            where=where,
            remedy="check that the path is right and may be used, and that there is space left",
        )
    return UsageError(f"a text cannot be written: {error}", remedy="set PYTHONUTF8=1")


def parser() -> argparse.ArgumentParser:
    """The command's parser: its verbs, their options, an example of each."""
    command = argparse.ArgumentParser(
        prog="cgo-prebuilt",
        description="Fetch, verify, publish and link prebuilt native libraries for cgo.",
        epilog="exit codes: 0 done; 1 stale (--check); 2 bad usage, manifest or lock; 3 unavailable;"
        " 4 integrity; 5 the source build failed; 130 interrupted",
        allow_abbrev=False,
    )
    command.add_argument("--version", action="version", version=f"cgo-prebuilt {__version__}")
    verbs = command.add_subparsers(metavar="VERB", required=True)

    add_fetching(verbs)
    add_publishing(verbs)
    add_lock(verbs)
    add_goproxy(verbs)
    add_gazelle(verbs)
    add_mirror(verbs)
    add_cache(verbs)
    add_machine(verbs)
    return command
