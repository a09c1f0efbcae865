"""The packages that the fetcher needs in Bazel: installed if missing, also offline."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.e2e.archive_server import serving
from tests.e2e.bare_python import BARE_PYTHON, add_bare_python
from tests.e2e.bazel_workspace import REPOSITORY, Workspace
from tests.e2e.conftest import MakeWorkspace
from tests.e2e.release import BUILD, MAIN_CC, MODULE, Release

pytestmark = pytest.mark.own_server

ANSWER = "the answer is 42\n"


def consumer(workspace: MakeWorkspace, release: Release, name: str = "consumer") -> Workspace:
    files = {"BUILD.bazel": BUILD, "main.cc": MAIN_CC, "main.go": ""}
    lock = {"answer.lock.json": release.lock.read_bytes()}
    made = workspace({**files, **lock}, module=MODULE + BARE_PYTHON, name=name)
    add_bare_python(made)
    return made


def packages_of(workspace: Workspace) -> set[str]:
    """Return the entries of the repository of the fetcher's packages; empty if not needed."""
    base = Path(workspace.bazel("info", "output_base").checked().stdout.strip())
    found = (base / "external").glob("*rules_cgo_prebuilt_python/site-packages/*")
    return {path.name for path in found if path.is_dir()}


def test_packages_on_the_users_pythonpath_are_installed_nevertheless(
    workspace: MakeWorkspace, release: Release, tmp_path: Path
) -> None:
    """The fetcher does not get that PYTHONPATH, so it cannot import those packages."""
    for name in ("isal", "requests", "backports"):
        (tmp_path / "users" / name).mkdir(parents=True)
        (tmp_path / "users" / name / "__init__.py").write_text("__version__ = '2.99'\n")
    made = consumer(workspace, release)
    built = made.bazel("run", "//:main_cc", env={"PYTHONPATH": str(tmp_path / "users")})
    assert built.checked().stdout == ANSWER


@pytest.mark.parametrize("origin", [pytest.param("mirror", marks=pytest.mark.slow), "store"])
def test_offline_neither_an_index_nor_requests_is_needed(
    workspace: MakeWorkspace, release: Release, tmp_path: Path, origin: str
) -> None:
    (tmp_path / "index").mkdir()
    environment = {"CGO_PREBUILT_OFFLINE": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}
    if origin == "mirror":
        shutil.copytree(release.server.folder, tmp_path / "mirror")
        environment["CGO_PREBUILT_MIRROR"] = (tmp_path / "mirror").as_uri()
    else:
        first = consumer(workspace, release, "first")
        assert first.bazel("run", "//:main_cc").checked().stdout == ANSWER
    release.server.requests.clear()
    made = consumer(workspace, release)
    with serving(tmp_path / "index") as index:
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url}/simple\n")
        environment["PIP_CONFIG_FILE"] = str(tmp_path / "pip.conf")
        built = made.bazel("run", "//:main_cc", env=environment)
        assert built.checked().stdout == ANSWER
        assert index.requests == []
    assert release.server.requests == []
    assert packages_of(made) == set()

    # With a network again, they are installed by the first fetch that may need them.
    release.publish(answer=43)
    made.write({"answer.lock.json": release.lock.read_bytes()})
    assert made.bazel("run", "//:main_cc").checked().stdout == "the answer is 43\n"
    assert "requests" in packages_of(made)


def wheel(folder: Path, name: str, version: str) -> str:
    """Makes a wheel with nothing in it; returns the line that requires it."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}/__init__.py", "")
        file.writestr(f"{info}/METADATA", metadata)
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def test_a_changed_requirement_reaches_an_existing_output_base(
    workspace: MakeWorkspace, release: Release, tmp_path: Path
) -> None:
    """A new version of these rules may bring nothing but a newer requirement."""
    made = consumer(workspace, release)
    rules = tmp_path / "rules_cgo_prebuilt"
    for folder in ("rules", "tools"):
        shutil.copytree(REPOSITORY / folder, rules / folder)
    shutil.copy(REPOSITORY / "MODULE.bazel", rules)
    module = (made.path / "MODULE.bazel").read_text().replace(f'"{REPOSITORY}"', f'"{rules}"')
    made.write({"MODULE.bazel": f'{module}use_repo(prebuilt, "rules_cgo_prebuilt_python")\n'})
    requirements = rules / "rules/private/requirements"
    wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}

    def fetch() -> set[str]:
        # The default since Bazel 8: asking for a file's path does not watch the file.
        made.bazel(
            "fetch",
            "--incompatible_no_implicit_watch_label",
            "--repo=@rules_cgo_prebuilt_python",
            env=wheels,
        ).checked()
        return packages_of(made)

    for changed in (("requests", "decoders"), ("requests",), ("decoders",)):
        for name in changed:
            version = f"1.{len(list(tmp_path.glob('*.whl')))}"
            (requirements / f"{name}.txt").write_text(wheel(tmp_path, name, version))
        assert f"{name}-{version}.dist-info" in fetch()

    # A decoder that an index lacks does not prevent the installation of the others.
    (requirements / "requests.txt").write_text(wheel(tmp_path, "requests", "2.0"))
    (requirements / "decoders.txt").write_text(f"nowhere==1.0 --hash=sha256:{'0' * 64}\n")
    assert "requests-2.0.dist-info" in fetch()
