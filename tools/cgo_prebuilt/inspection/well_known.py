"""Well-known symbols and shared libraries, and what provides them. Pure.

This holds on every machine, unlike what `provided_symbols` finds on this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cgo_prebuilt.platforms import Platform, libc_version

LIBM = re.compile(
    r"(?:c?(?:acosh?|asinh?|atanh?|cosh?|exp|log|log10|pow|sinh?|sqrt|tanh?)|atan2|cabs|carg|cbrt"
    r"|ceil|cimag|conj|cproj|creal|erfc?|exp10|exp2|expm1|fabs|fdim|floor|fma|fmax|fmin|fmod|hypot"
    r"|ilogb|[jy][01n]|lgamma|ll?rint|ll?round|log1p|log2|logb|nan|nearbyint|nextafter|nexttoward"
    r"|remainder|remquo|rint|round|roundeven|sincos|tgamma|trunc)[fl]?"
    r"|fe(?:clearexcept|[gs]etround|[gs]etenv|raiseexcept|testexcept|holdexcept|updateenv)"
)
"""Of glibc's libm.so and not of its libc.so: C11 7.3, 7.6 and 7.12, and what glibc adds."""
LIBDL = re.compile(r"dl(?:open|sym|close|error|addr|info|vsym|mopen)")
"""Of libdl.so until glibc 2.34, of libc.so since."""
CXX = re.compile(
    r"__gxx_personality_(?:v0|seh0)|__cxa_(?!finalize|atexit|at_quick_exit|thread_atexit_impl)\w+|_Z(?:n[wa]|d[la])\w*"
    r"|_ZN?K?S[tabdios]\w+|_ZT[ISV](?:S|N10__cxxabiv1|P?K?[a-z])\w*"
)
"""Of the C++ library and its run time, whichever it is (Itanium C++ ABI)."""
# Of LLVM's C++ library alone.
_LIBCXX = re.compile(r"_Z(?:T[ISV])?NK?St(?:3__1|6__ndk1)\w+")
# What Go's linker and cgo make of functions with `//export`, and how C interfaces of Go name theirs.
_CGO = re.compile(r"_?_?cgo_?\w+|crosscall2|_cgoexp_\w+")
# What headers of a glibc made of older names, and which only that glibc and later ones have.
_GLIBC_SINCE = (
    (re.compile(r"__isoc23_\w+"), "2.38"),
    (re.compile(r"_dl_find_object"), "2.35"),
    (re.compile(r"__libc_single_threaded"), "2.32"),
)
_SYSTEM_ELF = re.compile(
    r"(?:ld-linux[\w.-]*|ld64|ld|libc|libm|libmvec|libdl|libpthread|librt|libutil|libresolv|libanl"
    r"|libnsl|libnss_\w+|libgcc_s|libstdc\+\+|libatomic|libgomp)\.so(?:\.[0-9]+)?|libc\.musl-\w+\.so\.1"
    r"|ld-musl-\w+\.so\.1"
)
_SYSTEM_MACH_O = ("/usr/lib/", "/System/")


def option_for(symbol: str, platform: Platform) -> str | None:
    """Return the option that usually defines a symbol, such as `-lm`; None for other symbols.

    Args:
        symbol: Its name, without Mach-O's underscore.
        platform: The platform. Where the C library itself has the symbol, none is needed.
    """
    if _LIBCXX.fullmatch(symbol):
        return "-lc++"
    if CXX.fullmatch(symbol):
        return "-lc++" if platform.os == "darwin" else "-lstdc++"
    if platform.os != "linux" or platform.libc:
        return None
    if LIBM.fullmatch(symbol):
        return "-lm"
    return "-ldl" if LIBDL.fullmatch(symbol) else None


def has_option(option: str, linkopts: Iterable[str], glibc: str) -> bool:
    """Return whether some linkopts include an option, in any spelling.

    Args:
        option: What `option_for` gives.
        linkopts: The options.
        glibc: The oldest glibc that is needed anyway; empty where that is not known.
    """
    if option == "-ldl" and glibc and libc_version(glibc) >= (2, 34):
        return True
    name = option[2:]
    words = [word for linkopt in linkopts for word in re.split(r"[\s,]+", linkopt)]
    ends = (f"lib{name}.a", f"lib{name}.so")
    return any(word == option or word.endswith(ends) for word in words) or (
        option == "-lstdc++" and has_option("-lc++", words, glibc)
    )


def glibc_since(symbol: str) -> str | None:
    """Return the first glibc with a symbol, if the name tells; else None."""
    return next((since for pattern, since in _GLIBC_SINCE if pattern.fullmatch(symbol)), None)


def is_of_program(symbol: str) -> bool:
    """Return whether the Go program defines a symbol, by `//export`."""
    return _CGO.fullmatch(symbol) is not None


def not_of_system(needed: Sequence[str], platform: Platform) -> list[str]:
    """Return the shared libraries that are not part of a platform's system.

    Args:
        needed: What a shared library says that it needs: DT_NEEDED, or LC_LOAD_DYLIB.
        platform: The platform. Windows has too many DLLs to tell.
    """
    if platform.os == "windows":
        return []
    if platform.os == "darwin":
        return [name for name in needed if not name.startswith(_SYSTEM_MACH_O)]
    return [name for name in needed if not _SYSTEM_ELF.fullmatch(name)]
