"""`python3 -m cgo_prebuilt`, and the installed `cgo-prebuilt`."""

from __future__ import annotations

import os
import sys


def hide_tracebacks() -> None:
    """Keep Python from printing tracebacks that no caller can catch; CGO_PREBUILT_DEBUG=1 shows them.

    An exception in a finalizer, such as that of a broken connection, does not affect the result; an
    interrupt in one is repeated.
    """
    import threading

    from cgo_prebuilt.settings import is_on

    def tell(ended: threading.ExceptHookArgs) -> None:
        from cgo_prebuilt.commands.failures import report_thread

        report_thread(ended.exc_value)

    shown = sys.unraisablehook
    is_debugged = is_on(os.environ.get("CGO_PREBUILT_DEBUG", ""))

    def discard(ended: sys.UnraisableHookArgs) -> None:
        if isinstance(ended.exc_value, KeyboardInterrupt):
            from cgo_prebuilt.commands.interrupts import alarm

            alarm.again()
        elif is_debugged:
            shown(ended)

    sys.unraisablehook = discard
    if not is_debugged:
        threading.excepthook = tell


def run() -> None:
    """Run the command as a process, and exit with its code.

    This handles a Ctrl-C even before the command installs its handler, and after it has finished.
    """
    try:
        from cgo_prebuilt.cli import main
        from cgo_prebuilt.commands.interrupts import alarm, ignore_interrupts

        hide_tracebacks()
        alarm.start()
        code = main()
        ignore_interrupts()
    except KeyboardInterrupt as error:
        from cgo_prebuilt.commands.interrupts import ignore_interrupts

        ignore_interrupts()
        from cgo_prebuilt.commands.failures import report

        code = report(sys.argv[1:], error)  # for `env`, prints a command that fails in the shell
    sys.exit(code)


if __name__ == "__main__":
    run()
