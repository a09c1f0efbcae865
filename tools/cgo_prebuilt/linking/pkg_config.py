"""The `.pc` file of a library, for `#cgo pkg-config:` and for other build systems."""

from __future__ import annotations

import re
from pathlib import Path

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.linker_arguments import linker_arguments
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.storage.pkg_config_folder import put_pkg_config
from cgo_prebuilt.storage.tree import FILES, Tree

_DOLLAR = "dollar=$\n"
"""A variable whose value is `$`: pkg-config reads `$$` as one dollar, pkgconf as two."""


def write_pkg_config(tree: Tree, name: str, version: str, interface: Interface, os: str) -> Path:
    """Write a stored library's `.pc` file beside its files, or where this user can write.

    Two locks may link the same files differently, so each text has a folder of its own.

    Returns:
        The folder of the `.pc` file, for `PKG_CONFIG_PATH`.

    Raises:
        UsageError: It cannot be written.
    """
    text = pkg_config(name, version, interface, os, f"../../{FILES}")
    try:
        return put_pkg_config(tree, f"{name}.pc", text.encode())
    except OSError as error:
        raise UsageError(
            f"the .pc file cannot be written: {error.strerror or error}",
            where=str(error.filename or tree.folder),
            remedy="set CGO_PREBUILT_CACHE to a folder that can be written",
        ) from None


def pkg_config(name: str, version: str, interface: Interface, os: str, prefix: str) -> str:
    """Return the text of a `.pc` file.

    Args:
        name: The library.
        version: Its version.
        interface: How its files are compiled and linked.
        os: The platform's `GOOS`.
        prefix: The folder of the files, relative to the `.pc` file (pkg-config's `pcfiledir`), so that
            the text does not depend on where both are.
    """
    # No quotes around `${prefix}`: pkgconf already escapes `pcfiledir` with backslashes.
    cflags = [f"-I${{prefix}}/{_escaped(path)}" for path in interface.include_dirs]
    cflags += [f"-D{_escaped(define)}" for define in interface.defines]
    words = linker_arguments(
        interface, os, lambda path: f"${{prefix}}/{_escaped(path)}", checked=True
    )
    libs = words + [_dollars(linkopt) for linkopt in interface.linkopts]
    dollar = _DOLLAR if any("${dollar}" in word for word in cflags + libs) else ""
    return (
        f"prefix=${{pcfiledir}}/{prefix}\n{dollar}\n"
        f"Name: {name}\n"
        f"Description: prebuilt {name}\n"
        f"Version: {version.removeprefix('v')}\n"
        f"Cflags: {' '.join(cflags)}\n"
        f"Libs: {' '.join(libs)}\n"
    )


def _escaped(text: str) -> str:
    """Escape a text as one word of a `.pc` file, which is split like a shell line."""
    return _dollars(re.sub(r"([\s\"'\\#()&;|<>*?!`\[\]])", r"\\\1", text))


def _dollars(text: str) -> str:
    """Escape `$` as a variable that pkg-config and pkgconf expand once."""
    return text.replace("$", "${dollar}")
