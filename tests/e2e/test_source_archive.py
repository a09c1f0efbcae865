"""The files of a release: made twice, resolved by a real Bazel as the Central Registry would offer them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from cgo_prebuilt import __version__
from release.notes import changes
from release.source_archive import integrity
from tests.e2e.archive_server import ArchiveServer, serving
from tests.e2e.bare_python import BARE_PYTHON, add_bare_python
from tests.e2e.bazel_workspace import REPOSITORY, Result, Tools, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MODULE
from tests.e2e.release import Release as LibraryRelease

pytestmark = pytest.mark.own_server

TAG = f"v{__version__}"
ARCHIVE = f"rules_cgo_prebuilt-{TAG}.tar.gz"
FILES = (ARCHIVE, "cgo-prebuilt.bash", "cgo-prebuilt.pyz", "cgo-prebuilt.zsh")
BCR = REPOSITORY / ".bcr"
PRESUBMIT = yaml.safe_load((BCR / "presubmit.yml").read_text())["bcr_test_module"]

CARRIED = "tools/cgo_prebuilt/carried/"

# Settings of a user that would change the archive if it used them.
SETTINGS = ("core.autocrlf=true", "core.eol=crlf", "tar.umask=0077", "core.fileMode=false")


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
    command = ["git", *author, *arguments]
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def build(clone: Path, tag: str = TAG, **variables: str) -> Result:
    command = [sys.executable, "-m", "release", "build", tag]
    done = subprocess.run(
        command,
        cwd=clone,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Release:
    """A clone in which a release was made: its folder, and the output."""

    clone: Path
    notes: str

    def read(self, name: str) -> bytes:
        return (self.clone / "dist" / name).read_bytes()


def with_changes(changelog: str) -> str:
    """Return a changelog with a section for this version, added if missing."""
    heading = f"## [{__version__}] - "
    if heading in changelog:
        return changelog
    return changelog.replace("## [Unreleased]", f"## [Unreleased]\n\n{heading}2026-11-21")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Release:
    clone = tmp_path_factory.mktemp("released") / "clone"
    git(REPOSITORY, "clone", "--quiet", "--no-tags", str(REPOSITORY), str(clone))
    changelog = clone / "CHANGELOG.md"
    changelog.write_text(with_changes(changelog.read_text()))
    git(clone, "commit", "--quiet", "--all", "--allow-empty", "--message", "A release")
    git(clone, "tag", TAG)
    return Release(clone, build(clone).checked().stdout)


def test_another_clone_on_a_machine_with_other_settings_makes_the_same_bytes(
    released: Release, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    options = [word for setting in SETTINGS for word in ("--config", setting)]
    git(tmp_path, "clone", "--quiet", "--depth=1", *options, released.clone.as_uri(), str(clone))
    git(clone, "fetch", "--quiet", "--depth=1", "origin", "tag", TAG)
    (clone / "rules" / "defs.bzl").write_text("fail('of the work tree, not of the commit')\n")
    other = Release(clone, build(clone, TZ="Asia/Kathmandu", LC_ALL="C").checked().stdout)
    assert [other.read(name) for name in FILES] == [released.read(name) for name in FILES]
    assert other.notes == released.notes


def test_the_archive_has_only_files_for_users(released: Release) -> None:
    with tarfile.open(released.clone / "dist" / ARCHIVE) as archive:
        members = archive.getmembers()
    prefix = f"rules_cgo_prebuilt-{__version__}/"
    assert all(member.isreg() and member.name.startswith(prefix) for member in members)
    assert {member.mode for member in members} <= {0o644, 0o755}
    names = [member.name.removeprefix(prefix) for member in members]
    assert {name.split("/")[0] for name in names} == {
        ".bazelignore",
        "BUILD.bazel",
        "CHANGELOG.md",
        "LICENSE",
        "MODULE.bazel",
        "README.md",
        "rules",
        "tests",
        "tools",
    }
    outside = [name for name in names if name.startswith(("tests/", "tools/"))]
    wanted = (f"{PRESUBMIT['module_path']}/", "tools/cgo_prebuilt/")
    assert [name for name in outside if not name.startswith(wanted)] == []
    packages = {Path(name).parts[2] for name in names if name.startswith("tools/cgo_prebuilt/")}
    assert {"commands", "fetching", "vouching"} <= packages
    assert not {"drafting", "go_modules", "publisher_commands", "publishing"} & packages
    carried = [name.split("/")[3] for name in names if name.startswith(CARRIED)]
    assert {name.partition("-")[0] for name in carried} == {
        "certifi",
        "charset_normalizer",
        "idna",
        "requests",
        "urllib3",
    }


def test_the_program_has_every_verb(released: Release) -> None:
    program = [sys.executable, str(released.clone / "dist/cgo-prebuilt.pyz")]
    for verb in ("fetch", "lock", "publish", "goproxy"):
        subprocess.run([*program, verb, "--help"], stdout=subprocess.PIPE, check=True)


def test_the_notes_have_instructions_and_changes(released: Release) -> None:
    assert f'bazel_dep(name = "rules_cgo_prebuilt", version = "{__version__}")' in released.notes
    assert f"`{ARCHIVE}` is `{integrity(released.read(ARCHIVE))}`" in released.notes
    changelog = (released.clone / "CHANGELOG.md").read_text()
    assert changes(changelog, __version__) in released.notes


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_verbs_options_and_their_values(released: Release) -> None:
    script = """
        source "$1"
        complete=$(complete -p cgo-prebuilt | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        "$complete" "$1" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        echo "${COMPREPLY[@]}"
    """
    for typed, completed in {
        "fet": "fetch",
        "fetch --pl": "--platform",
        "fetch --origin ": "auto prebuilt source",
    }.items():
        words = ["cgo-prebuilt", *typed.split(" ")]
        complete = ["bash", "-c", script, "bash", str(released.clone / "dist/cgo-prebuilt.bash")]
        done = subprocess.run([*complete, *words], stdout=subprocess.PIPE, text=True, check=True)
        assert done.stdout.strip() == completed


def test_a_tag_that_is_not_the_version_is_refused(released: Release) -> None:
    git(released.clone, "tag", "--force", "v99.0.0", TAG)
    refused = build(released.clone, "v99.0.0")
    assert refused.code == 1
    assert refused.stderr == (
        f"release: v99.0.0 is the tag of a commit whose version is {__version__}\n"
        f"  next: tag it {TAG}, or write another version into tools/cgo_prebuilt/__init__.py\n"
    )


def test_a_version_that_is_missing_in_the_changelog_is_refused(released: Release) -> None:
    clone = released.clone.with_name("unchanged")
    git(released.clone, "clone", "--quiet", "--no-tags", ".", str(clone))
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- Something.\n")
    git(clone, "commit", "--quiet", "--all", "--message", "No release")
    git(clone, "tag", TAG)
    refused = build(clone)
    assert refused.code == 1
    assert f"CHANGELOG.md does not mention {__version__}\n  next: rename" in refused.stderr


def test_a_missing_tag_is_refused(released: Release) -> None:
    refused = build(released.clone, "v98.0.0")
    assert refused.code == 1
    assert "release: git show v98.0.0:tools/cgo_prebuilt/__init__.py\n" in refused.stderr


# As the Central Registry offers it, and as its presubmit tries it.


def entry(released: Release, registry: Path) -> dict[str, str]:
    """Add the release to a registry from the templates, like Publish to BCR; return source.json."""
    metadata = json.loads((BCR / "metadata.template.json").read_text())
    (repository,) = metadata["repository"]
    owner, name = repository.removeprefix("github:").split("/")
    values = {"OWNER": owner, "REPO": name, "TAG": TAG, "VERSION": __version__}
    source: dict[str, str] = {
        key: re.sub(r"\{([A-Z]+)\}", lambda match: values[match[1]], value)
        for key, value in json.loads((BCR / "source.template.json").read_text()).items()
    }
    source["integrity"] = integrity(released.read(ARCHIVE))
    module = registry / "modules" / name
    (module / __version__).mkdir(parents=True)
    (module / __version__ / "MODULE.bazel").write_bytes(
        (released.clone / "MODULE.bazel").read_bytes()
    )
    (module / __version__ / "source.json").write_text(json.dumps(source))
    (module / "metadata.json").write_text(json.dumps({**metadata, "versions": [__version__]}))
    (registry / "bazel_registry.json").write_text("{}")
    return source


def test_bazel_resolves_the_module_from_a_registry_and_fetches_builds_and_links(
    released: Release, bazel_tools: Tools, archive_server: ArchiveServer, tmp_path: Path
) -> None:
    registry = tmp_path / "registry"
    source = entry(released, registry)
    published = source["url"].removeprefix("https://github.com")
    served = archive_server.folder / published.lstrip("/")
    served.parent.mkdir(parents=True)
    served.write_bytes(released.read(ARCHIVE))
    source_json = registry / "modules" / "rules_cgo_prebuilt" / __version__ / "source.json"
    source_json.write_text(json.dumps({**source, "url": archive_server.url + published}))

    path = tmp_path / "workspace"
    shutil.copytree(released.clone / PRESUBMIT["module_path"], path)
    module = path / "MODULE.bazel"
    text, replaced = re.subn(
        r"^local_path_override\(.*?^\)$",
        f'single_version_override(module_name = "rules_cgo_prebuilt", registry = "{registry.as_uri()}")',
        module.read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    assert replaced == 1
    module.write_text(text)
    run_tests(Workspace(path, bazel_tools, {"CGO_PREBUILT_CACHE": str(tmp_path / "store")}))
    assert archive_server.paths() == [published]


def test_the_presubmit_s_workspace_passes_in_the_archive(
    released: Release, bazel_tools: Tools, tmp_path: Path
) -> None:
    with tarfile.open(released.clone / "dist" / ARCHIVE) as archive:
        archive.extractall(tmp_path)
    path = tmp_path / f"rules_cgo_prebuilt-{__version__}" / PRESUBMIT["module_path"]
    run_tests(Workspace(path, bazel_tools, {"CGO_PREBUILT_CACHE": str(tmp_path / "store")}))


def test_a_released_module_asks_no_index_and_installs_nothing(
    released: Release,
    release: LibraryRelease,
    workspace: MakeWorkspace,
    tmp_path: Path,
) -> None:
    """A Python without packages downloads with the packages in the archive."""
    with tarfile.open(released.clone / "dist" / ARCHIVE) as archive:
        archive.extractall(tmp_path)
    files: dict[str, str | bytes] = {"BUILD.bazel": BUILD, "main.cc": MAIN_CC, "main.go": ""}
    files["answer.lock.json"] = release.lock.read_bytes()
    made = workspace(files, module=MODULE + BARE_PYTHON)
    add_bare_python(made)
    module = (made.path / "MODULE.bazel").read_text()
    carrying = tmp_path / f"rules_cgo_prebuilt-{__version__}"
    made.write({"MODULE.bazel": module.replace(f'"{REPOSITORY}"', f'"{carrying}"')})
    (tmp_path / "index").mkdir()
    with serving(tmp_path / "index") as index:
        environment = {"PIP_INDEX_URL": f"{index.url}/simple"}
        built = made.bazel("run", "//:main_cc", env=environment).checked()
    assert built.stdout == "the answer is 42\n"
    assert release.server.paths() == ["/" + release.archive("linux_amd64")]
    assert index.requests == []
    base = Path(made.bazel("info", "output_base").checked().stdout.strip())
    assert list((base / "external").glob("*rules_cgo_prebuilt_python")) == []


def run_tests(workspace: Workspace) -> None:
    """Runs what the presubmit runs."""
    workspace.write({".bazelrc": workspace.tools.bazelrc()})
    targets = PRESUBMIT["tasks"]["run_tests"]["test_targets"]
    try:
        tested = workspace.bazel("test", "--lockfile_mode=off", *targets).checked()
        assert "1 test passes" in tested.stdout + tested.stderr
    finally:
        workspace.start_shutdown().wait()
