"""Flavors with a real Bazel: a build flag chooses one, and only that one is fetched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.compilers import static_library
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_GO, MODULE, Release, cgo_prebuilt

_MANIFEST = """\
name: answer
version: v1.0.0
urls: ['{url}/{{file}}']
archives: [{{file: 'answer-{{version}}-{{platform}}-{{flavor}}.tar.gz'}}]
static_library: lib/libanswer.a
headers: [include/**]
include_dirs: [include]
platforms: {{linux_amd64: {{}}}}
flavors:
  standard: {{}}
  fast: {{defines: [ANSWER_IS_FAST]}}
"""
_HEADER = '#ifdef __cplusplus\nextern "C"\n#endif\nint answer(void);\n'
_MAIN_CC = """\
#include <cstdio>
#include "answer.h"
#include "detail19.h"
#if defined(ANSWER_IS_FAST) != defined(SELECTED)
#error "the library's define and the user's own select() disagree"
#endif
int main() { std::printf("the answer is %d\\n", answer()); }
"""
_BUILD = BUILD.replace(
    'deps = ["@answer"],',
    'deps = ["@answer"],\n'
    '    local_defines = select({"@answer//:flavor_is_fast": ["SELECTED"],'
    ' "//conditions:default": []}),',
    1,
)
FAST = "--@answer//:flavor=fast"


def archive(flavor: str) -> str:
    return f"/answer-v1.0.0-linux_amd64-{flavor}.tar.gz"


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    """A release of two flavors: the standard one answers 42, the fast one 43."""
    folder = tmp_path / "maintainer"
    folder.mkdir()
    (folder / "answer.yaml").write_text(_MANIFEST.format(url=archive_server.url))
    cache = {"CGO_PREBUILT_CACHE": str(folder / "store")}
    for flavor, answer in (("standard", 42), ("fast", 43)):
        built = folder / flavor
        source = f"int answer(void) {{ return {answer}; }}\n"
        static_library("linux_amd64", source, built / "lib/libanswer.a")
        (built / "include").mkdir()
        (built / "include/answer.h").write_text(_HEADER)
        for number in range(20):  # enough for the lock to list them once for both flavors
            (built / f"include/detail{number}.h").write_text(f"#define DETAIL{number} {number}\n")
        cgo_prebuilt(
            "pack", "answer.yaml", "--platform", "linux_amd64", "--flavor", flavor,
            "--from", built, "--output", archive_server.folder,
            cwd=folder, env=cache,
        ).checked()  # fmt: skip
    locked = cgo_prebuilt("lock", "answer.yaml", cwd=folder, env=cache).checked()
    assert "answer v1.0.0: linux_amd64; standard, fast" in locked.stderr
    assert list(json.loads((folder / "answer.lock.json").read_text())["shared"]) == ["v1.0.0/1"]
    archive_server.requests.clear()
    return Release(folder, archive_server)


def consumer(
    workspace: MakeWorkspace, release: Release, tag: str = "", lock: dict[str, Any] | None = None
) -> Workspace:
    files: dict[str, str | bytes] = {
        "BUILD.bazel": _BUILD,
        "main.cc": _MAIN_CC,
        "main.go": MAIN_GO,
        "answer.lock.json": release.lock.read_bytes() if lock is None else json.dumps(lock),
    }
    return workspace(files, module=MODULE.replace('.lock.json"', f'.lock.json"{tag}'))


def test_the_flag_chooses_and_only_that_flavor_is_fetched(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    assert release.server.paths() == [archive("standard")]
    assert made.bazel("run", "//:main_cc", FAST).checked().stdout == "the answer is 43\n"
    assert release.server.paths() == [archive("fast"), archive("standard")]
    prebuilt = made.bazel("run", "//:main_cc", FAST, "--@answer//:origin=prebuilt")
    assert prebuilt.checked().stdout == "the answer is 43\n"

    unknown = made.bazel("build", "//:main_cc", "--@answer//:flavor=slow")
    assert unknown.code != 0
    assert "answer has no flavor slow" in unknown.stderr
    assert "it has: fast, standard" in unknown.stderr
    assert "add `slow: {}` under 'flavors'" in unknown.stderr


def test_the_tag_selects_the_flavor_without_a_flag(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release, ', flavor = "fast"')
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 43\n"
    assert release.server.paths() == [archive("fast")]

    module = (made.path / "MODULE.bazel").read_text()
    made.write({"MODULE.bazel": module.replace('"fast"', '"slow"')})
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    assert "library answer: flavor slow is not in the lock" in failed.stderr
    assert "choose one of fast, standard, or add `slow: {}`" in failed.stderr


_BY_CONSTRAINT = """
constraint_setting(name = "cpu_level")

constraint_value(
    name = "v3",
    constraint_setting = ":cpu_level",
)

platform(
    name = "modern",
    constraint_values = [":v3"],
    parents = ["@platforms//host"],
)

alias(
    name = "by_level",
    actual = select({
        ":v3": "@answer//:of_flavor_fast",
        "//conditions:default": "@answer//:of_flavor_standard",
    }),
)

config_setting(
    name = "with_libcxx",
    values = {"cxxopt": "-stdlib=libc++"},
)

alias(
    name = "by_cxx_library",
    actual = select({
        ":with_libcxx": "@answer//:of_flavor_fast",
        "//conditions:default": "@answer//:of_flavor_standard",
    }),
)
"""


@pytest.mark.both_modes
def test_a_constraint_an_option_or_a_sanitizer_chooses_a_flavor(
    workspace: MakeWorkspace, release: Release
) -> None:
    lock = json.loads(release.lock.read_text().replace('"fast"', '"asan"'))
    made = consumer(workspace, release)
    made.write({"BUILD.bazel": _BUILD + _BY_CONSTRAINT})

    def spoke(target: str, *options: str) -> str:
        found = made.bazel("cquery", f"deps({target})", *options).checked().stdout
        (name,) = set(re.findall(r"answer__linux_amd64__(\w+)//", found))
        return str(name)

    assert spoke("//:by_level") == "standard"
    assert spoke("//:by_level", "--platforms=//:modern") == "fast"
    libcxx = ("--cxxopt=-std=c++20", "--cxxopt=-stdlib=libc++")
    assert spoke("//:by_cxx_library") == "standard"
    assert spoke("//:by_cxx_library", *libcxx) == "fast"
    build = _BUILD.replace("fast", "asan")
    made.write({"BUILD.bazel": build, "answer.lock.json": json.dumps(lock)})
    assert spoke("//:main_cc") == "standard"
    assert spoke("//:main_cc", "--features=asan") == "asan"
    assert spoke("//:main_cc", "--features=asan", "--@answer//:origin=prebuilt") == "standard"
    assert spoke("//:main_cc", "--features=tsan") == "standard"


def test_a_new_default_changes_no_spoke(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release)
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 42\n"
    lock = json.loads(release.lock.read_text())
    lock["versions"]["v1.0.0"]["default_flavor"] = "fast"
    made.write({"answer.lock.json": json.dumps(lock)})
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 43\n"
    release.server.requests.clear()
    standard = made.bazel("run", "//:main_cc", "--@answer//:flavor=standard").checked()
    assert standard.stdout == "the answer is 42\n"
    assert release.server.paths() == []

    lock["versions"]["v1.0.0"]["withdrawn"] = "it answers too much"
    made.write({"answer.lock.json": json.dumps(lock)})
    warned = made.bazel("run", "//:main_cc").checked()
    assert warned.stdout == "the answer is 43\n"
    assert "WARNING: answer v1.0.0 is withdrawn: it answers too much" in warned.stderr
    assert "choose another version of the lock with prebuilt.library" in warned.stderr


def test_a_missing_platform_or_download_is_not_taken_from_another_flavor(
    workspace: MakeWorkspace, release: Release
) -> None:
    lock = json.loads(release.lock.read_text())
    version = lock["versions"]["v1.0.0"]
    standard = version["flavors"]["standard"]
    standard["linux_arm64"] = standard["linux_amd64"]
    version["source"] = {
        "path": "native",
        "build": {"tool": "make"},
        "static_library": ["libanswer.a"],
        "installed": ["lib/libanswer.a"],
    }
    made = consumer(workspace, release, lock=lock)
    made.write({"native/Makefile": "libanswer.a:\n\tfalse\n"})
    failed = made.bazel("cquery", "@answer", FAST, "--platforms=//:linux_arm64")
    assert failed.code != 0
    assert "answer has no prebuilt of the flavor fast for the platform" in failed.stderr
    assert "//:linux_arm64, which is linux_arm64" in failed.stderr
    assert "of this flavor it has: linux_amd64" in failed.stderr
    assert "for this platform it has the flavors: standard" in failed.stderr
    assert "--@answer//:flavor=standard" in failed.stderr
    assert "add `linux_arm64: {}` under 'platforms' of the flavor" in failed.stderr
    made.bazel("cquery", "@answer", "--platforms=//:linux_arm64").checked()

    # The lock's source builds the default flavor only, so there is no fallback for this one.
    (release.server.folder / archive("fast")[1:]).unlink()
    gone = made.bazel("build", "//:main_cc", FAST)
    assert gone.code != 0
    assert "answer v1.0.0 for linux_amd64 could not be fetched (unavailable)" in gone.stderr
    assert "falling back to building from source" not in gone.stderr


def test_the_command_takes_a_flavor_too(release: Release, tmp_path: Path) -> None:
    cache = {"CGO_PREBUILT_CACHE": str(tmp_path / "store")}
    lock = ("--lock", "answer.lock.json", "--platform", "linux_amd64", "--flavor", "fast")
    urls = cgo_prebuilt("urls", *lock, cwd=release.folder, env=cache).checked()
    assert urls.stdout == f"{release.server.url}{archive('fast')}\n"
    output = tmp_path / "output"
    cgo_prebuilt("fetch", *lock, "--output", output, cwd=release.folder, env=cache).checked()
    built = release.folder / "fast/lib/libanswer.a"
    assert (output / "lib/libanswer.a").read_bytes() == built.read_bytes()
    env = cgo_prebuilt("env", *lock, "--shell", "json", cwd=release.folder, env=cache).checked()
    assert "-DANSWER_IS_FAST" in json.loads(env.stdout)["CGO_CFLAGS"]
    assert release.server.paths() == [archive("fast")]
