"""The go.mod and go.sum lines with which a program fetches one platform's zip only.

`go get` and `go mod tidy` would write the same lines, but download every platform's zip to do so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.go_modules.dirhash import go_mod_hash
from cgo_prebuilt.go_modules.go_module import GoModule, latest, platform_module
from cgo_prebuilt.go_modules.goproxy_tree import ProxyTree, PublishedVersion
from cgo_prebuilt.platforms import SUPPORTED

_BUILD_FIRST = "name the folder that `cgo-prebuilt goproxy build` wrote"
_REQUIRED = re.compile(r"^\t(\S+) (v\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Requirement:
    """The lines that a program needs to use a library.

    Attributes:
        module: The forwarding module.
        platforms: The platforms' modules.
        go_mod: A `require` block.
        go_sum: Lines for `go.sum`, two for each module.
    """

    module: GoModule
    platforms: tuple[GoModule, ...]
    go_mod: str
    go_sum: str


def requirement(tree: ProxyTree, path: str | None, version: str | None) -> Requirement:
    """Return the lines that a program needs.

    Args:
        tree: The published modules.
        path: The forwarding module; None if the tree has only one.
        version: Its version; None for the latest.

    Raises:
        UsageError: There is no such module or version, or there are several modules.
    """
    forwarding = [known for known in tree.modules() if _is_forwarding(tree, known)]
    if path is None:
        path = _only(forwarding, tree)
    elif path not in forwarding:
        raise UsageError(
            f"there is no forwarding module {path}",
            where=str(tree.root),
            remedy=f"choose one of {', '.join(forwarding)}" if forwarding else _BUILD_FIRST,
        )
    versions = tree.versions(path)
    module = GoModule(path, version or latest(versions))
    published = tree.published(module)
    if published is None:
        raise UsageError(
            f"there is no version {module.version} of {path}",
            where=str(tree.root),
            remedy=f"choose one of {', '.join(versions)}" if versions else _BUILD_FIRST,
        )
    found = {module: published}
    for needed in _requires(published):
        other = tree.published(needed)
        if other is None:
            raise UsageError(
                f"{module} requires {needed}, which is missing",
                where=str(tree.root),
                remedy="publish that module, too: run `cgo-prebuilt goproxy build` again, and upload"
                " the whole site",
            )
        found[needed] = other
    platforms = tuple(sorted(found.keys() - {module}))
    lines = [f"\t{module.path} {module.version}\n"]
    lines += [f"\t{item.path} {item.version} // indirect\n" for item in platforms]
    return Requirement(module, platforms, f"require (\n{''.join(lines)})\n", go_sum_lines(found))


def go_sum_lines(modules: dict[GoModule, PublishedVersion]) -> str:
    """Return the go.sum lines of some modules, in the go command's order."""
    lines = []
    for module, files in sorted(modules.items()):
        lines.append(f"{module.path} {module.version} {files.zip_hash}\n")
        lines.append(f"{module.path} {module.version}/go.mod {go_mod_hash(files.go_mod)}\n")
    return "".join(lines)


def _is_forwarding(tree: ProxyTree, path: str) -> bool:
    """Return whether a module requires the platforms' modules, which require it in turn."""
    versions = tree.versions(path)
    newest = tree.published(GoModule(path, latest(versions))) if versions else None
    required = {module.path for module in _requires(newest)} if newest else set()
    return bool(required) and required <= {platform_module(path, known) for known in SUPPORTED}


def _only(forwarding: list[str], tree: ProxyTree) -> str:
    if len(forwarding) == 1:
        return forwarding[0]
    if not forwarding:
        raise UsageError(
            "there are no modules",
            where=str(tree.root),
            remedy=_BUILD_FIRST,
        )
    raise UsageError(
        f"there are {len(forwarding)} modules: {', '.join(forwarding)}",
        where=str(tree.root),
        remedy="choose one with --module",
    )


def _requires(published: PublishedVersion) -> list[GoModule]:
    text = published.go_mod.decode("utf-8", "replace")
    return [GoModule(path, version) for path, version in _REQUIRED.findall(text)]
