"""The zip of a Go module, by the rules of golang.org/x/mod/zip.

The go command checks a hash of the files in the zip (see `dirhash`), not of the zip. The zip itself is
reproducible, too, for the same release of zlib.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cgo_prebuilt.archives.bytestream import FileStream
from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, UsageError, reporting
from cgo_prebuilt.go_modules.dirhash import hash1, module_hash
from cgo_prebuilt.go_modules.go_module import GoModule, file_path_problem
from cgo_prebuilt.manifests.archive_section import ArchiveSpec
from cgo_prebuilt.members import check_member_names
from cgo_prebuilt.publishing.zip_writer import write_zip
from cgo_prebuilt.releases.index import WantedFiles, index

MODULE_MAX = 500 << 20
"""The maximum size of a zip, and of its files together, in bytes."""

_TEXT_MAX = 16 << 20
_LIMITED_TEXTS = ("go.mod", "LICENSE")
_LARGEST_SHOWN = 3

Contents = Mapping[str, bytes | Path]
"""The files of a module, by their path in it: their contents, or a file with the contents."""


def check_contents(module: GoModule, contents: Contents) -> None:
    """Refuse files that the go command would refuse.

    Raises:
        IntegrityError: A name is not allowed, or two names differ only in case.
        UsageError: The files are larger than a module may be.
    """
    check_member_names(contents, where=str(module))
    for path in contents:
        problem = file_path_problem(path)
        if problem is None and path.lower().rsplit("/", 1)[-1] == "go.mod" and path != "go.mod":
            problem = "go.mod may only be at the root"
        if problem is None and "vendor" in path.split("/")[:-1]:
            problem = "what is in a folder 'vendor' is left out of a module"
        if problem is not None:
            raise IntegrityError(
                f"{path!r} cannot be in a Go module: {problem}",
                where=str(module),
                remedy="give the file another name in the archive",
            )
    check_sizes(module, {path: _size(content) for path, content in contents.items()})


def check_sizes(module: GoModule, sizes: Mapping[str, int]) -> None:
    """Refuse files that are larger than a module's may be.

    Args:
        module: The module.
        sizes: Bytes of each file by path.

    Raises:
        UsageError: They are larger; the message has the numbers.
    """
    total = sum(sizes.values())
    if total > MODULE_MAX:
        largest = sorted(sizes.items(), key=lambda item: -item[1])[:_LARGEST_SHOWN]
        listed = ", ".join(f"{path} {_megabytes(size)}" for path, size in largest)
        raise _too_large(module, f"its files have {total} bytes, {listed}")
    for path in _LIMITED_TEXTS:
        if sizes.get(path, 0) > _TEXT_MAX:
            raise UsageError(
                f"{path} has {sizes[path]} bytes, and may have {_TEXT_MAX}",
                where=str(module),
                remedy="shorten it: the go command refuses a module with a larger one",
            )


def contents_hash(module: GoModule, contents: Contents) -> str:
    """Return the `h1:` hash that a zip of these files has."""
    return module_hash(module, {path: _sha256(content) for path, content in contents.items()})


def write_module_zip(module: GoModule, contents: Contents, target: Path) -> None:
    """Write a module's zip.

    Args:
        module: The module, whose name is the prefix of every entry.
        contents: Its files, checked by `check_contents`.
        target: The output file, which must not exist.

    Raises:
        UsageError: The zip is larger than a module may be, or cannot be written.
    """
    with reporting(
        "the module's zip cannot be written",
        where=target,
        remedy="check that the folder may be written, and that there is space left",
    ):
        with target.open("xb") as file:
            write_zip(file, ((f"{module}/{path}", contents[path]) for path in sorted(contents)))
        size = target.stat().st_size
    if size > MODULE_MAX:
        target.unlink()
        raise _too_large(module, f"its zip has {size} bytes")


@dataclass(frozen=True, slots=True)
class ModuleZip:
    """A zip's `h1:` hash, and that of the `go.mod` in it (empty without one)."""

    zip_hash: str
    go_mod_hash: str


def read_module_zip(module: GoModule, path: Path) -> ModuleZip:
    """Read a module's zip to its end.

    Raises:
        IntegrityError: It is not a zip of this module.
        UsageError: It is larger than a module may be.
    """
    size = path.stat().st_size
    if size > MODULE_MAX:
        raise _too_large(module, f"its zip has {size} bytes")
    with closing(FileStream(path)) as stream:
        spec = ArchiveSpec(path.name, (), "zip", "", "")
        wanted = WantedFiles((), everything=True)
        files = index(stream, spec, wanted, where=str(path)).files
    prefix = f"{module}/"
    digests = {file.path.removeprefix(prefix): file.sha256 for file in files}
    for file in files:
        if not file.path.startswith(prefix):
            raise IntegrityError(
                f"{file.path!r} does not begin with {prefix!r}",
                where=str(path),
                remedy="build this version of the module again, into an empty folder",
            )
    total = sum(file.size for file in files)
    if total > MODULE_MAX:
        raise _too_large(module, f"its files have {total} bytes")
    go_mod = digests.get("go.mod")
    return ModuleZip(module_hash(module, digests), hash1({"go.mod": go_mod}) if go_mod else "")


def _too_large(module: GoModule, what: str) -> UsageError:
    return UsageError(
        f"the module is too large for the go command: {what};"
        f" at most {MODULE_MAX} bytes ({MODULE_MAX >> 20} MiB) are allowed,"
        " compressed and uncompressed",
        where=str(module),
        remedy="strip debug information from the library (strip -S, or Cargo's"
        ' `strip = "debuginfo"`), or offer it to Bazel and `cgo-prebuilt env` only',
    )


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return sha256_of(content)[0]
