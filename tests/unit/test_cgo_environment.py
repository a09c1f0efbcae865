"""The environment of a plain `go build`, and its way through shells."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.cgo_environment import (
    RECORD,
    FetchedLibrary,
    cgo_environment,
    format_environment,
)
from cgo_prebuilt.locks.lock import Interface
from tests.programs import provide

FOLDER = PurePosixPath("/store/files")
STATIC = Interface(
    static_library=("lib/b.a", "lib/a.a"),
    include_dirs=("include", "."),
    linkopts=("-framework Security", "-lm"),
    defines=("VEC_STATIC",),
)
AWKWARD = {"CGO_CFLAGS": """-I'/a b' $HOME `id` "x" \\ !y # ~ * ü \u2019 ;&|""", "CGO_LDFLAGS": ""}


def environment(
    interface: Interface = STATIC,
    environ: Mapping[str, str] | None = None,
    folder: PurePath = FOLDER,
    os: str = "linux",
    name: str = "vec",
) -> dict[str, str]:
    library = FetchedLibrary(name, interface, os, folder)
    return cgo_environment(library, folder.parent / "pc", environ or {})


def test_a_static_library_is_compiled_and_linked_by_its_paths_in_order() -> None:
    variables = environment()
    assert variables["CGO_CFLAGS"] == "-O2 -g -I/store/files/include -I/store/files -DVEC_STATIC"
    assert variables["CGO_LDFLAGS"] == (
        "-O2 -g -L/store/files/lib /store/files/lib/b.a /store/files/lib/a.a -framework Security -lm"
    )
    assert variables["PKG_CONFIG_PATH"] == "/store/pc"


def test_a_shared_library_is_found_again_when_the_program_runs() -> None:
    shared = Interface(shared_library=("lib/libvec.so", "lib/libdep.so"))
    assert environment(shared)["CGO_LDFLAGS"] == (
        "-O2 -g -L/store/files/lib /store/files/lib/libvec.so /store/files/lib/libdep.so"
        " -Wl,-rpath,/store/files/lib -Wl,--disable-new-dtags"
    )
    assert "new-dtags" not in environment(shared, os="darwin")["CGO_LDFLAGS"]


@pytest.mark.parametrize(
    ("os", "rpath", "flag"),
    [
        ("linux", "$ORIGIN", "-Wl,-rpath,$ORIGIN/lib"),
        ("linux", "$ORIGIN/../share/vec", "-Wl,-rpath,$ORIGIN/../share/vec/lib"),
        ("darwin", "$ORIGIN", "-Wl,-rpath,@loader_path/lib"),
        ("linux", "/opt/vec", "-Wl,-rpath,/opt/vec/lib"),
    ],
)
def test_a_program_that_is_deployed_finds_a_shared_library_beside_it(
    os: str, rpath: str, flag: str
) -> None:
    shared = Interface(shared_library=("lib/libvec.so",))
    variables = cgo_environment(FetchedLibrary("vec", shared, os, FOLDER, rpath), FOLDER, {})
    assert variables["CGO_LDFLAGS"].endswith(f" /store/files/lib/libvec.so {flag}")


def test_an_import_library_is_linked_for_its_dll() -> None:
    windows = Interface(shared_library=("bin/vec.dll",), interface_library=("lib/vec.lib",))
    ldflags = environment(windows)["CGO_LDFLAGS"]
    assert "/store/files/lib/vec.lib" in ldflags
    assert "vec.dll" not in ldflags


def test_existing_flags_are_kept_in_front() -> None:
    present = {"CGO_CFLAGS": "-O0", "CGO_LDFLAGS": "-s", "PKG_CONFIG_PATH": "/a:/b"}
    variables = environment(environ=present)
    assert variables["CGO_CFLAGS"].startswith("-O0 -I/store")
    assert variables["CGO_LDFLAGS"].startswith("-s -L/store")
    assert variables["PKG_CONFIG_PATH"] == "/store/pc:/a:/b"


