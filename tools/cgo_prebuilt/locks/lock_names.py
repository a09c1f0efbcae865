"""The patterns of names and words in a manifest and a lock."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9_+-])?")
"""A library's name, which becomes part of file names, labels and variables."""

VERSION = re.compile(r"[^\s\x00-\x1f\x7f]+")
"""A version's name: a tag, so it may have folders."""

FLAVOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
"""A flavor's name, which becomes part of labels and folders."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(=[^\x00-\x1f\x7f]*)?")
"""A variable of a build: its name, or its name and its value."""

DEFINE = re.compile(r"[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*(=.*)?")
"""`NAME` or `NAME=VALUE`, with a C identifier. The go command accepts no macro with parameters."""

PROGRAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""A program of a build, to be found on the PATH."""

TOOLCHAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""A Rust toolchain by rustup's name."""

GIT_SOURCE = re.compile(
    r"git\+(ssh://[A-Za-z0-9._-]+@|[a-z]+://)"
    r"(\[[0-9A-Fa-f:.]+\]|[^\s\x00-\x1f\x7f\[\]/?#@:\\]*)(:[0-9]+)?(/[^\s\x00-\x1f\x7f?#@\\]*)?"
    r"(\?(branch|tag|rev)=[^\s\x00-\x1f\x7f?#&]*)?#[0-9a-f]{40}([0-9a-f]{24})?"
)
"""Crates in a Git repository, as `Cargo.lock` names them: the repository, and the commit.

Locks and archives publish it, so it may hold no password. Only a user of ssh and a query of cargo
are allowed.
"""

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""A day, as in RFC 3339."""
