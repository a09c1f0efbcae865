"""If a prebuilt is unavailable, the same label is the source build, unless `origin` forbids it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.archive_server import ArchiveServer
from tests.e2e.bazel_workspace import Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MAIN_GO, MODULE, Release

PREBUILT = "the answer is 42\n"
SOURCE = "the answer is 43\n"
WARNING = "falling back to building from source"

_SOURCE = """\
source:
  path: native
  build: {tool: make}
  static_library: libanswer.a
  headers: [include/answer.h]
"""
_NATIVE: Mapping[str, str] = {
    "native/answer.c": "int answer(void) { return 43; }\n",
    "native/Makefile": "libanswer.a: answer.o\n\t$(AR) rcs $@ $<\n",
}
_HEADER = """\
#ifdef __cplusplus
extern "C"
#endif
int answer(void);
"""

# A program of each origin in one build.
_ORIGINS = """\
def _origin_impl(_settings, attr):
    return {"@answer//:origin": attr.origin}

_origin = transition(
    implementation = _origin_impl,
    inputs = [],
    outputs = ["@answer//:origin"],
)

def _of_origin_impl(ctx):
    program = ctx.executable.program
    link = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = link, target_file = program, is_executable = True)
    return [DefaultInfo(executable = link)]

of_origin = rule(
    implementation = _of_origin_impl,
    attrs = {
        "origin": attr.string(),
        "program": attr.label(
            cfg = _origin,
            executable = True,
        ),
    },
    executable = True,
)
"""
_ORIGINS_BUILD = """\
load(":origins.bzl", "of_origin")

