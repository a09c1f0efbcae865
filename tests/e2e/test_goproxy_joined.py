"""Archives that need each other, in Go modules: linked by GNU's linker and by zig's."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from cgo_prebuilt.go_modules.joined_archive import join_archives
from tests.e2e.compilers import archiver, compiler, run_tool, static_library
from tests.e2e.go_release import (
    LINKING_PROGRAM,
    LINKING_SECTION,
    PLATFORMS,
    GoRelease,
    Program,
    compile_library,
    make_program,
    needs_linux_amd64,
)
from tests.e2e.zig import TARGETS

pytestmark = needs_linux_amd64()

# libbase, which libtiny needs, precedes it: that order does not link.
_CIRCULAR = """\
static_library: [lib/libbase.a, lib/libtiny.a]
circular: [lib/libbase.a, lib/libtiny.a]
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> GoRelease:
    release = GoRelease(tmp_path_factory.mktemp("circular"))
    release.write_manifest(LINKING_SECTION)
    manifest = release.folder / "prebuilt.yaml"
    in_order = "static_library: [lib/libtiny.a, lib/libbase.a]\n"
    manifest.write_text(manifest.read_text().replace(in_order, _CIRCULAR))
    for platform in PLATFORMS:
        compile_library(release.folder / platform, platform, 42)
        stage = ("--platform", platform, "--from", platform)
        release.run("pack", manifest, *stage, "--output", "dist")
    release.build().checked()
    return release


@pytest.fixture
def program(release: GoRelease, tmp_path: Path) -> Program:
    made = make_program(tmp_path / "go", release, release.site.as_uri(), LINKING_PROGRAM)
    (made.folder / "tiny.h").write_text("int tiny_answer(void);\n")
    return made


def test_gnus_linker_needs_the_joined_archive(
    release: GoRelease, program: Program, tmp_path: Path
) -> None:
    library = release.folder / "linux_amd64" / "lib"
    (tmp_path / "main.c").write_text("int tiny_answer(void); int main() { tiny_answer(); }\n")
    in_order = [library / "libbase.a", library / "libtiny.a"]
    with pytest.raises(AssertionError, match="undefined reference to `base_answer'"):
        run_tool("gcc", tmp_path / "main.c", *in_order, "-lm", "-o", tmp_path / "main")
    program.go("build", "-o", "answer", ".").checked()
    done = subprocess.run([program.folder / "answer"], capture_output=True, text=True, check=True)
    assert done.stdout == "the answer is 42\n"


def test_zigs_linker_links_the_joined_archive_without_groups(program: Program) -> None:
    cross = {
        "GOOS": "linux",
        "GOARCH": "arm64",
        "CGO_ENABLED": "1",
        "CC": " ".join(compiler("linux_arm64")),
    }
    program.go("build", "-o", "answer", ".", env=cross).checked()


def test_a_module_holds_only_the_joined_archive_with_reproducible_bytes(
    release: GoRelease, tmp_path: Path
) -> None:
    again = GoRelease(tmp_path)
    subprocess.run(["cp", "-R", release.dist, tmp_path], check=True)
    (tmp_path / "prebuilt.yaml").write_bytes((release.folder / "prebuilt.yaml").read_bytes())
    again.build().checked()
    for platform in PLATFORMS:
        module = f"!tiny-{platform.replace('_', '-')}"
        assert again.file(".zip", module).read_bytes() == release.file(".zip", module).read_bytes()
        with zipfile.ZipFile(release.file(".zip", module)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".a")]
        assert [name.partition("@v0.3.0/")[2] for name in names] == ["lib/libtiny_circular.a"]


@pytest.mark.parametrize("platform", ["linux_amd64_musl", "linux_arm64", "windows_amd64"])
def test_zig_links_a_joined_archive_of_its_own_ar(tmp_path: Path, platform: str) -> None:
    assert platform in TARGETS
    parts = {
        "libb.a": "int a2(void); int b1(void) { return a2(); }\n",
        "liba.a": "int b1(void); int a1(void) { return b1(); }\n",
    }
    archives = {
        name: static_library(platform, text, tmp_path / name) for name, text in parts.items()
    }
    (tmp_path / "a2.c").write_text("int a2(void) { return 0; }\n")
    long = tmp_path / "a_name_of_more_than_fifteen_letters.o"
    run_tool(*compiler(platform), "-c", tmp_path / "a2.c", "-o", long)
    run_tool(*archiver(platform), "rcsD", archives["liba.a"], long)
    join_archives(archives, tmp_path / "libvec_circular.a", where="m")
    (tmp_path / "main.c").write_text("int a1(void); int main(void) { return a1(); }\n")
    run_tool(
        *compiler(platform),
        tmp_path / "main.c",
        tmp_path / "libvec_circular.a",
        "-o",
        tmp_path / "main",
    )
    assert (tmp_path / "main").is_file() or (tmp_path / "main.exe").is_file()
