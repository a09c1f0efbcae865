"""Each misuse of the module extension gives an error that says what to do."""

from __future__ import annotations

import json

import pytest

from tests.e2e.bare_python import BARE_PYTHON, add_bare_python
from tests.e2e.conftest import MakeWorkspace

_EXTENSION = """\
prebuilt = use_extension("@rules_cgo_prebuilt//rules:extensions.bzl", "prebuilt")
use_repo(prebuilt, "answer")
"""
_LIBRARY = 'prebuilt.library(name = "answer", lock = "//:answer.lock.json")\n'
_GOOD = (
    '{"schema": 1, "name": "answer", "default_version": "1", "versions": {"1": {"platforms": {}}}}'
)


@pytest.mark.parametrize(
    ("tags", "lock", "words"),
    [
        (_LIBRARY, None, ["library answer has no lock", "cgo-prebuilt lock"]),
        (_LIBRARY, "oops", ["the lock is not a JSON object", "//:answer.lock.json"]),
        (_LIBRARY, '{"schema": 9}', ["schema 9", "reads 1", "//:answer.lock.json"]),
        (
            _LIBRARY,
            _GOOD.replace('"schema"', '"signatures": {}, "schema"'),
            ["unknown key 'signatures'", "known keys here: $schema, default_version"],
        ),
        (
            _LIBRARY,
            _GOOD.replace('"schema"', '"revision": 2, "must_understand": ["vow"], "schema"'),
            ["must be read by a program that knows vow", "next: update rules_cgo_prebuilt"],
        ),
        (
            _LIBRARY,
            '{"schema": 1, "name": "answer", "default_version": "2", "versions": {}}',
            ["which is not in 'versions'", "at: @@//:answer.lock.json"],
        ),
        (
            _LIBRARY * 2,
            _GOOD,
            ["the root module declares the library answer twice", "rename or remove"],
        ),
        (
            _LIBRARY + 'prebuilt.python(interpreter = "//:python")\n' * 2,
            _GOOD,
            ["the root module has two prebuilt.python tags", "next: remove one"],
        ),
        (
            _LIBRARY.replace(")", ', version = "7")'),
            _GOOD,
            ["version 7 is not in the lock", "choose one of 1"],
        ),
    ],
    ids=[
        "no lock",
        "not JSON",
        "other schema",
        "unknown key",
        "must understand",
        "no default",
        "declared twice",
        "two pythons",
        "no version",
    ],
)
def test_a_misuse_is_explained(
    workspace: MakeWorkspace, tags: str, lock: str | None, words: list[str]
) -> None:
    files: dict[str, str | bytes] = {"BUILD.bazel": ""}
    if lock is not None:
        files["answer.lock.json"] = lock
    failed = workspace(files, module=_EXTENSION + tags).bazel("query", "@answer//:all")
    assert failed.code != 0
    for word in words:
        assert word in failed.stderr, failed.stderr


_OTHER_MODULE = """\
module(name = "{name}")
bazel_dep(name = "rules_cgo_prebuilt")
"""


def test_two_modules_with_different_locks_need_a_decision_of_the_root_module(
    workspace: MakeWorkspace,
) -> None:
    files: dict[str, str | bytes] = {"BUILD.bazel": ""}
    module = ""
    for name in ("one", "two"):
        files[f"{name}/MODULE.bazel"] = _OTHER_MODULE.format(name=name) + _EXTENSION + _LIBRARY
        files[f"{name}/BUILD.bazel"] = ""
        files[f"{name}/answer.lock.json"] = _GOOD
        module += f'bazel_dep(name = "{name}")\n'
        module += f'local_path_override(module_name = "{name}", path = "{name}")\n'
    made = workspace(files, module=module + _EXTENSION)
    made.bazel("query", "@answer//:all").checked()

    made.write({"two/answer.lock.json": _GOOD.replace('"1"', '"2"')})
    failed = made.bazel("query", "@answer//:all")
    assert failed.code != 0
    assert (
        "module one and module two declare different libraries of the name answer: lock"
        in failed.stderr
    )
    assert "in the root module" in failed.stderr

    made.write({"MODULE.bazel": (made.path / "MODULE.bazel").read_text() + _LIBRARY})
    made.write({"answer.lock.json": _GOOD})
    made.bazel("query", "@answer//:all").checked()