[
    of_origin(
        name = "from_" + origin,
        origin = origin,
        program = ":main_cc",
    )
    for origin in ("prebuilt", "source")
]
"""


@pytest.fixture
def release(tmp_path: Path, archive_server: ArchiveServer) -> Release:
    folder = tmp_path / "maintainer"
    folder.mkdir()
    made = Release(folder, archive_server)
    made.publish(from_source=_SOURCE)
    return made


def consumer(
    workspace: MakeWorkspace,
    release: Release,
    name: str = "consumer",
    tag: str = "",
    environment: Mapping[str, str] | None = None,
) -> Workspace:
    return workspace(
        {
            "BUILD.bazel": BUILD + _ORIGINS_BUILD,
            "main.cc": MAIN_CC,
            "main.go": MAIN_GO,
            "answer.lock.json": release.lock.read_bytes(),
            "origins.bzl": _ORIGINS,
            **_NATIVE,
            "native/include/answer.h": _HEADER,
        },
        module=MODULE.replace('.lock.json"', f'.lock.json"{tag}'),
        name=name,
        environment=environment,
    )


def drop_archive(release: Release) -> bytes:
    archive = release.server.folder / release.archive("linux_amd64")
    content = archive.read_bytes()
    archive.unlink()
    return content


@pytest.mark.both_modes
def test_the_same_label_links_the_prebuilt_or_the_source_and_goes_back(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    content = drop_archive(release)

    fallen_back = made.bazel("run", "//:main_cc").checked()
    assert fallen_back.stdout == SOURCE
    assert fallen_back.stderr.count(WARNING) == 1
    url = f"{release.server.url}/{release.archive('linux_amd64')}"
    for words in (
        "(unavailable)",
        url,
        "404",
        'origin = "prebuilt"',
        "CGO_PREBUILT_ORIGIN=prebuilt",
    ):
        assert words in fallen_back.stderr
    assert made.bazel("run", "//:main_go").checked().stdout == SOURCE

    # The archive is available again: the next command fetches it, and later ones fetch nothing.
    (release.server.folder / release.archive("linux_amd64")).write_bytes(content)
    restored = made.bazel("run", "//:main_cc").checked()
    assert restored.stdout == PREBUILT
    assert WARNING not in restored.stderr
    release.server.requests.clear()
    assert made.bazel("run", "//:main_go").checked().stdout == PREBUILT
    made.bazel("shutdown").checked()
    assert "1 process: 1 internal" in made.bazel("build", "//:main_cc").checked().stderr
    assert release.server.requests == []


@pytest.mark.both_modes
def test_a_fallback_is_not_remembered_by_the_next_server(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    content = drop_archive(release)
    assert made.bazel("run", "//:main_cc").checked().stdout == SOURCE
    made.bazel("shutdown").checked()
    (release.server.folder / release.archive("linux_amd64")).write_bytes(content)
    assert made.bazel("run", "//:main_cc").checked().stdout == PREBUILT


@pytest.mark.parametrize(
    ("tag", "environment"),
    [(', origin = "prebuilt"', {}), ("", {"CGO_PREBUILT_ORIGIN": "prebuilt"})],
    ids=["tag", "variable"],
)
def test_origin_prebuilt_fails_with_the_text_of_the_warning(
    workspace: MakeWorkspace, release: Release, tag: str, environment: Mapping[str, str]
) -> None:
    made = consumer(workspace, release, tag=tag, environment=environment)
    drop_archive(release)
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    url = f"{release.server.url}/{release.archive('linux_amd64')}"
    assert "answer v1.0.0 for linux_amd64 could not be fetched (unavailable)" in failed.stderr
    assert url in failed.stderr
    assert "404" in failed.stderr
    assert WARNING not in failed.stderr
    assert 'origin = "auto"' in failed.stderr
    assert made.bazel("fetch", "//:main_cc").code != 0


@pytest.mark.parametrize(
    ("tag", "environment"),
    [
        (', origin = "source"', {}),
        (', origin = "prebuilt"', {"CGO_PREBUILT_ORIGIN": "source"}),
    ],
    ids=["tag", "variable over tag"],
)
def test_origin_source_makes_no_request(
    workspace: MakeWorkspace, release: Release, tag: str, environment: Mapping[str, str]
) -> None:
    made = consumer(workspace, release, tag=tag, environment=environment)
    built = made.bazel("run", "//:main_cc").checked()
    assert built.stdout == SOURCE
    assert WARNING not in built.stderr
    assert release.server.requests == []


def test_a_platform_without_a_prebuilt_is_built_without_a_fetch(
    workspace: MakeWorkspace, release: Release
) -> None:
    release.publish(platforms=("linux_arm64",), from_source=_SOURCE)
    made = consumer(workspace, release)
    assert made.bazel("run", "//:main_cc").checked().stdout == SOURCE
    assert release.server.requests == []
    failed = made.bazel("build", "//:main_cc", env={"CGO_PREBUILT_ORIGIN": "prebuilt"})
    assert "answer has no prebuilt for the platform" in failed.stderr
    assert "it has: linux_arm64" in failed.stderr
    assert "or: build it from source" in failed.stderr


@pytest.mark.both_modes
def test_both_origins_are_in_one_build(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release)
    made.bazel("build", "//:from_prebuilt", "//:from_source").checked()
    for origin, answer in (("prebuilt", PREBUILT), ("source", SOURCE)):
        program = made.path / f"bazel-bin/from_{origin}"
        assert made.in_root(str(program)).checked().stdout == answer
    by_flag = made.bazel("run", "//:main_cc", "--@answer//:origin=source").checked()
    assert by_flag.stdout == SOURCE


def test_a_plain_go_build_links_the_source_build_under_cgo_env(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    made.write({"cmd/main.go": MAIN_GO, "go.mod": "module example.com/main\n\ngo 1.20\n"})
    go = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOCACHE": str(made.tools.go_cache)}
    from_source = ("run", "@answer//:cgo_env", "--@answer//:origin=source")
    built = made.bazel(*from_source, "--", "go", "run", "./cmd", env=go)
    assert built.checked().stdout == SOURCE


def test_the_flag_overrides_the_variable_which_overrides_the_attribute(
    workspace: MakeWorkspace, release: Release, tmp_path: Path
) -> None:
    made = consumer(workspace, release, tag=', origin = "source"')
    run = ("run", "//:main_cc")
    prebuilt = {"CGO_PREBUILT_ORIGIN": "prebuilt"}
    assert made.bazel(*run, "--@answer//:origin=auto").checked().stdout == PREBUILT
    by_flag = made.bazel(*run, "--@answer//:origin=prebuilt", env={"CGO_PREBUILT_ORIGIN": "source"})
    assert by_flag.checked().stdout == PREBUILT

    drop_archive(release)
    made.bazel("clean", "--expunge").checked()
    prebuilt["CGO_PREBUILT_CACHE"] = str(tmp_path / "empty-store")
    fallen_back = made.bazel(*run, "--@answer//:origin=auto", env=prebuilt).checked()
    assert fallen_back.stdout == SOURCE
    assert "only with --@answer//:origin=auto it is built from source" in fallen_back.stderr
    assert "(unavailable)" in fallen_back.stderr
    failed = made.bazel(*run, env=prebuilt)
    assert failed.code != 0
    assert "or: build it from source, with --@answer//:origin=auto" in failed.stderr


def test_the_flag_origin_prebuilt_forbids_a_fallback(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    drop_archive(release)
    failed = made.bazel("build", "//:main_cc", "--@answer//:origin=prebuilt")
    assert failed.code != 0
    assert "Error in fail" in failed.stderr
    assert "answer v1.0.0 for linux_amd64 could not be fetched (unavailable)" in failed.stderr


@pytest.mark.parametrize("origin", ["auto", "prebuilt", "source"])
def test_wrong_bytes_from_every_mirror_never_reach_a_link(
    workspace: MakeWorkspace, release: Release, tmp_path: Path, origin: str
) -> None:
    archive = release.server.folder / release.archive("linux_amd64")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    made = consumer(workspace, release, tag=f', origin = "{origin}"')
    built = made.bazel("run", "//:main_cc")
    if origin == "prebuilt":
        assert built.code != 0
        assert "(integrity)" in built.stderr
    else:
        assert built.checked().stdout == SOURCE
    assert ("(integrity)" in built.stderr) == (origin != "source")
    external = Path(made.bazel("info", "output_base").checked().stdout.strip(), "external")
    assert not list(external.glob("*answer__linux_amd64/**/*.a"))
    assert not list(tmp_path.glob("store/v1/trees/*"))


def test_the_source_may_be_any_library_of_the_monorepo(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release, tag=', source = "//answer:from_source"')
    made.write(
        {
            "answer/BUILD.bazel": """\
