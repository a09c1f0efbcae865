"""Building from source at a prompt: real tools, real sources, and what the command says."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from cgo_prebuilt.host import detect
from tests.unit.library_case import files_below
from tests.unit.source_case import CRATE, MAKE, Project

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or shutil.which("cc") is None, reason="it builds C with make"
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_platform_without_a_prebuilt_is_built_with_a_warning(project: Project) -> None:
    project.lock(platforms=("linux_arm64",))
    answer = project.fetch()
    assert answer.report["status"] == "built"
    assert answer.report["reason"] == (
        "answer v1 has no prebuilt for linux_amd64 (the lock of answer: versions.v1.platforms)"
    )
    assert answer.report["files"] == ["answer.h", "generated.h", "lib/libanswer.a"]
    assert (project.output / "lib/libanswer.a").read_bytes().startswith(b"!<arch>")
    assert "falling back to building from source" in answer.stderr
    assert "--origin prebuilt" in answer.stderr
    assert not (project.folder / "native/libanswer.a").exists()


def test_what_a_program_needs_when_it_runs_comes_out_of_the_source(project: Project) -> None:
    project.write({"data/words.txt": "words\n"})
    project.lock(headers=["answer.h"], runtime_files=["data/**", "generated.h"])
    built = project.fetch().report["files"]
    assert built == ["answer.h", "data/words.txt", "generated.h", "lib/libanswer.a"]
    project.lock(headers=None, include_dirs=None, runtime_files=["models/*"])
    refused = project.fetch()
    assert refused.code == 5
    assert "the source of answer v1 has no file models/*" in refused.stderr
    project.lock(headers=None, include_dirs=None, runtime_files=["model.bin"])
    refused = project.fetch()
    assert refused.code == 5
    assert "wrote no model.bin" in refused.stderr


def test_a_shared_library_is_there_under_the_name_that_programs_look_for(project: Project) -> None:
    rule = "libanswer.so: answer.c\n\t$(CC) -shared -fPIC -Wl,-soname,libanswer.so.1 -o $@ $<\n"
    project.write({"Makefile": rule})
    shared: dict[str, Any] = {"static_library": None, "shared_library": ["libanswer.so"]}
    project.lock(**shared, installed=["lib/libanswer.so"], headers=["answer.h"])
    files = ["answer.h", "lib/libanswer.so", "lib/libanswer.so.1"]
    for status in ("built", "cached"):
        report = project.fetch().report
        assert (report["status"], report["files"]) == (status, files)
        env = project.run("env", "--platform", "linux_amd64", "--shell", "json")
        assert "/lib/libanswer.so.1 " in json.loads(env.stdout)["CGO_LDFLAGS"]


def test_a_download_that_fails_is_built_with_its_reason(project: Project) -> None:
    project.lock(platforms=("linux_amd64",))
    answer = project.fetch("--offline")
    assert answer.report["status"] == "built"
    assert "answer.zip" in str(answer.report["reason"])


def test_the_source_takes_the_place_of_the_default_flavor_and_of_no_other(project: Project) -> None:
    project.lock(platforms=("linux_amd64",))
    path = project.folder / "answer.lock.json"
    lock = json.loads(path.read_text())
    version = lock["versions"]["v1"]
    platforms = version.pop("platforms")
    version.update(default_flavor="standard", flavors={"standard": platforms, "cuda": platforms})
    path.write_text(json.dumps(lock))
    assert project.fetch("--offline", "--flavor", "standard").report["status"] == "built"
    refused = project.fetch("--offline", "--flavor", "cuda")
    assert refused.code == 3
    assert "the lock's source gives the default flavor only" in refused.stderr


@pytest.mark.parametrize(
    ("flavor", "code", "words"),
    [
        ("cuda", 3, "answer v1 cannot be built in the flavor cuda"),
        ("nonsense", 2, "answer v1 has no flavor nonsense"),
    ],
)
def test_always_builds_no_other_flavor_than_was_asked_for(
    project: Project, flavor: str, code: int, words: str
) -> None:
    project.lock(platforms=("linux_amd64",))
    path = project.folder / "answer.lock.json"
    lock = json.loads(path.read_text())
    version = lock["versions"]["v1"]
    platforms = version.pop("platforms")
    version.update(default_flavor="standard", flavors={"standard": platforms, "cuda": platforms})
    path.write_text(json.dumps(lock))
    refused = project.fetch("--origin", "source", "--flavor", flavor)
    assert refused.code == code
    assert words in refused.stderr


@pytest.mark.parametrize("closed", ["mirror", "folder", "offline"])
def test_a_build_contacts_nothing_where_the_fetch_may_not(project: Project, closed: str) -> None:
    tool = project.folder / "bin/cargo"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >>{project.folder}/asked\nexit 1\n')
    tool.chmod(0o755)
    (tool.parent / "rustc").symlink_to(tool)
    project.lock(platforms=("linux_amd64",), build={"tool": "cargo"})
    empty = project.folder / "empty"
    empty.mkdir()
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    if closed == "mirror":
        environ["CGO_PREBUILT_MIRROR"] = empty.as_uri()
    elif closed == "offline":
        environ["CGO_PREBUILT_OFFLINE"] = "1"
    options = ("--mirror", str(empty)) if closed == "folder" else ()
    assert project.fetch(*options, **environ).code == 5
    builds = [
        line for line in (project.folder / "asked").read_text().splitlines() if "build" in line
    ]
    assert builds
    assert all("--offline" in line for line in builds)


def test_a_compiler_that_is_no_command_line_is_named(project: Project) -> None:
    answer = project.fetch(CC="gcc '")
    assert answer.code == 2
    assert "CC is not a command line: No closing quotation" in answer.stderr


@pytest.mark.skipif(shutil.which("cmake") is None, reason="it runs cmake")
def test_debug_information_has_no_folder_of_this_machine(project: Project) -> None:
    lists = "cmake_minimum_required(VERSION 3.13)\nproject(answer C)\nadd_compile_options(-g)\n"
    project.write({"CMakeLists.txt": f"{lists}add_library(answer STATIC answer.c)\n"})
    project.lock(
        build={"tool": "cmake"}, static_library=["build/libanswer.a"], headers=["answer.h"]
    )
    assert project.fetch().report["status"] == "built"
    content = (project.output / "lib/libanswer.a").read_bytes()
    assert b"/source/build" in content
    assert str(project.folder).encode() not in content


def test_the_same_is_not_built_twice(project: Project) -> None:
    assert project.fetch().report["status"] == "built"
    assert project.fetch("--origin", "source").report["status"] == "cached"


@pytest.mark.parametrize("change", ["source", "flags", "build", "tools", "named", "cargo's"])
def test_a_change_of_an_input_causes_a_build(project: Project, change: str) -> None:
    project.lock(env=["ANSWER_LEVEL"])
    assert project.fetch().report["status"] == "built"
    environ = {}
    if change == "source":
        project.write({"answer.c": "int answer(void) { return 43; }\n"})
    elif change == "flags":
        environ = {"CFLAGS": "-O3"}
    elif change == "build":
        project.lock(build={"tool": "make", "args": ["V=1"]}, env=["ANSWER_LEVEL"])
    elif change == "named":
        environ = {"ANSWER_LEVEL": "2"}
    elif change == "cargo's":
        environ = {"CARGO_PROFILE_RELEASE_LTO": "true"}
    else:
        compiler = project.folder / "newer-cc"
        compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && echo newer && exit\nexec cc "$@"\n')
        compiler.chmod(0o755)
        environ = {"CC": str(compiler)}
    assert project.fetch(**environ).report["status"] == "built"


def test_origin_prebuilt_fails_as_a_fetch_does(project: Project) -> None:
    project.lock(platforms=("linux_arm64",))
    answer = project.fetch("--origin", "prebuilt")
    assert answer.code == 3
    assert "answer v1 has no prebuilt for linux_amd64" in answer.stderr
    assert "--origin auto builds it from source" in answer.stderr


def test_without_a_source_the_error_says_how_to_have_one(project: Project) -> None:
    project.lock(platforms=("linux_arm64",))
    lock = project.folder / "answer.lock.json"
    document = json.loads(lock.read_text())
    del document["versions"]["v1"]["source"]
    lock.write_text(json.dumps(document))
    answer = project.fetch()
    assert answer.code == 3
    assert "answer v1 has no prebuilt for linux_amd64" in answer.stderr
    assert "or give the manifest a 'source'" in answer.stderr
    answer = project.fetch("--origin", "source")
    assert answer.code == 3
    assert "answer v1 has no source" in answer.stderr


@pytest.mark.skipif(str(detect().platform) != "linux_amd64", reason="the lock is for linux_amd64")
def test_a_machine_without_what_is_required_builds_from_source(project: Project) -> None:
    project.lock(platforms=("linux_amd64",))
    path = project.folder / "answer.lock.json"
    document = json.loads(path.read_text())
    prebuilt = document["versions"]["v1"]["platforms"]["linux_amd64"]
    prebuilt["requires"] = {"glibc": "2.2.5", "libstdcxx": "3.4.999", "system": ["a compiler"]}
    path.write_text(json.dumps(document))
    words = ("--output", str(project.output), "--offline", "--json")
    built = project.run("fetch", *words, CC="cc")
    assert built.report["status"] == "built"
    assert "this library needs libstdc++ 3.4.999, this machine has " in str(built.report["reason"])
    refused = project.run("fetch", *words, "--origin", "prebuilt")
    assert refused.code == 3
    assert "use a newer system" in refused.stderr
    # For another machine, nothing is compared: what is missing then is the network.
    assert "libstdc++" not in str(project.fetch("--offline").report["reason"])


def test_the_variable_is_an_origin_and_the_option_wins(project: Project) -> None:
    assert project.fetch(CGO_PREBUILT_ORIGIN="prebuilt").code == 3
    always = project.fetch("--origin", "source", CGO_PREBUILT_ORIGIN="prebuilt")
    assert (always.report["status"], always.report["reason"]) == ("built", None)


def test_a_compiler_error_is_shown_with_exit_code_5(project: Project) -> None:
    project.write({"answer.c": "int answer(void) { return oops; }\n"})
    answer = project.fetch()
    assert answer.code == 5
    assert "the build of answer v1 from source failed" in answer.stderr
    assert "oops" in answer.stderr
    assert "  at: make" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not project.output.exists()


@pytest.mark.parametrize(
    ("build", "files", "words"),
    [
        (
            {"tool": "cargo"},
            {
                "Cargo.toml": '[package]\nname = "answer"\nversion = "1.0.0"\n',
                "Cargo.lock": 'version = 3\n\n[[package]]\nname = "answer"\nversion = "1.0.0"\n',
                "src/lib.rs": "fn broken( {\n",
            },
            ["src/lib.rs:1", "at: cargo build"],
        ),
        (
            {"tool": "cmake"},
            {
                "CMakeLists.txt": "cmake_minimum_required(VERSION 3.10)\nproject(a C)\n"
                "add_library(answer STATIC answer.c)\n",
                "answer.c": "int broken( {\n",
            },
            ["answer.c:1", "at: cmake --build"],
        ),
        (
            {"tool": "command", "args": ["sh", "-c", "echo out of luck; exit 7"]},
            {},
            ["(exit code 7)", "out of luck"],
        ),
        (
            {"tool": "command", "args": ["false"]},
            {},
            ["(exit code 1); the end of its output:\n  | (none)\n"],
        ),
        (
            {"tool": "command", "args": ["no-such-program"]},
            {},
            ["from source cannot run no-such-program", "at: no-such-program"],
        ),
    ],
    ids=["cargo", "cmake", "command", "silent", "no command"],
)
def test_each_tools_failure_is_shown_with_exit_code_5(
    project: Project, build: dict[str, object], files: Mapping[str, str], words: list[str]
) -> None:
    tool = str(build["tool"])
    if tool != "command" and shutil.which(tool) is None:
        pytest.skip(f"it runs {tool}")
    project.write(files)
    project.lock(build=build)
    answer = project.fetch()
    assert answer.code == 5
    for word in words:
        assert word in answer.stderr, answer.stderr


@pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo")
@pytest.mark.parametrize("section", ["build", "target.'cfg(all())'"])
def test_a_crates_own_rustflags_are_kept(project: Project, section: str) -> None:
    config = f'[{section}]\nrustflags = ["--cfg", "own_flag"]\n'
    project.write({**CRATE, ".cargo/config.toml": config})
    output = "target/release/libanswer.a"
    project.lock(build={"tool": "cargo"}, static_library=[output], headers=None)
    host = project.run("fetch", "--output", str(project.output), "--json")
    assert host.report["status"] == "built"
    content = (project.output / "lib/libanswer.a").read_bytes()
    assert b"cgo-prebuilt-build-" not in content
    assert str(Path.home()).encode() not in content


def test_a_missing_output_is_reported_with_similar_ones(project: Project) -> None:
    project.lock(static_library=["lib/absent.a"])
    answer = project.fetch()
    assert answer.code == 5
    assert "the build of answer v1 from source wrote no lib/absent.a" in answer.stderr
    assert "libraries that it wrote: libanswer.a. What was" in answer.stderr
    project.lock(headers=["include/answer.h"])
    told = project.fetch().stderr
    assert "headers that it wrote: generated.h; those of the source: answer.h. What was" in told


@pytest.mark.skipif(shutil.which("cargo") is None, reason="it runs cargo")
def test_a_crate_for_rust_alone_is_recognized(project: Project) -> None:
    for name, text in CRATE.items():
        project.write({name: text.replace('[lib]\ncrate-type = ["staticlib"]\n', "")})
    output = "target/release/libanswer.a"
    project.lock(
        build={"tool": "cargo"},
        static_library=[output],
        headers=None,
        env=["RUSTFLAGS=--cfg=own_flag"],
    )
    answer = project.fetch()
    assert answer.code == 5
    assert f"the build of answer v1 from source wrote no {output}" in answer.stderr
    assert (
        'none. Cargo.toml must have `crate-type = ["staticlib"]` below [lib]. What' in answer.stderr
    )


def test_a_missing_tool_is_named_with_how_to_install_it(project: Project, tmp_path: Path) -> None:
    project.lock(build={"tool": "cargo"})
    empty = tmp_path / "bin"
    empty.mkdir()
    answer = project.fetch(PATH=str(empty))
    assert answer.code == 5
    assert "answer v1 builds with cargo, and there is no cargo here" in answer.stderr
    assert "https://rustup.rs" in answer.stderr


def test_a_missing_source_is_reported(project: Project) -> None:
    project.lock(path="absent")
    answer = project.fetch()
    assert answer.code == 5
    assert "the source of answer v1 does not exist" in answer.stderr


def test_links_in_a_source_are_followed_but_not_in_circles(project: Project) -> None:
    project.write({"real/answer.c": MAKE["answer.c"]})
    (project.folder / "native/answer.c").unlink()
    (project.folder / "native/answer.c").symlink_to("real/answer.c")
    (project.folder / "native/real/circle").symlink_to("..")
    assert project.fetch().report["status"] == "built"


def test_env_links_the_build(project: Project) -> None:
    answer = project.run("env", "--shell", "json", "--platform", "linux_amd64", CC="cc")
    assert answer.code == 0, answer.stderr
    assert "libanswer.a" in answer.stdout


def source_archive(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"answer-1/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("answer-1/link")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
    return buffer.getvalue()


CONFIGURE: Mapping[str, str] = {
    **MAKE,
    "configure": "#!/bin/sh\necho configured\n",
    "protoc": "\x7fELF\x02",
    "Makefile": "libanswer.a: answer.o\n\t./configure\n\t$(AR) rcs $@ $<\n\tcp answer.h generated.h\n",
}


def lock_archive(
    project: Project,
    httpserver: HTTPServer,
    files: Mapping[str, str],
    *,
    platforms: tuple[str, ...] = (),
    strip_prefix: str | None = "answer-1",
) -> bytes:
    """Serve an archive with a source's files, and lock it; return its content."""
    content = source_archive(files)
    httpserver.expect_request("/answer-1.tar.gz").respond_with_data(content)
    project.lock(
        platforms,
        path=None,
        url=httpserver.url_for("/answer-1.tar.gz"),
        sha256=hashlib.sha256(content).hexdigest(),
        strip_prefix=strip_prefix,
    )
    return content