def test_only_the_root_module_chooses_the_python(workspace: MakeWorkspace) -> None:
    made = workspace(
        {
            "BUILD.bazel": "",
            "one/MODULE.bazel": _OTHER_MODULE.format(name="one")
            + _EXTENSION
            + _LIBRARY
            + 'prebuilt.python(interpreter = "//:python")\n',
            "one/BUILD.bazel": "",
            "one/answer.lock.json": _GOOD,
        },
        module=_EXTENSION
        + 'bazel_dep(name = "one")\nlocal_path_override(module_name = "one", path = "one")\n',
    )
    failed = made.bazel("query", "@answer//:all")
    assert failed.code != 0
    assert "only the root module may use it" in failed.stderr


_OLD = """\
#!/bin/sh
echo 3 9 /usr/bin/python3
"""
# Like the `python3` of Windows, which only opens the Microsoft Store.
_NONE = """\
#!/bin/sh
echo "Python was not found" >&2
exit 49
"""
_FETCHED = json.dumps(
    {
        "schema": 1,
        "name": "answer",
        "default_version": "1",
        "versions": {
            "1": {
                "platforms": {
                    "linux_amd64": {
                        "archives": [
                            {
                                "file": "libanswer.a",
                                "urls": ["http://127.0.0.1:9/libanswer.a"],
                                "sha256": "0" * 64,
                                "size": 1,
                                "format": "file",
                                "files": [{"path": "libanswer.a", "sha256": "0" * 64, "size": 1}],
                            }
                        ],
                        "static_library": ["libanswer.a"],
                    }
                }
            }
        },
    }
)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        (
            _OLD,
            [
                "no Python on this machine can run the fetcher of rules_cgo_prebuilt,"
                " which needs 3.10 or newer",
                "old.sh is Python 3.9",
                "next: install Python 3.10 or newer, or name one with prebuilt.python",
            ],
        ),
        (_NONE, ["old.sh does not run (exit code 49): Python was not found"]),
    ],
    ids=["too old", "none at all"],
)
def test_a_python_that_cannot_fetch_is_explained(
    workspace: MakeWorkspace, python: str, words: list[str]
) -> None:
    made = workspace(
        {"BUILD.bazel": "", "answer.lock.json": _FETCHED, "old.sh": python},
        module=_EXTENSION + _LIBRARY + 'prebuilt.python(interpreter = "//:old.sh")\n',
    )
    (made.path / "old.sh").chmod(0o755)
    failed = made.bazel("build", "--nobuild", "@answer")
    assert failed.code != 0
    for word in words:
        assert word in failed.stderr, failed.stderr


def test_a_python_with_neither_requests_nor_pip_is_explained(workspace: MakeWorkspace) -> None:
    files: dict[str, str | bytes] = {"BUILD.bazel": "", "answer.lock.json": _FETCHED}
    made = workspace(files, module=_EXTENSION + _LIBRARY + BARE_PYTHON)
    add_bare_python(made, pip=False)
    failed = made.bazel("build", "--nobuild", "@answer")
    assert failed.code != 0
    for word in ("pip could not install `requests`", "No module named pip", "PIP_INDEX_URL"):
        assert word in failed.stderr, failed.stderr


def test_mod_tidy_is_suggested_for_a_library_that_is_not_imported(workspace: MakeWorkspace) -> None:
    module = _EXTENSION.replace('use_repo(prebuilt, "answer")\n', "") + _LIBRARY
    files: dict[str, str | bytes] = {"BUILD.bazel": "", "answer.lock.json": _GOOD}
    extension = "@rules_cgo_prebuilt//rules:extensions.bzl%prebuilt"
    said = workspace(files, module=module).bazel("mod", "show_extension", extension).stderr
    assert "reported as direct dependencies by the extension" in said
    assert "\n    answer\n" in said
    assert "'bazel mod tidy'" in said


