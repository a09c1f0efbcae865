"""Real rules_go and gazelle with prebuilts, if this Bazel can resolve them.

Where no registry has rules_go (`CGO_PREBUILT_TEST_REGISTRY` names one, see docs/testing.md), these
tests are skipped, and test_cgo_rule.py, test_linking.py and the like run a rule of the tests' own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import REPOSITORY, Tools, Workspace, make_workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.emulators import run_arm64, run_windows, wine_folder
from tests.e2e.native_release import MAIN_GO, PLAIN, NativeRelease, archive, shared
from tests.e2e.release import cgo_prebuilt
from tests.e2e.test_duckdb import ANSWER as DUCKDB_ANSWER
from tests.e2e.test_duckdb import EXAMPLE as DUCKDB
from tests.e2e.test_vecsearch import ANSWER as VECSEARCH_ANSWER
from tests.e2e.test_vecsearch import EXAMPLE as VECSEARCH
from tests.e2e.zig_toolchain import REGISTER, zig_files, zig_options

# Bazel compiles gazelle, and the standard library in each mode.
pytestmark = pytest.mark.timeout(1800)

_DEPS = "".join(
    re.findall(
        r'^bazel_dep\(name = "(?:gazelle|rules_go)".*\n',
        (REPOSITORY / "examples/lancedb/MODULE.bazel").read_text(),
        re.MULTILINE,
    )
)

_MODULE = f"""\
{_DEPS}
go_sdk = use_extension("@rules_go//go:extensions.bzl", "go_sdk")
go_sdk.host()

prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
"""

_LIBRARY = """\
prebuilt.library(name = "{name}", lock = "//:{name}.lock.json")
use_repo(prebuilt, "{name}")
"""

# Two packages with the library, so that the linker gets its flags twice.
_BUILD = """\
load("@rules_go//go:def.bzl", "go_binary", "go_library", "go_test")

go_library(
    name = "first",
    srcs = ["first.go"],
    cdeps = ["@answer"],
    cgo = True,
    importpath = "example.com/first",
)

go_library(
    name = "second",
    srcs = ["second.go"],
    cdeps = ["@answer"],
    cgo = True,
    importpath = "example.com/second",
)

go_binary(
    name = "main",
    srcs = ["main.go"],
    deps = [
        ":first",
        ":second",
    ],
)

go_test(
    name = "first_test",
    srcs = ["first_test.go"],
    embed = [":first"],
)

go_binary(
    name = "alone",
    srcs = ["alone.go"],
    cdeps = ["@answer"],
    cgo = True,
)
"""

_PACKAGE = """\
package {name}

// #include "answer.h"
import "C"

func Answer() int {{ return int(C.answer()) }}
"""

_FILES: dict[str, str | bytes] = {
    "BUILD.bazel": _BUILD,
    "alone.go": MAIN_GO,
    "first.go": _PACKAGE.format(name="first"),
    "second.go": _PACKAGE.format(name="second"),
    "first_test.go": """\
package first

import "testing"

func TestAnswer(t *testing.T) {
	if Answer() != 42 {
		t.Fatal(Answer())
	}
}
""",
    "main.go": """\
package main

import (
	"fmt"

	"example.com/first"
	"example.com/second"
)

func main() { fmt.Println(first.Answer(), second.Answer()) }
""",
}


@pytest.fixture(scope="module")
def bazelrc(bazel_tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The .bazelrc of a workspace that can have rules_go and gazelle; without them its tests are skipped."""
    # One standard library for all workspaces.
    text = f"{bazel_tools.bazelrc()}build --disk_cache={bazel_tools.folder}/disk\n"
    folder = tmp_path_factory.mktemp("resolve") / "workspace"
    probe = make_workspace(folder, bazel_tools, {".bazelrc": text, "BUILD.bazel": ""}, _MODULE)
    # Not `mod graph`, which runs extensions, and so downloads things that no test needs.
    answer = probe.bazel("query", "@rules_go//go:def.bzl + @gazelle//:extensions.bzl")
    probe.start_shutdown().wait()
    if answer.code != 0:
        said = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")]
        pytest.skip(f"rules_go and gazelle are not here: {' '.join(said) or answer.stderr}")
    return text


def consumer(workspace: MakeWorkspace, bazelrc: str, lock: bytes) -> Workspace:
    return workspace(
        {**_FILES, ".bazelrc": bazelrc, "answer.lock.json": lock},
        module=_MODULE + _LIBRARY.format(name="answer"),
    )


