"""The copy of the command that Bazel fetches: all that the rules run, and nothing else."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cgo_prebuilt
from cgo_prebuilt import cli
from cgo_prebuilt.locks.lock_file import format_lock
from tests.unit import library_case as vec

ROOT = Path(__file__).parents[2]
PACKAGE = Path(cgo_prebuilt.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
VERBS = ("fetch", "urls", "env", "source", "crates", "mirror", "cache", "platform", "doctor")
PUBLISHERS = ("lock", "pack", "publish", "withdraw", "init", "inspect", "goproxy", "gazelle")


def left_out() -> set[str]:
    """The packages that .gitattributes keeps out of the module's archive."""
    lines = (ROOT / ".gitattributes").read_text().splitlines()
    rules = [line.split() for line in lines if line.startswith("/tools/cgo_prebuilt/")]
    assert all(attributes == ["export-ignore"] for _, *attributes in rules)
    return {Path(folder).name for folder, *_ in rules}


def is_left_out(module: str) -> bool:
    return module.split(".")[1:2] != [] and module.split(".")[1] in left_out()


def imports(module: str) -> Iterator[str]:
    """The modules of the package that a module imports when it is loaded, or later."""
    nodes: list[ast.AST] = [ast.parse(MODULES[module].read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{name.name}" for name in node.names))
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        nodes += ast.iter_child_nodes(node)
    yield module.rpartition(".")[0]


def closure(roots: set[str]) -> set[str]:
    found: set[str] = set()
    while roots:
        module = roots.pop()
        if module not in found:
            found.add(module)
            roots |= MODULES.keys() & set(imports(module))
    return found


def test_the_archive_has_the_modules_that_consumers_run_and_no_others() -> None:
    """A new module is on one side or the other; .gitattributes and the packages say on which."""
    adders = {adder.rpartition(".")[0] for adder, verbs in cli._VERBS.items() if verbs[0] in VERBS}
    roots = {"commands.bazel_fetcher", "commands.python_packages", "__main__", *adders}
    needed = closure({f"cgo_prebuilt.{root}" for root in roots})
    assert needed == {module for module in MODULES if not is_left_out(module)}


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the archive's copy of the package."""
    folder = tmp_path_factory.mktemp("archived")
    ignored = shutil.ignore_patterns("__pycache__", *left_out())
    shutil.copytree(PACKAGE, folder / "cgo_prebuilt", ignore=ignored)
    return folder


def run(archived: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cgo_prebuilt", *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": str(archived), "CGO_PREBUILT_CACHE": str(archived / "c")}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", PUBLISHERS)
def test_the_archive_s_copy_says_where_a_publisher_s_verb_is(archived: Path, verb: str) -> None:
    done = run(archived, verb)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"which came with the Bazel module, lacks `{verb}`" in done.stderr
    assert "install the whole command, such as with `pipx install cgo-prebuilt`" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_archive_s_copy_offers_the_verbs_of_consumers(archived: Path) -> None:
    done = run(archived, "--help")
    assert done.returncode == 0
    offered = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ")]
    assert set(VERBS) <= set(offered)
    assert not set(PUBLISHERS) & set(offered)
    refused = run(archived, "fetc")
    assert refused.returncode == 2
    assert "did you mean 'fetch'?" in refused.stderr


def test_the_archive_s_copy_fetches(archived: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "vec-v1.2.3-linux_amd64.tar.gz").write_bytes(vec.archive_of(vec.FILES))
    locked = tmp_path / "vec.lock.json"
    locked.write_text(format_lock(vec.lock("https://example.com/vec-v1.2.3-linux_amd64.tar.gz")))
    which = (f"--lock={locked}", "--platform=linux_amd64", f"--mirror={mirror}", "--json")
    asked = run(archived, "urls", *which)
    assert json.loads(asked.stdout)["cached"] is False
    done = run(archived, "fetch", *which, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "downloaded"
    assert {path: (tmp_path / "out" / path).read_bytes() for path in vec.FILES} == vec.FILES
