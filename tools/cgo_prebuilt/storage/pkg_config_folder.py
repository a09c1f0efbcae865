"""A tree's `.pc` files, in folders named by their contents.

```
<key>/pkgconfig/<digest>/NAME.pc
```
pkg-config uses every `.pc` file in a folder, so the folder must hold no other ones.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path

from cgo_prebuilt.files.leftovers import delete
from cgo_prebuilt.files.own_files import make_own_folder, read_plain, this_user
from cgo_prebuilt.files.renames import write_atomically
from cgo_prebuilt.files.temporary_names import PREFIX
from cgo_prebuilt.storage.tree import FILES, Tree

_FOLDER = "pkgconfig"
_LIMIT = 1 << 20


def put_pkg_config(tree: Tree, name: str, text: bytes) -> Path:
    """Write a tree's `.pc` file if missing; remove other files from its folder.

    If the store is read-only, the file goes into a temporary folder of this user, with a link to the
    tree's files beside it.

    Args:
        tree: The tree.
        name: The file's name.
        text: Its contents.

    Returns:
        The folder, which has only this file.

    Raises:
        OSError: It cannot be written.
    """
    place = Path(_FOLDER, hashlib.sha256(text).hexdigest()[:16])
    if tree.is_own:
        try:
            return _put(tree.folder / place, name, text)
        except OSError:
            if sys.platform == "win32":
                raise
    beside = _temporary_folder(tree)
    return _put(beside / place, name, text)


def altered_pkg_config(tree: Tree) -> tuple[str, ...]:
    """Return files among a tree's `.pc` files that `put_pkg_config` did not write."""
    folder = tree.folder / _FOLDER
    if not os.path.lexists(folder):
        return ()
    if folder.is_symlink() or not folder.is_dir():
        return (_FOLDER,)
    altered = []
    for one in sorted(folder.iterdir()):
        entries = [] if one.is_symlink() or not one.is_dir() else sorted(one.iterdir())
        if not entries:
            altered += [one] if one.is_symlink() or not one.is_dir() else []
        altered += [path for path in entries if not _is_named_by_its_contents(path)]
    return tuple(path.relative_to(tree.folder).as_posix() for path in altered)


def _is_named_by_its_contents(path: Path) -> bool:
    if path.name.startswith(PREFIX):  # being written
        return True
    try:
        content = read_plain(path, _LIMIT)
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest()[:16] == path.parent.name and path.suffix == ".pc"


def _put(folder: Path, name: str, text: bytes) -> Path:
    for parent in (folder.parent, folder):
        if parent.is_symlink():
            delete(parent)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name != name and not path.name.startswith(PREFIX):
            if path.suffix == ".pc":
                path.unlink()
            else:
                delete(path)
    target = folder / name
    with suppress(OSError):
        if read_plain(target, _LIMIT) == text:
            return folder
    if target.is_dir() and not target.is_symlink():
        delete(target)
    write_atomically(target, text)
    return folder


def _temporary_folder(tree: Tree) -> Path:
    """Create a folder with a link to the tree's files, for paths relative to it."""
    import tempfile

    root = Path(tempfile.gettempdir(), f"cgo-prebuilt-env-{this_user()}")
    where = hashlib.sha256(os.fsencode(tree.files)).hexdigest()[:16]
    folder = root / where
    if not (make_own_folder(root) and make_own_folder(folder)):
        raise OSError(None, "it is not a folder of your own", str(root))
    link = folder / FILES
    if not link.is_symlink() or link.readlink() != tree.files:
        delete(link)
        link.symlink_to(tree.files)
    return folder
