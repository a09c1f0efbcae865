"""Real libraries linked by a real Bazel, into C++ and cgo programs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.native_release import MAIN_GO, PLAIN, NativeRelease, archive, shared
from tests.e2e.release import HEADER, MODULE

MAIN_CC = """\
#include <cstdio>
#include "answer.h"
int main() { std::printf("%d\\n", answer()); }
"""

BUILD = """\
load("@cgo_rule//:cgo_binary.bzl", "cgo_binary")
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")

cc_binary(
    name = "main_cc",
    srcs = ["main.cc"],
    copts = ["-Wall", "-Werror"],
    deps = ["@answer"],
)

cc_binary(
    name = "main_dynamic",
    srcs = ["main.cc"],
    linkstatic = False,
    deps = ["@answer"],
)

cc_binary(
    name = "libcaller.so",
    srcs = ["main.cc"],
    linkshared = True,
    deps = ["@answer"],
)

cgo_binary(
    name = "main_go",
    srcs = ["main.go"],
    cdeps = ["@answer"],
)
"""

OWN_FOLDER = """
cc_binary(
    name = "main_own",
    srcs = ["main.cc"],
    linkopts = ["-LFOLDER"],
    deps = ["@answer"],
)
"""

FILES: dict[str, str | bytes] = {
    "BUILD.bazel": BUILD,
    "main.cc": MAIN_CC,
    "main.go": MAIN_GO,
    "go.mod": "module example.com/main\n\ngo 1.20\n",
}


def test_archives_that_need_each_other_link_in_any_order(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header()
    first = {
        "answer.c": "int half(void); int answer(void) { return 2 * half(); }\n",
        "rest.c": "int rest(void) { return 20; }\n",
    }
    archive(folder, "lib/libfirst.a", first)
    archive(
        folder,
        "lib/libsecond.a",
        {"half.c": "int rest(void); int half(void) { return rest() + 1; }\n"},
    )
    archives = "[lib/libfirst.a, lib/libsecond.a]"
    lock = native_release.publish(f"static_library: {archives}\ncircular: {archives}\n{PLAIN}")
    made = workspace({**FILES, "answer.lock.json": lock}, module=MODULE)
    for program in ("main_cc", "main_dynamic", "main_go"):
        assert made.bazel("run", f"//:{program}").checked().stdout == "42\n"
    made.bazel("build", "//:libcaller.so").checked()
    go = {"GOTOOLCHAIN": "local", "GOCACHE": str(made.tools.go_cache)}
    plain = made.bazel("run", "@answer//:cgo_env", "--", "go", "run", "main.go", env=go)
    assert plain.checked().stdout == "42\n"


@pytest.mark.both_modes
def test_bazel_s_own_files_in_an_archive_are_left_out_of_the_build(
    workspace: MakeWorkspace, native_release: NativeRelease, tmp_path: Path
) -> None:
    folder = native_release.built_with_header()
    archive(folder, "lib/libanswer.a", {"answer.c": "int answer(void) { return 42; }\n"})
    bazels = {
        ".bazelignore": "lib\ninclude\n",
        "BUILD": "",
        "BUILD.bazel": "fail('of the archive')\n",
        "MODULE.bazel": "fail('of the archive')\n",
        "REPO.bazel": "fail('of the archive')\n",
        "WORKSPACE": "fail('of the archive')\n",
        "include/BUILD": "fail('of the archive')\n",
        "lib/BUILD.bazel": "fail('of the archive')\n",
    }
    for name, text in bazels.items():
        (folder / name).write_text(text)
    everything = PLAIN.replace("[include/**]", "['**']")
    lock = native_release.publish(f"static_library: lib/libanswer.a\n{everything}")
    made = workspace({**FILES, "answer.lock.json": lock}, module=MODULE)
    for program in ("main_cc", "main_go"):
        assert made.bazel("run", f"//:{program}").checked().stdout == "42\n"
    # The store's files are intact: a spoke's files may be links to them.
    stored = [path.read_text() for path in (tmp_path / "store").rglob("BUILD*")]
    assert sorted(stored) == sorted(text for name, text in bazels.items() if "BUILD" in name)


@pytest.mark.both_modes
def test_names_in_any_alphabet_are_fetched_and_named_as_the_lock_does(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built()
    header, library = "include/größe/答え.h", "lib/lib答.a"
    (folder / header).parent.mkdir(parents=True)
    (folder / header).write_text(HEADER)
    archive(folder, library, {"answer.c": "int answer(void) { return 42; }\n"})
    lock = native_release.publish(f"static_library: {library}\n{PLAIN}")
    made = workspace(
        {
            "BUILD.bazel": f'{BUILD}\ngenrule(name="g", srcs=["ö"], outs=["o"], cmd="touch $@")\n',
            "ö": "",
            "main.cc": MAIN_CC.replace("answer.h", "größe/答え.h"),
            "main.go": MAIN_GO.replace("answer.h", "größe/答え.h"),
            "answer.lock.json": lock,
        },
        module=MODULE,
    )
    made.bazel("build", "--nobuild", "//:main_cc").checked()
    base = made.bazel("info", "output_base").checked().stdout.strip()
    (spoke,) = Path(base, "external").glob("*answer__linux_amd64")
    assert (spoke / header).read_text() == HEADER
    build = (spoke / "BUILD.bazel").read_text()
    assert f'headers = ["{header}"]' in build
    assert f'static_libraries = ["{library}"]' in build
    # Debian's Bazel finds no file whose name is not ASCII, anywhere.
    if made.bazel("build", "//:g").code == 0:
        for program in ("main_cc", "main_go"):
            assert made.bazel("run", f"//:{program}").checked().stdout == "42\n"


@pytest.mark.both_modes
def test_an_archive_is_linked_as_a_whole_by_the_manifest(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header()
    archive(
        folder,
        "lib/libplugin.a",
        {
            "plugin.c": "void add(int); int worth(void);\n"
            "__attribute__((constructor)) static void plug(void) { add(worth()); }\n"
        },
    )
    archive(
        folder,
        "lib/libanswer.a",
        {
            "answer.c": "static int sum; void add(int more) { sum += more; }\n"
            "int answer(void) { return sum; }\n",
            "worth.c": "int worth(void) { return 42; }\n",
        },
    )
    libraries = "static_library: [lib/libanswer.a, lib/libplugin.a]\n"
    lock = native_release.publish(f"{libraries}alwayslink: lib/libplugin.a\n{PLAIN}")
    made = workspace({**FILES, "answer.lock.json": lock}, module=MODULE)
    assert made.bazel("run", "//:main_cc").checked().stdout == "42\n"
    assert made.bazel("run", "//:main_go").checked().stdout == "42\n"
    go = {"GOTOOLCHAIN": "local", "GOCACHE": str(made.tools.go_cache)}
    plain = made.bazel("run", "@answer//:cgo_env", "--", "go", "run", "main.go", env=go)
    assert plain.checked().stdout == "42\n"


@pytest.mark.both_modes
def test_a_shared_library_with_a_versioned_name_is_found_by_a_program_wherever_that_is(
    workspace: MakeWorkspace, native_release: NativeRelease, tmp_path: Path
) -> None:
    folder = native_release.built_with_header()
    source = {"answer.c": "int answer(void) { return 42; }\n"}
    shared(folder, "lib/libanswer.so.1", source, soname="libanswer.so.1")
    lock = native_release.publish(f"shared_library: lib/libanswer.so.1\n{PLAIN}")
    made = workspace({**FILES, "answer.lock.json": lock}, module=MODULE)
    for program in ("main_cc", "main_go"):
        assert made.bazel("run", f"//:{program}").checked().stdout == "42\n"
        assert made.in_root(f"bazel-bin/{program}").checked().stdout == "42\n"
        elsewhere = tmp_path / "elsewhere" / program
        elsewhere.mkdir(parents=True)
        output = made.path / "bazel-bin" / program
        shutil.copy(output, elsewhere)
        shutil.copytree(f"{output}.runfiles", elsewhere / f"{program}.runfiles")
        alone = tmp_path / "alone" / program
        alone.parent.mkdir(exist_ok=True)
        shutil.copy(output, alone)
    made.bazel("clean").checked()
    for program in ("main_cc", "main_go"):
        copied = made.in_root(str(tmp_path / "elsewhere" / program / program))
        assert copied.checked().stdout == "42\n"
        failed = made.in_root(str(tmp_path / "alone" / program))
        assert "libanswer.so.1: cannot open shared object file" in failed.stderr


def test_the_link_mode_selects_the_form_of_a_library_and_cgo_the_static_one(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header()
    archive(folder, "lib/libanswer.a", {"answer.c": "int answer(void) { return 1; }\n"})
    source = {"answer.c": "int answer(void) { return 2; }\n"}
    shared(folder, "lib/libanswer.so", source, soname="libanswer.so")
    libraries = "static_library: lib/libanswer.a\nshared_library: lib/libanswer.so\n"
    lock = native_release.publish(f"{libraries}{PLAIN}")
    made = workspace({**FILES, "answer.lock.json": lock}, module=MODULE)
    answers = {
        "default": {"main_cc": 1, "main_dynamic": 2, "main_go": 1},
        "off": {"main_dynamic": 1},
        "fully": {"main_cc": 2, "main_go": 1},
    }
    for mode, by_program in answers.items():
        for program, answer in by_program.items():
            ran = made.bazel("run", f"--dynamic_mode={mode}", f"//:{program}")
            assert ran.checked().stdout == f"{answer}\n"


POSITION_INDEPENDENT = """\
load("@rules_cc//cc:cc_binary.bzl", "cc_binary")
load("@rules_cc//cc:cc_library.bzl", "cc_library")
load("@rules_cc//cc:cc_shared_library.bzl", "cc_shared_library")

