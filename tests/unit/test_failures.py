"""How a failed command answers: the object, the shell's word, the last resort."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cgo_prebuilt.commands.failures import answer, diagnose
from cgo_prebuilt.commands.verbs import print_message
from cgo_prebuilt.errors import BugError, CgoPrebuiltError, LockError
from cgo_prebuilt.locks.lock_file import format_lock
from cgo_prebuilt.network.spool import Spool
from cgo_prebuilt.printable import printable
from cgo_prebuilt.publishing.binutils import Binutil
from cgo_prebuilt.vouching.signing import sign
from tests.unit.command_case import Run, runner
from tests.unit.hostile_server import HostileServer, whole
from tests.unit.library_case import FILES, archive_of, lock

FAILURE = LockError("no such lock", where="/a", remedy="make it")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def kinds(error: type[CgoPrebuiltError]) -> list[type[CgoPrebuiltError]]:
    return [kind for inner in error.__subclasses__() for kind in (inner, *kinds(inner))]


def test_each_error_has_its_kind_and_exit_code() -> None:
    own = [error for error in kinds(CgoPrebuiltError) if error.__module__ == "cgo_prebuilt.errors"]
    assert {error.kind: error.exit_code for error in own} == {
        "usage": 2,
        "package": 2,
        "manifest": 2,
        "lock": 2,
        "unavailable": 3,
        "integrity": 4,
        "trust": 4,
        "build": 5,
        "interrupted": 130,
        "bug": 70,
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fetch", "--lock", "l"], ""),
        (["env", "--lock", "l"], "false\n"),
        (["env", "--shell", "fish"], "false\n"),
        (["env", "--shell=nu"], "false\n"),
        (["env", "--shell"], "false\n"),
        (["env", "--shell", "fish", "--shell=powershell"], "throw 'cgo-prebuilt env failed'\n"),
        (["fetch", "--shell", "fish"], ""),
    ],
)
def test_what_a_shell_evaluates_stops_it(arguments: list[str], expected: str) -> None:
    assert answer(arguments, FAILURE) == expected


@pytest.mark.parametrize("arguments", [["fetch", "--json"], ["env", "--shell", "json"]])
def test_a_program_reads_the_failure(arguments: list[str]) -> None:
    assert json.loads(answer(arguments, FAILURE)) == {
        "error": "no such lock",
        "where": "/a",
        "next": "make it",
        "kind": "lock",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("fetch", "--json"),
        ("fetch", "--jsno", "--json"),
        ("nothing", "--json"),
        ("lock", "prebuilt.yaml", "--json"),
        ("doctor", "--json", "--lock", "missing"),
        ("urls", "--json", "--lock", "missing"),
        ("source", "--json", "--lock", "missing", "--output", "out"),
        ("mirror", "--json", "--lock", "missing", "--to", "out"),
        ("pack", "missing", "--json", "--platform", "linux_amd64", "--from", ".", "--output", "o"),
        ("publish", "missing", "--json", "--dist", ".", "--to", "out"),
        ("cache", "prune", "--json", "--max-size", "x"),
        ("goproxy", "require", "missing", "--json"),
    ],
)
def test_a_failed_verb_with_json_answers_one_object(run: Run, arguments: Sequence[str]) -> None:
    done = run(*arguments)
    failure = json.loads(done.out)
    assert sorted(failure) == ["error", "kind", "next", "where"]
    assert done.code == 2
    assert f"cgo-prebuilt: error: {failure['error']}" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("fetch", "--output", "o", "--miror", "http://me:canary@h/m", "--json"),
        ("fetch", "--lock", "http://me:canary@h/lock.json", "--output", "o", "--json"),
        ("platform", "http://me:canary@h", "--json"),
    ],
)
def test_a_password_where_no_url_belongs_is_not_repeated(
    run: Run, arguments: Sequence[str]
) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert "canary" not in done.out + done.err
    said = json.loads(done.out)["error"] + str(json.loads(done.out)["where"])
    assert "http:/" in said or "--miror" in said


def test_an_unexpected_exception_is_a_bug_to_report(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise TypeError("https://user:canary@example.com")

    monkeypatch.setattr("cgo_prebuilt.commands.machine_cli.this_host", fail)
    done = run("platform", "--json")
    done.refused(70, "this is a bug in cgo-prebuilt", "TypeError", "/issues; CGO_PREBUILT_DEBUG=1")
    assert "at: cgo_prebuilt.commands.machine_cli, line " in done.err
    assert len(done.err.splitlines()) == 3
    assert "canary" not in done.out + done.err
    assert json.loads(done.out)["kind"] == "bug"
    monkeypatch.setenv("CGO_PREBUILT_DEBUG", "1")
    assert "Traceback (most recent call last)" in run("platform").err


def fetch_of(url: str, folder: Path) -> tuple[object, ...]:
    (folder / "vec.lock.json").write_text(format_lock(lock(url)))
    return (
        "fetch",
        "--lock",
        folder / "vec.lock.json",
        "--platform",
        "linux_amd64",
        "--output",
        "o",
    )


def test_a_machine_that_opens_no_more_files_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the module that tells people of errors."""

    class NoFiles:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "cgo_prebuilt.commands.failures":
                raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.delitem(sys.modules, "cgo_prebuilt.commands.failures")
    monkeypatch.setattr(sys, "meta_path", [NoFiles, *sys.meta_path])
    run("fetch", "--lock", "missing", "--output", "o").refused(
        2, "no more files can be opened: Too many open files", "next: end other programs"
    )


