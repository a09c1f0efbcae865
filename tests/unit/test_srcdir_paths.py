"""Go modules that want a library's files beside their own, where no environment leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.linking.srcdir_paths import MissingSourceFile, find_missing_source_file, paths_of

GO_MOD = """\
module example.com/program

require (
	github.com/acme/other v1.0.0
	github.com/acme/Vec-go/v2 v2.1.0 // indirect
)
require example.org/acme v1.0.0
"""
MODULE = "github.com/acme/Vec-go/v2"
GO = """\
package vec

// #cgo linux LDFLAGS: ${SRCDIR}/../libvec.a -L${SRCDIR}/.. -lm
// #cgo pkg-config: ${SRCDIR}/../vec.pc zlib
// #cgo CFLAGS: -I${SRCDIR}/include
/*
#cgo LDFLAGS: ${SRCDIR}/glue.o
*/
import "C"
"""
FILES = ("libvec.a", "vec.pc", "vec.h")


def find(folder: Path, **environ: str) -> MissingSourceFile | None:
    return find_missing_source_file(folder / "program", ["github.com/acme/"], FILES, environ)


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """The module in a module cache, and a program that requires it."""
    module = tmp_path / "go/pkg/mod/github.com/acme/!vec-go/v2@v2.1.0"
    (module / "cgo").mkdir(parents=True)
    (module / "cgo/vec.go").write_text(GO)
    (tmp_path / "program").mkdir()
    (tmp_path / "program/go.mod").write_text(GO_MOD)
    return module


def test_paths_beside_a_module_are_those_of_its_cgo_lines() -> None:
    assert paths_of(GO) == ["${SRCDIR}/../libvec.a", "${SRCDIR}/../vec.pc", "${SRCDIR}/glue.o"]


def test_a_module_in_the_cache_is_found_by_what_it_lacks(cached: Path, tmp_path: Path) -> None:
    expected = MissingSourceFile(MODULE, "${SRCDIR}/../libvec.a", cached, False)
    assert find(tmp_path, HOME=str(tmp_path)) == expected
    assert find(tmp_path, GOPATH=f"{tmp_path}/go:/other") == expected
    assert find(tmp_path, GOMODCACHE=f"{tmp_path}/go/pkg/mod") == expected
    assert find(tmp_path, GOMODCACHE=f"{tmp_path}/none") is None
    (cached / "libvec.a").touch()
    (cached / "vec.pc").touch()
    assert find(tmp_path, HOME=str(tmp_path)) is None


def test_of_a_vendored_module_the_projects_own_copy_counts(cached: Path, tmp_path: Path) -> None:
    vendored = tmp_path / "program/vendor" / MODULE
    (vendored / "cgo").mkdir(parents=True)
    (vendored / "cgo/vec.go").write_text(GO)
    expected = MissingSourceFile(MODULE, "${SRCDIR}/../libvec.a", vendored, True)
    assert find(tmp_path, HOME=str(tmp_path)) == expected
    for name in FILES:
        (vendored / name).touch()
    assert find(tmp_path, HOME=str(tmp_path)) is None


def test_nothing_is_said_of_what_is_replaced_or_of_others(cached: Path, tmp_path: Path) -> None:
    go_mod = tmp_path / "program/go.mod"
    go_mod.write_text(f"{GO_MOD}replace {MODULE} => ../vec-go\n")
    assert find(tmp_path, HOME=str(tmp_path)) is None
    go_mod.write_text(GO_MOD.replace("/acme/Vec", "/other/Vec"))
    assert find(tmp_path, HOME=str(tmp_path)) is None
    go_mod.unlink()
    assert find(tmp_path, HOME=str(tmp_path)) is None
