"""What the fetcher's Python lacks is installed once for all output bases, by a real pip."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgo_prebuilt.commands import python_packages
from cgo_prebuilt.commands.python_packages import (
    install,
    is_lacking,
    packages_store,
    pip_problem,
    pip_variables,
)
from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.storage.store import Store

PURPOSE = "`requests`, which the fetcher downloads with"


def requirement(folder: Path, name: str, package: str, version: str = "1.0") -> Path:
    """Makes a wheel with one module, and the requirements that name it by hash."""
    info = f"{package}-{version}.dist-info"
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(f"{package}/__init__.py", "")
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        file.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        file.writestr(f"{info}/WHEEL", tags)
        file.writestr(f"{info}/RECORD", "")
    text = f"{package}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    path = folder / f"{name}.txt"
    path.write_text(text)
    return path


def environment(folder: Path) -> Mapping[str, str]:
    """Of a pip that reaches nothing but a folder."""
    return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def installed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir() and "." not in path.name}


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Path]:
    names = {"requests": "carrot", "decoders": "potato"}
    return {name: requirement(tmp_path, name, package) for name, package in names.items()}


def test_a_second_output_base_runs_no_pip(tmp_path: Path, wanted: Mapping[str, Path]) -> None:
    store = Store(tmp_path / "store")
    assert install(wanted, tmp_path / "first", environment(tmp_path), store) == ""
    for wheel in tmp_path.glob("*.whl"):
        wheel.unlink()
    assert install(wanted, tmp_path / "second", environment(tmp_path), store) == ""
    assert installed(tmp_path / "first") == installed(tmp_path / "second") == {"carrot", "potato"}
    assert [tree.label for tree in store.list()] == [
        "Python packages of the fetcher: requests, decoders"
    ]


def test_the_store_of_libraries_lists_no_packages(
    tmp_path: Path, wanted: Mapping[str, Path]
) -> None:
    store = Store(tmp_path / "store")
    assert install(wanted, tmp_path / "first", environment(tmp_path), packages_store(store)) == ""
    assert store.list() == ()
    assert len(packages_store(store).list()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="its modes do not tell who can write")
def test_a_store_that_others_can_write_keeps_no_packages(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)
    with pytest.raises(UsageError):
        packages_store(Store(tmp_path / "store"))


def test_a_changed_requirement_is_installed(tmp_path: Path, wanted: dict[str, Path]) -> None:
    store = Store(tmp_path / "store")
    assert install(wanted, tmp_path / "first", environment(tmp_path), store) == ""
    wanted["requests"] = requirement(tmp_path, "requests", "carrot", "2.0")
    assert install(wanted, tmp_path / "second", environment(tmp_path), store) == ""
    assert (tmp_path / "second/carrot-2.0.dist-info").is_dir()


def test_a_damaged_package_in_the_store_is_installed_again(
    tmp_path: Path, wanted: Mapping[str, Path]
) -> None:
    store = Store(tmp_path / "store")
    assert install(wanted, tmp_path / "first", environment(tmp_path), store) == ""
    (changed,) = (tmp_path / "store").glob("v1/trees/*/files/carrot/__init__.py")
    changed.chmod(0o644)
    changed.write_text("raise SystemExit('planted')")
    assert install(wanted, tmp_path / "second", environment(tmp_path), store) == ""
    assert (tmp_path / "second/carrot/__init__.py").read_text() == ""


@pytest.mark.parametrize("has_store", [True, False])
def test_what_is_there_is_installed_where_a_decoder_is_not(
    tmp_path: Path, wanted: Mapping[str, Path], *, has_store: bool
) -> None:
    next(tmp_path.glob("potato*.whl")).unlink()
    store = Store(tmp_path / "store") if has_store else None
    assert install(wanted, tmp_path / "first", environment(tmp_path), store) == ""
    assert installed(tmp_path / "first") == {"carrot"}


def test_without_requests_it_says_why(tmp_path: Path, wanted: Mapping[str, Path]) -> None:
    next(tmp_path.glob("carrot*.whl")).unlink()
    said = install(wanted, tmp_path / "first", environment(tmp_path), None)
    assert said.startswith(f"pip could not install {PURPOSE}:\n")
    assert "carrot" in said
    assert said.endswith(f"or install it beside {sys.executable}")


def test_a_store_that_cannot_be_written_is_no_problem(
    tmp_path: Path, wanted: Mapping[str, Path]
) -> None:
    (tmp_path / "store").write_text("not a folder")
    store = Store(tmp_path / "store")
    assert install(wanted, tmp_path / "first", environment(tmp_path), store) == ""
    assert installed(tmp_path / "first") == {"carrot", "potato"}


def test_nothing_is_installed_where_nothing_is_lacking(tmp_path: Path) -> None:
    assert install({}, tmp_path / "first", {}, None) == ""
    assert not (tmp_path / "first").exists()


@pytest.mark.parametrize(
    ("environ", "index"),
    [
        ({}, None),
        ({"CGO_PREBUILT_OFFLINE": "1"}, "1"),
        ({"CGO_PREBUILT_OFFLINE": "0"}, None),
        # One that is named is one that can be reached, such as on this machine.
        ({"CGO_PREBUILT_OFFLINE": "1", "PIP_INDEX_URL": "http://localhost"}, None),
    ],
)
def test_offline_pip_gets_no_index(environ: Mapping[str, str], index: str | None) -> None:
    variables = pip_variables({**environ, "PYTHONPATH": "tools"})
    assert variables.get("PIP_NO_INDEX") == index
    assert variables["PIP_USER"] == "0"
    assert "PYTHONPATH" not in variables


def test_what_a_problem_says() -> None:
    said = pip_problem(PURPOSE, "no such option", "/usr/bin/python3")
    assert said.startswith(f"pip could not install {PURPOSE}:\nno such option\n  next: install")


def test_what_is_lacking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not is_lacking("requests")
    monkeypatch.setitem(sys.modules, "requests", None)
    assert is_lacking("requests")
    monkeypatch.setattr(python_packages, "CARRIED", tmp_path)
    assert not is_lacking("requests")
    monkeypatch.setitem(sys.modules, "isal", None)
    assert is_lacking("decoders")
    monkeypatch.setattr(python_packages, "version", lambda _: "41.9")
    assert is_lacking("signatures")
    assert not is_lacking("attestations")
