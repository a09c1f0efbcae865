"""Validate a module proxy's folder: the go command accepts everything in it."""

from __future__ import annotations

import re
from pathlib import Path

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError
from cgo_prebuilt.go_modules.dirhash import go_mod_hash
from cgo_prebuilt.go_modules.go_module import GoModule, is_canonical, latest
from cgo_prebuilt.go_modules.goproxy_pages import NOT_FOUND, page_path
from cgo_prebuilt.go_modules.goproxy_tree import ProxyTree
from cgo_prebuilt.go_modules.module_zip import read_module_zip
from cgo_prebuilt.strict_json import parse_json

_MODULE_LINE = re.compile(r"^module[ \t]+(\S+)[ \t]*$", re.MULTILINE)
_REMEDY = "restore the file from what was published, or publish a new version"


def check_site(site: Path) -> list[GoModule]:
    """Validate a tree, without the network.

    Args:
        site: The folder that `build_site` wrote.

    Returns:
        Every version in it. Zips that are served elsewhere are not checked.

    Raises:
        IntegrityError: A file is wrong, or the tree has no modules.
        UsageError: A zip is larger than a module may be.
    """
    tree = ProxyTree(site)
    redirects = tree.redirects()
    found = []
    for path in tree.modules():
        versions = tree.versions(path)
        for version in versions:
            if not is_canonical(version):
                raise _problem(f"{version!r} in a list is not a canonical version", site / path)
            module = GoModule(path, version)
            _check_version(tree, module, tree.name(module, ".zip") in redirects)
            found.append(module)
        _check_latest(tree, path, versions)
        if not (site / page_path(path)).is_file():
            raise _problem("there is no go-import page", site / page_path(path))
    if not found:
        raise _problem("there are no modules", site)
    if not (site / NOT_FOUND).is_file():
        raise _problem("there is no page", site / NOT_FOUND)
    return found


def _check_version(tree: ProxyTree, module: GoModule, redirected: bool) -> None:
    published = tree.published(module)
    assert published is not None  # the version is in the list
    if _json(published.info).get("Version") != module.version:
        raise _problem(".info has another version", tree.file(module, ".info"))
    match = _MODULE_LINE.search(published.go_mod.decode("utf-8", "replace"))
    if match is None or match[1] != module.path:
        raise _problem(".mod is another module's", tree.file(module, ".mod"))
    archive = tree.file(module, ".zip")
    if not archive.is_file():
        if redirected:
            return
        raise _problem("a zip is neither there nor redirected", archive)
    try:
        inside = read_module_zip(module, archive)
    except IntegrityError as error:
        raise _problem(error.what, archive) from None
    if inside.zip_hash != published.zip_hash:
        raise _problem(
            f"the zip has the hash {inside.zip_hash}, and was published with {published.zip_hash}",
            archive,
        )
    if inside.go_mod_hash != go_mod_hash(published.go_mod):
        raise _problem("the go.mod in the zip is not the .mod beside it", archive)


def _check_latest(tree: ProxyTree, path: str, versions: list[str]) -> None:
    said = _json(tree.latest(path)).get("Version")
    if not versions or said != latest(versions):
        raise _problem(f"@latest names {said!r}", tree.root / path / "@latest")


def _json(data: bytes) -> dict[str, object]:
    try:
        value = parse_json(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _problem(what: str, path: Path) -> CgoPrebuiltError:
    return IntegrityError(what, where=str(path), remedy=_REMEDY)
