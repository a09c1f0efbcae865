"""The `#cgo` lines of a package that carries a library.

The go command allows only some options in source files (`go doc cgo`, "security", and
https://go.dev/wiki/InvalidFlag). A module with a refused word
could not be built, and a published module cannot be withdrawn, so such words are refused here. The allowed
ones are those that every go command from 1.21 on allows; tests compare them with the installed one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import PurePosixPath

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.linking.linker_arguments import linker_arguments
from cgo_prebuilt.locks.lock import Interface

_SRCDIR = "${SRCDIR}"
# The value of ${SRCDIR} for the check, with the characters of a path in the go command's cache.
_SOURCES = "/modules/go.acme.dev/vec-linux-amd64@v1.2.3"

# Words that go/build refuses as `malformed #cgo argument`.
_FIELD = re.compile(r"[-+.,/0-9=A-Za-z_:$@%! ~^\u0080-\U0010ffff]*")

_ARGUMENT = r"[^-@].*"
_PLAIN_WORDS = (
    rf"-[lLF]{_ARGUMENT}|-[Og]({_ARGUMENT})?|-v|-(pic|PIC|pie|PIE)|-f(no-)?(pic|PIC|pie|PIE)"
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
_FILES = r"[a-zA-Z0-9_/].*\.(a|o|dll|dylib|so|tbd)"
# Apple's linker would run the program in the next word.
_LINKER = re.compile(rf"(?!-lto_library$)({_PLAIN_WORDS}|-Wl,({_FOR_THE_LINKER})|{_FILES})")
_COMPILER = re.compile(rf"-D[A-Za-z_][A-Za-z0-9_]*(=[^-@]*)?|-I{_ARGUMENT}")

_WITH_ARGUMENT = ("-framework", "-l", "-L", "-F", "-arch", "-target", "-isysroot", "--sysroot")
_SAFE_ARGUMENT = re.compile(r"[0-9A-Za-z._/\u0080-\U0010ffff]")

_OPTION_REMEDY = (
    "use another option (see https://go.dev/wiki/InvalidFlag); no option is needed to keep"
    " symbols that Go code calls"
)
_DEFINE_REMEDY = "#define it in a header instead, or give it another value"
_PATH_REMEDY = "give the file or the folder another name in the archive"


def ldflags(interface: Interface, os: str, *, where: str) -> list[str]:
    """Return the words of `#cgo LDFLAGS`: libraries in link order, then linker options.

    Args:
        interface: The library, its paths relative to the package's folder.
        os: The platform's `GOOS`.
        where: The manifest and the platform, for errors.

    Raises:
        UsageError: The go command refuses one of the words; or an archive is linked as a whole, for which
            it allows no option, neither `--whole-archive` nor `-force_load`.
    """
    if interface.alwayslink:
        raise UsageError(
            "the go command does not allow `#cgo LDFLAGS` to link an archive as a whole",
            where=where,
            remedy="make code refer to what must be linked, and remove 'alwayslink'; or offer the"
            " library to Bazel's users only",
        )
    words = linker_arguments(interface, os, _place, checked=True)
    if os != "windows":
        folders = {str(PurePosixPath(path).parent) for path in interface.shared_library}
        words += [f"-Wl,-rpath,{_place(folder)}" for folder in sorted(folders)]
    options = [word for option in interface.linkopts for word in _words(option, where)]
    _check(words, _LINKER, where, _PATH_REMEDY)
    _check(options, _LINKER, where, _OPTION_REMEDY)
    return words + options


def _words(option: str, where: str) -> list[str]:
    try:
        return shlex.split(option)
    except ValueError:
        raise UsageError(
            f"the link option {option!r} has an open quote, or a backslash at its end",
            where=where,
            remedy="close the quote, or write the option without one",
        ) from None


def cflags(interface: Interface, *, where: str) -> list[str]:
    """Return the words of `#cgo CFLAGS`: include folders, relative to the package.

    Args:
        interface: The library.
        where: The manifest, for errors.

    Raises:
        UsageError: The go command refuses one of the words.
    """
    folders = [f"-I{_place(path)}" for path in interface.include_dirs]
    defines = [f"-D{define}" for define in interface.defines]
    _check(folders, _COMPILER, where, _PATH_REMEDY)
    _check(defines, _COMPILER, where, _DEFINE_REMEDY)
    return folders + defines


def directive(name: str, words: list[str]) -> str:
    """Return a `#cgo` line, as a Go comment.

    Args:
        name: `CFLAGS` or `LDFLAGS`.
        words: Its words; words with spaces are quoted.
    """
    return f"// #cgo {name}: " + " ".join(_quoted(word) for word in words) + "\n"


def _place(path: str) -> str:
    return _SRCDIR if path == "." else f"{_SRCDIR}/{path}"


def _check(words: Iterable[str], allowed: re.Pattern[str], where: str, remedy: str) -> None:
    rest = iter(words)
    for word in rest:
        said = word
        fields = [word]
        if word in _WITH_ARGUMENT:
            fields.append(next(rest, ""))
            said = " ".join(fields)
            fits = bool(_SAFE_ARGUMENT.match(_expanded(fields[-1])))
        else:
            fits = bool(allowed.fullmatch(_expanded(word)))
        if not fits or not all(_FIELD.fullmatch(field.replace(_SRCDIR, "")) for field in fields):
            raise UsageError(
                f"the go command refuses {said!r} in the source files of a module",
                where=where,
                remedy=remedy,
            )


def _expanded(word: str) -> str:
    return word.replace(_SRCDIR, _SOURCES)


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word
