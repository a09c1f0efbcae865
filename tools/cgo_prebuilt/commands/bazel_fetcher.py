"""The fetcher as Bazel's rules run it.

    python -m cgo_prebuilt.commands.bazel_fetcher ANSWER CONSOLE WHAT ARGUMENT...

ARGUMENT... is a command line of `cgo-prebuilt`. Its output goes to the files `stdout` and `stderr`
in the folder ANSWER. CONSOLE is Bazel's `command.log`, and WHAT describes the fetch. This process's
own standard output has progress lines only, which Bazel shows at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from cgo_prebuilt.cli import main as run
from cgo_prebuilt.commands import context
from cgo_prebuilt.commands.interrupts import alarm


def console_is_terminal(console: str) -> bool:
    """Return whether Bazel redraws its output, as on a terminal.

    Args:
        console: The file with Bazel's output: `command.log` in its output base.
    """
    try:
        with open(console, "rb") as file:  # noqa: PTH123 (a path that Bazel gives, as it is)
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            tail = file.read()
    except OSError:
        return False
    return b"\r" in tail.replace(b"\r\n", b"")


def reader_is_gone(pipe: int) -> bool:
    """Return whether a pipe's reader has gone, such as a killed Bazel; always False on Windows.

    Args:
        pipe: Its writing end.
    """
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


def main(words: list[str]) -> int:
    """Run a command; see the module.

    Args:
        words: The command line, without the program.

    Returns:
        The exit code.
    """
    from cgo_prebuilt.network.joint_progress import SharedOutputProgress

    answer, console, what, *arguments = words
    shown = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.makedirs(answer, exist_ok=True)  # noqa: PTH103
    for stream, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(os.path.join(answer, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # noqa: PTH118
        os.dup2(file, stream)
        os.close(file)
    progress = SharedOutputProgress(
        shown,
        what,
        is_terminal=lambda: console_is_terminal(console),
        is_gone=lambda: reader_is_gone(shown.fileno()),
        # As if Bazel had ended this process.
        end=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    alarm.start()
    progress.watch()
    context.progress_override = progress
    context.is_in_bazel = True
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
