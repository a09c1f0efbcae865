"""The lock as JSON: what is written is read again, what is wrong is refused, and by the schema too."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cgo_prebuilt.errors import LockError
from cgo_prebuilt.locks.lock import (
    Build,
    Interface,
    Lock,
    LockedCrates,
    LockedPlatform,
    LockedVersion,
    Source,
)
from cgo_prebuilt.locks.lock_file import format_lock, parse_lock, ranges_path, read_lock
from cgo_prebuilt.locks.lock_keys import BUILD_TOOLS, FORMATS, KEYS, SCHEMA
from cgo_prebuilt.locks.lock_names import FLAVOR, NAME, VERSION
from cgo_prebuilt.platforms import SUPPORTED
from cgo_prebuilt.requirements import Requires
from cgo_prebuilt.starlark_tables import parse_tables
from cgo_prebuilt.url import Url
from tests.unit.library_case import lock, locked_platform

SCHEMA_FILE = Path(__file__).parents[2] / "rules" / "lock.schema.json"
RANGES_NAMES = Path(__file__).parents[1] / "starlark/ranges_names.bzl"

URL_SOURCE = Source(
    build=Build("make", ("V=1",), "static"),
    outputs=Interface(
        static_library=("build/libvec.a",), linkopts=("-lm",), defines=("VEC_STATIC", "LEVEL=2")
    ),
    installed=("lib/libvec.a",),
    url=Url("https://example.com/vec.tar.gz"),
    sha256="0" * 64,
    strip_prefix="vec-1.2.3",
)

STEPS_SOURCE = replace(
    URL_SOURCE,
    build=Build("cargo", (), "", "1.84.0"),
    then=(Build("command", ("sh", "headers.sh")),),
    env=("VEC_SIMD", "VEC_LEVEL=2"),
    tools=("protoc",),
    vendor=True,
    git=(LockedCrates("git+https://example.com/x?branch=main#" + "a" * 40, "0" * 64),),
)

LOCKS = {
    "one platform and a source folder": lock(),
    "flavors": Lock(
        "vec",
        "v1",
        {
            "v1": LockedVersion(
                {
                    "standard": {"linux_amd64": locked_platform()},
                    "cuda": {"linux_arm64": locked_platform()},
                    "none": {},
                },
                default_flavor="standard",
            )
        },
    ),
    "a source of several steps that differs by platform": Lock(
        "vec",
        "v1",
        {
            "v1": LockedVersion(
                {"": {}},
                replace(
                    STEPS_SOURCE,
                    platforms={
                        "linux_arm64": replace(
                            STEPS_SOURCE,
                            build=Build("make"),
                            then=(),
                            outputs=replace(STEPS_SOURCE.outputs, linkopts=()),
                        ),
                        "windows_amd64": replace(STEPS_SOURCE, env=(), tools=("nasm",)),
                    },
                ),
            )
        },
    ),
    "a withdrawn version": Lock(
        "vec",
        "v1",
        {"v1": LockedVersion({"": {}}, published="2026-11-28", withdrawn="it crashes")},
    ),
    "a source archive": Lock("vec", "v1", {"v1": LockedVersion({"": {}}, URL_SOURCE)}),
    "several versions": Lock(
        "vec",
        "release/v2",
        {
            "v1": LockedVersion({"": {"linux_amd64": locked_platform()}}),
            "release/v2": LockedVersion(
                {"": {"windows_amd64": locked_platform(), "linux_arm64_musl": locked_platform()}}
            ),
        },
    ),
    "everything that an interface can say": Lock(
        "vec",
        "v1",
        {
            "v1": LockedVersion(
                {
                    "": {
                        "windows_amd64": replace(
                            locked_platform(files={"bin/v.dll": b"1", "v.lib": b"2", "v.h": b"3"}),
                            interface=Interface(
                                shared_library=("bin/v.dll",),
                                interface_library=("v.lib",),
                                headers=("v.h",),
                                include_dirs=(".",),
                                linkopts=("-framework Security", "-lü"),
                                defines=("A=1",),
                                requires=Requires(
                                    "x86-64-v3", "2.28", "3.4.30", ("OpenCL", "a GPU")
                                ),
                            ),
                        )
                    }
                }
            )
        },
    ),
}


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    document = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def document() -> Any:
    return json.loads(format_lock(lock()))


def platform_of(lock_document: Any) -> Any:
    return lock_document["versions"]["v1.2.3"]["platforms"]["linux_amd64"]


def archive_in(lock_document: Any) -> Any:
    return platform_of(lock_document)["archives"][0]


def source_of(lock_document: Any) -> Any:
    return lock_document["versions"]["v1.2.3"]["source"]


def refusal(lock_document: Any) -> LockError:
    with pytest.raises(LockError) as caught:
        parse_lock(json.dumps(lock_document), where="vec.lock.json")
    return caught.value


# What is written.


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_that_was_written_is_read_again_unchanged(name: str) -> None:
    assert parse_lock(format_lock(LOCKS[name]), where="a lock") == LOCKS[name]


def test_the_text_does_not_depend_on_the_order_in_which_things_were_found() -> None:
    platforms = {"linux_amd64": locked_platform(), "darwin_arm64": locked_platform()}
    one = LockedVersion({"": platforms})
    other = LockedVersion({"": dict(reversed(platforms.items()))})
    assert format_lock(Lock("vec", "v1", {"v1": one, "v2": other})) == format_lock(
        Lock("vec", "v1", {"v2": other, "v1": one})
    )


def test_the_text_ends_in_a_line_feed_and_has_one_thing_a_line() -> None:
    text = format_lock(lock())
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    assert '"-lm"\n' in text


def test_the_order_of_libraries_is_kept_since_the_linker_depends_on_it() -> None:
    files = {"lib/z.a": b"z", "lib/a.a": b"a"}
    interface = Interface(static_library=("lib/z.a", "lib/a.a"))
    platform = replace(locked_platform(files=files), interface=interface)
    text = format_lock(Lock("vec", "v1", {"v1": LockedVersion({"": {"linux_amd64": platform}})}))
    again = parse_lock(text, where="a lock").versions["v1"].platforms["linux_amd64"]
    assert again.interface.static_library == ("lib/z.a", "lib/a.a")


def test_a_file_may_have_its_bytes_from_a_member_of_any_name() -> None:
    file = replace(locked_platform().files()[0], member="tmp/tmp.X1:dev/../libvec.so.1-dev")
    archive = replace(locked_platform().archives[0], files=(file,), strip_prefix="vec")
    platform = LockedPlatform((archive,), Interface(static_library=(file.path,)))
    text = format_lock(Lock("vec", "v1", {"v1": LockedVersion({"": {"linux_amd64": platform}})}))
    again = parse_lock(text, where="a lock").versions["v1"].platforms["linux_amd64"].archives[0]
    assert again.member_of(again.files[0]) == file.member
    assert archive.member_of(replace(file, member="")) == f"vec/{file.path}"


def test_an_empty_member_is_refused_with_what_to_do() -> None:
    bad = document()
    archive_in(bad)["files"][0]["member"] = ""
    error = refusal(bad)
    assert error.what == "'member' is empty"
    assert error.remedy == "remove it: `path` is the member's name then"


# What is refused.


def test_a_missing_lock_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="no such lock") as caught:
        read_lock(tmp_path / "vec.lock.json")
    assert caught.value.where == str(tmp_path / "vec.lock.json")
    assert "cgo-prebuilt lock" in str(caught.value.remedy)


def test_a_folder_is_not_a_lock(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="cannot be read: Is a directory") as caught:
        read_lock(tmp_path)
    assert caught.value.remedy


def test_bytes_that_are_not_utf_8_are_not_a_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\xff\xfe{}")
    with pytest.raises(LockError, match="cannot be read"):
        read_lock(tmp_path / "lock")


@pytest.mark.parametrize(
    "text",
    ["", "{", "<<<<<<< HEAD\n{}\n", "[" * 100_000, "9" * 5000],
    ids=["empty", "cut off", "a merge conflict", "too deep", "a number too long"],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(LockError, match="the lock is not JSON") as caught:
        parse_lock(text, where="vec.lock.json")
    assert caught.value.where == "vec.lock.json"
    assert "version control" in str(caught.value.remedy)
    assert "if this is a manifest, name its lock" in str(caught.value.remedy)


@pytest.mark.parametrize("text", ["[]", "null", "1", '"a"'])
def test_json_that_is_no_object_is_no_lock(text: str) -> None:
    with pytest.raises(LockError, match="the lock is not a JSON object") as caught:
        parse_lock(text, where="vec.lock.json")
    assert caught.value.where == "vec.lock.json"
    assert "version control" in str(caught.value.remedy)


def test_a_key_that_is_there_twice_is_refused_since_json_would_take_the_last() -> None:
    text = format_lock(lock()).replace('"name": "vec"', '"name": "vec", "name": "other"')
    with pytest.raises(LockError, match="'name' appears twice"):
        parse_lock(text, where="a lock")


@pytest.mark.parametrize("value", [0, 2, "1", None])
def test_another_schema_is_refused_and_both_are_named(value: object) -> None:
    error = refusal({**document(), "schema": value})
    assert error.what == f"the lock has schema {value!r}, this program reads 1"


def test_an_unknown_key_names_its_place_and_the_nearest_key() -> None:
    bad = document()
    archive_in(bad)["sha265"] = "0" * 64
    error = refusal(bad)
    assert error.what == "unknown key 'sha265'"
    assert error.where == "vec.lock.json: versions.v1.2.3.platforms.linux_amd64.archives[0]"
    assert "did you mean 'sha256'?" in str(error.remedy)


def test_a_default_version_that_is_not_there_is_refused() -> None:
    error = refusal({**document(), "default_version": "v9"})
    assert "'default_version' is 'v9'" in error.what
    assert "v1.2.3" in str(error.remedy)


def test_a_platform_whose_archives_lack_a_promised_file_is_refused() -> None:
    bad = document()
    platform_of(bad)["static_library"].append("lib/libother.a")
    error = refusal(bad)
    assert error.what == "no archive here contains lib/libother.a"
    assert error.where is not None
    assert error.where.endswith("platforms.linux_amd64")


@pytest.mark.parametrize("key", ["alwayslink", "circular"])
def test_only_a_librarys_own_archives_are_linked_in_a_special_way(key: str) -> None:
    bad = document()
    platform_of(bad)[key] = ["lib/libother.a"]
    assert refusal(bad).what == (
        "'static_library' lacks lib/libother.a, which 'alwayslink' or 'circular' names"
    )


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "/etc/passwd", "a/../b", "C:/x", "a\\b", "nul.h", "", "a/", "x\x9b"]
)
def test_a_path_that_is_not_safe_everywhere_is_refused(path: str) -> None:
    bad = document()
    archive_in(bad)["files"][0]["path"] = path
    assert "unsafe name" in refusal(bad).what


@pytest.mark.parametrize("paths", [("a.h", "a.h"), ("a.h", "A.h"), ("a", "a/b.h")])
def test_paths_that_cannot_stand_side_by_side_are_refused(paths: tuple[str, str]) -> None:
    bad = document()
    for path in paths:
        archive_in(bad)["files"].append({"path": path, "sha256": "0" * 64, "size": 0})
    assert refusal(bad).where is not None


def test_two_archives_may_not_yield_the_same_file() -> None:
    bad = document()
    platform_of(bad)["archives"].append(archive_in(bad))
    assert "duplicate name 'include/vec.h'" in refusal(bad).what


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ({"tool": "command"}, "'args' is empty"),
        ({"tool": "make", "args": ["a\0b"]}, "'args' has a NUL character"),
        ({"tool": "make", "target": "a\0b"}, "'target' has a NUL character"),
        (
            {"tool": "cargo", "toolchain": "/opt"},
            "'toolchain' must be a toolchain's name as rustup spells it, found '/opt'",
        ),
    ],
)
def test_a_build_that_no_system_could_run_is_refused(build: Any, words: str) -> None:
    bad = document()
    source_of(bad)["build"] = build
    assert refusal(bad).what == words


def test_a_missing_version_lists_those_that_there_are() -> None:
    with pytest.raises(LockError, match=re.escape("vec v9 is not in the lock")) as caught:
        lock().version("v9")
    assert "choose one of v1.2.3" in str(caught.value.remedy)


def test_the_default_version_is_taken_where_none_is_asked_for() -> None:
    assert lock().version(None)[0] == "v1.2.3"


# The schema.

Spoil = Callable[[Any], object]

BAD: dict[str, Spoil] = {
    "a list": lambda lock: lock["versions"].update(v1=[]),
    "an unknown key at the top": lambda lock: lock.update(verisons={}),
    "an unknown key of a version": lambda lock: lock["versions"]["v1.2.3"].update(platform={}),
    "an unknown key of a platform": lambda lock: platform_of(lock).update(static_libary=[]),
    "an unknown key of an archive": lambda lock: archive_in(lock).update(url="https://a/b"),
    "an unknown key of a file": lambda lock: archive_in(lock)["files"][0].update(mode=420),
    "an unknown key of a source": lambda lock: source_of(lock).update(urls=[]),
    "an unknown key of a build": lambda lock: source_of(lock)["build"].update(command=[]),
    "a command without words": lambda lock: source_of(lock).update(build={"tool": "command"}),
    "a variable that is none": lambda lock: source_of(lock).update(env=["1=2"]),
    "a program that is a path": lambda lock: source_of(lock).update(tools=["../protoc"]),
    "an empty step": lambda lock: source_of(lock).update(then=[{"tool": "command", "args": []}]),
    "a toolchain that is a path": lambda lock: source_of(lock)["build"].update(toolchain="../x"),
    "an argument with a NUL": lambda lock: source_of(lock)["build"].update(args=["a\0b"]),
    "no schema": lambda lock: lock.pop("schema"),
    "another schema": lambda lock: lock.update(schema=2),
    "no name": lambda lock: lock.pop("name"),
    "a name that is a path": lambda lock: lock.update(name="../vec"),
    "a name that is empty": lambda lock: lock.update(name=""),
    "no versions": lambda lock: lock.pop("versions"),
    "empty versions": lambda lock: lock.update(versions={}),
    "a version with a space": lambda lock: lock["versions"].update({"v 1": {"platforms": {}}}),
    "no platforms": lambda lock: lock["versions"]["v1.2.3"].pop("platforms"),
    "flavors without a default": lambda lock: lock["versions"].update(
        {"v1.2.3": {"flavors": {"a": {}}}}
    ),
    "flavors and platforms": lambda lock: lock["versions"]["v1.2.3"].update(
        default_flavor="a", flavors={"a": {}}
    ),
    "a default flavor alone": lambda lock: lock["versions"]["v1.2.3"].update(default_flavor="a"),
    "a flavor that is a path": lambda lock: lock["versions"].update(
        {"v1.2.3": {"default_flavor": "../b", "flavors": {"../b": {}}}}
    ),
    "a flavor that is a list": lambda lock: lock["versions"].update(
        {"v1.2.3": {"default_flavor": "b", "flavors": {"b": []}}}
    ),
    "a day that is none": lambda lock: lock["versions"]["v1.2.3"].update(published="yesterday"),
    "a reason that is none": lambda lock: lock["versions"]["v1.2.3"].update(withdrawn=" "),
    "a revision before the first": lambda lock: lock.update(revision=0),
    "a revision that is true": lambda lock: lock.update(revision=True),
    "one string that must be understood": lambda lock: lock.update(must_understand="sha256"),
    "no archives": lambda lock: platform_of(lock).update(archives=[]),
    "archives that are a mapping": lambda lock: platform_of(lock).update(archives={}),
    "one string for a list": lambda lock: platform_of(lock).update(linkopts="-lm"),
    "null for a list": lambda lock: platform_of(lock).update(headers=None),
    "a URL of another scheme": lambda lock: archive_in(lock).update(urls=["ftp://a/b"]),
    "a URL with a bad port": lambda lock: archive_in(lock).update(urls=["https://a:65536/b"]),
    "an empty need of the system": lambda lock: platform_of(lock).update(
        requires={"system": [" "]}
    ),
    "a source of no URL": lambda lock: (
        source_of(lock).pop("path"),
        source_of(lock).update(url="https://", sha256="0" * 64),
    ),
    "an empty link option": lambda lock: platform_of(lock).update(linkopts=["-lm", ""]),
    "a define in both quotes": lambda lock: platform_of(lock).update(defines=["A='\""]),
    "an empty define": lambda lock: platform_of(lock).update(defines=[""]),
    "a define without a name": lambda lock: platform_of(lock).update(defines=["=1"]),
    "a define of a number": lambda lock: platform_of(lock).update(defines=["A", "1A"]),
    "a define with parameters": lambda lock: source_of(lock).update(defines=["F(x)=x"]),
    "a shared library behind a comma": lambda lock: source_of(lock).update(
        shared_library=["a,b/c.so"], installed=["c.so"]
    ),
    "a number in a list": lambda lock: platform_of(lock).update(linkopts=[1]),
    "null for requires": lambda lock: platform_of(lock).update(requires=None),
    "a number in requires": lambda lock: platform_of(lock).update(requires={"glibc": 2.28}),
    "an unknown need": lambda lock: platform_of(lock).update(requires={"windows": "10"}),
    "an unknown processor": lambda lock: platform_of(lock).update(requires={"cpu": "x86-64-v9"}),
    "a glibc that is no number": lambda lock: platform_of(lock).update(requires={"glibc": "new"}),
    "one word of the system": lambda lock: platform_of(lock).update(requires={"system": "X"}),
    "an include folder outside": lambda lock: platform_of(lock).update(include_dirs=[".."]),
    "a file with a folder": lambda lock: archive_in(lock).update(file="a/b.tar.gz"),
    "a file that is no string": lambda lock: archive_in(lock).update(file=1),
    "no URL": lambda lock: archive_in(lock).update(urls=[]),
    "an upper-case hash": lambda lock: archive_in(lock).update(sha256="A" * 64),
    "a hash with a line feed": lambda lock: archive_in(lock).update(sha256="a" * 64 + "\n"),
    "a short hash": lambda lock: archive_in(lock)["files"][0].update(sha256="a" * 63),
    "a negative size": lambda lock: archive_in(lock).update(size=-1),
    "a size that is a string": lambda lock: archive_in(lock).update(size="1"),
    "a size that is true": lambda lock: archive_in(lock).update(size=True),
    "an unknown format": lambda lock: archive_in(lock).update(format="rar"),
    "a prefix outside": lambda lock: archive_in(lock).update(strip_prefix="../x"),
    "a null prefix": lambda lock: archive_in(lock).update(strip_prefix=None),
    "an absolute path": lambda lock: archive_in(lock)["files"][0].update(path="/x"),
    "a path with ..": lambda lock: archive_in(lock)["files"][0].update(path="a/../x"),
    "a path with a backslash": lambda lock: archive_in(lock)["files"][0].update(path="a\\x"),
    "a path with a colon": lambda lock: archive_in(lock)["files"][0].update(path="C:x"),
    "a path with a line feed": lambda lock: archive_in(lock)["files"][0].update(path="x\ny"),
    "an empty member": lambda lock: archive_in(lock)["files"][0].update(member=""),
    "a member that is no string": lambda lock: archive_in(lock)["files"][0].update(member=["x"]),
    "a path that ends in a dot": lambda lock: archive_in(lock)["files"][0].update(path="x."),
    "a source without an origin": lambda lock: source_of(lock).pop("path"),
    "a source with two origins": lambda lock: source_of(lock).update(url="u", sha256="0" * 64),
    "a source URL without a hash": lambda lock: (
        source_of(lock).pop("path"),
        source_of(lock).update(url="u"),
    ),
    "a null source": lambda lock: lock["versions"]["v1.2.3"].update(source=None),
    "no build": lambda lock: source_of(lock).pop("build"),
    "an unknown tool": lambda lock: source_of(lock)["build"].update(tool="bazel"),
    "built libraries that are installed outside": lambda lock: source_of(lock).update(
        installed=["../lib.a"]
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_the_reader_refuses_the_schema_refuses(
    name: str, schema: Draft202012Validator
) -> None:
    bad = document()
    BAD[name](bad)
    assert refusal(bad).where is not None
    assert not schema.is_valid(bad)


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_that_is_written_fits_the_schema(
    name: str, schema: Draft202012Validator
) -> None:
    schema.validate(json.loads(format_lock(LOCKS[name])))


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a document with every key or index in it."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    found = [(value, key) for key in keys]
    for key in keys:
        found += _places(value[key])
    return found


_ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [None, True, 0, -1, 7, "", "a", "..", "a/b", "a*", " ", "A='\"'", "a,b/c.so", []]
    ),
    st.sampled_from(["ftp://a/b", ["https://a:70000/b"], ["https://a:443/b"], "file:/a"]),
    st.sampled_from([[""], ["a"], [1], ["A='\"'"], ["a,b/c.so"], ["a/b,c.so"], {}, {"a": "b"}]),
)


# What only the reader can know: it looks from one place of the document to another.
_READER_ONLY = (
    "which is not in 'versions'",
    "no archive here contains",
    "'alwayslink' or 'circular' names",
    "duplicate name",
    "the folder of",
    "are one file",
    "names for",
    "is not in 'flavors'",
    "must be read by a program",
    "with different hashes",
    "which is not a processor level of",
    "unprintable character",
)


@pytest.mark.parametrize(
    "url", ["https://bob:CANARY@h/y", "http://bob:CANARY/P@h/y", "https://h/y?token=CANARY"]
)
def test_a_lock_names_no_git_repository_with_a_login(
    url: str, schema: Draft202012Validator
) -> None:
    steps = replace(STEPS_SOURCE, git=(LockedCrates(f"git+{url}#{'a' * 40}", "0" * 64),))
    text = format_lock(Lock("vec", "v1", {"v1": LockedVersion({"": {}}, steps)}))
    with pytest.raises(LockError, match="without a login; found") as caught:
        parse_lock(text, where="a lock")
    assert "CANARY" not in str(caught.value)
    assert not schema.is_valid(json.loads(text))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_the_schema_and_the_reader_agree_on_a_lock_with_one_thing_changed(
    data: st.DataObject,
) -> None:
    schema = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    changed = copy.deepcopy(document())
    container, key = data.draw(st.sampled_from(_places(changed)))
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "replace":
        container[key] = data.draw(_ANYTHING)
    elif change == "remove":
        del container[key]
    elif isinstance(container, dict):
        container[data.draw(st.sampled_from(["a", "source", "requires", "url", "path"]))] = (
            data.draw(_ANYTHING)
        )
    else:
        container.append(data.draw(_ANYTHING))
    refused = _refusal_that_a_schema_can_say(changed)
    assert refused is None or schema.is_valid(changed) != refused


def _refusal_that_a_schema_can_say(lock_document: Any) -> bool | None:
    """Whether the reader refuses a lock; None if it does for what a schema cannot say."""
    try:
        parse_lock(json.dumps(lock_document), where="a lock")
    except LockError as error:
        return None if any(words in error.what for words in _READER_ONLY) else True
    return False


def test_the_schema_knows_the_same_words_as_the_reader(schema: Draft202012Validator) -> None:
    definitions: Any = schema.schema
    top, defs = definitions["properties"], definitions["$defs"]
    assert top["schema"]["const"] == SCHEMA
    assert top["name"]["pattern"] == f"^{NAME.pattern}$"
    assert top["versions"]["propertyNames"]["pattern"] == (
        "^" + VERSION.pattern.replace(r"\x", r"\u00") + "$"
    )
    assert defs["flavor_name"]["pattern"] == f"^{FLAVOR.pattern}$"
    (platforms,) = defs["platforms"]["patternProperties"]
    assert set(platforms.strip("^()$").split("|")) == {str(platform) for platform in SUPPORTED}
    assert set(defs["archive"]["properties"]["format"]["enum"]) == set(FORMATS)
    assert set(defs["build"]["properties"]["tool"]["enum"]) == set(BUILD_TOOLS)


@pytest.mark.parametrize("kind", KEYS)
def test_the_known_keys_are_those_of_the_schema(kind: str, schema: Draft202012Validator) -> None:
    top: Any = schema.schema
    definition = top if kind == "lock" else top["$defs"][kind]
    assert set(definition["properties"]) == set(KEYS[kind])


def test_everything_in_the_schema_is_described(schema: Draft202012Validator) -> None:
    definitions: Any = schema.schema
    for holder in (definitions, *definitions["$defs"].values()):
        for name, value in holder.get("properties", {}).items():
            target = definitions["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert value.get("description") or target.get("description"), name


def test_two_archives_of_one_name_with_different_hashes_are_refused() -> None:
    """In a folder of archives, such as that of `fetch --mirror`, one would replace the other."""
    bad = document()
    archive = archive_in(bad)
    other = {**archive, "sha256": "0" * 64, "files": []}
    platform_of(bad)["archives"].append(other)
    error = refusal(bad)
    assert f"two archives are the file {archive['file']}, with different hashes" in error.what
    assert error.where == "vec.lock.json: versions.v1.2.3.platforms.linux_amd64"
    other["sha256"] = archive["sha256"]
    parse_lock(json.dumps(bad), where="a lock")


def test_a_platform_gives_all_its_files_sorted() -> None:
    one, other = locked_platform().archives[0], locked_platform(files={"a.h": b""}).archives[0]
    paths = [file.path for file in LockedPlatform((one, other), Interface()).files()]
    assert paths == ["a.h", "include/vec.h", "include/vec/ext.h", "lib/libvec.a"]


def test_the_ranges_file_has_the_name_that_bazel_looks_for() -> None:
    """`lock_test.bzl` has the same table."""
    expected = parse_tables(RANGES_NAMES.read_text())["RANGES_OF"]
    assert {name: str(ranges_path(Path(name))) for name in expected} == expected
