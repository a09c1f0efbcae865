"""The environment of a source build, and the variables in it that affect the result.

It has the variables of the tools, those of the lock's `env`, and those that do not affect the
result, such as `HOME`. Others are not passed on, since the result's key does not have them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Variables that do not affect the result: paths, network settings, language.
_NEUTRAL = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|TMP|TEMP|LANG|LC_\w+|TZDIR|XDG_\w+"
    r"|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy|SSL_CERT_\w+|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE"
    r"|NETRC|GIT_SSH\w*|SSH_AUTH_SOCK|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|SYSTEMDRIVE|USERPROFILE"
    r"|APPDATA|LOCALAPPDATA|PROGRAM(DATA|FILES.*|W6432)|COMMONPROGRAM.*|PROCESSOR_\w+|VS\w+|VC\w+"
    r"|CARGO_HOME|CARGO_(REGISTR|NET|HTTP|TERM|LOG)\w*|RUSTUP_(HOME|DIST_SERVER|UPDATE_ROOT)"
    r"|RUST_(BACKTRACE|LOG)|S?CCACHE_\w+|DISTCC_\w+"
)

# Variables that affect the tools, by their documentation.
_INPUTS = re.compile(
    r"((HOST|TARGET)_)?(CC|CXX|AR|AS|LD|NM|RANLIB|STRIP|OBJCOPY|CFLAGS|CPPFLAGS|CXXFLAGS|LDFLAGS)"
    r"(_[a-z0-9]+([_-]\w+)+)?|[A-Z]*FLAGS|LIBS|CRATE_CC_\w+|CXXSTDLIB\w*"
    r"|(C|CPLUS|OBJC)_INCLUDE_PATH|CPATH|(LD_|DYLD_)?LIBRARY_PATH|INCLUDE|LIB"
    r"|CARGO_\w+|RUST\w+|CMAKE_\w+|PKG_CONFIG\w*|LIBCLANG_PATH|LLVM_CONFIG_PATH|BINDGEN_\w+"
    r"|SDKROOT|DEVELOPER_DIR|MACOSX_DEPLOYMENT_TARGET|ZIG_\w+|NIX_\w+"
)

# Variables that a calling make sets for its children.
_NEVER = re.compile(r"MAKEFLAGS|MFLAGS|CARGO_MAKEFLAGS|CARGO_TARGET_DIR|CARGO_INCREMENTAL")


@dataclass(frozen=True, slots=True)
class BuildEnvironment:
    """The environment of a build.

    Attributes:
        variables: All variables.
        inputs: The variables that affect the result; two builds with the same ones are equal.
    """

    variables: Mapping[str, str]
    inputs: Mapping[str, str]


def build_environment(environ: Mapping[str, str], env: Sequence[str]) -> BuildEnvironment:
    """Return the environment of a build.

    Args:
        environ: The caller's environment.
        env: The lock's `env`: `NAME` for the caller's value, or `NAME=VALUE`.
    """
    others, inputs = {}, {}
    for name, value in environ.items():
        known = name.upper() if name.upper() in ("PATH", "SYSTEMROOT", "WINDIR") else name
        if _NEVER.fullmatch(known):
            continue
        if _NEUTRAL.fullmatch(known):
            others[name] = value
        elif value and _INPUTS.fullmatch(known):
            inputs[name] = value
    for variable in env:
        name, given, value = variable.partition("=")
        if given:
            inputs[name] = value
        elif name in environ:
            inputs[name] = environ[name]
    return BuildEnvironment({**others, **inputs}, inputs)
