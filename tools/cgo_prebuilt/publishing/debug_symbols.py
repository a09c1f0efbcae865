"""Extract shared libraries' debug information into files that debuggers find by build ID.

A debugger looks for `.build-id/XX/REST.debug` below its folders for debug information (GDB's manual,
"Debugging Information in Separate Files"). A static library has no build ID, but the programs
linked with it do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.publishing.binutils import Binutil, check_elf

_NOTE = ".note.gnu.build-id"
_NOTE_HEADER = 16  # the sizes of name and contents, the type, and the name `GNU`


def debug_file(build_id: str) -> str:
    """Return a build ID's path below a folder of debug information."""
    return f".build-id/{build_id[:2]}/{build_id[2:]}.debug"


def keep_debug(platform: Platform, library: Path, folder: Path) -> str:
    """Write a shared library's debug information into a folder.

    Args:
        platform: The library's platform, which must use ELF.
        library: The library, before it is stripped.
        folder: The output folder, which becomes the root for the debugger's paths.

    Returns:
        The path of the file, relative to the folder.

    Raises:
        UsageError: The platform does not use ELF, the library has no build ID, or the program is missing or
            fails.
    """
    check_elf(platform, "--debug-symbols", library)
    objcopy = Binutil("OBJCOPY", "objcopy")
    path = debug_file(_build_id(objcopy, library))
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    objcopy.run(["--only-keep-debug", str(library), str(target)], library)
    return path


def _build_id(objcopy: Binutil, library: Path) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        note = Path(temporary) / "note"
        note.touch()
        options = ["-O", "binary", f"--only-section={_NOTE}"]
        objcopy.run([*options, str(library), str(note)], library)
        build_id = note.read_bytes()[_NOTE_HEADER:].hex()
    if not build_id:
        raise UsageError(
            "the library has no build ID, by which a debugger would find its debug information",
            where=str(library),
            remedy="link it with -Wl,--build-id",
        )
    return build_id
