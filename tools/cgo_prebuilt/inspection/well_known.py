"""Well-known symbols and shared libraries, and what provides them. Pure.

These facts hold on every machine, unlike those of `provided_symbols`.
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
"""Symbols of glibc's libm.so that its libc.so lacks: C11 7.3, 7.6 and 7.12, and glibc's additions."""
LIBDL = re.compile(r"dl(?:open|sym|close|error|addr|info|vsym|mopen)")
"""Symbols of libdl.so before glibc 2.34, and of libc.so since."""
CXX = re.compile(
    r"__gxx_personality_(?:v0|seh0)|__cxa_(?!finalize|atexit|at_quick_exit|thread_atexit_impl)\w+|_Z(?:n[wa]|d[la])\w*"
    r"|_ZN?K?S[tabdios]\w+|_ZT[ISV](?:S|N10__cxxabiv1|P?K?[a-z])\w*"
)
"""Symbols of any C++ library and its run time (Itanium C++ ABI)."""
# Symbols of LLVM's C++ library only.
_LIBCXX = re.compile(r"_Z(?:T[ISV])?NK?St(?:3__1|6__ndk1)\w+")
# Symbols that cgo and Go's linker make for `//export`, and usual names of functions exported by Go.
_CGO = re.compile(r"_?_?cgo_?\w+|crosscall2|_cgoexp_\w+")
# Symbols that glibc or libstdc++ has only since some version. A library needs them without naming them:
# headers, or the libraries of the compiler, use them instead of older ones. GCC 13 brings 3.4.31.
_SINCE = (
    (re.compile(r"__isoc23_\w+"), "GLIBC_2.38"),
    (re.compile(r"_dl_find_object"), "GLIBC_2.35"),
    (re.compile(r"__libc_single_threaded"), "GLIBC_2.32"),
    (re.compile(r"__cxa_call_terminate"), "GLIBCXX_3.4.33"),  # CXXABI_1.3.15
    (re.compile(r"_ZSt21ios_base_library_initv"), "GLIBCXX_3.4.32"),
    (
        re.compile(
            r"_ZNSt7__cxx1112basic_string\w+_M_replace_cold\w+|_ZSt15__try_use_facet\w+"
            r"|_ZSt(?:8to|10from)_chars\w*DF128_\w*"
        ),
        "GLIBCXX_3.4.31",
    ),
)
_SYSTEM_ELF = re.compile(
    r"(?:ld-linux[\w.-]*|ld64|ld|libc|libm|libmvec|libdl|libpthread|librt|libutil|libresolv|libanl"
    r"|libnsl|libnss_\w+|libgcc_s|libstdc\+\+|libatomic|libgomp)\.so(?:\.[0-9]+)?|libc\.musl-\w+\.so\.1"
    r"|ld-musl-\w+\.so\.1"
)
_GLIBC_BUT_LIBM = re.compile(
    r"(?:ld-linux[\w.-]*|libc|libdl|libpthread|librt|libutil)\.so(?:\.[0-9]+)?"
)
_SYSTEM_MACH_O = ("/usr/lib/", "/System/")


def option_for(symbol: str, platform: Platform) -> str | None:
    """Return the option that usually defines a symbol, such as `-lm`; None for other symbols.

    Args:
        symbol: Its name, without Mach-O's underscore.
        platform: The platform. If its C library has the symbol, no option is needed.
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
        option: An option from `option_for`.
        linkopts: The options.
        glibc: The oldest glibc that is required anyway; empty if unknown.
    """
    if option == "-ldl" and glibc and libc_version(glibc) >= (2, 34):
        return True
    name = option[2:]
    words = [word for linkopt in linkopts for word in re.split(r"[\s,]+", linkopt)]
    ends = (f"lib{name}.a", f"lib{name}.so")
    return any(word == option or word.endswith(ends) for word in words) or (
        option == "-lstdc++" and has_option("-lc++", words, glibc)
    )


def known_since(symbol: str) -> str | None:
    """Return the first version with a symbol, such as `GLIBC_2.38`, if the name tells; else None."""
    return next((since for pattern, since in _SINCE if pattern.fullmatch(symbol)), None)


def lacks_libm(needed: Sequence[str]) -> bool:
    """Return whether the shared libraries that one needs are glibc's, without libm."""
    return bool(needed) and all(map(_GLIBC_BUT_LIBM.fullmatch, needed))


def is_of_program(symbol: str) -> bool:
    """Return whether the Go program defines a symbol, by `//export`."""
    return _CGO.fullmatch(symbol) is not None


def not_of_system(needed: Sequence[str], platform: Platform) -> list[str]:
    """Return the shared libraries that are not part of a platform's system.

    Args:
        needed: The libraries in a shared library's DT_NEEDED or LC_LOAD_DYLIB.
        platform: The platform. For Windows, which has too many DLLs to know, the result is empty.
    """
    if platform.os == "windows":
        return []
    if platform.os == "darwin":
        return [name for name in needed if not name.startswith(_SYSTEM_MACH_O)]
    return [name for name in needed if not _SYSTEM_ELF.fullmatch(name)]