cc_binary(
    name = "main_pie",
    srcs = ["main.cc"],
    linkopts = ["-pie"],
    deps = ["@answer"],
)

cc_library(
    name = "caller",
    srcs = ["caller.cc"],
    deps = ["@answer"],
)

cc_shared_library(
    name = "caller_shared",
    deps = [":caller"],
)

cc_shared_library(
    name = "answer_shared",
    deps = ["@answer"],
)

cc_binary(
    name = "main_dynamic_deps",
    srcs = ["main.cc"],
    dynamic_deps = [":answer_shared"],
    deps = ["@answer"],
)
"""

EXPORTED = """\
package main

// #include "answer.h"
import "C"

//export exported
func exported() C.int { return C.answer() }

func main() {}
"""


@pytest.mark.both_modes
def test_an_archive_of_position_independent_code_goes_into_shared_libraries_too(
    workspace: MakeWorkspace, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header()
    # Without position-independent code, this address would be written into the code.
    source = "static int sum = 42; static int *at = &sum; int answer(void) { return *at; }\n"
    archive(folder, "lib/libanswer.a", {"answer.c": source})
    lock = native_release.publish(f"static_library: lib/libanswer.a\n{PLAIN}")
    made = workspace(
        {
            **FILES,
            "BUILD.bazel": POSITION_INDEPENDENT,
            "caller.cc": '#include "answer.h"\nextern "C" int exported() { return answer(); }\n',
            "exported.go": EXPORTED,
            "answer.lock.json": lock,
        },
        module=MODULE,
    )
    assert made.bazel("run", "//:main_pie").checked().stdout == "42\n"
    assert made.bazel("run", "//:main_dynamic_deps").checked().stdout == "42\n"
    made.bazel("build", "//:caller_shared").checked()
    go = {"GOTOOLCHAIN": "local", "GOCACHE": str(made.tools.go_cache)}
    build = ("go", "build", "-buildmode=c-shared", "-o", "libexported.so", "exported.go")
    made.bazel("run", "@answer//:cgo_env", "--", *build, env=go).checked()
    for library in ("bazel-bin/libcaller_shared.so", "./libexported.so"):
        call = f"import ctypes; print(ctypes.CDLL({library!r}).exported())"
        assert made.in_root("python3", "-c", call).checked().stdout == "42\n"


BASE_MODULE = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
prebuilt.library(
    name = "answer",
    deps = ["@base", "//third_party:extra"],
    lock = "//:answer.lock.json",
)
prebuilt.library(name = "base", lock = "//:base.lock.json")
use_repo(prebuilt, "answer", "base")
"""

