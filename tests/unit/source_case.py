"""A small library with a lock and a source, and the command that is run on them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"

MAKE: Mapping[str, str] = {
    "Makefile": "libanswer.a: answer.o\n\t$(AR) rcs $@ $<\n\tcp answer.h generated.h\n",
    "answer.c": "int answer(void) { return 42; }\n",
    "answer.h": "int answer(void);\n",
}
_ARCHIVE = {
    "file": "answer.zip",
    "urls": ["http://127.0.0.1:9/answer.zip"],
    "sha256": "0" * 64,
    "size": 1,
    "format": "zip",
    "strip_prefix": "",
    "files": [{"path": "lib/libanswer.a", "sha256": "0" * 64, "size": 1}],
}


def crate(name: str, version: str, lib: str) -> bytes:
    """A crate's archive, as crates.io has it."""
    files = {
        "Cargo.toml": f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n',
        "src/lib.rs": lib,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Answer:
    """What the command answered."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr

    @property
    def report(self) -> dict[str, object]:
        assert self.code == 0, self.stderr
        report: dict[str, object] = json.loads(self.stdout)
        return report


class Project:
    """A library's lock and source, and the command that is run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        self.environ = {**os.environ, "PYTHONPATH": str(TOOLS)}
        self.environ["CGO_PREBUILT_CACHE"] = str(folder / "store")
        self.environ["TMPDIR"] = str(folder / "tmp")  # where builds that fail are kept
        (folder / "tmp").mkdir()
        self.write(MAKE)
        self.lock()
        self.environ.pop("CC", None)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / "native" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def lock(
        self,
        platforms: tuple[str, ...] = (),
        different: Mapping[str, object] | None = None,
        **source: object,
    ) -> None:
        """Writes the lock: prebuilts for some platforms, and how the source differs for some."""
        section = {
            "path": "native",
            "build": {"tool": "make"},
            "static_library": ["libanswer.a"],
            "installed": ["lib/libanswer.a"],
            "headers": ["*.h", "generated.h"],
            "include_dirs": ["."],
            "platforms": different,
            **source,
        }
        prebuilt = {"archives": [_ARCHIVE], "static_library": ["lib/libanswer.a"]}
        version = {
            "platforms": dict.fromkeys(platforms, prebuilt),
            "source": {key: value for key, value in section.items() if value is not None},
        }
        document = {
            "schema": 1,
            "name": "answer",
            "default_version": "v1",
            "versions": {"v1": version},
        }
        (self.folder / "answer.lock.json").write_text(json.dumps(document))

    def run(self, verb: str, *options: str, **environ: str) -> Answer:
        return self.command(verb, "--lock", "answer.lock.json", *options, **environ)

    def command(self, *arguments: str, **environ: str) -> Answer:
        """Runs a verb that reads no lock."""
        done = subprocess.run(
            [sys.executable, "-m", "cgo_prebuilt", *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done)

    def fetch(self, *options: str, **environ: str) -> Answer:
        output = ("--output", str(self.output), "--platform", "linux_amd64", "--json")
        return self.run("fetch", *output, *options, **{"CC": "cc", **environ})


CRATE: Mapping[str, str] = {
    "Cargo.toml": '[package]\nname = "answer"\nversion = "1.0.0"\n[lib]\ncrate-type = ["staticlib"]\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "answer"\nversion = "1.0.0"\n',
    "src/lib.rs": '#[no_mangle]\npub extern "C" fn answer(at: usize) -> i32 { [4, 2][at] }\n'
    '#[cfg(not(own_flag))]\ncompile_error!("without the flag of .cargo/config.toml");\n',
}
