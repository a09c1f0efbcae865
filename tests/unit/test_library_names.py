"""Names that the tools which link a library refuse, and what `lock` says about them."""

from __future__ import annotations

import pytest

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.manifests.library_names import check_library_names


@pytest.mark.parametrize(
    "interface",
    [
        Interface(static_library=("lib/libx.a", "x.lib", "libx.1.a")),
        Interface(shared_library=("libx.so", "libx.so.1", "libx.so.1.2.3rc1", "x.dll")),
        Interface(shared_library=("libx.dylib", "libx.1.dylib", "libx.1.2.dylib", "libx-1.2.so")),
        Interface(interface_library=("x.lib", "libx.dll.a")),
    ],
)
def test_names_that_every_tool_knows(interface: Interface) -> None:
    check_library_names(interface, where="prebuilt.yaml")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("static_library", "lib/libx.a.1"),
        ("static_library", "lib/libx"),
        ("static_library", "lib/libx.so"),
        ("shared_library", "lib/libx.so.1-dev"),
        ("shared_library", "lib/libx.so.debug"),
        ("shared_library", "lib/libx.a"),
        ("interface_library", "lib/x.dll"),
    ],
)
def test_a_name_that_bazel_does_not_link_is_told_with_what_to_write(key: str, path: str) -> None:
    interface = Interface.of({key: (path,)})
    with pytest.raises(ManifestError) as caught:
        check_library_names(interface, where="prebuilt.yaml: platforms.linux_amd64")
    assert caught.value.what == f"{path!r} in {key!r} has a name that Bazel does not link"
    assert caught.value.where == "prebuilt.yaml: platforms.linux_amd64"
    assert f"write `members: {{NEW: {path}}}` beside the archive's 'file'" in str(
        caught.value.remedy
    )


@pytest.mark.parametrize("path", ["lib/x.o", "lib/libx.lo", "x.obj"])
def test_an_object_file_is_to_be_packed_into_an_archive(path: str) -> None:
    with pytest.raises(ManifestError) as caught:
        check_library_names(Interface(static_library=(path,)), where="prebuilt.yaml")
    assert caught.value.what == (
        f"{path!r} in 'static_library' is an object file, and Bazel links archives of those"
    )
    assert caught.value.remedy == f"pack it into one (`ar rcs libNAME.a {path}`), and name that"
