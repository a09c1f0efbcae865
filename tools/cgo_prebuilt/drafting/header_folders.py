"""Choose a library's headers in a release, and the include folders. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cgo_prebuilt.drafting.asset_names import read_name
from cgo_prebuilt.drafting.libraries import plain

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|import)[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_ROOTS = ("include", "includes", "inc", "headers")
_NOT_PUBLIC = {
    *("src", "source", "test", "tests", "testing", "example", "examples", "doc", "docs", "bench"),
    *("benchmarks", "third_party", "thirdparty", "vendor", "node_modules", "share", "internal"),
}
# Headers of every C or C++ compiler, even if an archive has a file of that name.
_STANDARD = frozenset(
    [
        "assert",
        "complex",
        "ctype",
        "errno",
        "fenv",
        "float",
        "inttypes",
        "iso646",
        "limits",
        "locale",
        "math",
        "setjmp",
        "signal",
        "stdalign",
        "stdarg",
        "stdatomic",
        "stdbool",
        "stddef",
        "stdint",
        "stdio",
        "stdlib",
        "stdnoreturn",
        "string",
        "tgmath",
        "threads",
        "time",
        "uchar",
        "wchar",
        "wctype",
        "unistd",
        "fcntl",
        "memory",
        "malloc",
        "search",
        "dirent",
        "pthread",
        "poll",
        "sched",
        "regex",
        "glob",
        "dlfcn",
        "byteswap",
        "endian",
    ]
)
_MOST_FOLDERS = 12


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of a library, by their names in an archive.

    Attributes:
        files: The headers.
        folders: The folders to search.
        roots: The folders whose headers are all taken; headers elsewhere are named one by one.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()


def find_headers(
    texts: Mapping[str, str], named: Sequence[str], beside: Sequence[str], stems: Sequence[str]
) -> Headers:
    """Find the headers of a library, and the folders to search.

    Args:
        texts: The texts of all headers, by name.
        named: The include folders that a text of the release names.
        beside: The folders of the libraries.
        stems: The names of the libraries.
    """
    named = [folder for folder in named if any(_is_below(name, folder) for name in texts)]
    # A text may name only the folder of one platform, so `include` folders elsewhere count, too.
    roots = _of_same_arch(list(dict.fromkeys([*named, *_include_folders(texts)])), beside)
    named = [folder for folder in named if folder in roots]
    roots = [
        root for root in roots if not any(_is_below(f"{root}/", o) for o in roots if o != root)
    ]
    main = [name for name in texts if is_main_header(name, stems)]
    if roots and main and not any(_is_below(name, root) for name in main for root in roots):
        # The `include` folders are another library's, which a Go module has as sources.
        roots = [posixpath.dirname(min(main, key=lambda name: (name.count("/"), name)))]
        files = [name for name in texts if posixpath.dirname(name) in roots]
    elif not roots:
        roots = _folders_of_plain_headers(texts, beside)
        files = [name for name in texts if posixpath.dirname(name) in roots]
    else:
        files = [name for name in texts if any(_is_below(name, root) for root in roots)]
    if not files:
        return Headers()
    folders = list(dict.fromkeys(named or roots))
    folders += _needed_folders({name: texts[name] for name in files}, folders, stems)
    used = [f for f in dict.fromkeys(folders) if any(_is_below(name, f) for name in files)]
    return Headers(tuple(sorted(files)), tuple(used[:_MOST_FOLDERS]), tuple(roots))


def is_main_header(name: str, stems: Iterable[str]) -> bool:
    """Return whether a header, or its folder, has the name of a library."""
    folder, _, file = name.rpartition("/")
    stem, parent = plain(file.rpartition(".")[0]), plain(posixpath.basename(folder))
    for one in map(plain, stems):
        short = one.removeprefix("lib")
        if len(short) >= 3 and (stem.removeprefix("lib").startswith(short) or parent == short):
            return True
        if len(short) > 4 and len(stem) >= 4 and short.startswith(stem.removeprefix("lib")):
            return True
    return False


def _of_same_arch(folders: list[str], beside: Sequence[str]) -> list[str]:
    """Leave out folders for other architectures than the libraries', as in a release for two."""
    own = {arch for folder in beside for arch in read_name(folder).arches}
    kept = [
        folder
        for folder in folders
        if not own or not (arches := read_name(folder).arches) or own & set(arches)
    ]
    return kept or folders


def _is_below(name: str, folder: str) -> bool:
    return folder in ("", ".") or name.startswith(f"{folder}/")


def _include_folders(names: Iterable[str]) -> list[str]:
    """Return the `include` folders, but none inside another or among tests."""
    found: dict[str, None] = {}
    for name in sorted(names):
        parts = name.split("/")[:-1]
        for index, part in enumerate(parts):
            if part.lower() in _NOT_PUBLIC:
                break
            if part.lower() in _ROOTS:
                found["/".join(parts[: index + 1])] = None
                break
    return list(found)


def _folders_of_plain_headers(names: Iterable[str], beside: Sequence[str]) -> list[str]:
    """Return the include folders of a release without `include`: beside the libraries, else near the root."""
    folders = {posixpath.dirname(name) for name in names}
    near = [folder for folder in dict.fromkeys(beside) if folder in folders]
    if near:
        return near
    public = [f for f in folders if not _NOT_PUBLIC & set(f.lower().split("/"))] or list(folders)
    least = min((folder.count("/") + bool(folder) for folder in public), default=0)
    return sorted(f for f in public if f.count("/") + bool(f) == least)[:1]


def _needed_folders(
    texts: Mapping[str, str], folders: Sequence[str], stems: Sequence[str]
) -> list[str]:
    """Return more folders that the library's headers need to find each other."""
    by_file: dict[str, list[str]] = {}
    for name in texts:
        by_file.setdefault(posixpath.basename(name), []).append(name)
    main = [name for name in texts if is_main_header(name, stems)] or list(texts)
    added: list[str] = []
    left, seen = list(main), set(main)
    while left:
        name = left.pop(0)
        for _, included in _INCLUDE.findall(texts[name]):
            target = _resolve(included, name, texts, [*folders, *added])
            if target is None and included.partition(".")[0] not in _STANDARD:
                ending = f"/{included}"
                same = by_file.get(posixpath.basename(included), ())
                fitting = [one for one in same if one.endswith(ending)]
                if fitting and not included.startswith("."):
                    target = min(fitting, key=lambda one: (one.count("/"), one))
                    added.append(target[: -len(ending)])
            if target is not None and target not in seen:
                seen.add(target)
                left.append(target)
    return list(dict.fromkeys(added))


def _resolve(
    included: str, name: str, texts: Mapping[str, str], folders: Sequence[str]
) -> str | None:
    for folder in (posixpath.dirname(name), *folders):
        path = posixpath.normpath(posixpath.join(folder, included))
        if path in texts:
            return path
    return None