load("@rules_cc//cc:cc_library.bzl", "cc_library")

cc_library(
    name = "from_source",
    srcs = ["answer.c"],
    hdrs = ["answer.h"],
    includes = ["."],
    visibility = ["//visibility:public"],
)
""",
            "answer/answer.h": _HEADER,
            "answer/answer.c": "int answer(void) { return 44; }\n",
        }
    )
    drop_archive(release)
    built = made.bazel("run", "//:main_cc").checked()
    assert built.stdout == "the answer is 44\n"
    assert f"{WARNING}: @@//answer:from_source" in built.stderr


def test_without_a_source_the_failure_is_final_and_explains_how_to_add_one(
    workspace: MakeWorkspace, release: Release
) -> None:
    release.publish()
    made = consumer(workspace, release)
    drop_archive(release)
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    assert "(unavailable)" in failed.stderr
    assert "give prebuilt.library a 'source'" in failed.stderr
    failed = made.bazel("build", "//:main_cc", "--@answer//:origin=source")
    assert failed.code != 0
    assert "answer cannot be built from source: it has no source" in failed.stderr
    assert "host_platform, which is linux_amd64" in failed.stderr
    assert "it has prebuilts for: linux_amd64" in failed.stderr
    assert 'add to prebuilt.library `source = "//some:target"`' in failed.stderr


@pytest.mark.both_modes
def test_a_changed_source_is_built_again(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release, tag=', origin = "source"')
    assert made.bazel("run", "//:main_cc").checked().stdout == SOURCE
    made.write({"native/answer.c": "int answer(void) { return 45; }\n"})
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 45\n"


def test_an_unknown_origin_is_an_error(workspace: MakeWorkspace, release: Release) -> None:
    made = consumer(workspace, release, environment={"CGO_PREBUILT_ORIGIN": "sometimes"})
    failed = made.bazel("build", "//:main_cc")
    assert failed.code != 0
    assert 'CGO_PREBUILT_ORIGIN is "sometimes"' in failed.stderr
    assert "auto, prebuilt, source" in failed.stderr


def test_an_old_name_of_origin_is_an_error_with_the_new_name(
    workspace: MakeWorkspace, release: Release
) -> None:
    made = consumer(workspace, release)
    failed = made.bazel("build", "//:main_cc", env={"CGO_PREBUILT_FALLBACK": "never"})
    assert failed.code != 0
    assert "CGO_PREBUILT_FALLBACK is called CGO_PREBUILT_ORIGIN now" in failed.stderr
    module = (made.path / "MODULE.bazel").read_text()
    for attribute, words in {
        'fallback = "never"': "fallback is called origin now",
        'origin = "never"': 'write "prebuilt", its new name',
    }.items():
        made.write({"MODULE.bazel": module.replace('.lock.json"', f'.lock.json", {attribute}')})
        failed = made.bazel("build", "//:main_cc")
        assert failed.code != 0
        assert words in failed.stderr