def test_the_vecsearch_example_is_built_and_passes_its_tests(
    workspace: MakeWorkspace, bazelrc: str, tmp_path: Path, archive_server: ArchiveServer
) -> None:
    release = NativeRelease(tmp_path / "vecsearch", archive_server, "vecsearch")
    folder = release.built()
    shutil.copytree(VECSEARCH / "native/include", folder / "include")
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--locked"],
        cwd=VECSEARCH / "native",
        env={**os.environ, "CARGO_TARGET_DIR": str(tmp_path / "target")},
        check=True,
    )
    (folder / "lib").mkdir()
    shutil.copy(tmp_path / "target/release/libvecsearch.a", folder / "lib")
    manifest = yaml.safe_load((VECSEARCH / "prebuilt.yaml").read_text())
    kept = ("static_library", "headers", "include_dirs")
    own = {key: manifest[key] for key in kept}
    own["platforms"] = {"linux_amd64": manifest["platforms"]["linux_amd64"]}
    lock = release.publish(yaml.safe_dump(own))
    files = {
        str(file.relative_to(VECSEARCH)): file.read_bytes()
        for part in ("vecsearch", "cmd")
        for file in (VECSEARCH / part).rglob("*")
        if file.is_file()
    }
    made = workspace(
        {**files, ".bazelrc": bazelrc, "BUILD.bazel": "", "vecsearch.lock.json": lock},
        module=_MODULE + _LIBRARY.format(name="vecsearch"),
    )
    ran = made.bazel("run", "//cmd/search").checked()
    assert ran.stdout.splitlines() == VECSEARCH_ANSWER
    made.bazel("test", "//vecsearch:vecsearch_test").checked()


