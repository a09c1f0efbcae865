"""Every message that a command or a rule can fail with is quoted by a test.

The messages are read from the sources: the texts that an error, a function that gives an error, or
Starlark's `fail` is told. A test quotes one where a string literal in it has a few words of the
message in a row that no other message has. That the code is run, too, is what coverage tells.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cgo_prebuilt.errors import CgoPrebuiltError

ROOT = Path(__file__).parents[2]
HOLE = "\0"
"""Stands for what a message is filled in with."""
WORDS_IN_A_ROW = range(3, 6)


def texts_of(node: ast.expr) -> Iterator[str]:
    """The texts that an expression stands for, with holes; no text if it is something else."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(next(texts_of(value), HOLE) for value in values)
        case ast.IfExp(body=one, orelse=other):
            yield from texts_of(one)
            yield from texts_of(other)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield "".join(next(texts_of(side), HOLE) for side in (left, right))
        case ast.Call(func=ast.Attribute(value=template, attr="format")):
            yield from (re.sub(r"\{[^}]*\}", HOLE, text) for text in texts_of(template))
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.List(elts=lines)]):
            yield "\n".join(next(texts_of(line), HOLE) for line in lines)


def name_of(node: ast.expr | None) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def names_of_errors(trees: Iterable[ast.Module]) -> set[str]:
    """The names of the errors, and of the functions that give one."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    classes = {
        node.name: {name_of(base) for base in node.bases}
        for node in nodes
        if isinstance(node, ast.ClassDef)
    }
    errors = {"Exception", "ArgumentTypeError"}
    while more := {name for name, bases in classes.items() if bases & errors} - errors:
        errors |= more
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    givers = {node.name for node in functions if name_of(node.returns) in errors}
    return errors | givers | {"reporting"}  # which raises one for the system's


def in_python(tree: ast.Module, errors: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in errors:
            for told in node.args[:1]:
                yield from ((node.lineno, text) for text in texts_of(told))


def in_starlark(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What `fail` is told, and what pure functions give as `struct(error = ...)` for it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            told = node.args[:1] if name_of(node.func) == "fail" else []
            told += [keyword.value for keyword in node.keywords if keyword.arg == "error"]
            for text in (text for argument in told for text in texts_of(argument)):
                yield node.lineno, text.partition("next:")[0]


def parsed(folder: str, pattern: str) -> dict[str, ast.Module]:
    """The sources below a folder; what Starlark has is Python, too, as far as its grammar goes."""
    files = sorted((ROOT / folder).rglob(pattern))
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for file in files
        if file != Path(__file__)
    }


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def parts(message: str) -> list[list[str]]:
    """The words between the holes, where there are at least two."""
    return [found for part in message.split(HOLE) if len(found := words(part)) >= 2]


def rows(message: str) -> set[str]:
    """The rows of words that may tell a message from others; short parts as a whole."""
    return {
        " ".join(part[start : start + length])
        for part in parts(message)
        for length in (min(len(part), WORDS_IN_A_ROW.start), *WORDS_IN_A_ROW)
        for start in range(len(part) - length + 1)
    }


def telling(message: str, counts: Counter[str]) -> set[str]:
    """The rows that no other message has; where there are none, its parts."""
    own = {row for row in rows(message) if counts[row] == 1}
    return own or {" ".join(part) for part in parts(message)}


def messages() -> dict[str, str]:
    """Every message with two words or more in a row, and where it stands first."""
    package = parsed("tools/cgo_prebuilt", "*.py")
    errors = names_of_errors(package.values())
    found = {path: list(in_python(tree, errors)) for path, tree in package.items()}
    found |= {path: list(in_starlark(tree)) for path, tree in parsed("rules", "*.bzl").items()}
    places: dict[str, str] = {}
    for path, items in found.items():
        for line, text in items:
            if parts(text):
                places.setdefault(text, f"{path}:{line}")
    return places


def quoted_in_tests() -> str:
    """The words of every string literal in the tests; a regular expression's escapes left out."""
    trees = [*parsed("tests", "*.py").values(), *parsed("tests", "*.bzl").values()]
    literals = (
        text
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for text in texts_of(node)
    )
    return "|".join(f" {' '.join(words(text.replace(chr(92), ' ')))} " for text in literals)


def test_every_message_is_quoted_by_a_test() -> None:
    places = messages()
    quoted = quoted_in_tests()
    counts = Counter(row for message in places for row in rows(message))
    missing = [
        f"{place}: {message.replace(HOLE, '...').strip()!r}"
        for message, place in places.items()
        if not any(f" {row} " in quoted for row in telling(message, counts))
    ]
    assert len(places) > 200
    assert not missing, (
        "no test quotes these messages; make each appear (at best through the command line) and"
        " assert some words of it that no other message has:\n" + "\n".join(missing)
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise OwnError(f'no {a} here' if a else 'nothing')", ["no \0 here", "nothing"]),
        ("raise bad('one ' + b + ' two')", ["one \0 two"]),
        ("raise ValueError('of the standard library')", []),
    ],
)
def test_messages_are_found_in_python(source: str, found: list[str]) -> None:
    tree = ast.parse(
        "class OwnError(Exception): pass\n"
        "def bad(what: str) -> errors.OwnError: return OwnError(what)\n" + source
    )
    assert [text for _, text in in_python(tree, names_of_errors([tree]))] == found


def test_messages_are_found_in_starlark() -> None:
    tree = ast.parse(
        'fail("\\n\\n{} is not {}\\n  next: x".format(a, b))\n'
        'fail("\\n".join(["one", c, "two"]))\n'
        'fail(error)\nstruct(error = "three")\n'
    )
    found = [text.strip() for _, text in in_starlark(tree)]
    assert found == ["\0 is not \0", "one\n\0\ntwo", "three"]


def test_every_error_says_where_it_happened_and_what_to_do() -> None:
    """The types demand it of whoever makes one; here, that nobody gives nothing."""
    trees = parsed("tools/cgo_prebuilt", "*.py")
    kinds = {kind.__name__ for kind in kinds_of(CgoPrebuiltError)} - {"BrokenStream"}
    made = 0
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or name_of(node.func) not in kinds:
                continue
            made += 1
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            for key in ("where", "remedy"):
                assert given.get(key, "None") not in ("None", "''"), f"{name}:{node.lineno}"
    assert made > 150


def kinds_of(error: type[CgoPrebuiltError]) -> list[type[CgoPrebuiltError]]:
    return [kind for inner in error.__subclasses__() for kind in (inner, *kinds_of(inner))]
