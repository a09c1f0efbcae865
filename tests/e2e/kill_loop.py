"""A loop of kill -9: work is killed at random instants, and must be right the next time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def kill_at_random_instants(
    start: Callable[[], int],
    *,
    instants: int,
    begin: Callable[[int], None],
    check: Callable[[], None],
    seed: int = 2026,
) -> None:
    """Kills work over and over, and lets it run through after each time.

    Args:
        start: Starts it and gives its process id; see `forked` and `command`.
        instants: How many times it is killed.
        begin: Called with the number of the round before its work is killed, to take away what
            would leave it nothing to do.
        check: Called after the work ran through; it fails where something is not right.
        seed: Of the instants.

    Raises:
        AssertionError: A run that nothing killed failed.
    """
    rng = random.Random(seed)
    begin(0)
    started = time.perf_counter()
    _succeed(start())
    longest = time.perf_counter() - started
    check()
    killed = 0
    for number in range(1, 20 * instants):
        begin(number)
        process = start()
        time.sleep(rng.uniform(0, longest))
        os.killpg(process, signal.SIGKILL)
        killed += os.waitpid(process, 0)[1] == signal.SIGKILL
        _succeed(start())
        check()
        if killed == instants:
            return
    raise AssertionError(f"the work was too fast to be killed: {killed} of {instants} times")


def forked(work: Callable[[], object]) -> Callable[[], int]:
    """Starts a function in a process of its own, without the start of an interpreter."""

    def start() -> int:
        process = os.fork()
        if process:
            with suppress(ProcessLookupError):
                os.setpgid(process, process)  # both do it: whoever is first
            return process
        status = 1
        try:
            os.setpgid(0, 0)
            work()
            status = 0
        except BaseException:  # it must not become a second run of the tests
            traceback.print_exc()
        finally:
            os._exit(status)

    return start


def command(
    arguments: Sequence[str | Path], environ: Mapping[str, str] | None = None
) -> Callable[[], int]:
    """Starts a command, in a session of its own so that it is killed with all its children."""

    def start() -> int:
        process = subprocess.Popen(arguments, env=environ, start_new_session=True)
        process.returncode = 0  # it is waited for by its id
        return process.pid

    return start


def _succeed(process: int) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status == 0, f"it ended with {status} though nothing killed it"
