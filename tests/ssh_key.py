"""A publisher's key, made by the real ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_key(folder: Path, name: str = "key") -> str:
    """Make a key, `key` and `key.pub`; return its public half in a manifest's form."""
    keygen = ["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-C", "me", "-f", str(folder / name)]
    subprocess.run(keygen, check=True)
    return " ".join((folder / f"{name}.pub").read_text().split()[:2])
