"""A reader of a guide: a folder, a shell, and the programs that the guide's commands name.

Commands and files are taken as they stand in the text. What makes them work on a machine without the
Central Registry, and without a release of this project, is here and in Bazel's command line: this
checkout is the module `rules_cgo_prebuilt`, and `tests/e2e/rules_go` is the module `rules_go`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.bazel_workspace import REPOSITORY, Result, Tools, inherited_environment
from tests.guide import Block, printed, shell_script

# The local replacements for the modules that a guide's MODULE.bazel names.
_STANDS_FOR = {
    "rules_cgo_prebuilt": {"rules_cgo_prebuilt": REPOSITORY},
    "rules_go": {
        "rules_go": REPOSITORY / "tests/e2e/rules_go",
        "cgo_rule": REPOSITORY / "tests/e2e/cgo_rule",
    },
}

# Bazel refuses an override of what a workspace does not depend on.
_BAZEL = """\
options="--bazelrc={folder}/bazelrc"
for module in {modules}; do
    if grep -q "\\"$module\\"" MODULE.bazel 2>/dev/null; then
        options="$options --bazelrc={folder}/$module.bazelrc"
    fi
done
exec {bazel} $options "$@"
"""

# What runs in the background ends with the shell.
_PREAMBLE = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"


@dataclass
class Reader:
    """Somebody who follows a guide.

    Attributes:
        folder: The folder in which they begin.
        programs: The folder that comes first on their PATH.
        environment: The variables of all commands, which override the caller's.
    """

    folder: Path
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)

    def follow(self, blocks: Sequence[Block], change: Mapping[str, str] | None = None) -> Result:
        """Does what the blocks say; a command that fails ends it.

        Args:
            blocks: The blocks of a guide, in order.
            change: Replacements for texts of the blocks; each text must occur.

        Returns:
            What was printed. A failure does not raise.
        """
        script = shell_script(list(blocks))
        for text, other in (change or {}).items():
            assert text in script, f"the guide does not say {text!r} any more"
            script = script.replace(text, other)
        return self.run(script)

    def run(self, script: str) -> Result:
        """Runs a program for the shell, in the folder."""
        own = {"PATH": f"{self.programs}:{os.environ['PATH']}", **self.environment}
        done = subprocess.run(
            ["bash", "-eu", "-c", _PREAMBLE + script],
            cwd=self.folder,
            env={**inherited_environment(), **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def checked(self, blocks: Sequence[Block], change: Mapping[str, str] | None = None) -> Result:
        """Follows the blocks, which must work and print what the text says, in its order."""
        result = self.follow(blocks, change).checked()
        rest = result.stdout
        for text in printed(list(blocks)):
            _, found, rest = rest.partition(text)
            assert found, f"not printed: {text!r}\n{result.stdout}\n{result.stderr}"
        return result


def make_reader(folder: Path, tools: Tools) -> Reader:
    """Makes a reader, whose store and home are their own.

    Args:
        folder: The test's folder, which is empty.
        tools: The Bazel to use.
    """
    programs, home, begin = (folder / name for name in ("programs", "home", "reader"))
    for made in (programs, home, begin):
        made.mkdir()
    (programs / "bazelrc").write_text(tools.bazelrc())
    for module, places in _STANDS_FOR.items():
        lines = (f"common --override_module={name}={place}\n" for name, place in places.items())
        (programs / f"{module}.bazelrc").write_text("".join(lines))
    for name, command in {
        "bazel": _BAZEL.format(
            bazel=shlex.join(tools.startup_options()),
            folder=programs,
            modules=" ".join(_STANDS_FOR),
        ),
        "cgo-prebuilt": f"PYTHONPATH={REPOSITORY}/tools "
        f'exec {shlex.quote(sys.executable)} -m cgo_prebuilt "$@"',
        # test_install installs the command; here it is this checkout's.
        "pipx": '[ "$1" = install ]',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{command}\n")
        (programs / name).chmod(0o755)
    environment = {
        "HOME": str(home),
        "CGO_PREBUILT_CACHE": str(folder / "store"),
        "GOCACHE": str(tools.go_cache),
        "GOTOOLCHAIN": "local",
    }
    return Reader(begin, programs, environment)


def shut_down(reader: Reader) -> None:
    """Ends the Bazel servers of the reader's workspaces."""
    if shutil.which("bazel", path=str(reader.programs)):
        for module in reader.folder.rglob("MODULE.bazel"):
            reader.run(f"cd {shlex.quote(str(module.parent))} && bazel shutdown")
