"""The command from end to end, in this process, against a real HTTP server."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from cgo_prebuilt import cli
from cgo_prebuilt.locks.lock import Build, Interface, Lock, LockedVersion, Source
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.storage.store import Store
from cgo_prebuilt.url import Url
from tests.unit.library_case import (
    FILES,
    LIBRARY,
    archive_of,
    files_below,
    lock,
    write_files,
    write_manifest,
)
from tests.unit.transport_case import SETTINGS
from tests.unit.trees import read_only, tmpfs

ARCHIVE = "/vec-v1.2.3-linux_amd64.tar.gz"
VERBS = ("platform", "fetch", "urls", "lock", "mirror", "pack", "env", "gazelle")


class Answer:
    """What a command gave back: its exit code, and its two outputs."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Run = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> None:
    """A store of the test's own, an environment without our variables, and short waits."""
    for name in list(os.environ):
        if name.startswith(("CGO_", "VEC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    httpserver.no_handler_status_code = 404
    monkeypatch.setenv("CGO_PREBUILT_CACHE", str(tmp_path / "store"))
    monkeypatch.setenv("CGO_PREBUILT_ORIGIN", "prebuilt")
    monkeypatch.setattr(
        "cgo_prebuilt.network.transport_settings.TransportSettings", lambda: SETTINGS
    )


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> Answer:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Answer(code, captured.out, captured.err)

    return command


@pytest.fixture
def locked(tmp_path: Path, httpserver: HTTPServer) -> Path:
    """The library's lock; its archive is at the server, unless a test puts something else there."""
    path = tmp_path / "vec.lock.json"
    path.write_text(format_lock(lock(httpserver.url_for(ARCHIVE))))
    return path


def serve(httpserver: HTTPServer, data: bytes | None = None, path: str = ARCHIVE) -> None:
    httpserver.expect_request(path).respond_with_data(archive_of(FILES) if data is None else data)


def fetch_arguments(locked: Path, output: Path, *more: object) -> list[object]:
    return [
        *("fetch", "--lock", locked, "--platform", "linux_amd64"),
        *("--output", output, "--json", *more),
    ]


def stored(tmp_path: Path) -> list[str]:
    """What is in the store but its lock files."""
    return [path for path in files_below(tmp_path / "store") if "/locks/" not in path]


needs_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such streams")


def refused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


# fetch.


def test_fetch_downloads_once_and_answers_from_the_store_then(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    first = run(*fetch_arguments(locked, tmp_path / "one"))
    second = run(*fetch_arguments(locked, tmp_path / "two"))
    assert (first.code, second.code) == (0, 0)
    assert json.loads(first.out) == {
        "status": "downloaded",
        "platform": "linux_amd64",
        "version": "v1.2.3",
        "output": str(tmp_path / "one"),
        "files": sorted(FILES),
        "requests": 1,
        "bytes_downloaded": len(archive_of(FILES)),
        "bytes_resumed": 0,
        "reason": None,
    }
    again = json.loads(second.out)
    assert (again["status"], again["requests"], again["bytes_downloaded"]) == ("cached", 0, 0)
    assert len(httpserver.log) == 1
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")
    assert (tmp_path / "two" / "lib" / "libvec.a").read_bytes() == LIBRARY


def test_a_tree_that_was_pruned_a_moment_ago_is_fetched_again(
    run: Run,
    locked: Path,
    tmp_path: Path,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(httpserver)
    share = Store.shared

    def prune_once_and_share(store: Store, key: str) -> AbstractContextManager[bool]:
        monkeypatch.setattr(Store, "shared", share)
        store.prune(max_size=0, now=time.time())
        return share(store, key)

    monkeypatch.setattr(Store, "shared", prune_once_and_share)
    assert run(*fetch_arguments(locked, tmp_path / "output")).code == 0
    assert (tmp_path / "output" / "lib" / "libvec.a").read_bytes() == LIBRARY
    assert len(httpserver.log) == 2


def test_fetch_without_json_prints_the_folder(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    arguments = fetch_arguments(locked, tmp_path / "out")
    answer = run(*(argument for argument in arguments if argument != "--json"))
    assert answer.out == f"{tmp_path / 'out'}\n"
    assert "vec v1.2.3 for linux_amd64: downloaded" in answer.err


EXIT_CODES = {"usage": 2, "manifest": 2, "lock": 2, "unavailable": 3, "integrity": 4, "build": 5}


def assert_refused(answer: Answer, code: int, *words: str, lines: int = 4) -> None:
    """One error of a few lines with something to do next; the same as JSON where that was asked for."""
    assert answer.code == code, answer.err
    if answer.out:
        failure = json.loads(answer.out)
        assert failure["error"] in answer.err
        assert f"  next: {failure['next']}" in answer.err
        assert EXIT_CODES[failure["kind"]] == code
    error = answer.err[answer.err.index("cgo-prebuilt: error: ") :]
    assert "  next: " in error
    assert len(error.splitlines()) <= lines
    for word in words:
        assert word in error


def test_a_404_is_unavailable_and_leaves_nothing(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(ARCHIVE).respond_with_data("no", status=404)
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 3, "404", httpserver.url_for(ARCHIVE))
    assert not (tmp_path / "out").exists()
    assert stored(tmp_path) == []


def test_a_missing_server_is_unavailable(run: Run, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{refused_port()}/vec.tar.gz"
    (tmp_path / "lock").write_text(format_lock(lock(url)))
    answer = run(*fetch_arguments(tmp_path / "lock", tmp_path / "out"))
    assert_refused(answer, 3, url)
    assert not (tmp_path / "out").exists()
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    "data",
    [
        archive_of({**FILES, "lib/libvec.a": LIBRARY[::-1]}),
        bytes(len(archive_of(FILES))),
        archive_of(FILES) + b"x",
        b"<html>sign in</html>",
        b"",
    ],
    ids=["another file", "zeros", "longer", "a web page", "nothing"],
)
def test_wrong_bytes_are_an_integrity_error_and_leave_nothing(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer, data: bytes
) -> None:
    serve(httpserver, data)
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 4, "has wrong bytes")
    assert not (tmp_path / "out").exists()
    assert stored(tmp_path) == []


def test_an_archive_that_lacks_a_promised_file_is_an_integrity_error(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    data = archive_of({"lib/libvec.a": LIBRARY})
    document = json.loads(format_lock(lock(httpserver.url_for(ARCHIVE))))
    (archive,) = document["versions"]["v1.2.3"]["platforms"]["linux_amd64"]["archives"]
    archive.update(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    (tmp_path / "lock").write_text(json.dumps(document))
    serve(httpserver, data)
    answer = run(*fetch_arguments(tmp_path / "lock", tmp_path / "out"))
    assert_refused(answer, 4, "the archive lacks 'include/vec.h'")
    assert not (tmp_path / "out").exists()
    assert not [path for path in stored(tmp_path) if "/trees/" in path]


def test_offline_sends_no_request(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    answer = run(*fetch_arguments(locked, tmp_path / "out", "--offline"))
    assert_refused(answer, 3, "offline", "vec v1.2.3 for linux_amd64", "CGO_PREBUILT_MIRROR")
    assert httpserver.log == []
    assert stored(tmp_path) == []


def test_offline_answers_from_the_store(
    run: Run,
    locked: Path,
    tmp_path: Path,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(httpserver)
    run(*fetch_arguments(locked, tmp_path / "one"))
    monkeypatch.setenv("CGO_PREBUILT_OFFLINE", "1")
    answer = run(*fetch_arguments(locked, tmp_path / "two"))
    assert json.loads(answer.out)["status"] == "cached"
    assert len(httpserver.log) == 1


def test_offline_may_use_a_mirror_that_is_a_folder(
    run: Run, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "a mirror", {ARCHIVE.lstrip("/"): archive_of(FILES)})
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", (tmp_path / "a mirror").as_uri())
    answer = run(*fetch_arguments(locked, tmp_path / "out", "--offline"))
    assert answer.code == 0
    assert json.loads(answer.out)["requests"] == 0


def test_with_a_mirror_no_other_server_is_contacted(
    run: Run,
    locked: Path,
    tmp_path: Path,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(httpserver)
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", httpserver.url_for("/mirror"))
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert answer.code == 3
    assert {request.path for request, _ in httpserver.log} == {f"/mirror{ARCHIVE}"}


def test_the_version_of_the_environment_must_be_in_the_lock(
    run: Run, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEC_VERSION", "v9")
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 2, "vec v9 is not in the lock", "v1.2.3")


def test_a_platform_without_a_prebuilt_is_unavailable(
    run: Run, locked: Path, tmp_path: Path
) -> None:
    answer = run("fetch", "--lock", locked, "--platform", "windows_arm64", "--output", tmp_path)
    assert_refused(answer, 3, "no prebuilt for windows_arm64", "linux_amd64")


def test_a_platform_that_does_not_exist_is_bad_usage(
    run: Run, locked: Path, tmp_path: Path
) -> None:
    answer = run("fetch", "--lock", locked, "--platform", "amiga", "--output", tmp_path)
    assert_refused(answer, 2, "platform 'amiga' is not supported", "linux_amd64")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "the lock is not JSON"),
        ("{}", "'schema' is missing"),
        ('{"schema": 9}', "the lock has schema 9"),
    ],
)
def test_a_bad_lock_is_named(run: Run, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "lock").write_text(text)
    answer = run(*fetch_arguments(tmp_path / "lock", tmp_path / "out"))
    assert_refused(answer, 2, words, str(tmp_path / "lock"))


def test_a_missing_lock_is_named(run: Run, tmp_path: Path) -> None:
    answer = run(*fetch_arguments(tmp_path / "lock", tmp_path / "out"))
    assert_refused(answer, 2, "there is no such lock", str(tmp_path / "lock"))


def test_a_file_in_the_place_of_the_output_is_left_alone(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    (tmp_path / "out").write_text("mine")
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 2, str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "mine"


def test_a_file_above_the_output_is_left_alone(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    (tmp_path / "file").write_text("mine")
    answer = run(*fetch_arguments(locked, tmp_path / "file" / "out"))
    assert_refused(answer, 2, str(tmp_path / "file"))


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write: not even root, on a disk that is mounted read-only."""
    if sys.platform == "win32":
        pytest.skip("there, a folder that is read-only can be written")
    folder = tmp_path / "closed"
    if os.geteuid() != 0:
        folder.mkdir(mode=0o500)
        yield folder
        return
    if sys.platform != "linux":
        pytest.skip("root may write everywhere")
    with tmpfs(folder), read_only(folder):
        yield folder


def test_a_read_only_output_is_named(
    run: Run, locked: Path, closed: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    assert_refused(run(*fetch_arguments(locked, closed)), 2, str(closed))


def test_a_file_in_the_place_of_the_store_is_named(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    (tmp_path / "store").write_text("mine")
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 2, str(tmp_path / "store"))
    assert not (tmp_path / "out").exists()


# lock.


def lock_manifest(tmp_path: Path, httpserver: HTTPServer, **changes: Any) -> Path:
    urls = [httpserver.url_for("/{file}")]
    return write_manifest(tmp_path / "prebuilt.yaml", urls=urls, **changes)


def test_lock_writes_a_lock_that_fetch_takes(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    manifest = lock_manifest(tmp_path, httpserver)
    answer = run("lock", manifest)
    target = tmp_path / "prebuilt.lock.json"
    assert (answer.code, answer.out) == (0, f"{target}\n")
    assert run(*fetch_arguments(target, tmp_path / "out")).code == 0
    assert set(FILES) <= set(files_below(tmp_path / "out"))


def test_lock_again_changes_no_byte(run: Run, tmp_path: Path, httpserver: HTTPServer) -> None:
    serve(httpserver)
    manifest = lock_manifest(tmp_path, httpserver)
    run("lock", manifest)
    before = (tmp_path / "prebuilt.lock.json").read_bytes()
    run("lock", manifest)
    assert (tmp_path / "prebuilt.lock.json").read_bytes() == before
    assert run("lock", manifest, "--check").code == 0


def test_check_exits_1_where_the_lock_is_stale_and_writes_nothing(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    run("lock", lock_manifest(tmp_path, httpserver))
    before = (tmp_path / "prebuilt.lock.json").read_bytes()
    answer = run("lock", lock_manifest(tmp_path, httpserver, linkopts=["-lm"]), "--check")
    assert answer.code == 1
    assert "prebuilt.lock.json is stale; run `cgo-prebuilt lock" in answer.err
    assert (tmp_path / "prebuilt.lock.json").read_bytes() == before


def test_check_exits_1_where_there_is_no_lock(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    assert run("lock", lock_manifest(tmp_path, httpserver), "--check").code == 1
    assert not (tmp_path / "prebuilt.lock.json").exists()


def test_lock_of_another_version_keeps_the_first_one(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    serve(httpserver, path="/vec-v2-linux_amd64.tar.gz")
    manifest = lock_manifest(tmp_path, httpserver)
    run("lock", manifest)
    assert run("lock", manifest, "--version", "v2").code == 0
    document = json.loads((tmp_path / "prebuilt.lock.json").read_text())
    assert document["default_version"] == "v2"
    assert sorted(document["versions"]) == ["v1.2.3", "v2"]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"static_libary": "x"}, 2, "did you mean 'static_library'?"),
        ({"static_library": "lib/other.a"}, 2, "the archive lacks 'lib/other.a'"),
        ({"archives": [{"file": "absent.zip"}]}, 3, "absent.zip cannot be downloaded"),
    ],
)
def test_a_lock_that_cannot_be_made_is_not_written(
    run: Run,
    tmp_path: Path,
    httpserver: HTTPServer,
    changes: Mapping[str, Any],
    code: int,
    words: str,
) -> None:
    serve(httpserver)
    httpserver.expect_request("/absent.zip").respond_with_data("no", status=404)
    answer = run("lock", lock_manifest(tmp_path, httpserver, **changes))
    assert_refused(answer, code, words)
    assert files_below(tmp_path) == ["prebuilt.yaml", *files_below_store(tmp_path)]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<!DOCTYPE html><title>sign in</title>", "this is HTML, probably an error page"),
        (b"", "this is an empty file"),
    ],
    ids=["an HTML error page", "an empty file"],
)
def test_the_wrong_thing_is_not_locked_as_a_loose_file(
    run: Run, tmp_path: Path, httpserver: HTTPServer, page: bytes, words: str
) -> None:
    """Nothing tells what a loose file should be, but an HTML error page is never a library."""
    serve(httpserver, page, path="/libvec.a")
    loose = {"archives": [{"file": "libvec.a", "path": "lib/libvec.a"}], "headers": None}
    manifest = lock_manifest(tmp_path, httpserver, **loose)
    assert_refused(run("lock", manifest), 4, words, "libvec.a")
    assert files_below(tmp_path) == ["prebuilt.yaml", *files_below_store(tmp_path)]


def test_a_loose_file_is_locked(run: Run, tmp_path: Path, httpserver: HTTPServer) -> None:
    serve(httpserver, LIBRARY, path="/libvec-linux.a")
    loose = {"archives": [{"file": "libvec-linux.a", "path": "lib/libvec.a"}], "headers": None}
    assert run("lock", lock_manifest(tmp_path, httpserver, **loose)).code == 0
    version = json.loads((tmp_path / "prebuilt.lock.json").read_text())["versions"]["v1.2.3"]
    (archive,) = version["platforms"]["linux_amd64"]["archives"]
    (file,) = archive["files"]
    assert (file["path"], file["size"]) == ("lib/libvec.a", len(LIBRARY))
    assert file["sha256"] == archive["sha256"] == hashlib.sha256(LIBRARY).hexdigest()


def files_below_store(tmp_path: Path) -> list[str]:
    return [path for path in files_below(tmp_path) if path.startswith("store/")]


def test_a_missing_folder_for_the_lock_fails_before_any_download(
    run: Run, tmp_path: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    target = tmp_path / "nowhere" / "vec.lock.json"
    answer = run("lock", lock_manifest(tmp_path, httpserver), "--output", target)
    assert_refused(answer, 2, "no such folder for the lock", str(tmp_path / "nowhere"))
    assert httpserver.log == []


def test_another_library_s_lock_is_not_overwritten(
    run: Run, tmp_path: Path, httpserver: HTTPServer, locked: Path
) -> None:
    serve(httpserver)
    manifest = lock_manifest(tmp_path, httpserver, name="other", archives=[{"file": ARCHIVE[1:]}])
    before = locked.read_bytes()
    assert_refused(run("lock", manifest, "--output", locked), 2, "the lock is for vec")
    assert locked.read_bytes() == before


# pack and env.


def test_pack_prints_what_it_wrote(run: Run, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "prebuilt.yaml")
    built = write_files(tmp_path / "built")
    arguments = ["pack", manifest, "--platform", "linux_amd64"]
    arguments += ["--from", built, "--output", tmp_path / "dist"]
    archive = tmp_path / "dist" / ARCHIVE.lstrip("/")
    assert run(*arguments).out == f"{archive}\n"
    (item,) = json.loads(run(*arguments, "--json").out)["archives"]
    assert (item["file"], item["size"]) == (str(archive), archive.stat().st_size)


def test_pack_of_a_platform_that_is_not_in_the_manifest_is_refused(
    run: Run, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path / "prebuilt.yaml")
    arguments = ["--platform", "darwin_arm64", "--from", tmp_path, "--output", tmp_path / "dist"]
    assert_refused(run("pack", manifest, *arguments), 2, "no platform darwin_arm64")


def test_env_prints_variables_whose_files_are_there(
    run: Run, locked: Path, httpserver: HTTPServer
) -> None:
    serve(httpserver)
    answer = run("env", "--lock", locked, "--platform", "linux_amd64", "--shell", "json")
    variables = json.loads(answer.out)
    (library,) = [word for word in variables["CGO_LDFLAGS"].split() if word.endswith(".a")]
    assert Path(library).read_bytes() == LIBRARY
    assert (Path(variables["PKG_CONFIG_PATH"]) / "vec.pc").is_file()


# The command itself.


@pytest.mark.parametrize("verb", [*VERBS, "cache", "goproxy"])
def test_the_help_of_a_verb_shows_an_example(run: Run, verb: str) -> None:
    answer = run(verb, "--help")
    assert answer.code == 0
    assert f"example: cgo-prebuilt {verb}" in " ".join(answer.out.split())


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        ((), "[options] VERB"),
        (("fecth",), "[options] VERB"),
        (("fetch",), "fetch [options] --output DIR"),
        (("fetch", "--loc", "x"), "fetch [options] --output DIR"),
        (("pack",), "pack [options] (--platform PLATFORM | --all-in-one) [MANIFEST] --from DIR"),
        (("completion",), "completion [options] SHELL"),
    ],
)
def test_bad_usage_exits_2(run: Run, arguments: tuple[str, ...], usage: str) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert answer.err.startswith(f"usage: cgo-prebuilt {usage}")
    assert len(answer.err.splitlines()) == 4


def verbs_of(verb: str = "") -> dict[str, str]:
    """The verbs that a command line with this one is parsed by, and their help."""
    (found,) = (action.choices for action in cli.parser(verb)._actions if action.choices)
    return {name: parser.format_help() for name, parser in dict(found).items()}


def test_a_verb_is_parsed_alone_as_among_all() -> None:
    among_all = verbs_of()
    for verb, text in among_all.items():
        alone = verbs_of(verb)
        assert alone[verb] == text
        assert set(alone) < set(among_all)


def test_the_version_is_printed(run: Run) -> None:
    answer = run("--version")
    assert answer.code == 0
    assert answer.out.startswith("cgo-prebuilt ")


def test_an_unexpected_system_error_gives_no_traceback(
    run: Run, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr("cgo_prebuilt.locks.lock_file.read_lock", refuse)
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 2, "the operation failed: Permission denied", "at: /somewhere")


def test_a_text_that_the_terminal_cannot_show_is_an_error_and_no_traceback(
    run: Run, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        "ü".encode("ascii")

    monkeypatch.setattr("cgo_prebuilt.locks.lock_file.read_lock", refuse)
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert_refused(answer, 2, "a text cannot be written", "PYTHONUTF8")


@pytest.mark.parametrize("path", ["--output", "--lock"])
def test_an_empty_path_is_not_the_current_folder(
    run: Run, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run(*fetch_arguments(locked, tmp_path / "out"), path, "")
    assert answer.code == 2
    assert f"argument {path}: the path is empty; is a variable not set?" in answer.err
    answer = run(*fetch_arguments(locked, tmp_path / "out"), "--mirror", "")
    assert answer.code == 2
    assert "argument --mirror: the place is empty; is a variable not set?" in answer.err


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--fallback", "never"), "--fallback is called --origin now"),
        (("--fallback=never",), "--fallback is called --origin now"),
        (("--from", "folder"), "--from is called --mirror now"),
        (("--origin", "never"), "argument --origin: never is called prebuilt now"),
        (("--origin", "always"), "argument --origin: always is called source now"),
        (("--origin", "sometimes"), "choose from"),
    ],
)
def test_an_old_name_is_answered_with_the_new_one(
    run: Run, locked: Path, tmp_path: Path, words: tuple[str, ...], answer: str
) -> None:
    for verb, more in (("fetch", ("--output", tmp_path / "out")), ("env", ())):
        refused = run(verb, "--lock", locked, *more, *words)
        assert refused.code == 2
        assert answer in refused.err
        assert f"next: see `cgo-prebuilt {verb} --help`" in refused.err


NOBODY_READS = """\
import os, sys
from cgo_prebuilt.cli import main
from cgo_prebuilt.url import Url
read, write = os.pipe()
os.close(read)
os.dup2(write, 2)
sys.exit(main(sys.argv[1:]))
"""


@needs_posix
@pytest.mark.parametrize("cached", [False, True])
def test_a_fetch_continues_without_a_reader_of_its_messages(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer, cached: bool
) -> None:
    serve(httpserver)
    if cached:
        run(*fetch_arguments(locked, tmp_path / "one"))
    arguments = [str(one) for one in fetch_arguments(locked, tmp_path / "out")]
    done = in_a_process([sys.executable, "-c", NOBODY_READS, *arguments])
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == ("cached" if cached else "downloaded")
    assert (tmp_path / "out/lib/libvec.a").exists()
    arguments[2] = str(tmp_path / "nothing.lock.json")
    assert in_a_process([sys.executable, "-c", NOBODY_READS, *arguments]).returncode == 2


@needs_posix
@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_no_file_of_the_fetch(
    locked: Path, tmp_path: Path, httpserver: HTTPServer, closing: str
) -> None:
    serve(httpserver)
    arguments = [str(one) for one in fetch_arguments(locked, tmp_path / "out")]
    program = [sys.executable, "-m", "cgo_prebuilt", *arguments]
    done = in_a_process(["sh", "-c", f'exec "$@" {closing}', "sh", *program])
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    for path, content in FILES.items():
        assert (tmp_path / "out" / path).read_bytes() == content


def in_a_process(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )


def test_an_interrupt_exits_130_and_explains_how_to_resume(
    run: Run, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cgo_prebuilt.locks.lock_file.read_lock", interrupt)
    answer = run(*fetch_arguments(locked, tmp_path / "out"))
    assert answer.code == 130
    assert json.loads(answer.out)["kind"] == "interrupted"
    assert "error: interrupted\n  at: cgo-prebuilt\n  next: run it again: it resumes" in answer.err


EARLY = """\
import sys
class Early:
    def find_spec(name, *_):
        if name == "cgo_prebuilt.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Early)
from cgo_prebuilt.__main__ import run
run()
"""


def test_an_interrupt_before_the_command_is_loaded_stops_the_shell_too() -> None:
    done = in_a_process([sys.executable, "-c", EARLY, "env"])
    assert (done.returncode, done.stdout) == (130, "false\n")
    assert done.stderr.startswith("cgo-prebuilt: error: interrupted\n")


def test_urls_are_printed_without_a_request(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    urls = ("urls", "--lock", locked, "--platform", "linux_amd64")
    assert run(*urls).out == httpserver.url_for(ARCHIVE) + "\n"
    assert run(*urls, "--offline").out == ""
    answer = json.loads(run(*urls, "--json").out)
    data = archive_of(FILES)
    assert answer == {
        "cached": False,
        "archives": [
            {
                "file": ARCHIVE[1:],
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "urls": [httpserver.url_for(ARCHIVE)],
            }
        ],
    }
    assert httpserver.log == []
    serve(httpserver)
    run(*fetch_arguments(locked, tmp_path / "out"))
    assert json.loads(run(*urls, "--json").out)["cached"] is True


def test_urls_with_a_password_are_not_printed(
    run: Run, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they are printed for is a log, or Bazel, which prints them itself."""
    monkeypatch.setenv("CGO_PREBUILT_MIRROR", "https://me:canary@mirror.test")
    for form in ((), ("--json",)):
        answer = run("urls", "--lock", locked, "--platform", "linux_amd64", *form)
        assert_refused(answer, 2, "a URL has a user or a password, which would be printed", "netrc")
        assert "canary" not in answer.out + answer.err


def test_the_source_s_urls_are_those_of_its_archive(run: Run, tmp_path: Path) -> None:
    source = Source(Build("make"), Interface(), url=Url("https://a/src.tar.gz"), sha256="0" * 64)
    path = tmp_path / "vec.lock.json"
    path.write_text(format_lock(Lock("vec", "v1", {"v1": LockedVersion({"": {}}, source)})))
    assert run("urls", "--lock", path, "--source").out == "https://a/src.tar.gz\n"
    assert json.loads(run("urls", "--lock", path, "--source", "--json").out) == {
        "cached": False,
        "archives": [
            {
                "file": "src.tar.gz",
                "sha256": "0" * 64,
                "size": None,
                "urls": ["https://a/src.tar.gz"],
            },
        ],
    }


def test_archives_from_a_folder_are_verified_without_a_request(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer
) -> None:
    folder = tmp_path / "braces {file} 100%"
    folder.mkdir()
    arguments = (*fetch_arguments(locked, tmp_path / "out"), "--mirror", folder)
    (folder / ARCHIVE[1:]).write_bytes(b"wrong")
    assert_refused(run(*arguments), 4, "wrong bytes", "at: file://")
    (folder / ARCHIVE[1:]).write_bytes(archive_of(FILES))
    assert run(*arguments).code == 0
    assert httpserver.log == []


def test_a_mirror_is_filled_fetched_from_and_pruned(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver)
    mirror = ("mirror", "--lock", locked, "--to", tmp_path / "mirror")
    first = run(*mirror)
    assert (first.code, first.out) == (0, ARCHIVE[1:] + "\n")
    assert "1 fetched" in first.err
    httpserver.clear()
    again = json.loads(run(*mirror, "--json").out)
    assert (again["fetched"], again["kept"], again["removed"]) == ([], [ARCHIVE[1:]], [])

    monkeypatch.setenv("CGO_PREBUILT_MIRROR", (tmp_path / "mirror").as_uri())
    assert run(*fetch_arguments(locked, tmp_path / "out")).code == 0
    monkeypatch.delenv("CGO_PREBUILT_MIRROR")
    document = json.loads(locked.read_text())
    platforms = document["versions"]["v1.2.3"]["platforms"]
    platforms["darwin_arm64"] = platforms.pop("linux_amd64")
    (archive,) = platforms["darwin_arm64"]["archives"]
    archive |= {"file": "new.tar.gz", "urls": [(tmp_path / "mirror" / ARCHIVE[1:]).as_uri()]}
    locked.write_text(json.dumps(document))
    pruned = json.loads(run(*mirror, "--platform", "darwin_arm64", "--prune", "--json").out)
    assert pruned["removed"] == [ARCHIVE[1:]]
    assert files_below(tmp_path / "mirror") == ["SHA256SUMS", "new.tar.gz"]
    assert httpserver.log == []


@pytest.mark.parametrize("verb", ["fetch", "env"])
def test_a_cached_answer_loads_neither_requests_nor_yaml_nor_the_transport(
    run: Run, locked: Path, tmp_path: Path, httpserver: HTTPServer, verb: str
) -> None:
    serve(httpserver)
    run(*fetch_arguments(locked, tmp_path / "one"))
    options = ["--lock", str(locked), "--platform", "linux_amd64"]
    if verb == "fetch":
        options += ["--output", str(tmp_path / "two")]
    program = (
        "import sys; from cgo_prebuilt.cli import main; code = main(sys.argv[1:]);"
        "print(*sys.modules, sep=chr(10), file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, verb, *options],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    slow = {
        "cgo_prebuilt.network.transport",
        "cgo_prebuilt.archives.extract",
        "cgo_prebuilt.locks.lock_json",
        "cgo_prebuilt.manifests.manifest",
        "cgo_prebuilt.vouching.vouchers",
        "cgo_prebuilt.storage.results",
        "concurrent.futures",
        "datetime",
        "requests",
        "ssl",
        "tarfile",
        "urllib.request",
        "yaml",
        "zipfile",
    }
    assert slow & set(ran.stderr.splitlines()) == set()
