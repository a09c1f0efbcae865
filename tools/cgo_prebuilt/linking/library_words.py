"""A library's files as words for a linker driver such as `cc`; the Bazel half is archive_flags.bzl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from cgo_prebuilt.locks.lock import Interface


def library_words(interface: Interface, os: str, word: Callable[[str], str]) -> list[str]:
    """The libraries in link order: static archives, then shared libraries.

    A shared library that is another form of a static archive is left out, as cgo does.

    Args:
        interface: The library.
        os: The platform's `GOOS`.
        word: Gives the word that stands for a file, from its path in the interface.
    """
    whole = interface.alwayslink
    rest = [word(path) for path in interface.static_library if path not in whole]
    words = []
    if whole and os == "darwin":
        words += [f"-Wl,-force_load,{word(path)}" for path in whole]
    elif whole:
        words += ["-Wl,--whole-archive", *map(word, whole), "-Wl,--no-whole-archive"]
    # Apple's linker looks at every archive until nothing is missing, and knows no groups.
    if interface.circular and os != "darwin":
        rest = ["-Wl,--start-group", *rest, "-Wl,--end-group"]
    return words + rest + [word(path) for path in shared_to_link(interface)]


def shared_to_link(interface: Interface) -> tuple[str, ...]:
    """The shared libraries that no static archive stands for, or what is linked in their place."""
    static = {stem(path) for path in interface.static_library}
    linked = interface.interface_library or interface.shared_library
    return tuple(
        path
        for path, shared in zip(linked, interface.shared_library, strict=False)
        if stem(shared) not in static
    )


def stem(path: str) -> str:
    """What the forms of a library have in common: `x` of `lib/libx.a`, `libx.so.1` and `x.dll`."""
    return PurePosixPath(path).name.partition(".")[0].removeprefix("lib")
