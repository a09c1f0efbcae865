"""Which files of a commit are a crate's, and what it takes from its workspace."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cgo_prebuilt.errors import BuildError, UsageError
from cgo_prebuilt.source.cargo_lock import GitCrates
from cgo_prebuilt.source.git_layout import (
    Entry,
    check_names,
    crate_files,
    package_of,
    workspace_manifest,
)

SOURCE = "git+https://example.com/acme/repo#" + "a" * 40
WORKSPACE = """\
[package]
name = "root"
version.workspace = true

[workspace] # the root
members = [
  "crates/*",
]
[workspace.package]
version = "1.0.0"

[profile.release]
lto = true
"""
INNER = '[package]\nname = "inner"\nversion.workspace = true\n'
TREE: Mapping[str, str] = {
    "Cargo.toml": WORKSPACE,
    "src/lib.rs": "",
    "LICENSE": "Do what you like.",
    "crates/inner/Cargo.toml": INNER,
    "crates/inner/src/lib.rs": "",
    "crates/inner/LICENSE": "-> ../../LICENSE",
    "crates/inner/shared": "-> ../../src",
    "crates/inner/outside": "-> ../../../etc",
    "crates/inner/again": "-> again",
    "crates/inner/sub/Cargo.toml": '[package]\nname = "sub"\nversion = "0.2.0"\n',
    "crates/inner/sub/src/lib.rs": "",
    "old/inner/Cargo.toml": "[package]\nname = 'inner'\nversion = \"0.9.0\"\n",
}


def laid_out(
    *crates: tuple[str, str], tree: Mapping[str, str] = TREE, submodule: str = ""
) -> tuple[dict[str, str], str]:
    """Where each file of some crates comes from, and the manifest above them."""
    entries = {
        path: Entry("120000" if text.startswith("-> ") else "100644", text)
        for path, text in tree.items()
    }
    if submodule:
        entries[submodule] = Entry("160000", "b" * 40)
    manifests = {path: text for path, text in tree.items() if path.endswith("Cargo.toml")}
    git = GitCrates(SOURCE, crates)
    files = crate_files(git, entries, manifests, lambda path: tree[path].removeprefix("-> "))
    return files, workspace_manifest(git, files, manifests)


def test_a_crates_files_are_those_of_its_folder_and_what_links_lead_to() -> None:
    files, above = laid_out(("inner", "1.0.0"))
    assert files == {
        "inner-1.0.0/Cargo.toml": "crates/inner/Cargo.toml",
        "inner-1.0.0/LICENSE": "LICENSE",
        "inner-1.0.0/shared/lib.rs": "src/lib.rs",
        "inner-1.0.0/src/lib.rs": "crates/inner/src/lib.rs",
    }
    # Not the package that is there, too, whose files are elsewhere.
    assert above == (
        '[workspace] # the root\nmembers = [\n  "crates/*",\n]\n[workspace.package]\nversion = "1.0.0"\n\n'
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("src/aux.txt", "'aux.txt' is a device on Windows"),
        ("src/a\\b", "a backslash"),
        ("src/a\nb", "a control character"),
        ("src/\udcff", "it is not UTF-8"),
        ("SRC/lib.rs", "are one file where case or Unicode form is ignored"),
        ("src/../lib.rs", "it has the part '..'"),
        (".Cargo-checksum.json", "are one file where case"),
    ],
)
def test_a_name_that_no_reader_takes_is_refused_when_it_is_locked(name: str, why: str) -> None:
    own = {"a-1.0.0/.cargo-checksum.json", "a-1.0.0/src/lib.rs"}
    with pytest.raises(UsageError) as caught:
        check_names(GitCrates(SOURCE, ()), {*own, f"a-1.0.0/{name}"})
    assert caught.value.what.startswith("the files of the crates cannot be in an archive: ")
    assert why in caught.value.what
    assert "cargo vendor" in caught.value.remedy


def test_a_crate_is_found_by_its_version_where_that_is_said() -> None:
    files, above = laid_out(("inner", "0.9.0"), ("sub", "0.2.0"))
    assert files["inner-0.9.0/Cargo.toml"] == "old/inner/Cargo.toml"
    assert files["sub-0.2.0/src/lib.rs"] == "crates/inner/sub/src/lib.rs"
    assert above == ""


def test_the_root_package_is_its_own_workspace() -> None:
    files, above = laid_out(("root", "1.0.0"))
    assert set(files) == {f"root-1.0.0/{name}" for name in ("Cargo.toml", "LICENSE", "src/lib.rs")}
    assert above == ""


@pytest.mark.parametrize(
    ("crates", "tree", "submodule", "what"),
    [
        (
            [("none", "1.0.0")],
            TREE,
            "",
            "the crate none 1.0.0 is not in the commit that Cargo.lock",
        ),
        (
            [("inner", "1.0.0")],
            TREE,
            "crates/inner/c",
            "has a Git submodule, crates/inner/c, which",
        ),
        (
            [("inner", "1.0.0"), ("far", "1.0.0")],
            {
                **TREE,
                "far/Cargo.toml": "[workspace]\n[workspace.package]\n",
                "far/x/Cargo.toml": '[package]\nname = "far"\nversion = { workspace = true }\n',
            },
            "",
            "of 2 workspaces, which 'vendor' cannot join: Cargo.toml, far/Cargo.toml",
        ),
    ],
    ids=["no such crate", "a submodule", "two workspaces"],
)
def test_what_cannot_be_vendored_is_told(
    crates: list[tuple[str, str]], tree: Mapping[str, str], submodule: str, what: str
) -> None:
    with pytest.raises(BuildError) as caught:
        laid_out(*crates, tree=tree, submodule=submodule)
    assert what in caught.value.what
    assert "`cargo vendor`" in caught.value.remedy


def test_a_submodule_without_a_crate_is_ignored() -> None:
    files, _ = laid_out(("inner", "1.0.0"), submodule="third_party/c")
    assert len(files) == 4


def test_a_package_is_read_line_by_line() -> None:
    text = '[dependencies]\nname = "no"\n[package] # yes\n name= "a" # b\n'
    text += "version = '1'\n[lib]\nname = 'l'\n"
    assert package_of(text) == {"name": "a", "version": "1"}
    assert package_of("[package]\nversion.workspace = true\n") == {}
