"""Rust's names of the platforms; `rules/private/platforms.bzl` has the same, and a test compares them."""

from __future__ import annotations

from cgo_prebuilt.platforms import Platform

_OF_LINUX = {
    "386": "i686-unknown-linux-{}",
    "amd64": "x86_64-unknown-linux-{}",
    "arm": "armv7-unknown-linux-{}eabihf",
    "arm64": "aarch64-unknown-linux-{}",
    "ppc64le": "powerpc64le-unknown-linux-{}",
    "riscv64": "riscv64gc-unknown-linux-{}",
    "s390x": "s390x-unknown-linux-{}",
}

_OF_OTHERS = {
    "darwin_amd64": "x86_64-apple-darwin",
    "darwin_arm64": "aarch64-apple-darwin",
    "freebsd_amd64": "x86_64-unknown-freebsd",
    "freebsd_arm64": "aarch64-unknown-freebsd",
    "windows_386": "i686-pc-windows-gnu",
    "windows_amd64": "x86_64-pc-windows-gnu",
    "windows_arm64": "aarch64-pc-windows-gnullvm",
}


def rust_target(platform: Platform) -> str:
    """The Rust target of a platform.

    For Windows it is a GNU one, since cgo links with GCC's or Clang's driver there.
    """
    if platform.os == "linux":
        return _OF_LINUX[platform.arch].format(platform.libc or "gnu")
    return _OF_OTHERS[str(platform)]
