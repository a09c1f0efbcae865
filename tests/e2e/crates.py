"""A crate whose build script compiles C with the real `cc` crate of the registry."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.locks.lock import LockedCrates
from cgo_prebuilt.source.cargo_lock import git_archive, parse_cargo_lock
from cgo_prebuilt.source.git_crates import write_git_crates

# As aws-lc-sys does, which every tree with rustls depends on.
CRATE: Mapping[str, str] = {
    "Cargo.toml": """\
[package]
name = "noise"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["staticlib"]

[build-dependencies]
cc = "1.2"
""",
    "build.rs": """\
fn main() {
    cc::Build::new().file("jitter.c").flag("-O0").compile("jitter");
    cc::Build::new().file("fast.c").flag("-Werror").compile("fast");
    println!("cargo:rerun-if-changed=jitter.c");
}
""",
    "jitter.c": """\
#ifdef __OPTIMIZE__
#error "The CPU Jitter random number generator must not be compiled with optimizations."
#endif
int jitter(void) { return 7; }
""",
    "fast.c": """\
#ifndef __OPTIMIZE__
#error "The profile is a release, but this is not optimized."
#endif
static int unused(void) { return 1; }
const char *place(void) { return __FILE__; }
""",
    "src/lib.rs": """\
#[cfg(not(own_flag))]
compile_error!("without the flag of .cargo/config.toml");

extern "C" { fn jitter() -> i32; fn place() -> *const u8; }

#[no_mangle]
pub extern "C" fn noise(at: usize) -> i32 { unsafe { [jitter(), *place() as i32][at] } }
""",
    "include/noise.h": "int noise(unsigned long at);\n",
    ".cargo/config.toml": '[build]\nrustflags = ["--cfg", "own_flag"]\n',
}

MAIN = """\
#include <stdio.h>
#include "noise.h"
int main(int count, char **words) {
  (void)words;
  printf("%d\\n", noise(count - 1));
}
"""


def write_crate(folder: Path) -> None:
    """Write the crate, with a Cargo.lock of the registry's present versions."""
    for name, text in CRATE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    cargo(folder, "generate-lockfile")


def add_git_dependency(folder: Path, url: str, target: Path) -> list[dict[str, str]]:
    """Make a crate depend on one from Git, and put that into a folder as `lock` and `mirror` do.

    Args:
        folder: The crate's folder.
        url: The repository that `make_repository` made.
        target: The folder for the archive.

    Returns:
        The value for a lock's `git`.
    """
    with (folder / "Cargo.toml").open("a") as manifest:
        manifest.write(f'[dependencies]\nnear = {{ git = "{url}" }}\n')
    library = folder / "src/lib.rs"
    library.write_text(library.read_text().replace("[jitter(),", "[jitter() + near::at(0),"))
    cargo(folder, "generate-lockfile")
    (git,) = parse_cargo_lock((folder / "Cargo.lock").read_text(), "Cargo.lock").git
    archive = folder.parent / "git.tar"
    write_git_crates(git, archive, os.environ)
    locked = LockedCrates(git.source, sha256_of(archive)[0])
    archive.rename(target / git_archive(locked))
    return [asdict(locked)]


def archives_of(folder: Path, target: Path) -> None:
    """Puts the archives of a crate's dependencies into a folder, as cargo downloads them."""
    home = folder.parent / "cargo-home"
    cargo(folder, "fetch", "--locked", home=home)
    target.mkdir(exist_ok=True)
    for archive in home.glob("registry/cache/*/*.crate"):
        shutil.copy(archive, target)


def cargo(folder: Path, *arguments: str, home: Path | None = None) -> str:
    """Run cargo; skip the test if the registry cannot be reached."""
    own = {} if home is None else {"CARGO_HOME": str(home)}
    done = subprocess.run(
        ["cargo", *arguments],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and "download" in done.stderr:
        pytest.skip(f"cargo {arguments[0]} needs the registry: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout
