"""A Git repository with crates as real ones have them: a workspace, and members that inherit from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

FILES: Mapping[str, str] = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n[workspace.package]\nversion = "1.2.0"\n',
    "LICENSE": "Do what you like.\n",
    "crates/near/Cargo.toml": '[package]\nname = "near"\nversion.workspace = true\n'
    '[dependencies]\nfar = { path = "../far" }\n',
    "crates/near/src/lib.rs": "pub fn at(at: usize) -> i32 { far::all()[at] }\n",
    "crates/near/build.sh": "#!/bin/sh\n",
    "crates/far/Cargo.toml": '[package]\nname = "far"\nversion.workspace = true\n',
    "crates/far/src/lib.rs": "pub fn all() -> [i32; 2] { [4, 2] }\n",
    "unused/data": "x" * 1000,
}


def make_repository(folder: Path, more: Mapping[str, str] = {}) -> str:
    """Make the bare repository `acme.git` in a folder; return the commit before its last one."""
    work = folder / "work"
    for name, text in {**FILES, **more}.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    (work / "crates/near/build.sh").chmod(0o755)
    (work / "crates/near/LICENSE").symlink_to("../../LICENSE")
    _git(work, "init", "--quiet", "-b", "main")
    _git(work, "add", ".")
    _git(work, "commit", "--quiet", "-m", "x")
    commit = _git(work, "rev-parse", "HEAD")
    _git(work, "commit", "--quiet", "--allow-empty", "-m", "y")
    _git(folder, "clone", "--quiet", "--bare", "work", "acme.git")
    _git(folder / "acme.git", "update-server-info")
    return commit


def _git(folder: Path, *arguments: str) -> str:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=acme", "-c", "user.email=acme@example.com")
    command = ["git", *who, *arguments]
    environ = {**os.environ, **own}
    done = subprocess.run(
        command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()
