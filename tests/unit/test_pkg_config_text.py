"""The `.pc` file: its text, its place, and what the real pkg-config makes of it."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.pkg_config import pkg_config, write_pkg_config
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.storage.store import Store
from tests.programs import provide
from tests.unit.library_case import FILES, files_below
from tests.unit.trees import put

INTERFACE = Interface(
    static_library=("lib/libvec.a", "lib/libdep.a"),
    include_dirs=("include", "."),
    linkopts=("-framework Security", "-lm"),
    defines=("VEC_STATIC", "LEVEL=2"),
)


def asked(folder: Path, *options: str) -> list[str]:
    """What pkg-config says of `vec`, split as a shell would."""
    environment = {**os.environ, "PKG_CONFIG_PATH": str(folder)}
    command = [provide("pkg-config", "pkgconf"), *options, "vec"]
    run = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE)
    # Byte by byte: pkgconf puts a backslash before each byte that is not ASCII.
    words = shlex.split(run.stdout.decode("latin-1"))
    return [word.encode("latin-1").decode() for word in words]


def test_the_text_is_the_same_wherever_the_files_are() -> None:
    assert pkg_config("vec", "v1.2.3", INTERFACE, "linux", "../../files") == (
        "prefix=${pcfiledir}/../../files\n"
        "\n"
        "Name: vec\n"
        "Description: prebuilt vec\n"
        "Version: 1.2.3\n"
        "Cflags: -I${prefix}/include -I${prefix}/. -DVEC_STATIC -DLEVEL=2\n"
        "Libs: ${prefix}/lib/libvec.a ${prefix}/lib/libdep.a -framework Security -lm\n"
    )


def test_a_library_whose_name_cgo_does_not_take_is_searched_in_its_folder() -> None:
    interface = Interface(
        static_library=("vec.lib",), shared_library=("lib/so/libdep.so.1", "lib/liblast.so")
    )
    assert pkg_config("vec", "v1", interface, "linux", ".").endswith(
        "Libs: -L${prefix}/. -l:vec.lib -L${prefix}/lib/so -l:libdep.so.1 ${prefix}/lib/liblast.so\n"
    )


def test_windows_libraries_are_searched_as_every_linker_there_does() -> None:
    interface = Interface(static_library=("my lib/vec.lib", "lib/libdep.a"))
    assert pkg_config("vec", "v1", interface, "windows", ".").endswith(
        "Libs: -L${prefix}/my\\ lib -lvec ${prefix}/lib/libdep.a\n"
    )


def test_a_dollar_begins_no_variable(tmp_path: Path) -> None:
    interface = Interface(
        include_dirs=("${prefix}", "$a"),
        defines=("D=$(x)${pcfiledir}",),
        linkopts=("-Wl,-rpath,$ORIGIN",),
    )
    (tmp_path / "vec.pc").write_text(pkg_config("vec", "v1", interface, "linux", "."))
    here = str(tmp_path) + "/."
    assert asked(tmp_path, "--cflags") == [
        f"-I{here}/${{prefix}}",
        f"-I{here}/$a",
        "-DD=$(x)${pcfiledir}",
    ]
    assert asked(tmp_path, "--libs") == ["-Wl,-rpath,$ORIGIN"]


@pytest.mark.parametrize("name", ["plain", "with space", "a(b)&c", "größe"])
def test_pkg_config_finds_the_files_wherever_they_are(tmp_path: Path, name: str) -> None:
    tree = put(Store(tmp_path / name), FILES)
    # One library: pkgconf 1.8 loses the backslashes of one path directly behind another.
    interface = replace(INTERFACE, static_library=("lib/libvec.a",), linkopts=("-lm",))
    folder = write_pkg_config(tree, "vec", "v1.2.3", interface, "linux")
    include, here, *defines = asked(folder, "--cflags")
    assert Path(include.removeprefix("-I")).samefile(tree.files / "include")
    assert Path(here.removeprefix("-I")).samefile(tree.files)
    assert defines == ["-DVEC_STATIC", "-DLEVEL=2"]
    library, *options = asked(folder, "--libs")
    assert Path(library).samefile(tree.files / "lib" / "libvec.a")
    assert options == ["-lm"]
    assert asked(folder, "--modversion") == ["1.2.3"]


def test_a_define_with_quotes_and_spaces_survives(tmp_path: Path) -> None:
    tree = put(Store(tmp_path / "store"), FILES)
    interface = Interface(defines=('TEXT="a b"', "SIGNS=#\\'*(&"))
    folder = write_pkg_config(tree, "vec", "v1.2.3", interface, "linux")
    assert asked(folder, "--cflags") == ['-DTEXT="a b"', "-DSIGNS=#\\'*(&"]


def test_a_file_name_with_a_space_survives(tmp_path: Path) -> None:
    tree = put(Store(tmp_path / "store"), {"my lib/vec #1.a": b"x"})
    folder = write_pkg_config(
        tree, "vec", "v1", Interface(static_library=("my lib/vec #1.a",)), "linux"
    )
    (library,) = asked(folder, "--libs")
    assert Path(library).samefile(tree.files / "my lib" / "vec #1.a")


def test_two_locks_that_link_the_same_files_differently_have_a_file_each(tmp_path: Path) -> None:
    tree = put(Store(tmp_path / "store"), FILES)
    one = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    other = write_pkg_config(tree, "vec", "v1.2.3", Interface(linkopts=("-ldl",)), "linux")
    assert one != other
    assert "-lm" in (one / "vec.pc").read_text()
    assert "-ldl" in (other / "vec.pc").read_text()


def test_written_twice_it_is_the_same_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    tree = put(Store(tmp_path / "store"), FILES)
    one = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    assert write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux") == one
    assert files_below(one) == ["vec.pc"]


def test_it_lies_beside_the_files_and_not_among_them(tmp_path: Path) -> None:
    tree = put(Store(tmp_path / "store"), FILES)
    folder = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    assert tree.folder in folder.parents
    assert tree.files not in folder.parents


def test_where_neither_store_nor_temporary_files_can_be_written_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = put(Store(tmp_path / "store"), FILES)
    (tree.folder / "pkgconfig").write_text("in the way")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"the \.pc file cannot be written") as caught:
        write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    assert "CGO_PREBUILT_CACHE" in str(caught.value.remedy)


def test_a_planted_file_is_written_anew_and_its_neighbours_go(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tree = put(store, FILES)
    folder = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    right = (folder / "vec.pc").read_text()
    (folder / "vec.pc").write_text(right.replace("Libs:", "Libs: -Wl,-rpath,/tmp/evil"))
    (folder / "zlib.pc").write_text("Name: zlib")
    assert write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux") == folder
    assert files_below(folder) == ["vec.pc"]
    assert (folder / "vec.pc").read_text() == right


@pytest.mark.parametrize("level", ["file", "folder", "folders"])
def test_a_planted_link_is_not_followed(tmp_path: Path, level: str) -> None:
    tree = put(Store(tmp_path / "store"), FILES)
    folder = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    text = (folder / "vec.pc").read_text()
    planted = {"file": folder / "vec.pc", "folder": folder, "folders": folder.parent}[level]
    elsewhere = tmp_path / "elsewhere"
    planted.rename(elsewhere)
    planted.symlink_to(elsewhere)
    write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    assert not planted.is_symlink()
    assert (folder / "vec.pc").read_text() == text


def test_verify_finds_a_planted_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tree = put(store, FILES)
    folder = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    assert store.verify(tree.key) == ()
    (folder / "vec.pc").write_text("Name: vec")
    (folder / "zlib.pc").write_text("Name: zlib")
    place = folder.relative_to(tree.folder).as_posix()
    assert store.verify(tree.key) == (f"{place}/vec.pc", f"{place}/zlib.pc")
    assert store.list() == ()


def test_in_a_store_that_cannot_be_written_it_is_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    tree = put(Store(tmp_path / "store"), FILES)
    (tree.folder / "pkgconfig").write_text("in the way")
    folder = write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux")
    assert folder.is_relative_to(tmp_path / "temporary")
    library, *_ = asked(folder, "--libs")
    assert Path(library).samefile(tree.files / "lib" / "libvec.a")
    assert write_pkg_config(tree, "vec", "v1.2.3", INTERFACE, "linux") == folder
