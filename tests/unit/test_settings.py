"""The environment and the command line, joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgo_prebuilt.errors import UsageError
from cgo_prebuilt.settings import Settings, environment_name, is_on, read_settings
from cgo_prebuilt.url import Url


def test_an_empty_environment_leaves_the_defaults() -> None:
    assert read_settings({}, "vec") == Settings(
        offline=False, origin="auto", mirror=None, release_url=None, version=None
    )


def test_every_variable_is_read() -> None:
    environ = {
        "CGO_PREBUILT_OFFLINE": "1",
        "CGO_PREBUILT_ORIGIN": "prebuilt",
        "CGO_PREBUILT_MIRROR": "https://mirror",
        "VEC_RELEASE_URL": "https://release",
        "VEC_VERSION": "v2",
    }
    assert read_settings(environ, "vec") == Settings(
        True, "prebuilt", Url("https://mirror"), Url("https://release"), "v2"
    )


def test_an_empty_variable_is_as_good_as_none() -> None:
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
    settings = read_settings(environ, "vec", offline=True, origin="source", version="v3")
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
        read_settings({"CGO_PREBUILT_FALLBACK": "never"}, "vec", origin="auto")
    assert caught.value.what == "CGO_PREBUILT_FALLBACK is called CGO_PREBUILT_ORIGIN now"
    assert caught.value.remedy == "set CGO_PREBUILT_ORIGIN instead"


def test_the_mirror_of_module_bazel_gives_way_to_every_variable() -> None:
    def mirrors(environ: dict[str, str]) -> tuple[Url | None, Url | None]:
        settings = read_settings(environ, "vec", default_mirror="https://default")
        return settings.mirror, settings.release_url

    release_url = {"VEC_RELEASE_URL": "https://release"}
    assert mirrors({}) == (Url("https://default"), None)
    assert mirrors(release_url) == (None, Url("https://release"))
    assert mirrors({"CGO_PREBUILT_MIRROR": "https://m", **release_url})[0] == Url("https://m")
    with pytest.raises(UsageError, match=r"'mirror' in MODULE\.bazel is no URL") as caught:
        read_settings({}, "vec", default_mirror="third_party/mirror")
    assert "an absolute path" in caught.value.what


def test_another_library_s_variables_are_not_read() -> None:
    assert read_settings({"VEC_VERSION": "v2"}, "vecs").version is None


@pytest.mark.parametrize(
    ("library", "name"), [("vec", "VEC"), ("lancedb-go", "LANCEDB_GO"), ("a.b+c", "A_B_C")]
)
def test_a_library_s_variables_begin_with_its_name(library: str, name: str) -> None:
    assert environment_name(library) == name


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "TRUE", "2"])
def test_a_variable_is_on(value: str) -> None:
    assert is_on(value)


@pytest.mark.parametrize("value", ["", " ", "0", "false", "No", "OFF", " 0 "])
def test_a_variable_is_off(value: str) -> None:
    assert not is_on(value)


@pytest.mark.parametrize("variable", ["CGO_PREBUILT_MIRROR", "VEC_RELEASE_URL"])
@pytest.mark.parametrize("value", ["srv/mirror", "mirror.example.com", "ftp://mirror", "u:pw@host"])
def test_a_mirror_that_is_no_place_is_refused_without_showing_it(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{variable} is no URL of http, https or file") as caught:
        read_settings({variable: value}, "vec")
    assert value not in str(caught.value).replace(" /srv/mirror", "").replace(
        "https://mirror.example.com", ""
    )


@pytest.mark.parametrize("value", ["file:///srv", "FILE:/srv", "https://mirror/{name}/{file}"])
def test_a_mirror_that_is_one_is_taken(value: str) -> None:
    assert read_settings({"CGO_PREBUILT_MIRROR": value}, "vec").mirror == Url(value)
    assert read_settings({}, "vec", mirror=value).mirror == Url(value)


def test_a_folder_is_a_mirror_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    by_option = read_settings({"CGO_PREBUILT_MIRROR": "https://m"}, "vec", mirror="braces {file}")
    assert by_option.mirror == Url(f"{tmp_path.as_uri()}/braces%20%7Bfile%7D")
    by_variable = read_settings({"CGO_PREBUILT_MIRROR": str(tmp_path)}, "vec")
    assert by_variable.mirror == Url(tmp_path.as_uri())


def test_an_option_of_another_scheme_is_not_a_folder() -> None:
    with pytest.raises(UsageError, match="--mirror is no URL of http, https or file"):
        read_settings({}, "vec", mirror="ftp://mirror")
