"""How a library's files are named to a linker driver."""

from __future__ import annotations

import pytest

from cgo_prebuilt.linking.linker_arguments import linker_arguments, shared_to_link, stem
from cgo_prebuilt.locks.lock import Interface

ARCHIVES = ("a.a", "b.a", "c.a")


def words(interface: Interface, os: str = "linux") -> list[str]:
    return linker_arguments(interface, os, lambda path: f"/x/{path}")


def test_archives_are_named_in_their_order() -> None:
    assert words(Interface(static_library=ARCHIVES)) == ["/x/a.a", "/x/b.a", "/x/c.a"]


def test_circular_archives_are_a_group_except_for_apples_linker() -> None:
    circular = Interface(static_library=ARCHIVES, circular=("a.a", "b.a"))
    named = ["/x/a.a", "/x/b.a", "/x/c.a"]
    assert words(circular) == ["-Wl,--start-group", *named, "-Wl,--end-group"]
    assert words(circular, "darwin") == named


def test_whole_archives_come_before_what_they_need() -> None:
    whole = Interface(static_library=ARCHIVES, alwayslink=("b.a",))
    assert words(whole) == [
        "-Wl,--whole-archive", "/x/b.a", "-Wl,--no-whole-archive", "/x/a.a", "/x/c.a",
    ]  # fmt: skip
    assert words(whole, "darwin") == ["-Wl,-force_load,/x/b.a", "/x/a.a", "/x/c.a"]


def test_of_two_forms_of_a_library_the_static_one_is_linked() -> None:
    both = Interface(
        static_library=("lib/libx.a",), shared_library=("lib/libx.so.1", "lib/liby.so")
    )
    assert words(both) == ["/x/lib/libx.a", "/x/lib/liby.so"]


def test_what_the_go_command_does_not_take_by_name_is_searched_for() -> None:
    shared = Interface(shared_library=("lib/libx.so.1", "lib/liby.so"))
    assert linker_arguments(shared, "linux", lambda path: f"/x/{path}", checked=True) == [
        "-L/x/lib", "-l:libx.so.1", "/x/lib/liby.so",
    ]  # fmt: skip
    assert words(shared) == ["/x/lib/libx.so.1", "/x/lib/liby.so"]


def test_an_import_library_stands_for_its_shared_library() -> None:
    windows = Interface(
        static_library=("x.lib",),
        shared_library=("x.dll", "y.dll"),
        interface_library=("x.dll.lib", "yimp.lib"),
    )
    assert shared_to_link(windows) == ("yimp.lib",)


@pytest.mark.parametrize("name", ["libx.a", "lib/libx.so", "libx.so.1.2", "libx.1.dylib", "x.dll"])
def test_the_forms_of_a_library_have_one_stem(name: str) -> None:
    assert stem(name) == "x"
