"""The library of the guides, `tally`, as its maintainer releases it; and `report`, a library that needs it.

The archives are in `dist`, which the locks name as a `file://` URL.
"""

from __future__ import annotations

from pathlib import Path

from tests.e2e.reader import Reader

VERSIONS = ("v1.0.0", "v1.1.0")

TALLY_H = """\
#ifdef __cplusplus
extern "C"
#endif
const char *tally_version(void);
"""
REPORT_H = TALLY_H.replace("const char *tally_version", "void report")

_TALLY_C = '#include "tally.h"\nconst char *tally_version(void) { return VERSION; }\n'
_REPORT_C = """\
#include "report.h"
#include <stdio.h>
const char *tally_version(void);
void report(void) { printf("a report by tally %s\\n", tally_version()); }
"""
_MAKEFILE = """\
CFLAGS += -Iinclude -DVERSION='"built from source"'
libtally.a: tally.o
\t$(AR) rcs $@ $<
"""
_MANIFEST = """\
name: NAME
version: v1.0.0
urls: ["file://DIST/{file}"]
archives: [{file: "NAME-{version}-{platform}.tar.gz"}]
static_library: lib/libNAME.a
headers: [include/**]
include_dirs: [include]
platforms: {linux_amd64: {}}
"""
_SOURCE = """\
source:
  url: file://DIST/tally-source.tar.gz
  sha256: SHA256
  build: {tool: make}
  static_library: libtally.a
  headers: [include/tally.h]
"""
_RELEASE = """\
dist=$PWD/dist
mkdir -p dist out/lib out/include
cp tally.h out/include
tar -czf dist/tally-source.tar.gz Makefile tally.c -C out include
sed -i "s|DIST|$dist|; s|SHA256|$(sha256sum dist/tally-source.tar.gz | cut -c 1-64)|" *.yaml
for version in v1.0.0 v1.1.0; do
    cc -fPIC -Iout/include -DVERSION="\\"$version\\"" -c tally.c
    ar rcs out/lib/libtally.a tally.o
    sed -i "s/^version: .*/version: $version/" tally.yaml
    cgo-prebuilt pack tally.yaml --platform linux_amd64 --from out --output dist
done
cgo-prebuilt lock tally.yaml --version v1.0.0 --version v1.1.0 --output tally.lock.json
cp report.h out/include
cc -fPIC -Iout/include -c report.c
ar rcs out/lib/libreport.a report.o
rm out/include/tally.h
cgo-prebuilt pack report.yaml --platform linux_amd64 --from out --output dist
cgo-prebuilt lock report.yaml --output report.lock.json
"""


def release_tally(reader: Reader, folder: Path) -> None:
    """Makes both releases and their locks, `tally.lock.json` and `report.lock.json`.

    Args:
        reader: The reader whose programs are used.
        folder: The output folder, which is created.
    """
    folder.mkdir()
    for name, text in {
        "Makefile": _MAKEFILE,
        "report.c": _REPORT_C,
        "report.h": REPORT_H,
        "report.yaml": _MANIFEST.replace("NAME", "report"),
        "tally.c": _TALLY_C,
        "tally.h": TALLY_H,
        "tally.yaml": (_MANIFEST + _SOURCE).replace("NAME", "tally"),
    }.items():
        (folder / name).write_text(text)
    reader.run(f"cd '{folder}'\n{_RELEASE}").checked()
