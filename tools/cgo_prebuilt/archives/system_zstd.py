"""zstd by the system's libzstd, for a Python without a zstd module.

Most systems have it, so nothing must be installed. It offers the part of Python's API that `decode` uses.
Reference: zstd.h, the stable API since 1.4.0.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import cache
from typing import Any, Final

# By a bare name, the loaders of macOS and Windows would search unsafe folders. So macOS gets full
# paths, and Windows gets nothing.
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
    """ZSTD_inBuffer and ZSTD_outBuffer: the address, the size, and the bytes done."""

    _fields_ = (("at", ctypes.c_void_p), ("size", ctypes.c_size_t), ("done", ctypes.c_size_t))


@cache
def system_library() -> Any:
    """Load the system's libzstd by ctypes; return None if it is missing or too old."""
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
        MemoryError: No memory is left.
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
        """The bytes after the frame."""
        return self._kept if self.eof else b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Decode data to at most `max_length` bytes; keep the rest for the next call.

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
        # After a full piece, more output may be pending although all input is used.
        self._is_full = target.done == max_length
        return ctypes.string_at(self._room, target.done)

    def _checked(self, code: int) -> int:
        if self._library.ZSTD_isError(code):
            raise ZstdError(self._library.ZSTD_getErrorName(code).decode())
        return code