def test_a_source_from_a_url_is_verified_and_fetched_once(
    project: Project, httpserver: HTTPServer
) -> None:
    lock_archive(project, httpserver, CONFIGURE)

    assert project.fetch().report["status"] == "built"
    asked = len(httpserver.log)
    assert asked > 0
    assert project.fetch(CFLAGS="-O1").report["status"] == "built"
    assert len(httpserver.log) == asked

    (project.folder / "here").mkdir()
    (project.folder / "here/configure").write_text("half of what an interrupted run wrote")
    for _ in range(2):
        answer = project.run("source", "--output", "here", "--platform", "linux_amd64", "--json")
        assert answer.report["files"] == sorted(CONFIGURE)
    assert files_below(project.folder / "here") == sorted(CONFIGURE)
    programs = [name for name in CONFIGURE if os.access(project.folder / "here" / name, os.X_OK)]
    assert programs == ["configure", "protoc"]
    assert not (project.folder / "here/link").is_symlink()


@pytest.mark.parametrize("is_archive", [True, False], ids=["archive", "folder"])
def test_make_regenerates_nothing_that_the_source_has(
    project: Project, httpserver: HTTPServer, is_archive: bool
) -> None:
    """As in a release made by autotools, where `configure` is listed before `configure.ac`."""
    rule = "libanswer.a: answer.o generated.h\n\t$(AR) rcs $@ $<\n"
    files = {
        "generated.h": "\n",
        **{f"generated.{number}": "x" * 100_000 for number in range(100)},
        "generated.in": "\n",
        **MAKE,
        "Makefile": rule + "generated.h: generated.in\n\techo no autoconf here; false\n",
    }
    if is_archive:
        lock_archive(project, httpserver, files)
    else:
        project.write(files)
    assert project.fetch().report["status"] == "built"


