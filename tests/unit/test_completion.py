"""The verb `completion`: what each shell offers, asked of the real shells."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable

import pytest

from cgo_prebuilt.cli import parser
from cgo_prebuilt.publisher_commands.completion_cli import script
from tests.programs import provide

BASH = """
COMP_WORDS=({words}) COMP_CWORD=$(({count} - 1))
_cgo_prebuilt
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def run(*command: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:  # without files to offer
        done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=folder)
    assert done.stderr == ""
    return done.stdout.split()


def bash(words: list[str]) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    ask = BASH.format(words=quoted, count=len(words))
    return run("bash", "--norc", "-c", script("bash", parser()) + ask)


def zsh(words: list[str]) -> list[str]:
    """As bashcompinit calls it: by the rules of sh; zsh itself leaves out what does not begin so."""
    quoted = " ".join(f"'{word}'" for word in words)
    ask = BASH.format(words=quoted, count=len(words))
    setup = "autoload -U compinit && compinit -u -D\n" + script("zsh", parser())
    program = f"{setup}\nask() {{ emulate -L sh\n{ask}}}\nask"
    answer = run(provide("zsh", "zsh"), "-f", "-c", program)
    return [word for word in answer if word.startswith(words[-1])]


def fish(words: list[str]) -> list[str]:
    line = " ".join(words).replace("'", "")
    ask = f"complete -C '{line}'"
    return run(provide("fish", "fish"), "--no-config", "-c", script("fish", parser()) + ask)


NEEDS_BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.mark.parametrize("shell", [pytest.param(bash, marks=NEEDS_BASH), zsh, fish])
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["cgo-prebuilt", "fe"], {"fetch"}),
        (["cgo-prebuilt", "goproxy", ""], {"build", "serve", "require"}),
        (["cgo-prebuilt", "goproxy", "serve", "--po"], {"--port"}),
        (["cgo-prebuilt", "fetch", "--ori"], {"--origin"}),
        (["cgo-prebuilt", "fetch", "--origin", "s"], {"source"}),
        (["cgo-prebuilt", "fetch", "--json", "--plat"], {"--platform"}),
        (["cgo-prebuilt", "env", "--shell", "po"], {"powershell"}),
        (["cgo-prebuilt", "completion", "ba"], {"bash"}),
    ],
)
def test_a_shell_offers_verbs_options_and_their_values(
    shell: Callable[[list[str]], list[str]], words: list[str], offered: set[str]
) -> None:
    found = set(shell(words))
    assert found >= offered
    assert found == offered or not words[-1]


def test_hidden_words_are_not_offered() -> None:
    for shell in ("bash", "zsh", "fish", "powershell"):
        text = script(shell, parser())
        assert "--default-mirror" not in text
        assert "--fallback" not in text
        assert "'goproxy build'" in text
