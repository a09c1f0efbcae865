"""Check the subjects of commits: an imperative, 12 to 72 characters, no full stop.

python3 -m tests.commit_subject FILE           the message that git is about to commit (hook commit-msg)
python3 -m tests.commit_subject --since BASE   every commit after BASE, as CI does
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SHORTEST, LONGEST = 12, 72

# Verbs whose base form ends like another form.
_BASE_FORMS = {
    *("Address", "Bypass", "Compress", "Discuss", "Dismiss", "Express", "Guess", "Pass", "Press"),
    *("Process", "Suppress", "Focus", "Alias", "Embed", "Exceed", "Feed", "Need", "Proceed"),
    *("Seed", "Shed", "Speed", "Succeed", "Bring", "Ping", "String"),
}
_OTHER_FORM = re.compile(r"[A-Z][a-z]+(?:s|ed|ing)")
_NO_VERBS = {"A", "An", "The", "This", "What", "Where", "Whether", "How", "Every", "Each", "No"}
_MACHINE_MADE = ("Merge ", "Revert ", "fixup! ", "squash! ")


def problem(subject: str) -> str | None:
    """Return what is wrong with a subject; None if nothing is."""
    if subject.startswith(_MACHINE_MADE):
        return None
    if not SHORTEST <= len(subject) <= LONGEST:
        return f"has {len(subject)} characters, not {SHORTEST} to {LONGEST}"
    if subject.endswith("."):
        return "ends with a full stop"
    first = subject.split()[0]
    if not first[0].isupper():
        return "does not begin with a capital letter"
    if first in _NO_VERBS or (_OTHER_FORM.fullmatch(first) and first not in _BASE_FORMS):
        return f"does not begin with an imperative such as 'Fetch': {first!r}"
    return None


def _subjects(arguments: list[str]) -> list[str]:
    if arguments[:1] == ["--since"]:
        command = ["git", "log", "--no-merges", "--format=%s", f"{arguments[1]}..HEAD"]
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.splitlines()
    lines = Path(arguments[0]).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")][:1]


def main(arguments: list[str]) -> int:
    """Print the subjects that do not fit; exit code 1 if there is one."""
    found = [(subject, why) for subject in _subjects(arguments) if (why := problem(subject))]
    for subject, why in found:
        print(f"commit subject {why}: {subject}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
