"""zstd by the library of this system, for a Python that has none: most have, so that nothing is installed.

Reference: zstd.h, the stable API since 1.4.0. Only as much of Python's own module as `decode` uses.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import cache
from typing import Any, Final

# By name, a loader would search the folder that it runs in on macOS, and anywhere on Windows.
_NAMES: Final = {
    "linux": ("libzstd.so.1",),
    "darwin": ("/opt/homebrew/lib/libzstd.1.dylib", "/usr/local/lib/libzstd.1.dylib"),
}
_OLDEST: Final = 10400
_WINDOW_LOG_MAX: Final = 100  # ZSTD_d_windowLogMax


class ZstdError(Exception):
    """The data are malformed, or need a larger window than is allowed."""


class DecompressionParameter:
    """The parameters of a decompressor."""

    window_log_max: Final = _WINDOW_LOG_MAX


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer: where, how many bytes, and how many of them are done."""

    _fields_ = (("at", ctypes.c_void_p), ("size", ctypes.c_size_t), ("done", ctypes.c_size_t))


@cache
def system_library() -> Any:
    """Return the system's libzstd, as ctypes loads it; None where there is none, or an old one."""
    for name in _NAMES.get(sys.platform, ()):
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            if library.ZSTD_versionNumber() < _OLDEST:
                continue
            library.ZSTD_createDCtx.restype = ctypes.c_void_p
            library.ZSTD_freeDCtx.argtypes = (ctypes.c_void_p,)
            parameter = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
            library.ZSTD_DCtx_setParameter.argtypes = parameter
            library.ZSTD_DCtx_setParameter.restype = ctypes.c_size_t
            buffer = ctypes.POINTER(_Buffer)
            library.ZSTD_decompressStream.argtypes = (ctypes.c_void_p, buffer, buffer)
            library.ZSTD_decompressStream.restype = ctypes.c_size_t
            library.ZSTD_isError.argtypes = (ctypes.c_size_t,)
            library.ZSTD_getErrorName.argtypes = (ctypes.c_size_t,)
            library.ZSTD_getErrorName.restype = ctypes.c_char_p
            return library
    return None


class ZstdDecompressor:
    """Decodes one frame, as `compression.zstd.ZstdDecompressor` does; see `decode.Decompressor`.

    Args:
        options: Values by parameter.

    Raises:
        MemoryError: There is none left.
    """

    def __init__(self, options: dict[int, int]) -> None:
        self._library = system_library()
        self._context = self._library.ZSTD_createDCtx()
        if not self._context:
            raise MemoryError
        for parameter, value in options.items():
            self._checked(self._library.ZSTD_DCtx_setParameter(self._context, parameter, value))
        self._kept = b""
        self._room: Any = None
        self._is_full = False
        self.eof = False

    def __del__(self) -> None:
        """Free the context."""
        if getattr(self, "_context", None):
            self._library.ZSTD_freeDCtx(self._context)

    @property
    def needs_input(self) -> bool:
        """Whether the next call to `decompress` needs data."""
        return not (self.eof or self._kept or self._is_full)

    @property
    def unused_data(self) -> bytes:
        """What follows the frame."""
        return self._kept if self.eof else b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Decode data to at most `max_length` bytes; keep what it could not use yet.

        Raises:
            ZstdError: The data are malformed.
        """
        data = self._kept + data if self._kept else data
        if self._room is None or len(self._room) != max_length:
            self._room = ctypes.create_string_buffer(max_length)
        source = _Buffer(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data), 0)
        target = _Buffer(ctypes.addressof(self._room), max_length, 0)
        left = self._library.ZSTD_decompressStream(self._context, target, source)
        self.eof = self._checked(left) == 0
        self._kept = data[source.done :]
        # A full piece may have more behind it although all input is used.
        self._is_full = target.done == max_length
        return ctypes.string_at(self._room, target.done)

    def _checked(self, code: int) -> int:
        if self._library.ZSTD_isError(code):
            raise ZstdError(self._library.ZSTD_getErrorName(code).decode())
        return code