@pytest.mark.parametrize("origin", ["auto", "prebuilt"])
@pytest.mark.parametrize("name", ["network", "hash"])
def test_a_bug_in_a_thread_of_a_transfer_is_a_bug_to_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, origin: str
) -> None:
    """It is neither unavailable nor a mismatch, for which `auto` would silently build from source."""

    def broken(where: str) -> None:
        if threading.current_thread().name == f"cgo-prebuilt-{name}":
            raise TypeError(f"https://user:canary@example.com in {where}")

    for method in ("read", "write"):
        work = getattr(Spool, method)

        def call(*args: object, work: Callable[..., object] = work) -> object:
            broken(work.__name__)
            return work(*args)

        monkeypatch.setattr(Spool, method, call)
    with HostileServer({"/vec": [whole(archive_of(FILES))]}) as server:
        done = run(*fetch_of(server.url("/vec"), tmp_path), "--origin", origin)
    done.refused(70, "this is a bug in cgo-prebuilt", "TypeError", "at: cgo_prebuilt.network.")
    assert "canary" not in done.err


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("can't start new thread")], ids=["memory", "thread"]
)
def test_a_machine_that_has_nothing_left_is_no_bug(error: BaseException) -> None:
    failure = diagnose(error)
    assert (failure.kind, failure.exit_code) == ("usage", 2)
    assert failure.what == "out of memory, or no more threads can be started"


def test_a_package_that_is_not_installed_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "prebuilt.yaml").write_text("name: vec\n")
    run("lock", "prebuilt.yaml").refused(2, "the Python package yaml is not installed")
    assert isinstance(diagnose(ModuleNotFoundError(name="cgo_prebuilt.x")), BugError)


