"""The packages of the fetcher: they depend on each other one way, as docs/ARCHITECTURE.md says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tools" / "cgo_prebuilt"
IMPORT = re.compile(
    r"^\s*from cgo_prebuilt\.(\w+)\.\w+ import|^\s*from cgo_prebuilt\.(\w+) import", re.M
)


def _layers() -> list[str]:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    return re.findall(r"^\| `(\w+)` \|", page[page.index("| package |") :].split("\n\n")[0], re.M)


def test_the_page_names_every_package() -> None:
    packages = {folder.parent.name for folder in PACKAGE.glob("*/__init__.py")}
    assert set(_layers()) == packages


def test_no_package_imports_one_below_it() -> None:
    layers = _layers()
    wrong = []
    for module in sorted(PACKAGE.glob("*/*.py")):
        own = layers.index(module.parent.name)
        for pair in IMPORT.findall(module.read_text()):
            package = pair[0] or pair[1]
            if package in layers and layers.index(package) > own:
                wrong.append(f"{module.relative_to(PACKAGE)} imports {package}")
    assert wrong == []


def test_no_module_is_long() -> None:
    modules = [*PACKAGE.rglob("*.py"), *(ROOT / "rules").rglob("*.bzl")]
    lines = {module.relative_to(ROOT): len(module.read_text().splitlines()) for module in modules}
    assert {module: count for module, count in lines.items() if count > 400} == {}
