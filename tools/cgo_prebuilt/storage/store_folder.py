"""The store's folder: its location, owner and layout.

```
<root>/v1/trees/<key>/     a tree, see `tree`; appears and disappears by one rename
<root>/v1/staging/         unfinished trees
<root>/v1/partial/         unfinished downloads
<root>/v1/locks/           a lock file for each key
<root>/v1/damaged/         trees that do not match their record
<root>/v1/results/         the output files of builds, by their inputs, see `results`
```
A store has one user. Another user who can plant a link in place of a folder, or a file under a predictable
name, decides what is overwritten and what is linked. So a folder of the store that is a link, or that
others can write, is refused. Another user's store is only read.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

from cgo_prebuilt.errors import CgoPrebuiltError, UsageError
from cgo_prebuilt.files.long_paths import long_path
from cgo_prebuilt.files.own_files import is_link, is_writable_by_others, this_user

VARIABLE = "CGO_PREBUILT_CACHE"
SYSTEM_VARIABLE = "CGO_PREBUILT_SYSTEM_CACHE"

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST})


def default_root(environ: Mapping[str, str], system: str, known_home: str = "") -> Path:
    """Return the store's default folder.

    Args:
        environ: The environment; `CGO_PREBUILT_CACHE` takes precedence over the system's cache folder.
        system: The value of `sys.platform`.
        known_home: The home folder to use if the environment names none, as with Bazel's
            `--experimental_strict_repo_env`.

    Raises:
        UsageError: The variable is not an absolute path, or there is no home folder.
    """
    chosen = environ.get(VARIABLE, "")
    if chosen:
        flavor = PureWindowsPath if system == "win32" else PurePosixPath
        if not flavor(chosen).is_absolute():
            raise UsageError(
                f"{VARIABLE} is not an absolute path", where=chosen, remedy="write it in full"
            )
        return Path(chosen)
    if system == "win32":
        if environ.get("LOCALAPPDATA"):
            return Path(environ["LOCALAPPDATA"], "cgo-prebuilt", "cache")
        if environ.get("USERPROFILE"):
            return Path(environ["USERPROFILE"], "AppData", "Local", "cgo-prebuilt", "cache")
    # A relative XDG_CACHE_HOME must be ignored (XDG Base Directory Specification).
    elif system != "darwin" and environ.get("XDG_CACHE_HOME", "").startswith("/"):
        return Path(environ["XDG_CACHE_HOME"], "cgo-prebuilt")
    elif home := environ.get("HOME") or known_home:
        caches = ("Library", "Caches") if system == "darwin" else (".cache",)
        return Path(home, *caches, "cgo-prebuilt")
    raise UsageError(
        "there is no home folder for the store of fetched libraries",
        where=VARIABLE,
        remedy=f"set {VARIABLE} to a folder for it",
    )


def system_roots(environ: Mapping[str, str], system: str) -> tuple[Path, ...]:
    """Return the folders of read-only stores, such as one in a container's image.

    Args:
        environ: The environment; `CGO_PREBUILT_SYSTEM_CACHE` is a list like `PATH`.
        system: The value of `sys.platform`.

    Raises:
        UsageError: One is not an absolute path.
    """
    flavor = PureWindowsPath if system == "win32" else PurePosixPath
    separator = ";" if system == "win32" else ":"
    chosen = [text for text in environ.get(SYSTEM_VARIABLE, "").split(separator) if text]
    for text in chosen:
        if not flavor(text).is_absolute():
            raise UsageError(
                f"{SYSTEM_VARIABLE} has no absolute path", where=text, remedy="write it in full"
            )
    return tuple(map(Path, chosen))


def home_by_account() -> str:
    """Return the home folder in the system's accounts; empty without one."""
    try:
        import pwd  # Windows has none
    except ImportError:
        return ""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user without an account
        return ""