def test_an_empty_variable_gets_go_s_default_as_in_go() -> None:
    assert environment(environ={"CGO_CFLAGS": ""})["CGO_CFLAGS"].startswith("-O2 -g -I")


@pytest.mark.parametrize("interface", [STATIC, Interface()], ids=["a library", "nothing"])
def test_evaluated_twice_it_does_not_grow(interface: Interface) -> None:
    once = environment(interface)
    assert environment(interface, once) == once


def test_two_libraries_evaluated_in_turn_do_not_grow_and_keep_their_order() -> None:
    other = PurePosixPath("/other/files")
    both = environment(environ=environment(), folder=other, name="dep")
    assert both["CGO_LDFLAGS"].index("/store/files") < both["CGO_LDFLAGS"].index("/other/files")
    assert environment(environ=both) == both
    assert environment(environ=both, folder=other, name="dep") == both


def test_a_newer_version_replaces_only_the_earlier_one() -> None:
    folders = {version: PurePosixPath(f"/{version}/files") for version in ("v1", "v2")}
    small = Interface(static_library=("lib/a.a",), linkopts=("-ldl",))
    first = environment(
        environ={"CGO_CFLAGS": "-O0", "PKG_CONFIG_PATH": "/x"}, folder=folders["v1"]
    )
    both = environment(small, first, PurePosixPath("/dep/files"), name="dep")
    both["CGO_CFLAGS"] += " -Wall"
    updated = environment(small, both, folders["v2"])
    assert updated["CGO_CFLAGS"] == "-O0 -Wall"  # this version has neither headers nor defines
    assert updated["CGO_LDFLAGS"] == (
        "-O2 -g -L/v2/files/lib /v2/files/lib/a.a -ldl -L/dep/files/lib /dep/files/lib/a.a -ldl"
    )
    assert updated["PKG_CONFIG_PATH"] == "/dep/pc:/v2/pc:/x"
    again = environment(environ=updated, folder=folders["v1"])
    assert again["CGO_LDFLAGS"] == both["CGO_LDFLAGS"]
    assert again["CGO_CFLAGS"].startswith("-O0 -Wall -I/v1/files/include")
    assert again["PKG_CONFIG_PATH"] == both["PKG_CONFIG_PATH"]


@pytest.mark.parametrize(
    "record", ["", "yes", "[]", '{"vec": 7}', '{"vec": {"CGO_CFLAGS": "-I/x"}}']
)
def test_a_record_without_the_flags_changes_nothing(record: str) -> None:
    present = {"CGO_CFLAGS": "-O2 -g -I/y", RECORD: record}
    assert environment(environ=present)["CGO_CFLAGS"].startswith(
        "-O2 -g -I/y -I/store/files/include "
    )


def test_removed_flags_are_set_again() -> None:
    record = environment()[RECORD]
    assert environment(environ={RECORD: record, "CGO_CFLAGS": "-O0"})["CGO_CFLAGS"] == (
        "-O0 -I/store/files/include -I/store/files -DVEC_STATIC"
    )


def test_a_folder_whose_name_begins_the_same_is_another() -> None:
    present = environment(Interface(include_dirs=("include2",)), name="vec2")
    flags = environment(Interface(include_dirs=("include",)), present)["CGO_CFLAGS"].split()
    assert "-I/store/files/include" in flags
    assert "-I/store/files/include2" in flags


@pytest.mark.parametrize(
    ("folder", "quoted"),
    [
        ("/a b", "'-I/a b/include'"),
        ("/a'b", '"-I/a\'b/include"'),
        ('/a"b', "'-I/a\"b/include'"),
        ("/a\tb", "'-I/a\tb/include'"),
    ],
)
def test_a_path_with_spaces_or_quotes_is_quoted_as_cgo_takes_it(folder: str, quoted: str) -> None:
    interface = Interface(include_dirs=("include",))
    flags = environment(interface, folder=PurePosixPath(folder))["CGO_CFLAGS"]
    assert flags == f"-O2 -g {quoted}"


def test_cgo_cannot_take_a_path_with_both_quotes() -> None:
    with pytest.raises(UsageError, match="both kinds of quotes") as caught:
        environment(folder=PurePosixPath("/a'\"b"))
    assert "CGO_PREBUILT_CACHE" in str(caught.value.remedy)


