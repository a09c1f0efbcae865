"""Which `requests` the fetcher downloads with: its Python's own where that is good, else the carried one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cgo_prebuilt
from cgo_prebuilt.network.requests_library import is_good

PROGRAM = """
import sys
from pathlib import Path
from cgo_prebuilt.errors import PackageError
from cgo_prebuilt.network.requests_library import load_requests
try:
    print(load_requests(Path(sys.argv[1])).__version__)
except PackageError as error:
    print(error.what)
except ModuleNotFoundError as error:
    print(error)
"""

FOUND = "2.30", "2.31.0", ""
"""Versions of the interpreter's own; the last stands for none."""


def put(place: Path, version: str) -> None:
    """Puts a `requests` into a folder, as pip does."""
    files = {
        "requests/__init__.py": f"__version__ = {version!r}\n",
        f"requests-{version}.dist-info/METADATA": f"Name: requests\nVersion: {version}\n",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


@pytest.mark.parametrize("carries", [True, False], ids=["released", "checkout"])
@pytest.mark.parametrize("own", FOUND, ids=["old", "good", "none"])
def test_the_python_s_own_is_taken_where_it_is_new_enough(
    tmp_path: Path, own: str, carries: bool
) -> None:
    carried = tmp_path / "carried"
    if carries:
        carried.mkdir()
        with zipfile.ZipFile(carried / "requests-2.99-py3-none-any.whl", "w") as wheel:
            wheel.writestr("requests/__init__.py", "__version__ = '2.99'\n")
    if own:
        put(tmp_path / "own", own)
    tools = Path(cgo_prebuilt.__file__).parents[1]
    done = subprocess.run(
        # -S: without the packages of the Python that runs the tests.
        [sys.executable, "-S", "-c", PROGRAM, carried],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tools), str(tmp_path / "own")])},
        capture_output=True,
        text=True,
        check=True,
    )
    otherwise = {
        "2.30": "requests 2.30 is too old to download with",
        "": "No module named 'requests'",
    }
    expected = own if own == "2.31.0" else "2.99" if carries else otherwise[own]
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize("version", ["2.31.0", "2.100", "3.0.dev1", "10.0"])
def test_new_enough(version: str) -> None:
    assert is_good(version)


@pytest.mark.parametrize("version", ["", "2", "2.30.9", "1.99", "unknown"])
def test_too_old_or_not_a_version(version: str) -> None:
    assert not is_good(version)
