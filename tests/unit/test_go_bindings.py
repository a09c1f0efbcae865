"""The Go package with a library's bindings: what of its folder is published, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.go_modules.go_bindings import read_bindings
from cgo_prebuilt.go_modules.go_source import parse_go
from tests.unit.library_case import write_files

HEADERS = ["include/**", "vec.h"]
MODULES = ["go.acme.dev/vec-linux-amd64"]


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    return write_files(folder, {name: text.encode() for name, text in files.items()})


def test_bindings_are_the_folders_files_without_tests_and_build_files(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "go.mod": "module x\n\ngo 1.23.1\n",
            "vs/a.go": "// package no\n/* package\nnone */ package vs // yes\n",
            "vs/a_test.go": "package vs_test\n",
            "vs/BUILD.bazel": "",
            "vs/glue.h": "",
            "vs/sub/b.go": "package sub\n",
        },
    )
    bindings = read_bindings(tmp_path / "vs")
    assert (bindings.package, bindings.go_version) == ("vs", "1.23.1")
    assert sorted(bindings.files) == ["a.go", "glue.h"]


def test_what_editors_leave_behind_and_what_go_ignores_is_left_out(tmp_path: Path) -> None:
    names = ["a.go.orig", "a.go.rej", "a.go~", "a.go.bak", ".a.go.swp", "#a.go#", "_a.go", "a.tmp"]
    _write(tmp_path, dict.fromkeys(names, "package other\n"))
    for name, constraint in ("gen.go", "//go:build ignore"), ("old.go", "// +build ignore"):
        _write(tmp_path, {name: f"// Copyright\n\n{constraint}\n\npackage main\n"})
    _write(tmp_path, {"a.go": "package vs\n", "README.md": "", "origin.txt": ""})
    assert sorted(read_bindings(tmp_path).files) == ["README.md", "a.go", "origin.txt"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x.h": ""}, "has no Go package"),
        ({"a.go": "package a\n", "b.go": "package b\n"}, "has the packages a, b"),
        ({"a.go": "package main\n"}, "has the package name 'main': it is a program's"),
        ({"a.go": "package documentation\n"}, "has the package name 'documentation'"),
    ],
)
def test_a_folder_that_is_not_one_package_is_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        read_bindings(_write(tmp_path, files))


def test_bindings_that_are_not_there_are_an_error_of_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        read_bindings(tmp_path / "missing")


@pytest.mark.parametrize(
    ("text", "imports"),
    [
        ("package a\n", []),
        ('package a; import "fmt"; import m "math"\nvar x = "import"\n', ["fmt", "math"]),
        (
            'package a\nimport (\n\t"fmt" // "no"\n\t. `x.dev/y`\n\t_ "embed"; "os"\n)\nimport("C")\n',
            ["fmt", "x.dev/y", "embed", "os", "C"],
        ),
        ('package a\n\n/* import "no.dev/a"\n*/\nimport "C"\nfunc f() {}\nimport "no.dev/b"\n', ["C"]),
        ('package a\nvar important = `\nimport "no.dev/c"\n`\n', []),
    ],
)  # fmt: skip
def test_what_a_go_file_imports_is_read(text: str, imports: list[str]) -> None:
    assert list(parse_go(text).imports) == imports


@pytest.mark.parametrize(
    "path", ["golang.org/x/sys/unix", "example.com/vec/internal/x", "example.com/vec", "./sub"]
)
def test_bindings_that_import_another_module_are_refused(tmp_path: Path, path: str) -> None:
    _write(
        tmp_path,
        {
            "go.mod": "module example.com/vec\n\ngo 1.21\n",
            "vs/a.go": f'package vs\n\nimport (\n\t"fmt"\n\t"{path}"\n)\n',
        },
    )
    with pytest.raises(ManifestError, match=f"the bindings import '{path}', and their") as caught:
        read_bindings(tmp_path / "vs", HEADERS, MODULES)
    assert caught.value.where == str(tmp_path / "vs" / "a.go")
    assert "without 'go.package'" in str(caught.value.remedy)


def test_a_module_without_a_dot_is_another_one_too(tmp_path: Path) -> None:
    _write(tmp_path, {"go.mod": "module vec\n", "vs/a.go": 'package vs\nimport "vec/sub"\n'})
    with pytest.raises(ManifestError, match="the bindings import 'vec/sub'"):
        read_bindings(tmp_path / "vs")


def test_bindings_may_import_the_standard_library_and_a_platforms_module(tmp_path: Path) -> None:
    text = f'package vs\n\nimport (\n\t"net/http"\n\t_ "{MODULES[0]}"\n)\n'
    assert read_bindings(_write(tmp_path, {"a.go": text}), HEADERS, MODULES).package == "vs"


def _embedding(pattern: str) -> str:
    return f'package vs\n\nimport _ "embed"\n\n//go:embed {pattern}\nvar text string\n'


@pytest.mark.parametrize(
    "pattern", ["sub/x.txt", "sub", "all:sub", "*", "missing.txt", "go.mod", "../x", "x.txt sub/*"]
)
def test_what_is_embedded_and_not_published_is_refused(tmp_path: Path, pattern: str) -> None:
    _write(tmp_path, {"a.go": _embedding(pattern), "x.txt": "", "sub/x.txt": "", "go.mod": ""})
    with pytest.raises(ManifestError, match="files that are not published with them: one embeds '"):
        read_bindings(tmp_path, HEADERS)


def test_what_is_embedded_from_the_bindings_own_folder_is_published(tmp_path: Path) -> None:
    text = _embedding('x.txt *.json include/vec.h "y z"')
    found = _write(tmp_path, {"a.go": text, "x.txt": "", "a.json": "", "y z": "", "b.txt": ""})
    bindings = read_bindings(found, HEADERS)
    assert bindings.embedded == ("a.json", "x.txt", "y z")
    assert "b.txt" in bindings.files


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("// #cgo LDFLAGS: -L${SRCDIR}/../lib -lvec", "-L${SRCDIR}/../lib"),
        ("// #cgo linux,amd64 LDFLAGS: -lm ${SRCDIR}/lib/libvec.a", "${SRCDIR}/lib/libvec.a"),
        ("//#cgo CFLAGS: -I../include", "-I../include"),
        ("/*\n#cgo CFLAGS: -I${SRCDIR}/sub\n*/", "-I${SRCDIR}/sub"),
        ("// #cgo LDFLAGS: -Wl,-rpath,${SRCDIR}/..", "-Wl,-rpath,${SRCDIR}/.."),
    ],
)
def test_a_cgo_line_with_what_is_not_published_is_refused(
    tmp_path: Path, line: str, word: str
) -> None:
    found = _write(tmp_path, {"a.go": f'package vs\n\n{line}\nimport "C"\n', "sub/x.h": ""})
    with pytest.raises(
        ManifestError, match="names files that are not published with them"
    ) as caught:
        read_bindings(found, HEADERS)
    assert f"with {word!r} names" in caught.value.what
    assert "CGO_LDFLAGS" in str(caught.value.remedy)


def test_a_cgo_line_with_what_is_published_is_taken(tmp_path: Path) -> None:
    lines = (
        "// #cgo CFLAGS: -I${SRCDIR} -I${SRCDIR}/include -I. -std=c11\n"
        "// #cgo LDFLAGS: -lm ${SRCDIR}/glue.a\n"
        "// #cgo pkg-config: ../x\n"
        "// #cgo noescape f\n"
        "// #include <../x.h>\n"
        '// #include "include/vec.h"\n'
        '// #include "vec.h"\n'
    )
    text = f'package vs\n\n{lines}import "C"\n'
    files = {"a.go": text, "glue.a": "", "include/vec.h": "", "vec.h": ""}
    assert "glue.a" in read_bindings(_write(tmp_path, files), HEADERS).files


@pytest.mark.parametrize("path", ["../vec.h", "sub/glue.h", "./sub/../../vec.h"])
@pytest.mark.parametrize("name", ["a.go", "glue.c"])
def test_an_included_file_that_is_not_published_is_refused(
    tmp_path: Path, name: str, path: str
) -> None:
    texts = {"a.go": "package vs\n", "glue.c": ""}
    include = f'#include "{path}"\n'
    texts[name] += f'// {include}import "C"\n' if name == "a.go" else include
    _write(tmp_path, {"vec.h": "", "vs/sub/glue.h": ""})
    with pytest.raises(ManifestError, match="not published with them: one includes '") as caught:
        read_bindings(_write(tmp_path / "vs", texts), HEADERS)
    assert caught.value.where == str(tmp_path / "vs" / name)
