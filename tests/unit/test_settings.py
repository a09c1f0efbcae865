"""The environment and the command line, joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.errors import LockError, UsageError
from cgo_prebuilt.settings import (
    CommandLineSettings,
    Settings,
    is_on,
    library_variables,
    read_settings,
)
from cgo_prebuilt.starlark_tables import parse_tables
from cgo_prebuilt.url import Url
from reference.environment import VARIABLES

SHARED = parse_tables((Path(__file__).parents[1] / "starlark/variable_cases.bzl").read_text())


def test_an_empty_environment_leaves_the_defaults() -> None:
    assert read_settings({}, "vec") == Settings(
        offline=False, origin="auto", mirror=None, release_url=None, version=None
    )


def test_every_variable_is_read() -> None:
    environ = {
        "CGO_PREBUILT_OFFLINE": "1",
        "CGO_PREBUILT_ORIGIN": "prebuilt",
        "CGO_PREBUILT_MIRROR": "https://mirror",
        "CGO_PREBUILT_VEC_RELEASE_URL": "https://release",
        "CGO_PREBUILT_VEC_VERSION": "v2",
    }
    assert read_settings(environ, "vec") == Settings(
        offline=True,
        origin="prebuilt",
        mirror=Url("https://mirror"),
        release_url=Url("https://release"),
        release_url_variable="CGO_PREBUILT_VEC_RELEASE_URL",
        version="v2",
    )


def test_an_empty_variable_counts_as_unset() -> None:
    names = (
        "CGO_PREBUILT_OFFLINE",
        "CGO_PREBUILT_ORIGIN",
        "CGO_PREBUILT_MIRROR",
        "VEC_RELEASE_URL",
        "VEC_VERSION",
    )
    assert read_settings(dict.fromkeys(names, ""), "vec") == Settings()


def test_the_command_line_wins() -> None:
    environ = {"CGO_PREBUILT_ORIGIN": "prebuilt", "VEC_VERSION": "v2", "CGO_PREBUILT_OFFLINE": "0"}
    settings = read_settings(
        environ, "vec", CommandLineSettings(offline=True, origin="source", version="v3")
    )
    assert settings == Settings(offline=True, origin="source", version="v3")


def test_an_unknown_origin_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="'sometimes' is not an origin") as caught:
        read_settings({"CGO_PREBUILT_ORIGIN": "sometimes"}, "vec")
    assert caught.value.where == "CGO_PREBUILT_ORIGIN"
    assert caught.value.remedy == "use one of auto, prebuilt, source"


def test_an_old_name_is_answered_with_the_new_one() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"CGO_PREBUILT_ORIGIN": "never"}, "vec")
    assert caught.value.remedy == "use prebuilt, its new name"
    with pytest.raises(UsageError) as caught:
        read_settings({"CGO_PREBUILT_FALLBACK": "never"}, "vec", CommandLineSettings(origin="auto"))
    assert caught.value.what == "CGO_PREBUILT_FALLBACK is called CGO_PREBUILT_ORIGIN now"
    assert caught.value.remedy == "set CGO_PREBUILT_ORIGIN instead"


def test_the_mirror_of_module_bazel_gives_way_to_every_variable() -> None:
    def mirrors(environ: dict[str, str]) -> tuple[Url | None, Url | None]:
        settings = read_settings(
            environ, "vec", CommandLineSettings(default_mirror="https://default")
        )
        return settings.mirror, settings.release_url

    release_url = {"VEC_RELEASE_URL": "https://release"}
    assert mirrors({}) == (Url("https://default"), None)
    assert mirrors(release_url) == (None, Url("https://release"))
    assert mirrors({"CGO_PREBUILT_MIRROR": "https://m", **release_url})[0] == Url("https://m")
    with pytest.raises(UsageError, match=r"'mirror' in MODULE\.bazel is not an") as caught:
        read_settings({}, "vec", CommandLineSettings(default_mirror="third_party/mirror"))
    assert "an absolute path" in caught.value.what


def test_another_library_s_variables_are_not_read() -> None:
    assert read_settings({"VEC_VERSION": "v2"}, "vecs").version is None


@pytest.mark.parametrize("library", SHARED["NAMES"])
def test_a_library_s_variables_are_those_of_bazel(library: str) -> None:
    assert list(library_variables(library, "VERSION")) == SHARED["NAMES"][library]


def test_no_library_s_variable_is_one_of_the_command_s_own() -> None:
    own = {name for names, _ in VARIABLES for name in names if "<" not in name}
    assert not [name for name in own if name.endswith(("_VERSION", "_RELEASE_URL"))]


@pytest.mark.parametrize(("option", "own", "short", "version"), SHARED["ASKED"])
def test_the_namespaced_variable_takes_precedence(
    option: str, own: str, short: str, version: str
) -> None:
    environ = {"CGO_PREBUILT_VEC_VERSION": own, "VEC_VERSION": short}
    assert read_settings(environ, "vec", CommandLineSettings(version=option)).version == (
        version or None
    )


@pytest.mark.parametrize("variable", SHARED["REMEDIES"])
def test_a_variable_that_names_a_version_that_is_not_in_the_lock_is_blamed(variable: str) -> None:
    with pytest.raises(
        LockError, match=r"vec 1\.0 is not in the lock, and a variable asks for it"
    ) as caught:
        read_settings({variable: "1.0"}, "vec", versions=["v1", "v2"])
    assert caught.value.where == f"{variable}=1.0"
    assert caught.value.remedy == SHARED["REMEDIES"][variable]
    assert (
        read_settings(
            {variable: "1.0"}, "vec", CommandLineSettings(version="v1"), versions=["v1"]
        ).version
        == "v1"
    )


@pytest.mark.parametrize("own", ["CGO_PREBUILT_VEC_RELEASE_URL", "VEC_RELEASE_URL"])
def test_the_variable_of_a_release_s_url_is_known(own: str) -> None:
    environ = {"VEC_RELEASE_URL": "https://short", own: "https://own"}
    settings = read_settings(environ, "vec")
    assert (settings.release_url, settings.release_url_variable) == (Url("https://own"), own)


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "TRUE", "2"])
def test_a_variable_is_on(value: str) -> None:
    assert is_on(value)


@pytest.mark.parametrize("value", ["", " ", "0", "false", "No", "OFF", " 0 "])
def test_a_variable_is_off(value: str) -> None:
    assert not is_on(value)


@pytest.mark.parametrize("variable", ["CGO_PREBUILT_MIRROR", "VEC_RELEASE_URL"])
@pytest.mark.parametrize("value", ["srv/mirror", "mirror.example.com", "ftp://mirror", "u:pw@host"])
def test_a_mirror_that_is_no_place_is_refused_without_showing_it(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{variable} is not an http, https or file URL") as caught:
        read_settings({variable: value}, "vec")
    assert value not in str(caught.value).replace(" /srv/mirror", "").replace(
        "https://mirror.example.com", ""
    )


@pytest.mark.parametrize("value", ["file:///srv", "FILE:/srv", "https://mirror/{name}/{file}"])
def test_a_mirror_that_is_one_is_taken(value: str) -> None:
    assert read_settings({"CGO_PREBUILT_MIRROR": value}, "vec").mirror == Url(value)
    assert read_settings({}, "vec", CommandLineSettings(mirror=value)).mirror == Url(value)


def test_a_folder_is_a_mirror_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "braces {file}").mkdir()
    by_option = read_settings(
        {"CGO_PREBUILT_MIRROR": "https://m"}, "vec", CommandLineSettings(mirror="braces {file}")
    )
    assert by_option.mirror == Url(f"{tmp_path.as_uri()}/braces%20%7Bfile%7D")
    template = read_settings({}, "vec", CommandLineSettings(mirror="a b/{name}/{file}"))
    assert template.mirror == Url(f"{tmp_path.as_uri()}/a%20b/{{name}}/{{file}}")
    by_variable = read_settings({"CGO_PREBUILT_MIRROR": str(tmp_path)}, "vec")
    assert by_variable.mirror == Url(tmp_path.as_uri())


def test_an_option_of_another_scheme_is_not_a_folder() -> None:
    with pytest.raises(UsageError, match="--mirror is not an http, https or file URL"):
        read_settings({}, "vec", CommandLineSettings(mirror="ftp://mirror"))
