"""Make a static library's internal symbols local.

Two static libraries that each hold a copy of the same third one (Rust's std, say) clash when they
are linked into one program. With the copies' symbols local, each library uses its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.publishing.binutils import Binutil, check_elf

_MEMBER = "localized.o"


def localize(platform: Platform, source: Path, target: Path, patterns: Sequence[str]) -> None:
    """Write a static library as one object in which only the interface's symbols are global.

    Args:
        platform: The library's platform, which must use ELF.
        source: The library.
        target: The copy; its folder is created if missing.
        patterns: Globs of the symbols that stay global, such as `vec_*`.

    Raises:
        UsageError: The platform does not use ELF, or a program is missing or fails.
    """
    check_elf(platform, "--localize", source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder) / _MEMBER
        # C++ section groups become plain sections. Of equal groups, the linker would keep one
        # library's, and the other libraries could not refer to its local symbols.
        link = ["-r", "--force-group-allocation", "-o", str(joined), "--whole-archive"]
        Binutil("LD", "ld").run([*link, str(source)], source)
        options = [f"--keep-global-symbol={pattern}" for pattern in patterns]
        # Bitcode beside the code (Rust's std has it) is of no use once it is joined, and LLVM's
        # plugin of GNU ar chokes on it.
        options += [f"--remove-section={section}" for section in (".llvmbc", ".llvmcmd")]
        Binutil("OBJCOPY", "objcopy").run(["--wildcard", *options, str(joined)], source)
        archive = Path(folder) / "localized.a"
        Binutil("AR", "ar").run(["rcsD", str(archive), str(joined)], source)
        shutil.copyfile(archive, target)