EXTRA_BUILD = """\
load("@rules_cc//cc:cc_library.bzl", "cc_library")

cc_library(
    name = "extra",
    srcs = ["extra.c"],
    visibility = ["//visibility:public"],
)
"""


@pytest.mark.parametrize(
    "special",
    [
        pytest.param("", id="plain"),
        pytest.param("alwayslink: lib/libanswer.a\n", id="whole", marks=pytest.mark.slow),
    ],
)
def test_a_prebuilt_has_its_dependencies_defines_and_prefixed_headers(
    workspace: MakeWorkspace,
    native_release: NativeRelease,
    archive_server: ArchiveServer,
    special: str,
) -> None:
    folder = native_release.built()
    (folder / "include/answer").mkdir(parents=True)
    # With -Werror, the unused function would fail the build outside of system include folders.
    header = (
        HEADER + "#ifndef ANSWER_STATIC\n#error\n#endif\nstatic int unused(void) { return 1; }\n"
    )
    (folder / "include/answer/answer.h").write_text(header)
    source = "int base(void); int extra(void); int answer(void) { return base() + extra(); }\n"
    archive(folder, "lib/libanswer.a", {"answer.c": source})
    lock = native_release.publish(
        f"static_library: lib/libanswer.a\n{special}defines: [ANSWER_STATIC]\n{PLAIN}"
    )
    base = NativeRelease(native_release.folder.parent / "base", archive_server, "base")
    archive(base.built(), "lib/libbase.a", {"base.c": "int base(void) { return 40; }\n"})
    base_lock = base.publish("static_library: lib/libbase.a\nplatforms: {linux_amd64: {}}\n")
    made = workspace(
        {
            **FILES,
            "main.cc": MAIN_CC.replace('"answer.h"', '"answer/answer.h"'),
            "main.go": MAIN_GO.replace('"answer.h"', '"answer/answer.h"'),
            "answer.lock.json": lock,
            "base.lock.json": base_lock,
            "third_party/BUILD.bazel": EXTRA_BUILD,
            "third_party/extra.c": "int extra(void) { return 2; }\n",
        },
        module=BASE_MODULE,
    )
    assert made.bazel("run", "//:main_cc").checked().stdout == "42\n"
    assert made.bazel("run", "//:main_go").checked().stdout == "42\n"
    go = {"GOTOOLCHAIN": "local", "GOCACHE": str(made.tools.go_cache)}
    plain = made.bazel("run", "@answer//:cgo_env", "--", "go", "run", "main.go", env=go)
    assert plain.checked().stdout == "42\n"