def test_the_report_counts_failed_attempts_and_the_source(
    project: Project, httpserver: HTTPServer
) -> None:
    content = lock_archive(project, httpserver, CONFIGURE, platforms=("linux_amd64",))
    httpserver.expect_request("/answer.zip").respond_with_data(b"x")  # not what the lock names
    lock = project.folder / "answer.lock.json"
    lock.write_text(lock.read_text().replace("http://127.0.0.1:9/", httpserver.url_for("/")))

    report = project.fetch().report
    assert report["status"] == "built"
    assert report["requests"] == len(httpserver.log) == 2
    assert report["bytes_downloaded"] == len(content) + len(b"x")


def test_a_source_takes_the_place_of_no_folder(project: Project, httpserver: HTTPServer) -> None:
    lock_archive(project, httpserver, CONFIGURE)
    (project.folder / "here/configure").mkdir(parents=True)
    answer = project.run("source", "--output", "here", "--platform", "linux_amd64")
    assert answer.code == 2
    assert "something else is where a file of the source belongs" in answer.stderr


@pytest.mark.parametrize("is_archive", [True, False], ids=["archive", "folder"])
def test_a_source_is_not_written_through_links_in_its_output(
    project: Project, httpserver: HTTPServer, is_archive: bool
) -> None:
    files = {**CONFIGURE, "include/deep.h": "int deep;\n"}
    project.write(files)
    if is_archive:
        lock_archive(project, httpserver, files)
    elsewhere = project.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "answer.c").write_text("mine")
    output = project.folder / "here"
    output.mkdir()
    (output / "include").symlink_to(elsewhere)
    (output / "answer.c").symlink_to(elsewhere / "answer.c")
    source = ("source", "--output", "here", "--platform", "linux_amd64")

    refused = project.run(*source)
    assert refused.code == 2
    assert "a folder of the library is a link or a file in the output" in refused.stderr
    assert f"  at: {Path('here/include')}" in refused.stderr

    (output / "include").unlink()
    assert project.run(*source).code == 0
    assert not (output / "answer.c").is_symlink()
    assert files_below(elsewhere) == ["answer.c"]
    assert (elsewhere / "answer.c").read_text() == "mine"