class StoreFolder:
    """A store's folder, created when first written.

    Args:
        root: Its absolute path.
        variable: The variable that names it, for messages.
    """

    def __init__(self, root: Path, variable: str = VARIABLE) -> None:
        self.root = root
        self._variable = variable
        base = long_path(root) / "v1"
        self.trees = base / "trees"
        self.staging = base / "staging"
        self.partials = base / "partial"
        self.locks = base / "locks"
        self.damaged = base / "damaged"
        self.results = base / "results"

    def make(self) -> None:
        """Create missing folders, for this user only.

        Raises:
            OSError: One cannot be created.
        """
        self.refuse_other_user()
        below = (self.trees, self.staging, self.partials, self.locks, self.damaged)
        if all(folder.is_dir() for folder in below):
            return
        for folder in (self.trees.parent.parent, self.trees.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in below:
            folder.mkdir(mode=0o700, exist_ok=True)
        self.refuse_other_user()  # another user may have created one of them meanwhile

    def check_folders(self) -> None:
        """Check that the folders are safe; raise as `owners` does."""
        self.owners()

    def owners(self) -> frozenset[int]:
        """Return the user ids that own the store's existing folders.

        Raises:
            UsageError: A folder is a link, or others can write it.
        """
        base = self.trees.parent
        below = (self.trees, self.staging, self.partials, self.locks, self.damaged, self.results)
        owners = set()
        for folder in (base.parent, base, *below):
            try:
                found = folder.lstat()
            except OSError:
                continue
            if is_link(found):
                raise UsageError(
                    "a folder of the store is a link",
                    where=str(folder),
                    remedy=f"set {self._variable} to the folder itself, if it is yours",
                )
            if is_writable_by_others(found) and stat.S_ISDIR(found.st_mode):
                import shlex

                raise UsageError(
                    "others can write a folder of the store, and could change what you link",
                    where=str(folder),
                    remedy=f"set {self._variable} to a folder of your own; or, if you trust what is in it:"
                    f" chmod go-w {shlex.quote(str(folder))}. To share files between users,"
                    " use a mirror: see CGO_PREBUILT_MIRROR",
                )
            owners.add(found.st_uid)
        return frozenset(owners)

    def is_own(self) -> bool:
        """Return whether the store is this user's, or missing.

        Raises:
            UsageError: See `owners`.
        """
        return self.owners() <= {this_user()}

    def refuse_other_user(self) -> None:
        """Refuse to write another user's store.

        Raises:
            UsageError: The store belongs to another user; or see `owners`.
        """
        others = sorted(self.owners() - {this_user()})
        if others:
            raise UsageError(
                f"the store is another user's (uid {others[0]}), and you are uid {this_user()}",
                where=str(self.root),
                remedy=f"set {VARIABLE} to a folder of your own",
            )

    def lock_file(self, key: str) -> Path:
        """Return a tree's lock file, and create its folder if possible.

        Raises:
            UsageError: The store belongs to another user, or others can write it.
        """
        with suppress(OSError):  # without a folder, `file_lock` proceeds without a lock
            self.make()
        return self.locks / f"{key}.lock"

    @contextmanager
    def explaining(self, size: int | None = None, *, only_full: bool = False) -> Iterator[None]:
        """Convert the block's errors about writing the store to errors for the user.

        Args:
            size: The bytes that the block writes.
            only_full: Convert only errors about a full or read-only disk, since the block does more.

        Raises:
            UsageError: The store cannot be written.
        """
        try:
            yield
        except CgoPrebuiltError as error:
            # The writer already explained its error, but did not know that it wrote to the store.
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DISK_FULL:
                raise self._disk_full(size) from error.__cause__
            raise
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise self._disk_full(size) from error
            if only_full and error.errno != errno.EROFS:
                raise
            raise UsageError(
                f"the store cannot be written: {error.strerror or error}",
                where=str(error.filename or self.root),
                remedy=f"set {VARIABLE} to a folder that you can write"
                if error.errno in _NOT_WRITABLE
                else f"check the disk, or set {VARIABLE} to a folder on another one",
            ) from error

    def _disk_full(self, size: int | None) -> UsageError:
        needed = "" if size is None else f"; {size / 1e6:.1f} MB are needed"
        free = ""
        with suppress(OSError):
            free = f", {shutil.disk_usage(self.root).free / 1e6:.1f} MB are free"
        return UsageError(
            f"the disk of the store is full{needed}{free}",
            where=str(self.root),
            remedy="free some space, for example with `cgo-prebuilt cache prune --older-than 30d`,"
            f" or set {VARIABLE} to a folder on another disk",
        )