def test_required_system_libraries_are_printed_before_a_failing_link(
    workspace: MakeWorkspace, native_release: NativeRelease, tmp_path: Path
) -> None:
    archive(
        native_release.built_with_header(),
        "lib/libanswer.a",
        {"answer.c": "int answer(void) { return 42; }\n"},
    )
    linked = PLAIN.replace("{}", "{requires: {system: [libhwloc-dev, an OpenCL driver]}}")
    lock = native_release.publish(
        f"static_library: lib/libanswer.a\nlinkopts: [-lm, -lhwloc-none]\n{linked}"
    )
    made = workspace({**FILES, "answer.lock.json": lock}, module=MODULE)
    failed = made.bazel("build", "//:main_go")
    assert failed.code != 0
    said = (
        "answer v1.0.0 for linux_amd64 needs this installed on the system: libhwloc-dev,"
        " an OpenCL driver\n"
        "  at: its link options -lm -lhwloc-none\n"
    )
    before, words, rest = failed.stderr.partition(said)
    assert words
    assert "ERROR" not in before
    words, after, linked = rest.partition("  next: if the link fails, install it")
    assert "cannot find -lhwloc-none" in words
    assert after
    assert "cannot find -lhwloc-none" in linked
    # Bazel prints what an action says when it runs: once, until its inputs change.
    again = made.bazel("build", "//:main_cc")
    assert again.code != 0
    assert "cannot find -lhwloc-none" in again.stderr
    assert said not in again.stderr

    # With the library present, in a separate folder, the link works: the message never fails it.
    archive(made.path, "own/libhwloc-none.a", {"none.c": "int none(void) { return 0; }\n"})
    with (made.path / "BUILD.bazel").open("a", encoding="utf-8") as build:
        build.write(OWN_FOLDER.replace("FOLDER", f"{made.path}/own"))
    own = made.bazel("run", "//:main_own", "--sandbox_add_mount_pair=" + str(made.path))
    assert own.checked().stdout == "42\n"
    found = made.bazel(
        "run",
        "//:main_cc",
        f"--linkopt=-L{made.path}/own",
        "--sandbox_add_mount_pair=" + str(made.path),
    )
    assert found.checked().stdout == "42\n"
