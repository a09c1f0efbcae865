"""Names of archive members: normalized and checked for safety on every system.

A lock made on Linux is used on Windows and macOS too, so a name is refused everywhere when it is
unsafe anywhere, or stands for another file anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from cgo_prebuilt.errors import IntegrityError

_REMEDY = "pack the archive again with plain, portable, relative names"

# CON, PRN and the like are devices on Windows in any folder, in any case and with any extension.
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [device + number for device in ("com", "lpt") for number in "0123456789¹²³"]
)
_FORBIDDEN_ON_WINDOWS = frozenset('<>"|?*')

_T = TypeVar("_T")


def _remembering(decide: Callable[[str], _T]) -> Callable[[str], _T]:
    """Cache decisions about names: a lock repeats them for each platform.

    Long names are not cached: a hostile archive with many of them would fill the memory.
    """
    remembered = lru_cache(maxsize=4096)(decide)
    return lambda path: remembered(path) if len(path) < 300 else decide(path)


def normalize(name: str) -> str:
    """Return a member's name without the parts that every reader drops: leading `./`, `//` and `/./`.

    An absolute name, and one with `..`, stays so. It can therefore never equal a locked file's name.
    """
    root = "/" if name.startswith("/") else ""
    return root + "/".join(part for part in name.split("/") if part not in ("", "."))


def possible_paths(name: str) -> tuple[str, ...]:
    """Return the paths at which readers may place a member.

    Some readers treat an absolute name as relative, and `..` as a step back or as nothing.
    """
    if not name.startswith("/") and ".." not in name:
        return (name,)
    back: list[str] = []
    dropped = [part for part in name.split("/") if part not in ("", "..")]
    for part in name.split("/"):
        if part == "..":
            del back[-1:]
        elif part:
            back.append(part)
    return tuple({"/".join(back), "/".join(dropped)})


def check_member_name(path: str, *, where: str) -> None:
    """Refuse a name that is unsafe, or invalid on some system.

    Args:
        path: A name relative to the output, with `/` between its parts.
        where: The archive or lock that it is in, for the error.

    Raises:
        IntegrityError: The name is unsafe; the error says why.
    """
    problem = _problem(path)
    if problem is not None:
        raise IntegrityError(f"unsafe name {path!r}: {problem}", where=where, remedy=_REMEDY)


def check_member_names(paths: Iterable[str], *, where: str) -> None:
    """Refuse unsafe names, and names that collide.

    Args:
        paths: Names of files relative to one folder, with `/` between their parts.
        where: The archive or lock that they are in, for the error.

    Raises:
        IntegrityError: A name is unsafe by itself (see `check_member_name`), appears twice, is also
            the folder of another one, or differs from another one only in case or Unicode form.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    checked: set[str] = set()
    for path in paths:
        check_member_name(path, where=where)
        key = _folded(path)
        _refuse_collision(path, files.get(key), where)
        if key in folders:
            _refuse_collision(path, f"{folders[key]}/", where)
        files[key] = path
        folder = path.rpartition("/")[0]
        while folder and folder not in checked:
            checked.add(folder)  # with all of its parent folders
            folded = _folded(folder)
            _refuse_collision(path, files.get(folded), where)
            other = folders.setdefault(folded, folder)
            if other != folder:
                _refuse_collision(folder, other, where)
            folder = folder.rpartition("/")[0]


@_remembering
def _problem(path: str) -> str | None:
    """Return why a name alone is refused; None if it is not."""
    if not path:
        return "it is empty"
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if len(encoded) > 4096:
        return "it is longer than 4096 bytes"
    if any(unicodedata.category(character) == "Cc" for character in path):
        return "it has a control character"
    if "\\" in path:
        return "it has a backslash"
    if ":" in path:
        return "it has a colon, which on Windows marks a drive or a stream"
    if path.startswith("/"):
        return "it is absolute"
    for part in path.split("/"):
        problem = _part_problem(part)
        if problem is not None:
            return problem
    return None


def _part_problem(part: str) -> str | None:
    """Return why a part of a name is refused; None if it is not."""
    if not part:
        return "it has an empty part"
    if part in (".", ".."):
        return f"it has the part {part!r}"
    if len(part.encode("utf-8")) > 255:
        return "it has a part longer than 255 bytes"
    if part.endswith((".", " ")):
        return "a part of it ends in a dot or a space, which Windows drops"
    if part.partition(".")[0].rstrip(" ").lower() in _WINDOWS_DEVICES:
        return f"{part!r} is a device on Windows"
    if _FORBIDDEN_ON_WINDOWS.intersection(part):
        return "it has a character that Windows forbids"
    return None


@_remembering
def _folded(path: str) -> str:
    """Return a key that is equal for names that some file system treats as one."""
    # Folding may undo a normalization and the other way around, hence twice.
    folded = unicodedata.normalize("NFC", path).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())


def _refuse_collision(path: str, other: str | None, where: str) -> None:
    if other is None:
        return
    if path == other:
        what = f"duplicate name {path!r}"
    elif path.startswith(f"{other}/"):
        what = f"{other!r} is a file and the folder of {path!r}"
    elif other == f"{path}/":
        what = f"{path!r} is a file and a folder"
    else:
        what = f"{path!r} and {other!r} are one file where case or Unicode form is ignored"
    raise IntegrityError(what, where=where, remedy=_REMEDY)
