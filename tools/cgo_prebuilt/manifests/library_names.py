"""File names by which Bazel, linkers and the go command recognize libraries. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.locks.lock import Interface

# Bazel's CppFileTypes, without the endings of Bazel's own outputs (.lo, .pic.a).
_NAMES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "static_library": (re.compile(r".+\.(a|lib)"), "NAME.a or NAME.lib"),
    "shared_library": (
        re.compile(r".+\.(so|dylib|dll)|.+\.so(\.[0-9]\w*)+|.+(\.[0-9]\w*)+\.dylib"),
        "NAME.so, NAME.so.1.2, NAME.dylib, NAME.1.2.dylib or NAME.dll",
    ),
    "interface_library": (
        re.compile(r".+\.(lib|dll\.a|ifso|tbd)"),
        "NAME.lib, NAME.dll.a, NAME.ifso or NAME.tbd",
    ),
}
_OBJECT = re.compile(r".+\.(o|obj|lo)")


def check_library_names(interface: Interface, *, where: str) -> None:
    """Refuse library names that linking tools reject or misread.

    Args:
        interface: The libraries.
        where: The place that names them, for the error.

    Raises:
        ManifestError: A name is refused; the error says what to write.
    """
    for key, (pattern, words) in _NAMES.items():
        for path in getattr(interface, key):
            if pattern.fullmatch(path):
                continue
            if _OBJECT.fullmatch(path):
                raise ManifestError(
                    f"{path!r} in '{key}' is an object file, and Bazel links archives of those",
                    where=where,
                    remedy=f"pack it into one (`ar rcs libNAME.a {path}`), and name that",
                )
            raise ManifestError(
                f"{path!r} in '{key}' has a name that Bazel does not link",
                where=where,
                remedy=f"give it another one, {words}: write `members: {{NEW: {path}}}` beside the"
                " archive's 'file' ('path: NEW' for a loose file), and NEW here",
            )
