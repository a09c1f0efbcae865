"""`bazel test //tests/unit`: pytest over this folder, or over what `--test_arg` names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_REPOSITORY = _FOLDER.parents[1]


def main() -> int:
    """Runs pytest by the first interpreter that has it: the active one, `make setup`'s, Bazel's."""
    environments = [os.environ.get("VIRTUAL_ENV"), _REPOSITORY / ".venv"]
    candidates = [Path(one, "bin", "python") for one in environments if one]
    for python in [*candidates, Path(sys.executable)]:
        if python.exists() and _has_pytest(str(python)):
            return _run(str(python))
    print("no Python here has pytest\n  next: run `make setup`", file=sys.stderr)
    return 1


def _has_pytest(python: str) -> bool:
    command = [python, "-c", "import pytest, xdist"]
    return not subprocess.run(command, env=_environment(), capture_output=True).returncode


def _run(python: str) -> int:
    options = ["-n", "auto", "--dist", "loadfile", "-p", "no:cacheprovider", "-m", "not slow"]
    report = os.environ.get("XML_OUTPUT_FILE")
    if report:
        options += ["--junit-xml", report]
    paths = sys.argv[1:] or [str(_FOLDER)]
    command = [python, "-m", "pytest", *options, *paths]
    return subprocess.run(command, cwd=_REPOSITORY, env=_environment()).returncode


def _environment() -> dict[str, str]:
    """That of the test, without what Bazel tells its own Python; and with a home, which it leaves out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {"HOME": os.environ.get("TEST_TMPDIR", str(_REPOSITORY)), **kept}


if __name__ == "__main__":
    sys.exit(main())
