"""Reading a mapping key by key: every refusal says what, where, and what to do."""

from __future__ import annotations

import datetime

import pytest

from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.fields import Fields


def fields(value: object, *known: str) -> Fields:
    return Fields(value, where="a file: here", known=known or ("key",), error=ManifestError)


@pytest.mark.parametrize(
    ("value", "kind"), [([], "a list"), ("a", "a string"), (None, "nothing"), (7, "7")]
)
def test_what_is_no_mapping_is_refused_by_its_kind(value: object, kind: str) -> None:
    with pytest.raises(ManifestError) as caught:
        fields(value)
    assert caught.value.what == f"expected a mapping, found {kind}"
    assert caught.value.where == "a file: here"


def test_an_unknown_key_names_the_nearest_known_one_and_all_of_them() -> None:
    with pytest.raises(ManifestError, match="unknown key 'linkopt'") as caught:
        fields({"linkopt": []}, "headers", "linkopts")
    assert caught.value.remedy == "did you mean 'linkopts'? known keys here: headers, linkopts"


def test_an_unknown_key_that_is_near_to_none_lists_the_known_ones() -> None:
    with pytest.raises(ManifestError) as caught:
        fields({"zzz": 1}, "headers", "linkopts")
    assert caught.value.remedy == "known keys here: headers, linkopts"


def test_a_key_that_is_no_string_is_unknown() -> None:
    with pytest.raises(ManifestError, match="unknown key '7'"):
        fields({7: 1})


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ManifestError, match="'key' is missing") as caught:
        fields({}).string("key")
    assert caught.value.remedy == "add 'key' here"


def test_a_default_stands_for_an_absent_key_but_not_for_a_null_one() -> None:
    assert fields({}).string("key", "x") == "x"
    with pytest.raises(ManifestError, match="must be a string, found nothing"):
        fields({"key": None}).string("key", "x")


@pytest.mark.parametrize("value", [1.1, 7, True, datetime.date(2026, 1, 2)])
def test_a_string_that_yaml_took_for_something_else_is_to_be_quoted(value: object) -> None:
    with pytest.raises(ManifestError, match="'key' must be a string") as caught:
        fields({"key": value}).string("key")
    assert caught.value.remedy == 'put quotes around it, as in "1.10"'


def test_a_list_for_a_string_is_not_to_be_quoted() -> None:
    with pytest.raises(ManifestError, match="must be a string, found a list") as caught:
        fields({"key": ["a"]}).string("key")
    assert caught.value.remedy == "write a text there"


def test_one_string_is_a_list_of_one() -> None:
    assert fields({"key": "a"}).strings("key") == ("a",)


def test_an_absent_or_null_list_is_the_default() -> None:
    assert fields({}).strings("key", ("d",)) == ("d",)
    assert fields({"key": None}).strings("key", ("d",)) == ("d",)


def test_an_empty_list_is_not_the_default() -> None:
    assert fields({"key": []}).strings("key", ("d",)) == ()


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"a": 1}, "'key' must be a list of strings, found a mapping"),
        (7, "'key' must be a list of strings, found 7"),
        (["a", 1.1], "'key' must hold strings only, found 1.1"),
        (["a", None], "'key' must hold strings only, found nothing"),
    ],
)
def test_what_is_no_list_of_strings_is_refused(value: object, what: str) -> None:
    with pytest.raises(ManifestError) as caught:
        fields({"key": value}).strings("key")
    assert caught.value.what == what


def test_an_optional_string_may_be_absent_or_null() -> None:
    assert fields({}).optional_string("key") is None
    assert fields({"key": None}).optional_string("key") is None
    assert fields({"key": "a"}).optional_string("key") == "a"


@pytest.mark.parametrize("value", ["A" * 64, "a" * 63, "a" * 65, "a" * 64 + " ", "sha256:abc"])
def test_a_hash_is_64_lower_case_hex_digits(value: str) -> None:
    with pytest.raises(ManifestError, match="'key' must be 64 lower-case hex digits"):
        fields({"key": value}).sha256("key")


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_a_count_is_a_whole_number_from_zero_on(value: object) -> None:
    with pytest.raises(ManifestError, match="'key' must be a whole number of bytes"):
        fields({"key": value}).count("key")


def test_zero_is_a_count() -> None:
    assert fields({"key": 0}).count("key") == 0


def test_a_mapping_of_strings_is_empty_if_absent() -> None:
    assert fields({"key": {"glibc": "2.28"}}).string_mapping("key") == {"glibc": "2.28"}
    assert fields({}).string_mapping("key") == {}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (["a"], "'key' must be a mapping, found a list"),
        ({"glibc": 2.28}, "'key' must map strings to strings, found 'glibc': 2.28"),
        ({7: "a"}, "'key' must map strings to strings, found 7: 'a'"),
    ],
)
def test_what_is_no_mapping_of_strings_is_refused(value: object, what: str) -> None:
    with pytest.raises(ManifestError) as caught:
        fields({"key": value}).string_mapping("key")
    assert caught.value.what == what


@pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_text_is_one_line_of_visible_characters(sign: str) -> None:
    for value in (f"a{sign}b", f"a{sign}"):
        with pytest.raises(ManifestError, match="'key' has a control character: 'a"):
            fields({"key": value}).string("key")
        with pytest.raises(ManifestError, match="'key' has a control character"):
            fields({"key": ["x", value]}).strings("key")
    assert fields({"key": "a\n"}).string("key", lines=True) == "a\n"
    assert fields({"key": ["a\n"]}).strings("key", lines=True) == ("a\n",)