def test_a_lock_that_is_added_after_an_error_is_read(
    workspace: MakeWorkspace,
) -> None:
    """By the same server: since Bazel 8, asking for a file's path does not watch the file."""
    made = workspace({"BUILD.bazel": ""}, module=_EXTENSION + _LIBRARY)
    query = ("query", "--incompatible_no_implicit_watch_label", "@answer//:all")
    assert "library answer has no lock" in made.bazel(*query).stderr
    made.write({"answer.lock.json": _GOOD})
    assert "@answer//:from_source" in made.bazel(*query).checked().stdout
    (made.path / "answer.lock.json").unlink()
    assert "library answer has no lock" in made.bazel(*query).stderr


def test_each_python_on_the_path_is_tried_before_it_is_believed(workspace: MakeWorkspace) -> None:
    """A `python3` may be no Python, as the one of Windows, or too old."""
    made = workspace(
        {
            "BUILD.bazel": "",
            "answer.lock.json": _FETCHED,
            "path/python3": _NONE,
            "path/python": '#!/bin/sh\necho "$@" >> "$0.log"\nexec python3.real "$@"\n',
        },
        module=_EXTENSION + _LIBRARY,
    )
    real = made.in_root("python3", "-c", "import sys; print(sys.executable)").checked().stdout
    (made.path / "path/python3.real").symlink_to(real.strip())
    for name in ("python3", "python"):
        (made.path / "path" / name).chmod(0o755)
    # First on the PATH of Bazel's server, except that a shim puts the system's folders before it.
    path = {"PATH": f"{made.path / 'path'}:/nowhere"}
    failed = made.bazel("build", "--nobuild", "@answer", "--repo_env=PATH=" + path["PATH"])
    assert "could not be fetched (unavailable)" in failed.stderr
    assert "-m cgo_prebuilt.commands.bazel_fetcher" in (made.path / "path/python.log").read_text()


def test_a_variable_that_names_a_version_that_is_not_in_the_lock_is_blamed(
    workspace: MakeWorkspace,
) -> None:
    """A container may set it for another program, as DuckDB's containers set DUCKDB_VERSION."""
    made = workspace({"BUILD.bazel": "", "answer.lock.json": _GOOD}, module=_EXTENSION + _LIBRARY)
    failed = made.bazel("query", "@answer//:all", env={"ANSWER_VERSION": "1.0"})
    assert failed.code != 0
    assert "version 1.0 is not in the lock" in failed.stderr
    assert (
        "  at: ANSWER_VERSION=1.0\n  next: unset ANSWER_VERSION if it is another" in failed.stderr
    )
    both = {"ANSWER_VERSION": "1.0", "CGO_PREBUILT_ANSWER_VERSION": "1"}
    made.bazel("query", "@answer//:all", env=both).checked()


_KILLED = """\
#!/bin/sh
[ "$3" != cgo_prebuilt.commands.bazel_fetcher ] && exec python3 "$@"
kill -9 $$
"""


def test_a_killed_fetcher_is_an_error_and_no_reason_to_build_from_source(
    workspace: MakeWorkspace,
) -> None:
    library = _LIBRARY.replace(")", ', source = "@//:source")')
    made = workspace(
        {"BUILD.bazel": "", "answer.lock.json": _FETCHED, "killed.sh": _KILLED},
        module=_EXTENSION + library + 'prebuilt.python(interpreter = "//:killed.sh")\n',
    )
    (made.path / "killed.sh").chmod(0o755)
    failed = made.bazel("build", "--nobuild", "@answer")
    assert failed.code != 0
    for word in (
        "answer 1 for linux_amd64 could not be fetched:\n",
        "the fetcher ended with exit code 137 and without an answer\n  next: if it was killed, ",
    ):
        assert word in failed.stderr, failed.stderr
