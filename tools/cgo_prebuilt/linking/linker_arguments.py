"""Linker arguments for a library's files; archive_flags.bzl does the same for Bazel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from cgo_prebuilt.locks.lock import Interface

# The file names that the go command accepts in `#cgo` lines and from pkg-config. Its list has `obj`,
# too, but after `o`, so that it never matches.
_NAMED = (".a", ".o", ".dll", ".dylib", ".so", ".tbd")


def linker_arguments(
    interface: Interface, os: str, place: Callable[[str], str], *, checked: bool = False
) -> list[str]:
    """Return the libraries in link order: static archives, then shared libraries.

    A shared library that is another form of a static archive is left out, as cgo does.

    Args:
        interface: The library.
        os: The platform's `GOOS`.
        place: Returns the word for a file or folder, by its path in the interface.
        checked: Whether the go command checks the words. A library whose name it rejects is then linked
            by `-L` and `-l`.
    """

    def named(path: str) -> list[str]:
        return (
            _searched(path, os, place) if checked and not path.endswith(_NAMED) else [place(path)]
        )

    whole = interface.alwayslink
    rest = [word for path in interface.static_library if path not in whole for word in named(path)]
    arguments = []
    if whole and os == "darwin":
        arguments += [f"-Wl,-force_load,{place(path)}" for path in whole]
    elif whole:
        arguments += ["-Wl,--whole-archive", *map(place, whole), "-Wl,--no-whole-archive"]
    # Apple's linker searches all archives until nothing is missing, and has no groups.
    if interface.circular and os != "darwin":
        rest = ["-Wl,--start-group", *rest, "-Wl,--end-group"]
    return arguments + rest + [word for path in shared_to_link(interface) for word in named(path)]


def _searched(path: str, os: str, place: Callable[[str], str]) -> list[str]:
    parts = PurePosixPath(path)
    # Microsoft's linker has no `-l:`; all linkers for Windows find x.lib by `-lx`.
    by_stem = os == "windows" and parts.suffix == ".lib"
    return [f"-L{place(str(parts.parent))}", f"-l{parts.stem}" if by_stem else f"-l:{parts.name}"]


def shared_to_link(interface: Interface) -> tuple[str, ...]:
    """Return the shared libraries without a static archive, or their import libraries."""
    static = {stem(path) for path in interface.static_library}
    linked = interface.interface_library or interface.shared_library
    return tuple(
        path
        for path, shared in zip(linked, interface.shared_library, strict=False)
        if stem(shared) not in static
    )


def stem(path: str) -> str:
    """Return the common name of a library's forms: `x` of `lib/libx.a`, `libx.so.1` and `x.dll`."""
    return PurePosixPath(path).name.partition(".")[0].removeprefix("lib")
