"""The `#cgo` lines of a package that carries a library.

The go command allows only some linker options in source files (`go doc cgo`, "security", and
https://go.dev/wiki/InvalidFlag). An option that it refuses would make a module that nobody can
build and that cannot be taken back, so it is refused here.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.library_words import library_words
from cgo_prebuilt.locks.lock import Interface

_FIELD = re.compile(r"[-+.,/0-9=A-Za-z_:$@%! ~^{}*]*")

_ARGUMENT = r"[^-@].*"
_PLAIN_WORDS = (
    rf"-[lLF]{_ARGUMENT}|-O.*|-g.*|-v|-(pic|PIC|pie|PIE)|-f(no-)?(pic|PIC|pie|PIE)"
    rf"|-pthread|-mthreads|-mwindows|-rdynamic|-shared|-?-static[-a-z0-9+]*"
    rf"|-?-stdlib={_ARGUMENT}|-f(no-)?openmp(-simd)?|-fsanitize={_ARGUMENT}"
    rf"|-m(abi|arch|cpu|fpu|simd|tune)={_ARGUMENT}|-mmacosx-.+|-flat_namespace"
    r"|-headerpad_max_install_names"
)
_FOR_THE_LINKER = (
    r"--(no-)?(allow-multiple-definition|allow-shlib-undefined|as-needed|export-dynamic)"
    r"|--no-undefined|--(start|end)-group|--(push|pop)-state|--(enable|disable)-new-dtags"
    r"|--hash-style=(sysv|gnu|both)|--(no-)?warn-[^,]+"
    r"|-B(static|dynamic|symbolic-functions)|-E|-s|-O[0-9]+|-d[ny]|-?-static"
    r"|-search_paths_first|-headerpad_max_install_names"
    r"|-framework,[^-,@][^,]*|-undefined[=,][^-,@][^,]*|-?-wrap[=,][^-,@][^,]*"
    r"|-rpath(-link)?[=,][^-,@][^,]*|-z,(relro|now|(no)?execstack)"
    r"|-?-subsystem,(native|windows|console|posix|xbox)|-?-unresolved-symbols=[^,]+"
)
_ALLOWED = re.compile(rf"{_PLAIN_WORDS}|-Wl,({_FOR_THE_LINKER})")
_WITH_ARGUMENT = ("-framework", "-l", "-L", "-F", "-arch", "-target", "-isysroot", "--sysroot")


def ldflags(interface: Interface, os: str, *, where: str) -> list[str]:
    """The words of `#cgo LDFLAGS`: the libraries in link order, then the linker's options.

    Args:
        interface: The library, its paths relative to the package's folder.
        os: The platform's `GOOS`.
        where: The manifest and the platform, for errors.

    Raises:
        UsageError: The go command refuses one of the options.
    """
    if interface.alwayslink and os != "darwin":
        raise UsageError(
            "the go command does not allow `#cgo LDFLAGS` to link an archive as a whole",
            where=where,
            remedy="refer to what must be linked from a header, or leave 'alwayslink' to Bazel's users",
        )
    words = library_words(interface, os, _place, checked=True)
    if os != "windows":
        folders = {str(PurePosixPath(path).parent) for path in interface.shared_library}
        words += [f"-Wl,-rpath,{_place(folder)}" for folder in sorted(folders)]
    options = [word for option in interface.linkopts for word in shlex.split(option)]
    _check(options, where)
    return words + options


def cflags(interface: Interface) -> list[str]:
    """The words of `#cgo CFLAGS`: where the headers are, relative to the package's folder."""
    return [
        *(f"-I{_place(path)}" for path in interface.include_dirs),
        *(f"-D{define}" for define in interface.defines),
    ]


def directive(name: str, words: list[str]) -> str:
    """A `#cgo` line, as a Go comment.

    Args:
        name: `CFLAGS` or `LDFLAGS`.
        words: Its words; one with a space in it is quoted.
    """
    return f"// #cgo {name}: " + " ".join(_quoted(word) for word in words) + "\n"


def _place(path: str) -> str:
    return "${SRCDIR}" if path == "." else f"${{SRCDIR}}/{path}"


def _check(options: list[str], where: str) -> None:
    words = iter(options)
    for word in words:
        if word in _WITH_ARGUMENT and next(words, "-")[:1] not in ("-", "@"):
            continue
        if not _ALLOWED.fullmatch(word) or not _FIELD.fullmatch(word):
            raise UsageError(
                f"the go command refuses {word!r} in the source files of a module",
                where=where,
                remedy="use another option (see https://go.dev/wiki/InvalidFlag); none at all is"
                " needed to keep symbols that Go code calls",
            )


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word
