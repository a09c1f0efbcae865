"""Whatever the command is given, it answers with an error that a person can act on."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cgo_prebuilt import cli
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.strict_json import parse_json
from tests.unit.command_case import Run, runner
from tests.unit.library_case import FILES, MANIFEST, archive_of, lock, write_files, write_manifest

SETTINGS = settings(
    max_examples=int(os.environ.get("PROPERTY_CASES", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
CODES = (0, 1, 2, 3, 4, 5)
DEEP = "[" * 100_000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def locked(folder: Path, **changes: Any) -> Path:
    """The library's lock, whose archive lies beside it; with changes to the archive's entry."""
    archive = folder / "vec.tar.gz"
    archive.write_bytes(archive_of(FILES))
    document = json.loads(format_lock(lock(archive.as_uri())))
    document["versions"]["v1.2.3"]["platforms"]["linux_amd64"]["archives"][0] |= changes
    path = folder / "vec.lock.json"
    path.write_text(json.dumps(document))
    return path


def fetch(folder: Path, *more: object, lock: Path | None = None) -> tuple[object, ...]:
    path = lock or folder / "vec.lock.json"
    return (
        *("fetch", "--lock", path, "--platform", "linux_amd64"),
        *("--origin", "prebuilt", "--output", folder / "out", *more),
    )


# JSON of somebody else's.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEEP, "nested too deeply"),
        ("Infinity", "no number Infinity"),
        ("[NaN]", "no number NaN"),
        ("9" * 5000, "4300"),
        ('{"\\ud800": 1}', "an unpaired surrogate"),
        (b'"\xff"', "utf-8"),
        (b"", "Expecting value"),
    ],
)
def test_json_that_cannot_be_used_is_refused_in_one_way(text: str | bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_json(text)


def test_json_that_escapes_whole_characters_is_read() -> None:
    assert parse_json(b'\xef\xbb\xbf{"\\u00fc": "\\ud83d\\ude00"}') == {"ü": "😀"}


# Locks.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 10**401}, "'size' is too large: 1" + "0" * 39 + "… bytes"),
        ({"size": 1 << 63}, "'size' is too large: 9223372036854775808 bytes, and no file has 2^63"),
        ({"file": "a\0b"}, "'file' has a NUL character"),
        ({"urls": ["file:///\0"]}, "'urls' has a NUL character"),
        ({"strip_prefix": "\ud800"}, "an unpaired surrogate"),
    ],
)
def test_a_lock_with_a_value_that_no_machine_takes_is_refused(
    run: Run, tmp_path: Path, changes: Mapping[str, Any], words: str
) -> None:
    locked(tmp_path, **changes)
    run(*fetch(tmp_path)).refused(2, words)


BAD_URLS = [
    "http://[bad",
    "https://[::1",
    "http://host:port/x",
    "file://[",
    "http://127.0.0.1:99999/",
]


@pytest.mark.parametrize("offline", [(), ("--offline",)], ids=["online", "offline"])
@pytest.mark.parametrize("url", BAD_URLS)
def test_a_malformed_url_is_refused_wherever_it_stands(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, offline: tuple[str, ...]
) -> None:
    path = locked(tmp_path)
    run(*fetch(tmp_path, *offline, "--mirror", url)).refused(2)
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", url)
    run(*fetch(tmp_path, *offline)).refused(2)
    monkeypatch.delenv("CGO_PREBUILT_MIRROR")
    monkeypatch.setenv("VEC_RELEASE_URL", url)
    run(*fetch(tmp_path, *offline)).refused(2)
    monkeypatch.delenv("VEC_RELEASE_URL")
    document = json.loads(path.read_text())
    version = document["versions"]["v1.2.3"]
    version["platforms"]["linux_amd64"]["archives"][0]["urls"] = [url]
    del version["source"]["path"]
    version["source"] |= {"url": url, "sha256": "0" * 64}
    path.write_text(json.dumps(document))
    run(*fetch(tmp_path, *offline)).refused(2)
    run("source", "--lock", path, "--output", "source", *offline).refused(2)
    run("fetch", "--lock", path, "--output", "out", *offline).refused(2)
    run("urls", "--lock", path, "--platform", "linux_amd64", *offline).refused(2)


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 5000])
def test_a_deep_lock_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "vec.lock.json").write_text(text)
    run(*fetch(tmp_path)).refused(2, "the lock is not JSON")


@pytest.mark.parametrize("key", ["args", "target"])
def test_a_manifest_with_a_nul_in_a_build_is_refused(run: Run, tmp_path: Path, key: str) -> None:
    source = {
        "path": "native",
        "static_library": "libvec.a",
        "build": {"tool": "make", key: "a\0b"},
    }
    write_manifest(tmp_path / "prebuilt.yaml", source=source)
    run("lock", "prebuilt.yaml").refused(2, f"'{key}' has a NUL character", "source.build")


# The store.


@pytest.mark.parametrize("number", ["Infinity", "1e400", "NaN", "true", "-1", "9" * 401, '"1"'])
def test_a_tree_s_record_with_a_strange_number_is_no_record(
    run: Run, tmp_path: Path, number: str
) -> None:
    locked(tmp_path)
    assert run(*fetch(tmp_path)).code == 0
    (record,) = (tmp_path / "store").rglob("tree.json")
    document = json.loads(record.read_text())
    document["files"]["lib/libvec.a"][1:] = ["NUMBER"] * 4
    record.write_text(json.dumps(document).replace('"NUMBER"', number))
    assert run("cache", "list").code == 0
    assert run(*fetch(tmp_path)).code == 0
    run("cache", "verify")


def test_a_tree_that_was_last_used_in_another_age_is_listed(run: Run, tmp_path: Path) -> None:
    locked(tmp_path)
    assert run(*fetch(tmp_path)).code == 0
    (used,) = (tmp_path / "store").rglob("used")
    try:
        os.utime(used, (0, 1 << 62))
    except OverflowError:
        pytest.skip("this system has no such times")
    assume_far = used.stat().st_mtime > 1e12
    out = run("cache", "list").out
    assert ("????-??-??" in out) == assume_far


# The environment.


@pytest.mark.parametrize(
    "record", [DEEP, '{"vec":' * 990 + "1" + "}" * 990, '{"vec": {"CGO_CFLAGS": []}}', "NaN"]
)
def test_a_record_of_env_that_somebody_else_wrote_is_ignored(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str
) -> None:
    locked(tmp_path)
    monkeypatch.setenv("CGO_PREBUILT_ENV", record)
    done = run("env", "--lock", tmp_path / "vec.lock.json", "--platform", "linux_amd64")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("variable", "option"),
    [("STRIP", "--strip"), ("LD", "--localize=vec_*"), ("OBJCOPY", "--localize=vec_*")],
)
def test_a_program_with_an_open_quote_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, option: str
) -> None:
    write_manifest(tmp_path / "prebuilt.yaml")
    write_files(tmp_path / "built")
    for name in ("LD", "OBJCOPY", "STRIP"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv(variable, "'")
    run(
        *("pack", "prebuilt.yaml", "--platform", "linux_amd64", "--from", "built"),
        *("--output", "dist", option),
    ).refused(2, f"{variable} is not a command line: No closing quotation", f"at: {variable}='")


@pytest.mark.parametrize("option", ["-L'", "-lm\\"])
def test_a_link_option_with_an_open_quote_is_named(run: Run, tmp_path: Path, option: str) -> None:
    go = {"module": "go.acme.test/vec"}
    write_manifest(tmp_path / "prebuilt.yaml", linkopts=[option], go=go)
    write_files(tmp_path / "built")
    target = ("--platform", "linux_amd64", "--from", "built", "--output", "dist")
    assert run("pack", "prebuilt.yaml", *target).code == 0
    run("goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site").refused(
        2, f"the link option {option!r} has an open quote, or a backslash at its end"
    )


def test_a_thread_that_cannot_be_started_in_the_sink_is_the_machine_s_fault(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "sink":
            raise RuntimeError("can't start new thread")
        start(thread)

    locked(tmp_path)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    run(*fetch(tmp_path)).refused(2, "no more threads can be started")


# Anything.

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ODD = st.sampled_from(
    [
        "",
        " ",
        "'",
        '"',
        "\\",
        "-",
        "--",
        "~",
        "/",
        "..",
        "{file}",
        "{x}",
        "%",
        "\x1b[2J",
        "²",
        "9" * 5000,
        "1e999",
        "http://[bad",
        "http://[bad{file}",
        "https://user@[x]:y/",
        "http://127.0.0.1:99999999/",
        "http://127.0.0.1:1/x",
        "file://",
        "file://host/x",
        "file:///%00",
        "HTTP:\\\\x",
        DEEP,
        "{" * 50,
        "\ufffe",
        "a" * 5000,
        "/nowhere/" * 600,
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**401, -1, 1 << 64]),
    st.floats(),
    TEXT,
    ODD,
    st.sampled_from(["\0", "\ud800", "linux_amd64", "vec", "."]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | ODD, inner, max_size=3),
    max_leaves=6,
)


def places(document: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each part of a document."""
    yield path
    items = document.items() if isinstance(document, dict) else ()
    for key, value in enumerate(document) if isinstance(document, list) else items:
        yield from places(value, (*path, key))


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """A document with one or two parts replaced, added or renamed."""
    document = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 2))):
        *path, key = draw(st.sampled_from([place for place in places(document) if place]))
        holder = document
        for step in path:
            holder = holder[step]
        change = draw(st.sampled_from(["replace", "rename", "add", "remove"]))
        if change == "replace" or isinstance(holder, list):
            holder[key] = draw(
                ODD if isinstance(holder[key], str) and draw(st.booleans()) else VALUES
            )
        elif change == "add":
            holder[draw(TEXT | ODD)] = draw(VALUES)
        else:
            value = holder.pop(key)
            if change == "rename":
                holder[draw(TEXT | ODD)] = value
    return document


