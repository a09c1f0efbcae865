"""What `cgo-prebuilt gazelle` prints, and its patch on BUILD files as gazelle writes them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path, PurePath

import pytest

from cgo_prebuilt.cli import main
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.go_modules.gazelle_lines import (
    gazelle_lines,
    include_command,
    lock_label,
    patch_command,
)
from cgo_prebuilt.linking.required_version import modules_of_releases
from cgo_prebuilt.locks.lock import Interface, Lock, LockedVersion
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.url import Url

LANCEDB = """\
load("@io_bazel_rules_go//go:def.bzl", "go_library")

go_library(
    name = "lancedb",
    srcs = ["connect.go"],
    cgo = True,
    copts = ["-Ipkg/lancedb/include"],
    importpath = "github.com/lancedb/lancedb-go/pkg/lancedb",
)
"""

MANY = """\
go_library(
    name = "a",
    srcs = ["a.go"],
    cgo = True,
    clinkopts = select({
        "@io_bazel_rules_go//go/platform:darwin": [
            "-Llib -lfoo -framework Security",
        ],
        "//conditions:default": [],
    }) + select({
        "@io_bazel_rules_go//go/platform:linux_amd64": [
            "./lib/libfoo.a -lm",
        ],
        "//conditions:default": [],
    }),
    copts = select({
        "@io_bazel_rules_go//go/platform:darwin": [
            "-Iinclude -DFOO",
        ],
        "//conditions:default": [],
    }),
    cppopts = ["-DBAR -I include"],
    importpath = "example.com/x",
)
"""

PLAIN = """\
go_library(
    name = "plain",
    srcs = ["plain.go"],
    importpath = "example.com/plain",
)
"""


def mended(folder: Path, text: str) -> str:
    if shutil.which("sed") is None:
        pytest.skip("there is no sed")
    file = folder / "pkg" / "BUILD.bazel"
    file.parent.mkdir()
    file.write_text(text)
    subprocess.run(["sh", "-c", patch_command("vec")], cwd=folder, check=True)
    assert [path.name for path in file.parent.iterdir()] == ["BUILD.bazel"]
    return file.read_text()


def test_a_package_with_cgo_gets_the_library_and_loses_the_folder_that_is_not_there(
    tmp_path: Path,
) -> None:
    expected = LANCEDB.replace("    cgo = True", '    cdeps = ["@vec"], cgo = True')
    expected = expected.replace('copts = ["-Ipkg/lancedb/include"]', "copts = []")
    assert mended(tmp_path, LANCEDB) == expected


def test_link_options_go_and_other_compiler_options_stay(tmp_path: Path) -> None:
    assert (
        mended(tmp_path, MANY)
        == """\
go_library(
    name = "a",
    srcs = ["a.go"],
    cdeps = ["@vec"], cgo = True,
    copts = select({
        "@io_bazel_rules_go//go/platform:darwin": [
            "-DFOO",
        ],
        "//conditions:default": [],
    }),
    cppopts = ["-DBAR "],
    importpath = "example.com/x",
)
"""
    )


def test_a_package_without_cgo_is_left_as_it_is(tmp_path: Path) -> None:
    assert mended(tmp_path, PLAIN) == PLAIN


FILECOIN = """\
package cgo

