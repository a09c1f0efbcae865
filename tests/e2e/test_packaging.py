"""More steps of `pack`: findings, stripping, notices, SBOMs, signatures, local symbols."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.e2e.bazel_workspace import Result
from tests.e2e.compilers import static_library
from tests.e2e.release import cgo_prebuilt

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="links for linux_amd64"
)

MANIFEST = """\
name: vec
version: v1.0.0
urls: ["{served}/{{file}}"]
archives: [{{file: "vec-{{version}}-{{platform}}.tar.gz"}}]
static_library: lib/libvec.a
headers: [include/**]
include_dirs: [include]
licenses: [LICENSE, NOTICE*]
platforms: {{linux_amd64: {{}}}}
"""
SOURCE = "#include <math.h>\ndouble vec(double x) { return cos(x); }\n"
ARCHIVE = "vec-v1.0.0-linux_amd64.tar.gz"


class Publisher:
    """Somebody who packs a small C library, and serves it as files."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        served = (folder / "dist").as_uri()
        (folder / "prebuilt.yaml").write_text(MANIFEST.format(served=served))
        static_library("linux_amd64", SOURCE, folder / "out/lib/libvec.a", *flags)
        (folder / "out/include").mkdir()
        (folder / "out/include/vec.h").write_text("double vec(double);\n")
        (folder / "out/LICENSE").write_text("Do what you like.\n")
        (folder / "NOTICE.md").write_text("# What is in it\n")

    def add_to_manifest(self, text: str) -> None:
        with (self.folder / "prebuilt.yaml").open("a") as file:
            file.write(text)

    def run(self, *arguments: str) -> Result:
        cache = {"CGO_PREBUILT_CACHE": str(self.folder / "store")}
        return cgo_prebuilt(*arguments, cwd=self.folder, env=cache)

    def pack(self, *options: str, platform: str = "linux_amd64") -> Result:
        command = ("pack", "prebuilt.yaml", "--platform", platform, "--from", "out")
        return self.run(*command, "--output", "dist", "--notice", "NOTICE.md", *options)

    def members(self) -> list[str]:
        with tarfile.open(self.folder / "dist" / ARCHIVE) as tar:
            return tar.getnames()


def test_findings_are_printed_and_do_not_prevent_packing(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, "-g3")
    done = publisher.pack().checked()
    assert done.stdout == f"dist/{ARCHIVE}\n"
    assert "note: lib/libvec.a: needs -lm for cos, which 'linkopts' lacks" in done.stderr
    assert "next: write into the manifest: linkopts: [-lm]" in done.stderr
    assert "are debug information\n  next: pack it with --strip" in done.stderr
    publisher.add_to_manifest("linkopts: [-lm]\n")
    again = publisher.pack().checked()
    assert "cos" not in again.stderr


def test_the_wrong_platform_is_refused(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    manifest = tmp_path / "prebuilt.yaml"
    manifest.write_text(manifest.read_text().replace("linux_amd64: {}", "darwin_arm64: {}"))
    refused = publisher.pack(platform="darwin_arm64")
    assert refused.code == 2
    assert "it is ELF, darwin_arm64 takes Mach-O" in refused.stderr
    assert "next: check --platform and --from" in refused.stderr
    assert not (tmp_path / "dist").exists()


def test_every_output_is_reproducible(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        publisher = Publisher(
            tmp_path / name, "-g3", "-ffile-prefix-map=" + str(tmp_path / name) + "=."
        )
        publisher.pack("--strip", "--pkg-config", "--sbom", "--localize", "vec").checked()
        contents.append(
            {path.name: path.read_bytes() for path in (tmp_path / name / "dist").glob("[!.]*")}
        )
    assert contents[0] == contents[1]
    assert sorted(contents[0]) == ["SHA256SUMS", ARCHIVE, f"{ARCHIVE}.cdx.json"]
    assert publisher.members() == [
        "LICENSE",
        "NOTICE.md",
        "include/vec.h",
        "lib/libvec.a",
        "lib/pkgconfig/vec.pc",
    ]
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path / "a/dist", check=True)
    materials = json.loads(contents[0][f"{ARCHIVE}.cdx.json"])
    assert (materials["bomFormat"], materials["specVersion"]) == ("CycloneDX", "1.6")
    assert materials["metadata"]["component"]["version"] == "v1.0.0"
    assert [one["name"] for one in materials["components"]] == publisher.members()


def test_pkg_config_reads_the_packed_file(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.pack("--pkg-config").checked()
    installed = tmp_path / "installed"
    installed.mkdir()
    with tarfile.open(tmp_path / "dist" / ARCHIVE) as tar:
        tar.extractall(installed, filter="data")
    text = (installed / "lib/pkgconfig/vec.pc").read_text()
    assert "prefix=${pcfiledir}/../..\n" in text
    assert "Libs: ${prefix}/lib/libvec.a\n" in text


def test_licenses_go_wherever_the_library_goes(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.pack().checked()
    publisher.run("lock", "prebuilt.yaml").checked()
    done = publisher.run("fetch", "--lock", "prebuilt.lock.json", "--output", "got").checked()
    assert done.stdout == "got\n"
    assert (tmp_path / "got/NOTICE.md").read_text() == "# What is in it\n"
    assert (tmp_path / "got/LICENSE").exists()


def test_a_notice_that_no_license_names_is_refused(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    (tmp_path / "other.txt").write_text("x")
    refused = publisher.pack("--notice", "other.txt")
    assert refused.code == 2
    assert "add it there: licenses: [other.txt]" in refused.stderr


# Signatures.


def test_a_signed_release_is_locked_with_its_key_and_nothing_else_is_fetched(
    tmp_path: Path,
) -> None:
    publisher = Publisher(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", "key"], cwd=tmp_path, check=True)
    public = (tmp_path / "key.pub").read_text().strip()
    publisher.add_to_manifest(f"public_key: {public}\n")
    publisher.pack().checked()
    unsigned = publisher.run("lock", "prebuilt.yaml")
    assert unsigned.code == 4
    assert "there is no SHA256SUMS.sig beside the archives" in unsigned.stderr

    publisher.pack("--sign", "key").checked()
    publisher.run("lock", "prebuilt.yaml").checked()
    fetch = ("fetch", "--lock", "prebuilt.lock.json", "--output", "got", "--public-key", public)
    publisher.run(*fetch).checked()

    # Replacing the archive and all its hashes in the lock is not enough.
    lock = tmp_path / "prebuilt.lock.json"
    (tmp_path / "out/include/vec.h").write_text("double vec(double); // changed\n")
    publisher.pack().checked()
    before = json.loads(lock.read_text())
    manifest = tmp_path / "prebuilt.yaml"
    manifest.write_text(manifest.read_text().replace(f"public_key: {public}\n", ""))
    relocked = publisher.run("lock", "prebuilt.yaml").checked()
    assert "! signed by nobody, before by ssh-" in relocked.stderr
    after = json.loads(lock.read_text())
    after["versions"]["v1.0.0"]["signature"] = before["versions"]["v1.0.0"]["signature"]
    lock.write_text(json.dumps(after))
    refused = publisher.run(*fetch)
    assert refused.code == 4
    assert f"the publisher's signature does not cover {ARCHIVE}" in refused.stderr


# The machine's glibc.


def test_a_library_for_a_newer_glibc_is_not_fetched_for_this_machine(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.add_to_manifest('requires: {glibc: "99.1"}\n')
    publisher.pack().checked()
    publisher.run("lock", "prebuilt.yaml").checked()
    fetch = ("fetch", "--lock", "prebuilt.lock.json", "--output", "got")
    refused = publisher.run(*fetch)
    assert refused.code == 3
    assert "this library needs glibc 99.1, this machine has 2." in refused.stderr
    # With an explicit platform, the files may be for another machine, as in Bazel.
    publisher.run(*fetch, "--platform", "linux_amd64").checked()


# Two libraries with copies of the same third one.

_RUST = """\
#![crate_type = "staticlib"]
#[no_mangle]
pub extern "C" fn NAME_sum(n: u64) -> u64 {
    let all: Vec<u64> = (0..n).collect();
    println!("NAME {}", all.len());
    let caught = std::panic::catch_unwind(|| { if all.len() > 1 { panic!("NAME") } });
    all.iter().sum::<u64>() + caught.is_err() as u64
}
#[no_mangle]
pub extern "C" fn shared_name() -> u64 { NUMBER }
#[no_mangle]
pub extern "C" fn NAME_own() -> u64 { shared_name() }
"""
_GO = """\
package main

// unsigned long long one_sum(unsigned long long);
// unsigned long long one_own(void);
// unsigned long long two_sum(unsigned long long);
// unsigned long long two_own(void);
// #cgo LDFLAGS: -lgcc_s -lm -ldl -lpthread
import "C"

import "fmt"

func main() { fmt.Println(C.one_sum(4), C.two_sum(5), C.one_own(), C.two_own()) }
"""


@pytest.fixture(scope="module")
def rust_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`one/lib/libone.a` and `two/lib/libtwo.a`: each with its own std, compiled differently."""
    folder = tmp_path_factory.mktemp("rust")
    for number, name in enumerate(("one", "two"), 1):
        (folder / name / "lib").mkdir(parents=True)
        source = folder / f"{name}.rs"
        source.write_text(_RUST.replace("NAME", name).replace("NUMBER", str(number)))
        command = ["rustc", "-O", "-C", f"metadata={name}", "-C", f"opt-level={number}"]
        output = folder / name / "lib" / f"lib{name}.a"
        subprocess.run([*command, "-o", str(output), str(source)], check=True)
        (folder / f"{name}.yaml").write_text(
            f"name: {name}\nversion: v1\nurls: ['{(folder / 'dist').as_uri()}/{{file}}']\n"
            f"archives: [{{file: '{name}.tar.gz'}}]\nstatic_library: lib/lib{name}.a\n"
            "linkopts: [-lgcc_s, -lm, -ldl, -lpthread]\nplatforms: {linux_amd64: {}}\n"
        )
    return folder


def link(folder: Path, program: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Packs both libraries, fetches them, and runs the Go program that uses them."""
    libraries = []
    environment = {"CGO_PREBUILT_CACHE": str(program / "store")}
    for name in ("one", "two"):
        pack = ("pack", f"{name}.yaml", "--platform", "linux_amd64", "--from", name)
        localize = ("--localize", f"{name}_*") if options else ()
        cgo_prebuilt(*pack, "--output", "dist", *localize, cwd=folder).checked()
        lock = program / f"{name}.lock.json"
        run = ("lock", f"{name}.yaml", "--output", lock)
        cgo_prebuilt(*run, cwd=folder, env=environment).checked()
        fetch = ("fetch", "--lock", lock, "--output", program / name)
        cgo_prebuilt(*fetch, cwd=folder, env=environment).checked()
        libraries.append(str(program / name / "lib" / f"lib{name}.a"))
    (program / "go.mod").write_text("module program\n\ngo 1.21\n")
    (program / "main.go").write_text(_GO)
    return subprocess.run(
        ["go", "run", "."],
        cwd=program,
        env={**os.environ, "CGO_LDFLAGS": " ".join(libraries)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_rust_libraries_clash_in_one_program(rust_libraries: Path, tmp_path: Path) -> None:
    failed = link(rust_libraries, tmp_path)
    assert failed.returncode != 0
    assert "multiple definition of `" in failed.stderr


def test_two_rust_libraries_with_local_symbols_run_in_one_program(
    rust_libraries: Path, tmp_path: Path
) -> None:
    done = link(rust_libraries, tmp_path, "--localize")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["one", "4", "two", "5", "7", "11", "1", "2"]


SLIM_HEADER = """\
#ifdef __cplusplus
extern "C" {
#endif
int vec_answer(int x);
int cgo_callback(void);
#define VEC_DECLARE(what) int vec_##what(int x)
VEC_DECLARE(twice);
#ifdef __cplusplus
}
#endif
"""
SLIM_SOURCES = {
    "api.cc": """\
#include <stdexcept>
#include <string>
#include "vec.h"
int vec_helper(int x);
static int started = 0;
__attribute__((constructor)) static void begin() { started = 7; }
thread_local int counter = 1;
extern "C" int vec_answer(int x) {
  try { if (x > 10) throw std::runtime_error(std::string("too large")); }
  catch (const std::exception &error) { return -(int)std::string(error.what()).size(); }
  return vec_helper(x) + started + ++counter + cgo_callback();
}
""",
    "helper.cc": """\
int vec_helper(int x) { return x * 10; }
extern "C" int vec_twice(int x) { return x * 2; }
static char large[400000] = {1};
char *vec_unused() { return large; }
""",
    "other.cc": "static char large[400000] = {1}; char *vec_other() { return large; }\n",
}
SLIM_MAIN = """\
#include <stdio.h>
#include "vec.h"
int cgo_callback(void) { return 1000; }
int main(void) { printf("%d %d %d\\n", vec_answer(1), vec_answer(11), vec_twice(4)); }
"""


@pytest.fixture
def cpp(tmp_path: Path) -> Publisher:
    """A C++ library of several objects; its interface needs only a few of their bytes."""
    publisher = Publisher(tmp_path)
    include = tmp_path / "out/include"
    (include / "vec.h").write_text(SLIM_HEADER)
    objects = []
    for name, text in SLIM_SOURCES.items():
        (tmp_path / name).write_text(text)
        objects.append(tmp_path / f"{name}.o")
        flags = ["-g", "-O1", "-fPIC", "-ffunction-sections", "-fdata-sections", f"-I{include}"]
        subprocess.run(["g++", *flags, "-c", tmp_path / name, "-o", objects[-1]], check=True)
    library = tmp_path / "out/lib/libvec.a"
    library.unlink()
    subprocess.run(["ar", "rcs", library, *objects], check=True)
    publisher.add_to_manifest("linkopts: [-lstdc++]\n")
    return publisher


def packed_library(publisher: Publisher) -> Path:
    with tarfile.open(publisher.folder / "dist" / ARCHIVE) as tar:
        tar.extract("lib/libvec.a", publisher.folder / "packed", filter="data")
    return publisher.folder / "packed/lib/libvec.a"


def test_a_slim_library_has_what_its_header_needs_and_works(cpp: Publisher, tmp_path: Path) -> None:
    done = cpp.pack("--slim").checked()
    assert re.search(r"lib/libvec.a: 9.. kB, slim [0-9.]+ kB", done.stderr)
    library = packed_library(cpp)
    assert library.stat().st_size < 20_000
    (tmp_path / "main.c").write_text(SLIM_MAIN)
    include = f"-I{tmp_path / 'out/include'}"
    link = ["gcc", include, str(tmp_path / "main.c"), str(library), "-lstdc++"]
    # Exceptions, constructors, thread-local variables and a callback work with any link options.
    for options in ([], ["-Wl,--gc-sections"]):
        subprocess.run([*link, *options, "-o", str(tmp_path / "main")], check=True)
        ran = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True)
        assert ran.stdout == "1019 -9 8\n"
    before = library.read_bytes()
    cpp.pack("--slim").checked()
    assert packed_library(cpp).read_bytes() == before


def test_a_library_that_would_lack_a_symbol_stays_unchanged(
    cpp: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A linker that drops needed symbols: `pack` checks its output, not its exit code.
    forgetful = tmp_path / "ld"
    forgetful.write_text(
        '#!/bin/sh\nset -e\nld "$@"\n'
        'while [ "$1" != -o ]; do shift; done\n'
        'objcopy --strip-symbol=vec_answer --weaken "$2" 2>/dev/null ||'
        ' objcopy --redefine-sym vec_answer=vec_lost "$2"\n'
    )
    forgetful.chmod(0o755)
    monkeypatch.setenv("LD", str(forgetful))
    done = cpp.pack("--slim").checked()
    assert "lib/libvec.a: not slimmed, it would lack vec_answer" in done.stderr
    assert packed_library(cpp).read_bytes() == (tmp_path / "out/lib/libvec.a").read_bytes()


def test_an_unsuitable_library_for_slim_is_refused(cpp: Publisher, tmp_path: Path) -> None:
    (tmp_path / "out/include/vec.h").write_text("/* nothing */\n")
    refused = cpp.pack("--slim")
    assert refused.code == 2
    assert "defines none of its public symbols, so nothing of it would remain" in refused.stderr
    cpp.pack("--slim", "--localize", "vec_*").checked()
    text = (tmp_path / "prebuilt.yaml").read_text().replace("linux_amd64: {}", "darwin_arm64: {}")
    (tmp_path / "prebuilt.yaml").write_text(text)
    other = cpp.pack("--slim", platform="darwin_arm64")
    assert "--slim requires ELF, which darwin_arm64 does not use" in other.stderr


CALLED_BACK = """\
package main

// #include "vec.h"
import "C"

import (
	"fmt"

	_ "go.acme.test/vec"
)

//export cgo_callback
func cgo_callback() C.int { return 1000 }

func main() { fmt.Println(C.vec_answer(1), C.vec_answer(11)) }
"""


def test_the_modules_of_a_locked_release_can_be_slim(cpp: Publisher, tmp_path: Path) -> None:
    cpp.add_to_manifest("go: {module: go.acme.test/vec}\n")
    cpp.pack().checked()
    (tmp_path / "dist/SHA256SUMS").unlink()  # a third party's release
    cpp.run("lock", "prebuilt.yaml").checked()
    done = cpp.run("goproxy", "build", "prebuilt.yaml", "--output", "site", "--slim").checked()
    assert re.search(r"lib/libvec.a: 9.. kB, slim [0-9.]+ kB", done.stderr)
    (zipped,) = (tmp_path / "site").glob("go.acme.test/vec-linux-amd64/@v/*.zip")
    assert zipped.stat().st_size < 20_000
    cpp.run("cache", "verify").checked()  # the store's own file stays as it was

    program = tmp_path / "program"
    program.mkdir()
    (program / "main.go").write_text(CALLED_BACK)
    (program / "vec.h").write_text(SLIM_HEADER)
    lines = json.loads(cpp.run("goproxy", "require", "site", "--json").checked().stdout)
    (program / "go.mod").write_text(f"module a.test/a\n\ngo 1.21\n\n{lines['go.mod']}")
    (program / "go.sum").write_text(lines["go.sum"])
    own = {
        "GOPROXY": (tmp_path / "site").as_uri(),
        "GONOSUMDB": "*",
        "GOFLAGS": "-modcacherw",
        "GOMODCACHE": str(tmp_path / "modules"),
        "CGO_ENABLED": "1",
    }
    ran = subprocess.run(
        ["go", "run", "."],
        cwd=program,
        env={**os.environ, **own},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ran.stdout, ran.returncode) == ("1019 -9\n", 0), ran.stderr


def test_debug_information_is_packed_where_a_debugger_finds_it(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    text = (tmp_path / "prebuilt.yaml").read_text()
    shared = text.replace("static_library: lib/libvec.a", "shared_library: lib/libvec.so")
    (tmp_path / "prebuilt.yaml").write_text(shared)
    (tmp_path / "vec.c").write_text(SOURCE)
    link = ["gcc", "-g", "-shared", "-fPIC", "-Wl,-soname,libvec.so", str(tmp_path / "vec.c")]
    library = tmp_path / "out/lib/libvec.so"
    build_id = "0123456789abcdef0123456789abcdef01234567"
    subprocess.run([*link, f"-Wl,--build-id=0x{build_id}", "-o", str(library), "-lm"], check=True)
    done = publisher.pack("--debug-symbols").checked()
    debug = "vec-v1.0.0-linux_amd64-debug.tar.zst"
    assert done.stdout == f"dist/{ARCHIVE}\ndist/{debug}\n"
    assert debug in (tmp_path / "dist/SHA256SUMS").read_text()
    folder = tmp_path / "debug"
    folder.mkdir()
    subprocess.run(["tar", "-C", folder, "-xf", tmp_path / "dist" / debug], check=True)
    kept = folder / f".build-id/{build_id[:2]}/{build_id[2:]}.debug"
    with tarfile.open(tmp_path / "dist" / ARCHIVE) as tar:
        tar.extract("lib/libvec.so", tmp_path / "packed", filter="data")
    for file, has_debug in ((kept, True), (tmp_path / "packed/lib/libvec.so", False)):
        sections = subprocess.run(
            ["readelf", "-SWn", file], capture_output=True, text=True, check=True
        ).stdout
        assert (".debug_info" in sections) is has_debug
        assert f"Build ID: {build_id}" in sections

    subprocess.run([*link, "-Wl,--build-id=none", "-o", str(library), "-lm"], check=True)
    assert "has no build ID, by which a debugger" in publisher.pack("--debug-symbols").stderr
    (tmp_path / "prebuilt.yaml").write_text(text)
    refused = publisher.pack("--debug-symbols")
    assert refused.code == 2
    assert (
        "linux_amd64 has no shared library: the debug information of a static one" in refused.stderr
    )


PEAK = """\
import re, sys
from pathlib import Path
from cgo_prebuilt.cli import main
code = main(sys.argv[1:])
# Not ru_maxrss, which counts the process that this one was forked from, too.
print("peak", int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
sys.exit(code)
"""


def test_a_large_library_is_packed_in_little_memory(cpp: Publisher, tmp_path: Path) -> None:
    """300 MB: as many members as a real library, and one as large as Rust's largest."""
    member = (tmp_path / "helper.cc.o").read_bytes()
    header = b"%-16s%-32s%-10d`\n" % (b"a.o/", b"0", len(member))
    with (tmp_path / "out/lib/libvec.a").open("wb") as library:
        library.write(b"!<arch>\n")
        for _ in range(300_000_000 // len(member)):
            library.write(header + member + b"\n" * (len(member) % 2))
        large = static_library("linux_amd64", "char large[48000000] = {1};", tmp_path / "large.a")
        library.write(large.read_bytes().removeprefix(b"!<arch>\n"))
    text = (tmp_path / "prebuilt.yaml").read_text().replace(".tar.gz", ".tar.zst")
    (tmp_path / "prebuilt.yaml").write_text(text)
    options = ("--platform", "linux_amd64", "--from", "out", "--output", "dist")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "pack", "prebuilt.yaml", *options, "--notice", "NOTICE.md"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.split()[-1])
    assert peak < 150, f"{peak} MB"