@contextlib.contextmanager
def place(environ: Mapping[str, str] | None = None) -> Iterator[Path]:
    """A folder to work in, with a store and an environment of its own."""
    before, environment = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable in list(os.environ):
            if variable.startswith(("CGO_", "VEC_")) or variable.lower().endswith("_proxy"):
                del os.environ[variable]
        os.environ["CGO_PREBUILT_CACHE"] = str(folder / "store")
        os.environ["HOME"] = name
        os.environ.update(environ or {})
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)


def check(*arguments: object) -> str:
    """Runs a command, which must end with a code of its contract; gives what it printed."""
    words = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    said = out.getvalue() + err.getvalue()
    assert code in CODES, (words, said)
    assert "Traceback" not in said
    if code > 1 and "--json" in words:
        assert set(json.loads(out.getvalue())) == {"error", "where", "next", "kind"}
    return out.getvalue()


LOCK = json.loads(format_lock(lock("file:///nowhere/vec.tar.gz")))


@SETTINGS
@given(st.one_of(spoiled(LOCK), VALUES), st.booleans())
def test_any_lock_is_read_or_refused(document: Any, offline: bool) -> None:
    more = ("--offline",) if offline else ()
    with place() as folder:
        path = folder / "vec.lock.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        check("urls", "--json", "--lock", path, "--platform", "linux_amd64", *more)
        check("urls", "--json", "--source", "--lock", path, *more)
        check(*fetch(folder, "--json", *more, lock=path))
        check("env", "--lock", path, "--platform", "linux_amd64", "--origin", "prebuilt", *more)
        check("gazelle", "--lock", path, "--module", "example.com/vec")
        check("mirror", "--lock", path, "--to", folder / "mirror", "--json")


