"""Credential helpers in Bazel's protocol; their secrets are only in a separate file.

Run as a program, this one answers `get` with the headers that its file has for a host. The helper of an
object store is the one of the examples.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


def write_helper(folder: Path, headers: Mapping[str, Mapping[str, str] | str], python: str) -> Path:
    """Write a helper as a separate program.

    Args:
        folder: The output folder, which is created.
        headers: The headers by `host:port`; or for a host, the path of another helper to ask.
        python: The interpreter that runs it.

    Returns:
        The program.
    """
    _write_secret(folder / "secrets.json", json.dumps(headers))
    return _write_program(
        folder / "helper", f"#!{python}\n{Path(__file__).read_text(encoding='utf-8')}"
    )


def write_s3_helper(folder: Path, key: str, secret: str, region: str, python: str) -> Path:
    """Write the helper of the examples, with its own profile; otherwise like `write_helper`."""
    script = Path(__file__).parents[2] / "examples/s3_credentials.py"
    profile = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    _write_secret(folder / "profile", profile)
    variables = f"AWS_SHARED_CREDENTIALS_FILE='{folder}/profile' AWS_REGION={region}"
    text = f'#!/bin/sh\n{variables} exec {python} {script} "$@"\n'
    return _write_program(folder / "helper", text)


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def _write_program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o700)
    return path


if __name__ == "__main__":
    if sys.argv[1:] != ["get"]:
        sys.exit("usage: helper get < REQUEST")
    asked = sys.stdin.read()
    with Path(sys.argv[0]).with_name("secrets.json").open(encoding="utf-8") as file:
        known = json.load(file).get(urlsplit(json.loads(asked)["uri"]).netloc, {})
    if isinstance(known, str):
        sys.exit(subprocess.run([known, "get"], input=asked, text=True, check=False).returncode)
    print(json.dumps({"headers": {name: [value] for name, value in known.items()}}))
