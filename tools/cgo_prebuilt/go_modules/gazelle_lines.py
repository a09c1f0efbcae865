"""The MODULE.bazel lines that add a native library to an unmodified Go module of `go_deps`.

gazelle writes a go_library with `cgo = True` for each package with `import "C"`. It does not add a native
library, resolves `-I${SRCDIR}/../include` to a missing folder (gazelle issue 126), and writes link options
whose archive is not an input (gazelle issue 1120). The lines add the library and remove those options.
They also replace relative paths in includes, such as `../vec.h`, with header names, since the
library now has the header.
"""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Iterable
from pathlib import PurePath

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.locks.lock import Interface

# Characters without a meaning in a shell's quotes, in an expression of sed and in a label, except the dot.
_PLAIN_HEADER = re.compile(r"[\w./+-]+")
_MODULE_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]*")

# In gazelle's layout, an attribute begins after four spaces and ends with a comma. The expressions work in
# GNU's and BSD's sed: so `cdeps` is on the same line as `cgo`, and no alternative is empty.
_TO_THE_END_OF_THE_LIST = r"/^    ([])}]+|[a-z_]+ = .*),$/"
_EDITS = (
    # The library has its own linkopts.
    r"/^    clinkopts = .*[[({]$/,/^    [])}]+,$/d",
    r"/^    clinkopts = /d",
    rf'/^    c(pp|xx)?opts = /,{_TO_THE_END_OF_THE_LIST}s/(["[:space:]])-I *[^" ]*/\1/g',
    rf'/^    c(pp|xx)?opts = /,{_TO_THE_END_OF_THE_LIST}s/" +/"/g',
    rf'/^    c(pp|xx)?opts = /,{_TO_THE_END_OF_THE_LIST}s/"",?//g',
)


def patch_command(library: str) -> str:
    """Return the command that patches the BUILD files that gazelle wrote for a module.

    Args:
        library: The library's repository.
    """
    edits = (*_EDITS, rf's/^    cgo = True,$/    cdeps = ["@{library}"], cgo = True,/')
    script = " ".join(f"-e '{edit}'" for edit in edits)
    return (
        "find . -name BUILD -o -name BUILD.bazel | while read -r file; do"
        f' sed -E {script} "$file" > "$file.new" && mv "$file.new" "$file"; done'
    )


def include_command(interfaces: Iterable[Interface]) -> str | None:
    """Return the command that replaces `../` paths in a module's includes with header names.

    Args:
        interfaces: The library, on each platform.

    Returns:
        The command; None if the library has no such header.
    """
    names: dict[str, set[str]] = {}
    for interface in interfaces:
        for header in filter(_PLAIN_HEADER.fullmatch, interface.headers):
            folders = [f for f in interface.include_dirs if header.startswith(f"{f}/")]
            folder = max(folders, key=len, default="")
            names.setdefault(folder, set()).add(header[len(folder) :].lstrip("/"))
    if not names:
        return None
    edits = []
    for folder, found in sorted(names.items()):
        below = f"({_literal(folder)}/)?" if folder else "()"
        headers = "|".join(map(_literal, sorted(found)))
        edits.append(rf"""-e 's:"([.][.]/)+{below}({headers})":"\3":'""")
    return (
        """find . -name '*.go' -o -name '*.c' -o -name '*.h' | while read -r file; do"""
        """ if grep -q '#include "[.][.]/' "$file"; then"""
        f""" sed -E {" ".join(edits)} "$file" > "$file.new" && mv "$file.new" "$file"; fi; done"""
    )


def _literal(text: str) -> str:
    return re.sub(r"([.+])", r"[\1]", text)


def lock_label(lock: PurePath, folder: PurePath) -> str:
    """Return the label of a lock file.

    Args:
        lock: Its path, absolute or relative to the folder.
        folder: The workspace's root, absolute.

    Raises:
        UsageError: The lock is not below the folder.
    """
    whole = PurePath(os.path.normpath(folder / lock))
    if not whole.is_relative_to(folder):
        raise UsageError(
            "a lock outside of the current folder has no label in this workspace",
            where=str(lock),
            remedy="run it in the workspace's root, and name a lock below that",
        )
    *folders, name = whole.relative_to(folder).parts
    return f"//{'/'.join(folders)}:{name}"


def gazelle_lines(
    library: str, lock: str, module: str, interfaces: Iterable[Interface] = ()
) -> str:
    """Return lines for the root module's MODULE.bazel.

    Args:
        library: The library's repository.
        lock: The lock's label.
        module: The Go module that needs it.
        interfaces: The library, on each platform.

    Raises:
        UsageError: It is not a module path.
    """
    if not _MODULE_PATH.fullmatch(module):
        raise UsageError(
            f"{module!r} is not a Go module's path",
            where="--module",
            remedy="give the path as go.mod has it: github.com/lancedb/lancedb-go",
        )
    name = json.dumps(library)
    commands = filter(None, (patch_command(library), include_command(interfaces)))
    patches = "".join(f"        {json.dumps(command)},\n" for command in commands)
    return f"""\
# {library} for {module}. Only the root module may have these lines. They need these two, each once:
#     prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
#     go_deps = use_extension("@gazelle//:extensions.bzl", "go_deps")
prebuilt.library(
    name = {name},
    lock = {json.dumps(lock)},
)
use_repo(prebuilt, {name})

inject_repo(go_deps, {name})
go_deps.module_override(
    patch_cmds = [
{patches}    ],
    path = {json.dumps(module)},
)
"""