def test_a_bug_outside_of_the_package_has_no_place() -> None:
    failure = diagnose(ZeroDivisionError())
    assert isinstance(failure, BugError)
    assert failure.where == "cgo-prebuilt"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 'x'\n\tnext", "plain ü 'x'\n\tnext"),
        ("\x1b[2Jgone\r", "\\x1b[2Jgone\\r"),
        ("\x9b1m \u202e\u2028", "\\x9b1m \\u202e\\u2028"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_message_has_nothing_that_a_terminal_obeys(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_message_is_one_write_so_that_threads_do_not_share_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []

    class Terminal(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stderr", Terminal())
    print_message("vec.whl has not changed")
    assert list(filter(None, written)) == ["vec.whl has not changed\n"]


def test_what_is_said_and_answered_is_printable(run: Run) -> None:
    done = run("fetch", "--json", "--lock", "\x1b[2J", "--output", "out")
    assert "\x1b" not in done.out + done.err
    assert json.loads(done.out)["where"] == "\\x1b[2J"


# Real processes.

needs_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

SLOW = """\
import sys, time
from cgo_prebuilt import __main__
from cgo_prebuilt.commands import machine_cli

def wait():
    try:
        print("ready", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        {cleanup}

machine_cli.this_host = wait
from cgo_prebuilt.commands import fetch_cli
fetch_cli.lock_and_platform = lambda *_, **named: wait()
__main__.run()
"""


def start(*arguments: str, cleanup: str = "time.sleep(1)") -> subprocess.Popen[str]:
    process = launch(SLOW.format(cleanup=cleanup), *arguments)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    return process


def launch(program: str, *arguments: str, debug: str = "") -> subprocess.Popen[str]:
    """Start a Python program that runs the command."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**environment, "CGO_PREBUILT_DEBUG": debug},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_quick_interrupts_let_the_command_clean_up(number: signal.Signals) -> None:
    process = start("platform", "--json")
    for _ in range(6):
        process.send_signal(number)
        time.sleep(0.05)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads(out)["kind"] == "interrupted"
    assert err.splitlines() == [
        "cgo-prebuilt: error: interrupted",
        "  at: cgo-prebuilt",
        "  next: run it again: it resumes",
    ]


LOOSE_ENDS = """\
import threading
from cgo_prebuilt.__main__ import hide_tracebacks

class Loose:
    def __del__(self):
        raise OSError(5, "canary")

def end():
    raise TypeError("canary")

hide_tracebacks()
Loose()
thread = threading.Thread(target=end)
thread.start()
thread.join()
end = Loose()
"""


@pytest.mark.parametrize("debug", ["", "1"])
def test_what_nobody_can_catch_shows_no_traceback(debug: str) -> None:
    """A finalizer's, as of urllib3 where a socket cannot be closed; and a thread's, which is a bug."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", LOOSE_ENDS],
        env={**environment, "CGO_PREBUILT_DEBUG": debug},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("Exception ignored in" in done.stderr, "canary" in done.stderr) == (bool(debug),) * 2
    if not debug:
        assert done.stderr.startswith("cgo-prebuilt: a thread has ended early: this is a bug")
        assert "Traceback" not in done.stderr


def test_a_module_that_cannot_be_loaded_is_no_bug() -> None:
    failure = diagnose(ImportError("fcntl.so: cannot map it", name="fcntl"))
    assert (failure.exit_code, failure.where) == (2, sys.executable)
    assert failure.what == "Python cannot load a module of its own: fcntl.so: cannot map it"
    assert isinstance(diagnose(ImportError("no x", name="cgo_prebuilt.x")), BugError)


@needs_posix
def test_an_interrupted_env_stops_the_shell_that_evaluates_it() -> None:
    process = start("env", "--lock", "l")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[0] == "false\n"
    assert process.returncode == 130


@needs_posix
def test_an_interrupt_ends_what_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    process = start("platform", cleanup="time.sleep(60)")
    begin = time.monotonic()
    while process.poll() is None and time.monotonic() - begin < 55:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert process.wait() == 130
    assert 3 <= time.monotonic() - begin < 50
    process.communicate()


DISCARDED = """\
class Finalized:
    def __del__(self):
        told()
        time.sleep(30)

def wait():
    Finalized()
    time.sleep(30)
"""

ELSEWHERE = """\
def wait():
    reader, writer = os.pipe()

    def other():
        time.sleep(0.5)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        time.sleep(30)
        os._exit(1)

    threading.Thread(target=other, daemon=True).start()
    os.read(reader, 1)
"""

WAITING = """\
import os, signal, sys, threading, time
from cgo_prebuilt import __main__
from cgo_prebuilt.commands import machine_cli

def told():
    print("ready", file=sys.stderr, flush=True)

{wait}
machine_cli.this_host = wait
__main__.run()
"""


@needs_posix
@pytest.mark.parametrize("debug", ["", "1"])
def test_an_interrupt_that_python_discards_is_repeated(debug: str) -> None:
    """Where a handler runs in a finalizer: what it raises cannot leave that."""
    process = launch(WAITING.format(wait=DISCARDED), "platform", debug=debug)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert "error: interrupted" in process.communicate(timeout=120)[1]
    assert process.returncode == 130


@needs_posix
def test_a_signal_that_another_thread_gets_ends_what_the_main_one_waits_for() -> None:
    process = launch(WAITING.format(wait=ELSEWHERE), "platform")
    assert "error: interrupted" in process.communicate(timeout=120)[1]
    assert process.returncode == 130


@needs_posix
def test_an_answer_that_cannot_be_written_is_an_error_and_no_traceback() -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            'exec "$@" > /dev/full',
            "sh",
            sys.executable,
            "-m",
            "cgo_prebuilt",
            "platform",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-3:] == [
        "cgo-prebuilt: error: the operation failed: No space left on device",
        "  at: cgo-prebuilt",
        "  next: check that the path is right and may be used, and that there is space left",
    ]


def test_a_program_that_lacks_descriptors_is_not_to_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("subprocess.Popen", refuse)
    with pytest.raises(OSError, match="Too many open files") as caught:
        Binutil("STRIP", "strip").run([], tmp_path)
    assert "ulimit" in diagnose(caught.value).remedy
    (tmp_path / "SHA256SUMS").write_text("")
    (tmp_path / "key").write_text("key")
    with pytest.raises(OSError, match="Too many open files") as signing:
        sign(tmp_path / "SHA256SUMS", tmp_path / "key")
    assert "ulimit" in diagnose(signing.value).remedy