def test_archives_that_are_linked_as_a_whole_are_not_for_a_plain_go_build() -> None:
    with pytest.raises(UsageError, match="as a whole") as caught:
        environment(Interface(static_library=("a.a", "b.a"), alwayslink=("b.a",)))
    assert caught.value.where == "b.a"
    assert "cgo_env" in str(caught.value.remedy)


def test_circular_archives_are_a_group() -> None:
    circular = Interface(static_library=("a.a", "b.a"), circular=("a.a", "b.a"))
    assert environment(circular)["CGO_LDFLAGS"].endswith(
        "-Wl,--start-group /store/files/a.a /store/files/b.a -Wl,--end-group"
    )


def test_windows_separates_paths_by_semicolons() -> None:
    variables = cgo_environment(
        FetchedLibrary("vec", STATIC, "windows", PureWindowsPath("C:/s")),
        PureWindowsPath("C:/pc"),
        {"PKG_CONFIG_PATH": "C:\\x"},
    )
    assert variables["PKG_CONFIG_PATH"] == "C:\\pc;C:\\x"


def test_a_backslash_in_a_posix_path_does_not_make_it_windows() -> None:
    variables = environment(environ={"PKG_CONFIG_PATH": "/x"}, folder=PurePosixPath("/a\\b"))
    assert variables["PKG_CONFIG_PATH"] == "/pc:/x"


# Shells.


def test_json_is_an_object_of_the_variables() -> None:
    assert json.loads(format_environment(AWKWARD, "json")) == AWKWARD


def _printed_by(command: list[str]) -> Mapping[str, str]:
    """What Python sees of the awkward variables below a shell that ran a script."""
    environ = {key: value for key, value in os.environ.items() if key not in AWKWARD}
    run = subprocess.run(
        command, check=True, env={**environ, "PYTHONUTF8": "1"}, stdout=subprocess.PIPE
    )
    seen = json.loads(run.stdout)
    return {key: seen[key] for key in AWKWARD if key in seen}


PRINT = "import json, os; print(json.dumps(dict(os.environ)))"


def test_sh_keeps_every_character(tmp_path: Path) -> None:
    script = tmp_path / "env.sh"
    call = shlex.join([sys.executable, "-c", PRINT])
    script.write_text(format_environment(AWKWARD, "sh") + call, encoding="utf-8")
    assert _printed_by(["sh", "-eu", str(script)]) == AWKWARD


def test_fish_keeps_every_character(tmp_path: Path) -> None:
    script = tmp_path / "env.fish"
    call = f"{sys.executable} -c '{PRINT}'"
    script.write_text(format_environment(AWKWARD, "fish") + call, encoding="utf-8")
    assert _printed_by([provide("fish", "fish"), "--no-config", str(script)]) == AWKWARD


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="there is no PowerShell")
def test_powershell_keeps_every_character(tmp_path: Path) -> None:
    script = tmp_path / "env.ps1"
    call = f"& '{sys.executable}' -c '{PRINT}'"
    script.write_text(format_environment(AWKWARD, "powershell") + call, encoding="utf-8-sig")
    # An empty value removes a variable there, which is the same to cgo.
    assert _printed_by(["pwsh", "-NoProfile", "-File", str(script)]) == {
        key: value for key, value in AWKWARD.items() if value
    }


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", "export X='a b'\"'\"'c\\d'"),
        ("fish", "set -gx X 'a b\\'c\\\\d'"),
        ("powershell", "$env:X = 'a b''c\\d'"),
    ],
)
def test_each_shell_has_its_own_quoting(shell: str, line: str) -> None:
    assert format_environment({"X": "a b'c\\d"}, shell) == line + "\n"


def test_powershell_s_other_single_quotes_are_doubled_too() -> None:
    assert format_environment({"X": "a\u2019b\u2018c"}, "powershell") == (
        "$env:X = 'a\u2019\u2019b\u2018\u2018c'\n"
    )
