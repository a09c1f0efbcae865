"""Paths, versions and package names of Go modules."""

from __future__ import annotations

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.go_modules.go_module import (
    check_module_path,
    check_root_package,
    file_path_problem,
    import_path_problem,
    is_canonical,
    latest,
    module_version,
    package_name,
    platform_module,
    version_key,
)
from cgo_prebuilt.linking.srcdir_paths import escape, unescape
from cgo_prebuilt.platforms import Platform


@pytest.mark.parametrize(
    "path",
    [
        "go.acme.dev/vecsearch-prebuilt",
        "acme.dev",
        "go.acme.dev/VecSearch",
        "go.acme.dev/x/v2",
        "go.acme.dev/x/v10",
        "go.acme.dev/a_b~c.d/e",
        "1.dev/v",
        "go.acme.dev/vX",
    ],
)
def test_a_path_that_go_takes_is_taken(path: str) -> None:
    check_module_path(path, where="prebuilt.yaml")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "it is empty"),
        ("vecsearch", "the host 'vecsearch' has no dot"),
        ("Go.acme.dev/x", "has characters other than"),
        ("-x.dev/y", "it begins with a dash"),
        ("/x.dev/y", "it has an empty part"),
        ("go.acme.dev//x", "it has an empty part"),
        ("go.acme.dev/x/", "it has an empty part"),
        ("go.acme.dev/.x", "begins with a dot"),
        ("go.acme.dev/x.", "ends in a dot"),
        ("go.acme.dev/x y", "it has the character ' '"),
        ("go.acme.dev/ü", "it has the character 'ü'"),
        ("go.acme.dev:8080/x", "it has the character ':'"),
        ("go.acme.dev/con", "is a device on Windows"),
        ("go.acme.dev/Aux.h", "is a device on Windows"),
        ("go.acme.dev/x~1", "ends in a tilde and digits"),
        ("go.acme.dev/x/v1", "version 1 has no suffix"),
        ("go.acme.dev/x/v0", "looks like a major version"),
        ("go.acme.dev/x/v02", "looks like a major version"),
        ("go.acme.dev/x/v2.1", "looks like a major version"),
        ("github.com/acme/x", "github.com serves repositories"),
        ("gopkg.in/x.v2", "gopkg.in serves repositories"),
        ("go.acme.dev/internal", "no other module may import what is below 'internal'"),
        ("go.acme.dev/internal/x", "may import what is below 'internal'"),
        ("go.acme.dev/vendor/x", "may import what is below 'vendor'"),
    ],
)
def test_a_path_that_cannot_be_published_is_refused(path: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_module_path(path, where="prebuilt.yaml: go.module")
    assert reason in caught.value.what
    assert caught.value.where == "prebuilt.yaml: go.module"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("go.acme.dev/go", "does not allow it as a name"),
        ("go.acme.dev/type/v2", "does not allow it as a name"),
        ("go.acme.dev/~", "does not allow it as a name"),
        ("go.acme.dev/Main", "it is a program's, which nobody imports"),
        ("go.acme.dev/documentation", "ignores the files of a package with it"),
    ],
)
def test_a_path_whose_package_nobody_can_import_is_refused(path: str, reason: str) -> None:
    check_root_package("go.acme.dev/golang", where="m")
    with pytest.raises(UsageError, match="would have the name") as caught:
        check_root_package(path, where="prebuilt.yaml: go.module")
    assert reason in caught.value.what
    assert caught.value.where == "prebuilt.yaml: go.module"


@pytest.mark.parametrize(
    ("release", "path", "version"),
    [
        ("v0.3.0", "a.dev/x", "v0.3.0"),
        ("1.4.3", "a.dev/x", "v1.4.3"),
        ("v1.0.0-rc.1", "a.dev/x", "v1.0.0-rc.1"),
        ("v2.0.0", "a.dev/x/v2", "v2.0.0"),
        ("12.0.1", "a.dev/x/v12", "v12.0.1"),
    ],
)
def test_a_release_has_a_module_version(release: str, path: str, version: str) -> None:
    assert module_version(release, path, where="m") == version


