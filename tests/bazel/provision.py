"""Finds a Bazel to test with: `python3 -m tests.bazel.provision`, from the repository's root.

It runs on any Python since 3.10, without other packages. In this order: `$BAZEL`; `bazel`, then
`bazelisk` on the PATH, where it is 7.4 or newer and can resolve modules; else Debian's own, see
`debian_root`.
Without a Bazel it fails: exit code 1, and the reasons on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from tests.bazel.candidate import Candidate, Verdict, candidates, judge_version, try_candidate
from tests.bazel.debian_root import SUITE, RootError, bazel_name, cache_folder, provide_root


@dataclass(frozen=True)
class Bazel:
    """A usable Bazel.

    Attributes:
        executable: The program to run.
        version: Such as `7.7.1`.
        source: Where it came from, in words.
        in_root: The program that runs another command where Bazel's actions run, as in
            `in_root go version`; None if that is this machine itself.
    """

    executable: str
    version: str
    source: str
    in_root: str | None = None


class NoBazelError(Exception):
    """No Bazel is available; the message holds a line for each reason."""


def choose(
    found: Sequence[Candidate],
    judge: Callable[[Candidate], Verdict],
    last_resort: Callable[[], Bazel],
) -> Bazel:
    """Decides which Bazel is used.

    Args:
        found: The executables to try, in order.
        judge: Tries one of them.
        last_resort: Provides one if none of them can be used.

    Returns:
        The first that can be used.

    Raises:
        NoBazelError: None can be used, or the one that the user named cannot be used.
    """
    problems = []
    for candidate in found:
        verdict = judge(candidate)
        if not verdict.problem:
            return Bazel(str(candidate.executable), verdict.version, candidate.source)
        problems.append(f"{candidate.source} ({candidate.executable}) {verdict.problem}")
        if candidate.demanded:
            raise NoBazelError("\n".join(problems))
    try:
        return last_resort()
    except RootError as error:
        problems.append(str(error))
        raise NoBazelError("\n".join(problems)) from error


def debian_bazel() -> Bazel:
    """Return Debian's Bazel, in a root that is created if missing.

    Raises:
        RootError: It cannot be made on this machine, or does not run.
    """
    made = provide_root(cache_folder(os.environ))
    executable = made / "bin" / bazel_name()
    answer = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False)
    verdict = judge_version(answer.stdout + answer.stderr)
    if verdict.problem:
        raise RootError(f"{executable} {verdict.problem}")
    source = f"Debian {SUITE}'s package, in {made / 'root'}"
    return Bazel(str(executable), verdict.version, source, str(made / "bin" / "in_root"))


def find_bazel() -> Bazel:
    """Return the Bazel for the tests.

    Raises:
        NoBazelError: None is available on this machine.
    """
    return choose(candidates(os.environ), try_candidate, debian_bazel)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the Bazel's path on stdout, and its version and source on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print everything, as JSON, on stdout")
    options = parser.parse_args(arguments)
    try:
        bazel = find_bazel()
    except NoBazelError as error:
        print(
            f"no Bazel to test with:\n{error}\n"
            "install Bazel 7.4 or newer (bazelisk will do), or name one in $BAZEL",
            file=sys.stderr,
        )
        return 1
    print(f"BAZEL_VERSION={bazel.version} from {bazel.source}", file=sys.stderr)
    print(json.dumps(asdict(bazel)) if options.json else bazel.executable)
    return 0


if __name__ == "__main__":
    sys.exit(main())