def test_an_unfetched_source_is_unavailable_offline(project: Project) -> None:
    project.lock(path=None, url="https://example.com/answer-1.tar.gz", sha256="0" * 64)
    answer = project.fetch("--offline")
    assert answer.code == 3
    assert "offline, and the source of answer v1 is not in the store" in answer.stderr
    assert "CGO_PREBUILT_MIRROR" in answer.stderr


@pytest.mark.parametrize(
    ("prefix", "files", "words"),
    [
        ("answer-2", MAKE, "the source has no file below 'answer-2'"),
        ("", {**MAKE, "answer.c/more.c": ""}, "two files of the source collide: 'answer-1/answer."),
    ],
)
def test_a_source_that_cannot_be_laid_out_is_refused(
    project: Project, httpserver: HTTPServer, prefix: str, files: Mapping[str, str], words: str
) -> None:
    lock_archive(project, httpserver, files, strip_prefix=prefix or None)
    answer = project.fetch()
    assert answer.code == 4
    assert words in answer.stderr


def test_a_source_with_another_hash_is_refused(project: Project, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/answer-1.tar.gz").respond_with_data(source_archive(MAKE))
    url = httpserver.url_for("/answer-1.tar.gz")
    project.lock(path=None, url=url, sha256="0" * 64, strip_prefix="answer-1")
    answer = project.fetch()
    assert answer.code == 4
    assert url in answer.stderr


@pytest.mark.parametrize("name", ["../escaped", "/escaped"])
def test_an_unsafe_name_in_a_source_is_refused(
    project: Project, httpserver: HTTPServer, name: str
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    content = buffer.getvalue()
    httpserver.expect_request("/a.tar.gz").respond_with_data(content)
    project.lock(
        path=None,
        url=httpserver.url_for("/a.tar.gz"),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    answer = project.fetch()
    assert answer.code == 4
    assert "unsafe name" in answer.stderr
