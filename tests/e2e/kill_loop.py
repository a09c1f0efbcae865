"""Kill work with SIGKILL at random instants, and check that its next run succeeds."""

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
    """Kill work repeatedly, and let it finish after each kill.

    Args:
        start: Starts it and gives its process id; see `forked` and `command`.
        instants: How many times it is killed.
        begin: Called with the number of each round before its work starts, to undo earlier work.
        check: Called after the work finished; fails if something is wrong.
        seed: The seed of the random instants.

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
    """Return a function that runs another in a forked process, without starting an interpreter."""

    def start() -> int:
        process = os.fork()
        if process:
            with suppress(ProcessLookupError):
                os.setpgid(process, process)  # the child does it, too: either may be first
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
    """Return a function that starts a command in a new session, to kill it with its children."""

    def start() -> int:
        process = subprocess.Popen(arguments, env=environ, start_new_session=True)
        process.returncode = 0  # the caller waits for it by its id
        return process.pid

    return start


def _succeed(process: int) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status == 0, f"it ended with {status} though nothing killed it"
