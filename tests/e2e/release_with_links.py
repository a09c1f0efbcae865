"""A release with a shared library in the usual layout: its names are links to each other."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from cgo_prebuilt.archive_names import format_of
from tests.unit.archive_builders import pack_tar

VERSION = "1.32.0"

ONNX_HEADER = """\
#include <stdint.h>
typedef struct OrtApiBase {
  const void *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;
#ifdef __cplusplus
extern "C"
#endif
const OrtApiBase *OrtGetApiBase(void);
"""


def write_release(
    target: Path, prefix: str, name: str, library: bytes, headers: dict[str, str]
) -> None:
    """Pack a release as its maintainers do: the links precede the library in the archive."""
    links = {f"lib/{name}": f"{name}.1", f"lib/{name}.1": f"{name}.{VERSION}"}
    files = {f"lib/{name}.{VERSION}": library}
    files |= {f"include/{path}": text.encode() for path, text in headers.items()}
    files["LICENSE"] = b"MIT\n"
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, to in links.items():
                info = zipfile.ZipInfo(f"{prefix}/{path}")
                info.create_system, info.external_attr = 3, 0o120777 << 16
                archive.writestr(info, to)
            for path, data in files.items():
                archive.writestr(f"{prefix}/{path}", data)
        return
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for path, to in links.items():
            member = tarfile.TarInfo(f"./{prefix}/{path}")
            member.type, member.linkname = tarfile.SYMTYPE, to
            archive.addfile(member)
        for path, data in files.items():
            member = tarfile.TarInfo(f"./{prefix}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    target.write_bytes(pack_tar(tar.getvalue(), format_of(target.name)))
