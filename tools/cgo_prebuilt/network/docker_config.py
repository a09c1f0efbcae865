"""Logins to registries, as `docker login` and `podman login` leave them.

https://docs.docker.com/reference/cli/docker/login and containers-auth.json(5).
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cgo_prebuilt.network.credential_helper import run
from cgo_prebuilt.url import Url

_REGISTRY: Final = re.compile(r"(?:https?://)?([^/]+)((?:/.*)?)")
_API: Final = re.compile(r"/v[12]/?|/")


def docker_login(url: Url, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password for a registry; None where there are none.

    Args:
        url: What is asked of it.
        environ: `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`.
    """
    host, _, path = url.without_login().partition("://")[2].partition("/")
    repository = f"{host}/{path.removeprefix('v2/')}"
    for configuration in _configurations(environ):
        helper = configuration.get("credHelpers", {}).get(host)
        program = helper or configuration.get("credsStore")
        found = _ask(f"docker-credential-{program}", host, environ) if program else None
        if found is None:
            auths = configuration.get("auths", {}).items()
            fitting = {key: one for name, one in auths if repository.startswith(key := _key(name))}
            found = _login(fitting[max(fitting, key=len)]) if fitting else None
        if found is not None:
            return found
    return None


def _configurations(environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The files that there are, in the order in which they count."""
    named = [
        environ.get("REGISTRY_AUTH_FILE"),
        f"{environ.get('DOCKER_CONFIG') or '~/.docker'}/config.json",
        f"{environ.get('XDG_RUNTIME_DIR') or '/nowhere'}/containers/auth.json",
    ]
    for name in filter(None, named):
        try:
            configuration = json.loads(Path(name).expanduser().read_bytes())
            if all(
                isinstance(configuration.get(key, {}), dict) for key in ("auths", "credHelpers")
            ):
                yield configuration
        except (OSError, ValueError, AttributeError, RuntimeError, RecursionError):
            continue


def _key(name: str) -> str:
    """What a URL without its scheme begins with, for it to be meant by a name in `auths`."""
    match = _REGISTRY.fullmatch(name)
    if match is None:
        return "\0"
    return f"{match[1]}/" if _API.fullmatch(match[2]) else f"{match[1]}{match[2]}/"


def _login(entry: object) -> tuple[str, str] | None:
    try:
        user, colon, password = b64decode(entry["auth"]).decode().partition(":")  # type: ignore[index]
    except (ValueError, TypeError, KeyError):
        return None
    return (user, password.rstrip("\0")) if colon else None


def _ask(program: str, host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """What a helper of docker's knows; its failure is that it knows nothing."""
    said = run([program, "get"], host, environ)
    try:
        answer = json.loads(said)
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, TypeError, KeyError):
        return None
    # What it calls <token> is exchanged in a way of docker's own.
    is_login = isinstance(user, str) and isinstance(secret, str) and user not in ("", "<token>")
    return (user, secret) if is_login else None
