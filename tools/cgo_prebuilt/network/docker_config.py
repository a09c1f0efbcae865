"""Registry logins that `docker login` and `podman login` stored.

https://docs.docker.com/reference/cli/docker/login and containers-auth.json(5).
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cgo_prebuilt.bounded_read import bytes_read_once
from cgo_prebuilt.network.helper_process import run
from cgo_prebuilt.url import Url

_REGISTRY: Final = re.compile(r"(?:https?://)?([^/]+)((?:/.*)?)")
_API: Final = re.compile(r"/v[12]/?|/")

IDENTITY: Final = "<token>"
"""The user name with which docker's helpers return an identity token instead of a password."""

_HUB: Final = "registry-1.docker.io"
_HUB_NAMES: Final = ("https://index.docker.io/v1/", "docker.io")
"""The name of Docker Hub in docker's and podman's files; its API is at a different host."""


def docker_login(url: Url, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return a registry's user and password, or `IDENTITY` and a token; None without either.

    Args:
        url: The requested URL.
        environ: `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`.
    """
    host, _, path = url.without_login().partition("://")[2].partition("/")
    repository = f"{host}/{path.removeprefix('v2/')}"
    for configuration in _configurations(environ):
        found = None
        for name in _HUB_NAMES if host == _HUB else (host,):
            helper = configuration.get("credHelpers", {}).get(name)
            program = helper or configuration.get("credsStore")
            if program and found is None:
                found = _ask(f"docker-credential-{program}", name, environ)
        if found is None:
            auths = configuration.get("auths", {}).items()
            fitting = {key: one for name, one in auths if repository.startswith(key := _key(name))}
            found = _login(fitting[max(fitting, key=len)]) if fitting else None
        if found is not None:
            return found
    return None


def _configurations(environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the existing files, by precedence."""
    named = [
        environ.get("REGISTRY_AUTH_FILE"),
        f"{environ.get('DOCKER_CONFIG') or '~/.docker'}/config.json",
        f"{environ.get('XDG_RUNTIME_DIR') or '/nowhere'}/containers/auth.json",
    ]
    for name in filter(None, named):
        try:
            configuration = json.loads(bytes_read_once(Path(name).expanduser()))
            if all(
                isinstance(configuration.get(key, {}), dict) for key in ("auths", "credHelpers")
            ):
                yield configuration
        except (OSError, ValueError, AttributeError, RuntimeError, RecursionError):
            continue


def _key(name: str) -> str:
    """Return the prefix of the URLs that a name in `auths` matches."""
    match = _REGISTRY.fullmatch(name)
    if match is None:
        return "\0"
    host = _HUB if match[1] in ("docker.io", "index.docker.io") else match[1]
    return f"{host}/" if _API.fullmatch(match[2]) else f"{host}{match[2]}/"


def _login(entry: object) -> tuple[str, str] | None:
    try:
        token = entry.get("identitytoken")  # type: ignore[attr-defined]
        if token and isinstance(token, str):
            return IDENTITY, token
        user, colon, password = b64decode(entry["auth"]).decode().partition(":")  # type: ignore[index]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (user, password.rstrip("\0")) if colon else None


def _ask(program: str, host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Ask a docker credential helper; a failure means no login."""
    said = run([program, "get"], host, environ)
    try:
        answer = json.loads(said)
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, TypeError, KeyError):
        return None
    is_login = isinstance(user, str) and isinstance(secret, str) and user != ""
    return (user, secret) if is_login else None
