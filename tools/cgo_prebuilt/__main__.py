"""`python3 -m cgo_prebuilt`, and the installed `cgo-prebuilt`."""

import sys


def run() -> None:
    """Runs the command as a process of its own, which ends with its exit code.

    Also where Ctrl-C comes before the command watches for it, or after it is done.
    """
    try:
        from cgo_prebuilt.cli import main

        code = main()
        from cgo_prebuilt.commands.interrupts import ignore_interrupts

        ignore_interrupts()
    except KeyboardInterrupt as error:
        from cgo_prebuilt.commands.interrupts import ignore_interrupts

        ignore_interrupts()
        from cgo_prebuilt.commands.failures import report

        code = report(sys.argv[1:], error)  # of `env`, a shell must not take silence for success
    sys.exit(code)


if __name__ == "__main__":
    run()