@pytest.mark.parametrize(
    "release",
    ["v1", "v1.2", "1.2.3.4", "v01.2.3", "v1.2.3+linux", "v1.2.3-", "v1.2.3-01", "latest", ""],
)
def test_a_release_that_is_no_version_of_a_module_is_refused(release: str) -> None:
    with pytest.raises(UsageError, match="is not a valid version of a Go module"):
        module_version(release, "a.dev/x", where="m")


@pytest.mark.parametrize(
    ("release", "path", "wanted"),
    [
        ("v2.0.0", "a.dev/x", "a.dev/x/v2"),
        ("v3.1.0", "a.dev/x/v2", "a.dev/x/v3"),
        ("v1.0.0", "a.dev/x/v2", "a.dev/x"),
    ],
)
def test_the_major_version_has_to_be_in_the_path(release: str, path: str, wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        module_version(release, path, where="m")
    assert caught.value.remedy == f"for this version the path has to be {wanted}"


def test_a_platforms_module_is_named_behind_the_path_and_before_the_major_version() -> None:
    platform = Platform("linux", "amd64", "musl")
    assert platform_module("a.dev/x", platform) == "a.dev/x-linux-amd64-musl"
    assert platform_module("a.dev/x/v2", platform) == "a.dev/x-linux-amd64-musl/v2"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.dev/vecsearch-prebuilt", "vecsearch_prebuilt"),
        ("a.dev/VecSearch/v2", "vecsearch"),
        ("a.dev/7zip.x", "_7zip_x"),
    ],
)
def test_a_package_is_named_like_the_last_part_of_its_path(path: str, name: str) -> None:
    assert package_name(path) == name


def test_capitals_are_escaped_and_back() -> None:
    assert escape("a.dev/VecX@v1.0.0-RC1") == "a.dev/!vec!x@v1.0.0-!r!c1"
    assert unescape(escape("a.dev/VecX@v1.0.0-RC1")) == "a.dev/VecX@v1.0.0-RC1"


def test_versions_sort_by_semantic_precedence() -> None:
    # The example of Semantic Versioning 2.0.0, section 11, with numbers that strings sort wrongly.
    ordered = [
        "v1.0.0-alpha",
        "v1.0.0-alpha.1",
        "v1.0.0-alpha.beta",
        "v1.0.0-beta",
        "v1.0.0-beta.2",
        "v1.0.0-beta.11",
        "v1.0.0-rc.1",
        "v1.0.0",
        "v1.2.0",
        "v1.10.0",
        "v2.0.0",
    ]
    backwards = ordered[::-1]
    assert sorted(backwards, key=version_key) == ordered


def test_the_latest_version_is_a_release_where_there_is_one() -> None:
    assert latest(["v1.0.0", "v0.9.0", "v2.0.0-rc.1"]) == "v1.0.0"
    assert latest(["v1.0.0-rc.1", "v1.0.0-rc.10", "v1.0.0-rc.2"]) == "v1.0.0-rc.10"


@pytest.mark.parametrize(
    "version",
    ["v0.0.0-20191109021931-daa7c04131f5", "v1.2.4-0.20191109021931-daa7c04131f5", "1.2.3", "v1.2"],
)
def test_only_canonical_versions_and_no_pseudo_versions_are_listed(version: str) -> None:
    assert not is_canonical(version)
    assert is_canonical("v1.2.3-pre.1")


@pytest.mark.parametrize("path", ["lib/libx.a", "include/c++/a b.h", "größe.h", "a[1]{2}~3!.h"])
def test_a_file_name_that_go_takes_is_taken(path: str) -> None:
    assert file_path_problem(path) is None


@pytest.mark.parametrize("path", ["a*.h", "a'b.h", "aux.h", "a.", "a|b", "x;y.h", "a\tb", "½.h"])
def test_a_file_name_that_go_refuses_is_refused(path: str) -> None:
    assert file_path_problem(path) is not None


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("c++", True),
        ("a_b", True),
        ("a b", False),
        ("größe", False),
        ("a@b", False),
        ("x~1", False),
    ],
)
def test_a_folder_has_to_be_an_import_path(path: str, good: bool) -> None:
    assert (import_path_problem(path) is None) is good
