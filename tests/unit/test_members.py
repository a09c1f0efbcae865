"""Names of members: what is refused, and why."""

from __future__ import annotations

import pytest

from cgo_prebuilt.errors import IntegrityError
from cgo_prebuilt.members import check_member_names, normalize


@pytest.mark.parametrize(
    "name",
    [
        "libx.a",
        "include/x.h",
        "lib/linux_amd64/libx.so.1.2.3",
        "a b/Größe-日本語.h",
        ".hidden/..two-dots",
        "console.h",
        "com10.h",
        "nul1/x",
        "aux_/y",
    ],
)
def test_portable_names_are_accepted(name: str) -> None:
    check_member_names([name], where="lib.zip")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param("/etc/passwd", "it is absolute", id="absolute"),
        pytest.param("..", "the part '..'", id="dot-dot alone"),
        pytest.param("lib/../../x", "the part '..'", id="dot-dot inside"),
        pytest.param("./x", "the part '.'", id="dot"),
        pytest.param("lib//x", "an empty part", id="doubled slash"),
        pytest.param("lib/", "an empty part", id="trailing slash"),
        pytest.param("lib\\x", "a backslash", id="backslash"),
        pytest.param("C:/x", "a colon", id="drive letter"),
        pytest.param("x:stream", "a colon", id="alternate data stream"),
        pytest.param("\\\\server\\share\\x", "a backslash", id="UNC"),
        pytest.param("//server/share", "it is absolute", id="UNC with slashes"),
        pytest.param("x\0.a", "a control character", id="NUL"),
        pytest.param("x\n.a", "a control character", id="newline"),
        pytest.param("x\x1b[2J", "a control character", id="escape"),
        pytest.param("x\x7f", "a control character", id="delete"),
        pytest.param("x\x9b", "a control character", id="C1 control"),
        pytest.param("x\udcff", "it is not UTF-8", id="not UTF-8"),
        pytest.param("CON", "a device on Windows", id="CON"),
        pytest.param("lib/nul.txt", "a device on Windows", id="nul.txt"),
        pytest.param("Aux.tar.gz", "a device on Windows", id="aux with two extensions"),
        pytest.param("com1 .h", "a device on Windows", id="device with a space"),
        pytest.param("LPT¹", "a device on Windows", id="superscript device"),
        pytest.param("lib./x", "a dot or a space", id="trailing dot"),
        pytest.param("x ", "a dot or a space", id="trailing space"),
        pytest.param("a?.h", "a character that Windows forbids", id="question mark"),
        pytest.param("a" * 256, "longer than 255 bytes", id="long part"),
        pytest.param("/".join(["a" * 200] * 21), "longer than 4096 bytes", id="long name"),
    ],
)
def test_unsafe_names_are_refused(name: str, why: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        check_member_names(["good", name], where="lib.zip")
    assert caught.value.what.startswith("unsafe name")
    assert why in caught.value.what
    assert caught.value.where == "lib.zip"
    assert caught.value.remedy == "pack the archive again with plain, portable, relative names"


@pytest.mark.parametrize(
    ("names", "what"),
    [
        pytest.param(["x", "x"], "duplicate name 'x'", id="duplicate"),
        pytest.param(["x", "x/y"], "'x' is a file and the folder of 'x/y'", id="file then folder"),
        pytest.param(["x/y", "x"], "'x' is a file and a folder", id="folder then file"),
        pytest.param(["lib/X.h", "lib/x.h"], "are one file where case", id="case"),
        pytest.param(["Lib/a", "lib/b"], "are one file where case", id="case of a folder"),
        pytest.param(["X", "x/y"], "are one file where case", id="case, file against folder"),
        pytest.param(["caf\u00e9", "cafe\u0301"], "are one file where case", id="NFC and NFD"),
        pytest.param(["stra\u00dfe", "STRASSE"], "are one file where case", id="sharp s"),
        pytest.param(["\u212a.h", "k.h"], "are one file where case", id="Kelvin sign"),
    ],
)
def test_names_that_cannot_stand_side_by_side_are_refused(names: list[str], what: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        check_member_names(names, where="lib.zip")
    assert what in caught.value.what


def test_many_names_in_one_folder_are_accepted() -> None:
    check_member_names((f"include/{i}.h" for i in range(1000)), where="lib.zip")


@pytest.mark.parametrize(
    ("name", "normalized"),
    [
        ("lib/x", "lib/x"),
        ("./lib/x", "lib/x"),
        ("././lib//./x", "lib/x"),
        ("lib/x/", "lib/x"),
        ("./", ""),
        ("/lib/x", "/lib/x"),
        ("//lib/x", "/lib/x"),
        ("lib/../x", "lib/../x"),
    ],
)
def test_normalize_drops_only_what_means_nothing(name: str, normalized: str) -> None:
    assert normalize(name) == normalized
