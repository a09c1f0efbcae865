"""The platform that the go command builds for: GOOS and GOARCH (`go help environment`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cgo_prebuilt.bounded_read import text_of_file
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.platforms import SUPPORTED, Platform


def go_target(environ: Mapping[str, str], defaults: Mapping[str, str], host: Platform) -> Platform:
    """Return the platform of a plain `go build`.

    Args:
        environ: The environment; an empty variable counts as unset.
        defaults: The settings of `go env -w`.
        host: This machine. Go does not name a C library, so musl is assumed only if the host has it.

    Raises:
        UsageError: It is not a supported platform.
    """
    os = environ.get("GOOS") or defaults.get("GOOS") or host.os
    arch = environ.get("GOARCH") or defaults.get("GOARCH") or host.arch
    if (os, arch) == (host.os, host.arch):
        return host
    platform = Platform(os, arch)
    if platform not in SUPPORTED:
        raise UsageError(
            f"go builds for {os}/{arch} here, which is not a supported platform",
            where=f"GOOS={os}, GOARCH={arch}",
            remedy="set others, or name one with --platform: " + ", ".join(map(str, SUPPORTED)),
        )
    return platform


def go_defaults(environ: Mapping[str, str], system: str) -> dict[str, str]:
    """Return the settings of `go env -w`; nothing if the file is missing or unreadable.

    Args:
        environ: The environment; GOENV names another file, or is `off`.
        system: The value of `sys.platform`.
    """
    path = environ.get("GOENV") or _default_file(environ, system)
    if path == "off":
        return {}
    try:
        text = text_of_file(Path(path), errors="replace")
    except (OSError, ValueError):
        return {}
    # As in cmd/go's readEnvFileLines: other lines are comments.
    lines = [line.rstrip("\r") for line in text.split("\n") if "A" <= line[:1] <= "Z"]
    return {key: value for key, found, value in (line.partition("=") for line in lines) if found}


def _default_file(environ: Mapping[str, str], system: str) -> str:
    """Return `go/env` in the user's configuration folder, by the rules of Go's os.UserConfigDir."""
    home = environ.get("HOME", "")
    if system == "win32":
        folder = environ.get("APPDATA", "")
    elif system == "darwin":
        folder = home and f"{home}/Library/Application Support"
    else:
        folder = environ.get("XDG_CONFIG_HOME") or (home and f"{home}/.config")
    return f"{folder}/go/env" if folder else "off"