WHOLE = {
    **MANIFEST,
    "urls": ["file:///nowhere/{version}/{file}"],
    "linkopts": ["-lm"],
    "defines": ["A=1"],
    "requires": {"glibc": "2.28"},
    "flavors": {"plain": {}, "debug": {"archives": [{"file": "vec-{flavor}-{platform}.zip"}]}},
    "source": {
        "path": "native",
        "build": {"tool": "make", "args": ["-s"], "target": "all"},
        "static_library": "libvec.a",
        "headers": ["*.h"],
    },
    "go": {"module": "go.acme.test/vec", "package": "vec", "license": "LICENSE"},
    "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",
}


@SETTINGS
@given(st.one_of(spoiled(WHOLE), spoiled(WHOLE), VALUES))
def test_any_manifest_is_read_or_refused(document: Any) -> None:
    try:
        text = yaml.safe_dump(document)
    except (yaml.YAMLError, UnicodeError):
        assume(False)
    with place() as folder:
        (folder / "prebuilt.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        write_files(folder / "built")
        check("lock", "prebuilt.yaml")
        check(
            *("pack", "prebuilt.yaml", "--platform", "linux_amd64", "--from", "built"),
            *("--output", "dist", "--json"),
        )
        check("goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site")
        check("publish", "prebuilt.yaml", "--dist", "dist", "--to", folder / "place", "--json")


@SETTINGS
@given(
    st.text(st.sampled_from("{}[]&*!|>%@`'\"#-:,?\\ \n\t~0123456789.:eExXnaif=<_TZ"), max_size=60)
)
def test_any_yaml_is_read_or_refused(text: str) -> None:
    with place() as folder:
        (folder / "prebuilt.yaml").write_text(f"version: {text}", encoding="utf-8")
        check("lock", "prebuilt.yaml")


@SETTINGS
@given(st.data())
def test_any_store_is_used_or_replaced(data: st.DataObject) -> None:
    with place() as folder:
        path = locked(folder)
        check(*fetch(folder, lock=path))
        (record,) = (folder / "store").rglob("tree.json")
        document = json.loads(record.read_text())
        changed = data.draw(st.one_of(spoiled(document), VALUES))
        record.write_text(json.dumps(changed), encoding="utf-8")
        check("cache", "list")
        check("cache", "list", "--json")
        check(*fetch(folder, "--json", lock=path))
        check("cache", "verify")
        check("cache", "prune", "--max-size", "0")


@SETTINGS
@given(VALUES)
def test_any_result_of_a_source_build_is_used_or_replaced(value: Any) -> None:
    from cgo_prebuilt.storage.results import Results

    with place() as folder:
        (folder / "key.json").write_text(json.dumps(value), encoding="utf-8")
        Results(folder).get("key")


VARIABLES = (
    "CGO_PREBUILT_CACHE",
    "CGO_PREBUILT_OFFLINE",
    "CGO_PREBUILT_ORIGIN",
    "CGO_PREBUILT_MIRROR",
    "CGO_PREBUILT_ENV",
    "VEC_VERSION",
    "VEC_RELEASE_URL",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "NETRC",
    "GITHUB_TOKEN",
    "GITHUB_API_URL",
    "GITHUB_SERVER_URL",
    "CGO_CFLAGS",
    "CGO_LDFLAGS",
    "PKG_CONFIG_PATH",
    "STRIP",
    "SOURCE_DATE_EPOCH",
    "HOME",
    "XDG_CACHE_HOME",
    "BAZEL",
    "CC",
)
VARIABLE_TEXTS = (TEXT | ODD).filter(lambda text: len(text) < 100_000)


@SETTINGS
@given(st.dictionaries(st.sampled_from(VARIABLES), VARIABLE_TEXTS, min_size=1, max_size=3))
def test_any_environment_is_taken_or_refused(environ: dict[str, str]) -> None:
    with place(environ) as folder:
        path = locked(folder)
        write_manifest(folder / "prebuilt.yaml", urls=["http://127.0.0.1:1/{file}"])
        write_files(folder / "built")
        check(*fetch(folder, "--json", lock=path))
        check("env", "--lock", path, "--platform", "linux_amd64", "--origin", "prebuilt")
        check("urls", "--lock", path, "--json")
        check("cache", "list")
        check(
            *("pack", "prebuilt.yaml", "--platform", "linux_amd64", "--from", "built"),
            *("--output", "dist", "--strip"),
        )
        check("goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site")


WORDS = st.one_of(
    st.sampled_from(
        [
            *("--lock", "--platform", "--version", "--flavor", "--offline", "--output", "--json"),
            *("--origin", "--mirror", "--shell", "--to", "--dist", "--from", "--url", "--zip-url"),
            *("--older-than", "--max-size", "--layout", "--module", "--only", "--check", "--also"),
            *("--update", "--prune", "--tag", "--strip", "--localize", "--notice", "--help"),
            *("vec.lock.json", "prebuilt.yaml", "built", "out", "linux_amd64", "v1.2.3", "source"),
            *("prebuilt", "fish", "json", "sh"),
        ]
    ),
    TEXT,
    ODD,
)
LINES = {
    "fetch": ["fetch", "--lock", "vec.lock.json", "--output", "out", "--origin", "prebuilt"],
    "env": ["env", "--lock", "vec.lock.json", "--origin", "prebuilt"],
    "urls": ["urls", "--lock", "vec.lock.json"],
    "mirror": ["mirror", "--lock", "vec.lock.json", "--to", "mirror"],
    "gazelle": ["gazelle", "--lock", "vec.lock.json", "--module", "example.com/vec"],
    "pack": ["pack", "prebuilt.yaml", "--from", "built", "--output", "out"],
    "publish": ["publish", "prebuilt.yaml", "--dist", "dist", "--to", "place"],
    "lock": ["lock", "prebuilt.yaml", "--offline"],
    "build": ["goproxy", "build", "prebuilt.yaml", "--dist", "dist", "--output", "site"],
    "require": ["goproxy", "require", "built"],
    "list": ["cache", "list"],
    "prune": ["cache", "prune"],
    "platform": ["platform"],
}


@SETTINGS
@given(st.sampled_from(sorted(LINES)), st.lists(WORDS, max_size=5), st.booleans())
def test_any_command_line_is_run_or_refused(verb: str, more: list[str], first: bool) -> None:
    with place() as folder:
        locked(folder)
        write_manifest(folder / "prebuilt.yaml", urls=["file:///nowhere/{file}"])
        write_files(folder / "built")
        words = LINES[verb]
        check(*([*more, *words] if first else [*words, *more]))