/*
#cgo pkg-config: ${SRCDIR}/../filcrypto.pc
#include "../filcrypto.h"
#include "../own.h"
#include <stdlib.h>
*/
import "C"
"""


def test_a_header_beside_the_go_files_is_included_as_the_librarys(tmp_path: Path) -> None:
    if shutil.which("sed") is None:
        pytest.skip("there is no sed")
    (tmp_path / "cgo").mkdir()
    (tmp_path / "cgo/bls.go").write_text(FILECOIN)
    (tmp_path / "cgo/vec.c").write_text('#include "../../include/vec/vec.h"\n#include "vec.h"\n')
    (tmp_path / "cgo/plain.go").write_text("package cgo\n")
    interfaces = [
        Interface(headers=("filcrypto.h", "odd name$.h")),
        Interface(headers=("include/vec/vec.h",), include_dirs=("include", "include/vec")),
    ]
    command = include_command(interfaces)
    assert command is not None
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    mended = FILECOIN.replace('"../filcrypto.h"', '"filcrypto.h"')
    assert (tmp_path / "cgo/bls.go").read_text() == mended
    assert (tmp_path / "cgo/vec.c").read_text() == '#include "vec.h"\n#include "vec.h"\n'
    assert sorted(path.name for path in (tmp_path / "cgo").iterdir()) == [
        "bls.go",
        "plain.go",
        "vec.c",
    ]
    assert include_command([Interface()]) is None


def test_the_script_is_one_that_bsds_sed_takes_too() -> None:
    script = f"{patch_command('vec')} {include_command([Interface(headers=('a.h', 'b.h'))])}"
    assert not re.search(r"\(\||\|\||\|\)", script)  # no empty alternative


def test_the_lines_name_the_library_its_lock_and_the_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("third_party").mkdir()
    lock = Lock("vec", "v1", {"v1": LockedVersion({"": {}})})
    Path("third_party/vec.lock.json").write_text(format_lock(lock))
    module = "github.com/acme/vec-go"
    assert main(["gazelle", "--lock", "third_party/vec.lock.json", "--module", module]) == 0
    printed = capsys.readouterr().out
    assert 'lock = "//third_party:vec.lock.json",' in printed
    assert 'use_repo(prebuilt, "vec")' in printed
    assert 'inject_repo(go_deps, "vec")' in printed
    assert printed.count(f'path = "{module}",') == 1


@pytest.mark.parametrize(
    ("required", "warned"),
    [
        ("require github.com/acme/vec-go v1.1.0", True),
        ("require (\n\tgithub.com/acme/vec-go/v2 v2.0.0 // indirect\n)", True),
        ("require github.com/acme/vec-go v1.2.0", False),
        ("require github.com/acme/vec-go v1.2.0+incompatible", False),
        ("require github.com/acme/vec-go v1.2.1-0.20260401120000-0123456789ab", False),
        ("require github.com/acme/vec-go-more v1.0.0", False),
    ],
)
def test_a_go_mod_with_another_version_than_the_librarys_is_told(
    required: str,
    warned: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    lock = Lock("vec", "v1.2.0", {"v1.2.0": LockedVersion({"": {}})})
    Path("vec.lock.json").write_text(format_lock(lock))
    Path("go.mod").write_text(f"module example.com/program\n\n{required}\n")
    assert main(["gazelle", "--lock", "vec.lock.json", "--module", "github.com/acme/vec-go"]) == 0
    told = "go.mod requires github.com/acme/vec-go v" in capsys.readouterr().err
    assert told is warned


def test_the_module_of_a_release_is_its_repository() -> None:
    urls = [
        "https://github.com/acme/vec-go/releases/download/v1/a.zip",
        "https://example.com/a.zip",
    ]
    assert modules_of_releases(map(Url, urls)) == ["github.com/acme/vec-go"]


@pytest.mark.parametrize("module", ["", 'a"b', "a b", "-x"])
def test_what_is_no_module_path_is_refused(module: str) -> None:
    with pytest.raises(UsageError, match="not a Go module's path"):
        gazelle_lines("vec", "//:vec.lock.json", module)


@pytest.mark.parametrize(
    ("lock", "label"),
    [
        ("vec.lock.json", "//:vec.lock.json"),
        ("./a/../b/c/vec.lock.json", "//b/c:vec.lock.json"),
        ("/ws/third_party/vec.lock.json", "//third_party:vec.lock.json"),
        ("../ws/vec.lock.json", "//:vec.lock.json"),
    ],
)
def test_a_locks_label_is_that_of_its_place_in_the_workspace(lock: str, label: str) -> None:
    assert lock_label(PurePath(lock), PurePath("/ws")) == label


@pytest.mark.parametrize("place", ["../vec.lock.json", "{}/vec.lock.json"])
def test_a_lock_that_has_no_label_in_the_workspace_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (tmp_path / "vec.lock.json").write_text(
        format_lock(Lock("vec", "v1", {"v1": LockedVersion({"": {}})}))
    )
    monkeypatch.chdir(workspace)
    lock = place.format(tmp_path)
    assert main(["gazelle", "--lock", lock, "--module", "github.com/acme/vec-go"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "a lock outside of the current folder" in captured.err
    assert f"  at: {lock}\n  next: run it in the workspace's root" in captured.err
