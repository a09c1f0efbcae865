"""The `h1:` hashes of go.sum (golang.org/x/mod/sumdb/dirhash.Hash1)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from cgo_prebuilt.go_modules.go_module import GoModule


def hash1(files: Mapping[str, str]) -> str:
    """Return the hash of a set of files.

    Args:
        files: The SHA-256 of each file, 64 lower-case hex digits, by name.

    Returns:
        `h1:` and the SHA-256, in base64, of a line `<hex>  <name>` for each file, sorted by name.
    """
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def module_hash(module: GoModule, files: Mapping[str, str]) -> str:
    """Return the hash of a module's zip.

    Args:
        module: The module.
        files: The SHA-256 of each file by its path in the module.
    """
    return hash1({f"{module}/{path}": digest for path, digest in files.items()})


def go_mod_hash(go_mod: bytes) -> str:
    """Return the hash of a `go.mod` file, which has its own line in go.sum."""
    return hash1({"go.mod": hashlib.sha256(go_mod).hexdigest()})
