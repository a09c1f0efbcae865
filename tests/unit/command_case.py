"""The command line in this process, on a store of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cgo_prebuilt import cli


@dataclass(frozen=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """Checks that it failed as it has to: with its exit code, its words, and no traceback."""
        assert self.code == code, self.err
        assert "cgo-prebuilt: error: " in self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err


Run = Callable[..., Answer]


def runner(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Gives a function that runs a command line in a folder, where its store is, too."""
    for name in list(os.environ):
        if name.startswith("CGO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CGO_PREBUILT_CACHE", str(folder / "store"))
    monkeypatch.chdir(folder)

    def run(*arguments: object) -> Answer:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run
