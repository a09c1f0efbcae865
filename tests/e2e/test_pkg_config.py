"""`#cgo pkg-config:` with the `.pc` files that the command writes, in the real go command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cgo_prebuilt.linking.pkg_config import pkg_config
from cgo_prebuilt.locks.lock import Interface
from tests.e2e.compilers import shared_library, static_library
from tests.e2e.go_release import Program, needs_linux_amd64
from tests.programs import provide

pytestmark = needs_linux_amd64()

_PROGRAM = """\
package main

// #cgo pkg-config: vec
// int vec_level(void);
import "C"

func main() { println(C.vec_level()) }
"""


@pytest.mark.parametrize("name", ["libvec.a", "libvec.so", "libvec.so.1"])
def test_cgo_takes_a_library_whatever_its_name(tmp_path: Path, name: str) -> None:
    library = tmp_path / "lib" / name
    source = "int vec_level(void) { return 7; }\n"
    if name.endswith(".a"):
        static_library("linux_amd64", source, library)
        interface = Interface(static_library=(f"lib/{name}",))
    else:
        shared_library("linux_amd64", source, library, f"-Wl,-soname,{name}")
        interface = Interface(shared_library=(f"lib/{name}",))
    (tmp_path / "vec.pc").write_text(pkg_config("vec", "v1.2.3", interface, "linux", "."))
    program = Program(tmp_path / "program", "off")
    program.folder.mkdir()
    (program.folder / "go.mod").write_text("module example.com/program\n\ngo 1.21\n")
    (program.folder / "main.go").write_text(_PROGRAM)
    asked = {"PKG_CONFIG": provide("pkg-config", "pkgconf"), "PKG_CONFIG_PATH": str(tmp_path)}
    program.go("build", "-o", "level", ".", env=asked).checked()
    loading = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    run = subprocess.run(
        [program.folder / "level"], env=loading, capture_output=True, text=True, check=True
    )
    assert run.stderr == "7\n"
