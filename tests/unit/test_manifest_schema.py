"""The schema of `prebuilt.yaml`, which editors read, and the reader: they accept the same."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from cgo_prebuilt.archive_names import SUFFIXES
from cgo_prebuilt.errors import ManifestError
from cgo_prebuilt.locks.lock_keys import FORMATS
from cgo_prebuilt.locks.lock_names import NAME, VERSION
from cgo_prebuilt.manifests.manifest import parse_manifest
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.template import values_for
from tests.unit.test_manifest import (
    CIRCULAR,
    DESIGN,
    DUCKDB,
    FILECOIN,
    LANCEDB,
    LANCEDB_LOOSE,
    WHEEL,
)

REPOSITORY = Path(__file__).parents[2]
SCHEMA: Any = json.loads((REPOSITORY / "rules/manifest.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)

WRITTEN = {
    "design": DESIGN,
    "circular": CIRCULAR,
    "duckdb": DUCKDB,
    "filecoin": FILECOIN,
    "lancedb": LANCEDB,
    "lancedb, loose": LANCEDB_LOOSE,
    "wheel": WHEEL,
    **{
        path.parent.name: path.read_text(encoding="utf-8")
        for path in sorted((REPOSITORY / "examples").glob("*/prebuilt.yaml"))
    },
}

# Every object of the format. The first platform takes what stands above, so all of that is read.
FULL: Any = {
    "name": "vec",
    "version": "v1.2.3",
    "urls": ["https://example.com/{version}/{file}"],
    "archives": [{"file": "vec-{platform}.tar.gz", "strip_prefix": "vec"}, {"file": "vec.h"}],
    "static_library": ["lib/libvec.a"],
    "headers": ["include/**"],
    "include_dirs": ["include"],
    "linkopts": ["-lm"],
    "requires": {"cpu": "x86-64-v2", "glibc": "2.28", "libstdcxx": "3.4.30", "system": ["OpenCL"]},
    "platforms": {
        "linux_amd64": None,
        "darwin_arm64": {
            "names": {"os": "osx", "variant": "a"},
            "archives": [{"file": "vec.zip"}],
            "linkopts": ["-framework Security"],
            "requires": {},
        },
    },
    "flavors": {
        "standard": None,
        "optimized": {
            "defines": ["FAST"],
            "platforms": {"linux_amd64": None, "darwin_arm64": {"linkopts": ["-lfast"]}},
        },
    },
    "source": {
        "url": "https://example.com/{name}-{version}.tar.gz",
        "sha256": "0" * 64,
        "build": {"tool": "make", "args": ["V=1"], "target": "static"},
        "env": ["VEC_SIMD", "VEC_LEVEL=2"],
        "tools": ["protoc"],
        "vendor": False,
        "platforms": {"darwin_arm64": {"build": [{"tool": "cargo", "toolchain": "1.84.0"}]}},
        "static_library": ["build/libvec.a"],
    },
    "go": {"module": "go.example.com/vec", "package": "vec"},
    "public_key": "ssh-ed25519 AAAA someone@example.com",
}

# The places of `FULL` that are mappings with keys of their own, and their definitions in the schema.
PLACES: dict[str, tuple[str | int, ...]] = {
    "": (),
    "platform": ("platforms", "darwin_arm64"),
    "flavor": ("flavors", "optimized"),
    "archive": ("archives", 0),
    "source": ("source",),
    "build": ("source", "build"),
    "source_platform": ("source", "platforms", "darwin_arm64"),
    "go": ("go",),
    "requires": ("requires",),
}

# What only the reader can know: it fills placeholders in, and looks from one key to another.
READER_ONLY = (
    "no library is named",
    "unknown placeholder",
    "unsafe name",
    "'alwayslink' or 'circular' names",
    "'archives' must list at least one archive",
    "'path' is for a loose file",
    "'strip_prefix' is for an archive",
    "are the same for",
    "'vendor' is for cargo",
    "which is not a processor level of",
    "unprintable character",
)


def at(document: Any, place: tuple[str | int, ...]) -> Any:
    for key in place:
        document = document[key]
    return document


def keys_of(definition: str) -> dict[str, Any]:
    found: dict[str, Any] = (SCHEMA["definitions"][definition] if definition else SCHEMA)[
        "properties"
    ]
    return found


def refusal(document: Any) -> ManifestError | None:
    try:
        parse_manifest(document, where="prebuilt.yaml", folder=Path())
    except ManifestError as error:
        return error
    return None


def agree(document: Any) -> bool:
    """Whether both accept it or both refuse it, or the reader refuses what no schema can say."""
    error = refusal(document)
    if error is not None and any(words in error.what for words in READER_ONLY):
        return True
    return VALIDATOR.is_valid(document) == (error is None)


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, 0, -1, 1.5, "", "a", "a/b", "{file}", "{os}", ".."]),
    st.sampled_from(["https://a:70000/", "https://a:1/", "ftp://a/b", "http:///a", ["file:/a"]]),
    st.sampled_from(["oci://h/a", "oci://h:5000/a:{version}", "oci://h", "oci://h:x/a"]),
    st.sampled_from([[], ["a"], [1], [None], ["a", ["b"]], [{"file": "a"}]]),
    # What a linker or a compiler cannot be told.
    st.sampled_from([[""], ["a", ""], "A='\"'", ["A='", 'B="'], "a,b/libc.so", ["a/b,c.so"]]),
    st.sampled_from([{}, {"a": "b"}, {"a": 1}, {"tool": "make"}, {"command": ["x"]}]),
)


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_manifest_that_is_read_fits(name: str) -> None:
    VALIDATOR.validate(yaml.safe_load(WRITTEN[name]))


def test_the_manifest_with_everything_is_read_and_fits() -> None:
    assert refusal(FULL) is None
    VALIDATOR.validate(FULL)


@pytest.mark.parametrize("definition", PLACES)
def test_the_reader_and_the_schema_know_the_same_keys(definition: str) -> None:
    document = copy.deepcopy(FULL)
    at(document, PLACES[definition])["unheard of"] = 1
    error = refusal(document)
    assert error is not None
    known = re.search(r"known keys here: (.*)", str(error.remedy))
    assert known is not None
    assert known[1].split(", ") == sorted(keys_of(definition))
    assert not VALIDATOR.is_valid(document)


def test_every_definition_is_one_of_these_places() -> None:
    assert set(SCHEMA["definitions"]) == {
        *PLACES,
        "defines",
        "env",
        "flavor_name",
        "platform_name",
        "program",
        "steps",
        "lines",
        "numbers",
        "options",
        "shared_libraries",
        "texts",
        "tools",
        "url",
        "place",
        "urls",
        "variable",
    } - {""}


@pytest.mark.parametrize(
    ("definition", "key"), [(place, key) for place in PLACES for key in keys_of(place)]
)
@settings(deadline=None, max_examples=25)
@given(value=ANYTHING)
def test_a_key_takes_the_same_values(definition: str, key: str, value: Any) -> None:
    document = copy.deepcopy(FULL)
    at(document, PLACES[definition])[key] = value
    assert agree(document), value


@pytest.mark.parametrize(
    ("definition", "key"), [(place, key) for place in PLACES for key in keys_of(place)]
)
def test_a_key_may_be_left_out_of_both_or_of_neither(definition: str, key: str) -> None:
    document = copy.deepcopy(FULL)
    at(document, PLACES[definition]).pop(key, None)
    assert agree(document)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_they_agree_on_a_manifest_with_a_few_things_changed(data: st.DataObject) -> None:
    document = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        definition = data.draw(st.sampled_from(sorted(PLACES)))
        try:
            holder = at(document, PLACES[definition])
            key = data.draw(st.sampled_from([*keys_of(definition), "platform", "x"]))
            if data.draw(st.booleans()):
                holder[key] = data.draw(ANYTHING)
            else:
                holder.pop(key, None)
        except (AttributeError, IndexError, KeyError, TypeError):
            return  # the place itself was changed before
    assert agree(document)


@pytest.mark.parametrize("place", ["", "platform", "flavor", "source", "source_platform"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("linkopts", ["-lm", ""]),
        *(("defines", define) for define in ("A='\"", "", "=1", ["A", "1A"], "F(x)=x", "A-B", "^")),
        ("shared_library", ["a,b/c.so"]),
    ],
)
def test_what_no_linker_can_be_told_is_refused_also_where_another_value_takes_precedence(
    place: str, key: str, value: object
) -> None:
    document = copy.deepcopy(FULL)
    at(document, PLACES[place])[key] = value
    document["platforms"]["linux_amd64"] = {"linkopts": [], "defines": [], "shared_library": []}
    assert refusal(document) is not None
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("text", ["", "a", "a b", "../a", "A-1.2_+", "v1/x", "-a", "a-"])
def test_names_and_versions_have_the_same_form(text: str) -> None:
    assert agree({**FULL, "name": text})
    assert agree({**FULL, "version": text})


def test_a_define_has_a_name_of_any_letters_and_any_value() -> None:
    document = {**FULL, "defines": ["_A1", "A=", "B=1=(2)", "C='", "GR\u00d6SSE=\u20ac"]}
    assert refusal(document) is None
    assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize("text", ["", "a", "a b", "a/b", "A-1.2_", "a+", ".a", "a."])
def test_flavors_have_the_same_names(text: str) -> None:
    assert agree({**FULL, "flavors": {text: None}})


def test_it_has_the_words_of_the_program() -> None:
    assert SCHEMA["properties"]["name"]["pattern"] == f"^{NAME.pattern}$"
    assert SCHEMA["properties"]["version"]["pattern"] == (
        "^" + VERSION.pattern.replace(r"\x", r"\u00") + "$"
    )
    assert keys_of("archive")["format"]["enum"] == list(FORMATS)
    assert sorted(SCHEMA["definitions"]["platform_name"]["enum"]) == sorted(map(str, SUPPORTED))
    for suffix in SUFFIXES:
        assert f"`{suffix}`" in keys_of("archive")["format"]["description"]
    for placeholder in [*values_for("vec", "v1", SUPPORTED[0]), "file"]:
        assert f"`{{{placeholder}}}`" in SCHEMA["description"]