def test_a_whole_archive_is_linked_once_for_all_dependents(
    workspace: MakeWorkspace, bazelrc: str, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header()
    archive(
        folder,
        "lib/libplugin.a",
        {
            "plugin.c": "void add(int);\n"
            "__attribute__((constructor)) static void plug(void) { add(42); }\n"
        },
    )
    source = (
        "static int sum; void add(int more) { sum += more; } int answer(void) { return sum; }\n"
    )
    archive(folder, "lib/libanswer.a", {"answer.c": source})
    libraries = "static_library: [lib/libanswer.a, lib/libplugin.a]\n"
    made = consumer(
        workspace,
        bazelrc,
        native_release.publish(f"{libraries}alwayslink: lib/libplugin.a\n{PLAIN}"),
    )
    assert made.bazel("run", "//:alone").checked().stdout == "42\n"
    assert made.bazel("run", "//:main").checked().stdout == "42 42\n"
    made.bazel("test", "//:first_test").checked()


def test_archives_that_need_each_other_link(
    workspace: MakeWorkspace, bazelrc: str, native_release: NativeRelease
) -> None:
    folder = native_release.built_with_header()
    first = {
        "answer.c": "int half(void); int answer(void) { return 2 * half(); }\n",
        "rest.c": "int rest(void) { return 20; }\n",
    }
    archive(folder, "lib/libfirst.a", first)
    second = {"half.c": "int rest(void); int half(void) { return rest() + 1; }\n"}
    archive(folder, "lib/libsecond.a", second)
    archives = "[lib/libfirst.a, lib/libsecond.a]"
    made = consumer(
        workspace,
        bazelrc,
        native_release.publish(f"static_library: {archives}\ncircular: {archives}\n{PLAIN}"),
    )
    assert made.bazel("run", "//:alone").checked().stdout == "42\n"
    assert made.bazel("run", "//:main").checked().stdout == "42 42\n"


def test_a_shared_library_is_found_by_a_test_and_by_a_program_that_was_copied_with_its_runfiles(
    workspace: MakeWorkspace, bazelrc: str, native_release: NativeRelease, tmp_path: Path
) -> None:
    folder = native_release.built_with_header()
    source = {"answer.c": "int answer(void) { return 42; }\n"}
    shared(folder, "lib/libanswer.so.1", source, soname="libanswer.so.1")
    lock = native_release.publish(f"shared_library: lib/libanswer.so.1\n{PLAIN}")
    made = consumer(workspace, bazelrc, lock)
    made.bazel("test", "//:first_test").checked()
    assert made.bazel("run", "//:main").checked().stdout == "42 42\n"
    assert made.in_root("bazel-bin/main_/main").checked().stdout == "42 42\n"
    output = made.path / "bazel-bin/main_/main"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(output, elsewhere)
    shutil.copytree(f"{output}.runfiles", elsewhere / "main.runfiles")
    made.bazel("clean").checked()
    inside = elsewhere / "main.runfiles/_main/main_/main"
    assert made.in_root(str(inside)).checked().stdout == "42 42\n"


def test_a_program_for_another_platform_links_its_prebuilt_and_runs(
    workspace: MakeWorkspace, bazelrc: str, native_release: NativeRelease, tmp_path: Path
) -> None:
    platforms = ("linux_arm64", "windows_amd64")
    for number, platform in enumerate(platforms):
        folder = native_release.built_with_header(platform)
        source = f"int answer(void) {{ return {number}; }}\n"
        archive(folder, "lib/libanswer.a", {"answer.c": source}, platform)
    libraries = "static_library: lib/libanswer.a\nheaders: [include/**]\ninclude_dirs: [include]\n"
    lock = native_release.publish(
        f"{libraries}platforms: {{linux_arm64: {{}}, windows_amd64: {{}}}}\n", platforms
    )
    made = workspace(
        {**_FILES, **zig_files(), ".bazelrc": bazelrc, "answer.lock.json": lock},
        module=_MODULE + _LIBRARY.format(name="answer") + REGISTER,
    )
    for script in (made.path / "zig").glob("*.sh"):
        script.chmod(0o755)
    outputs = made.path / "bazel-bin/alone_"
    made.bazel("build", "//:alone", *zig_options("linux_arm64")).checked()
    assert run_arm64(outputs / "alone") == "0\n"
    made.bazel("build", "//:alone", *zig_options("windows_amd64")).checked()
    windows = wine_folder(tmp_path)
    assert run_windows(outputs / "alone.exe", windows).stdout == "1\n"


_GAZELLE = """\
go_deps = use_extension("@gazelle//:extensions.bzl", "go_deps")
go_deps.from_file(go_mod = "//:go.mod")
use_repo(go_deps, "com_github_duckdb_duckdb_go_bindings")
"""

_SELECT = """\
package main

import (
	"fmt"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

func main() { fmt.Println(duckdb.LibraryVersion()) }
"""

_SELECT_BUILD = """\
load("@rules_go//go:def.bzl", "go_binary")

go_binary(
    name = "select",
    srcs = ["select.go"],
    deps = ["@com_github_duckdb_duckdb_go_bindings//:duckdb-go-bindings"],
)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the archives are those for linux_amd64")
def test_duckdbs_unmodified_go_module_through_gazelle_links_the_prebuilt(
    workspace: MakeWorkspace, bazelrc: str, tmp_path: Path, archive_server: ArchiveServer
) -> None:
    release = NativeRelease(tmp_path / "duckdb", archive_server, "duckdb")
    folder = release.built()
    subprocess.run([DUCKDB / "stage.sh", folder], check=True)
    modules = [
        json.loads(_output(["go", "mod", "download", "-json", name], tmp_path))
        for name in re.findall(r"=(github\.com/\S+@\S+)", (DUCKDB / "stage.sh").read_text())
    ]
    bindings = min(modules, key=lambda module: len(module["Path"]))
    shutil.copy(Path(bindings["Dir"], "include/duckdb_go_bindings.h"), folder / "include")
    manifest = yaml.safe_load((DUCKDB / "prebuilt.yaml").read_text())
    for key in ("name", "version", "urls", "archives"):
        del manifest[key]
    manifest["headers"] = ["include/**"]
    lock = release.publish(yaml.safe_dump(manifest))

    # One of the modules has archives that gazelle's link options name, but that are no inputs.
    lines = _GAZELLE
    for number, module in enumerate(modules):
        (tmp_path / "duckdb.lock.json").write_bytes(lock)
        options = ("--lock", "duckdb.lock.json", "--module", module["Path"])
        printed = cgo_prebuilt("gazelle", *options, cwd=tmp_path).checked().stdout
        lines += printed if number == 0 else printed[printed.index("go_deps.module_override(") :]
    require = "".join(f"require {module['Path']} {module['Version']}\n" for module in modules)
    sums = "".join(
        f"{module['Path']} {module['Version']} {module['Sum']}\n"
        f"{module['Path']} {module['Version']}/go.mod {module['GoModSum']}\n"
        for module in modules
    )
    made = workspace(
        {
            ".bazelrc": bazelrc,
            "BUILD.bazel": _SELECT_BUILD,
            "duckdb.lock.json": lock,
            "go.mod": f"module example.com/select\n\ngo 1.24\n\n{require}",
            "go.sum": sums,
            "select.go": _SELECT,
        },
        module=_MODULE + lines,
    )
    assert made.bazel("run", "//:select").checked().stdout == DUCKDB_ANSWER.split(" ")[0] + "\n"


def _output(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
