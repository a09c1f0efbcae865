"""Make a static library's internal symbols local.

Two static libraries that each hold a copy of the same third one (Rust's std, say) clash when they
are linked into one program. With the copies' symbols local, each library uses its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.publishing.binutils import check_elf, program, run

_MEMBER = "localized.o"


def localize(
    platform: Platform,
    source: Path,
    target: Path,
    patterns: Sequence[str],
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Write a static library as one object in which only the interface's symbols are global.

    Args:
        platform: The library's platform, which must use ELF.
        source: The library.
        target: The copy; its folder is created if missing.
        patterns: Globs of the symbols that stay global, such as `vec_*`.
        environ: `LD`, `OBJCOPY` and `AR` name the programs and their first options.

    Raises:
        UsageError: The platform does not use ELF, or a program is missing or fails.
    """
    check_elf(platform, "--localize", source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder) / _MEMBER
        # C++ groups become plain sections: as groups, the linker would keep those of one library only,
        # and other libraries could not find its local symbols.
        link = [*program(environ, "LD", "ld"), "-r", "--force-group-allocation"]
        run([*link, "-o", str(joined), "--whole-archive", str(source)], "LD", source)
        options = [f"--keep-global-symbol={pattern}" for pattern in patterns]
        # Bitcode beside the code (Rust's std has it) is of no use once it is joined, and LLVM's
        # plugin of GNU ar chokes on it.
        options += [f"--remove-section={section}" for section in (".llvmbc", ".llvmcmd")]
        objcopy = program(environ, "OBJCOPY", "objcopy")
        run([*objcopy, "--wildcard", *options, str(joined)], "OBJCOPY", source)
        archive = Path(folder) / "localized.a"
        run([*program(environ, "AR", "ar"), "rcsD", str(archive), str(joined)], "AR", source)
        shutil.copyfile(archive, target)
