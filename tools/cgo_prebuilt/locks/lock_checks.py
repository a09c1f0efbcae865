"""Checks that locks and manifests share, beyond the types of values."""

from __future__ import annotations

from cgo_prebuilt.fields import Fields
from cgo_prebuilt.locks.lock import Interface
from cgo_prebuilt.locks.lock_names import DEFINE, PROGRAM, VARIABLE
from cgo_prebuilt.url import Url


def check_interface(fields: Fields, interface: Interface) -> Interface:
    """Return the interface if it is consistent; else raise an error at this place."""
    strange = interface.undeclared_archives()
    if strange:
        raise fields.problem(
            f"'static_library' lacks {', '.join(strange)}, which 'alwayslink' or 'circular' names",
            "name only archives that 'static_library' lists, spelled the same",
        )
    check_texts(fields, interface)
    return interface


def check_texts(fields: Fields, interface: Interface) -> None:
    """Refuse texts that linkers and compilers cannot take, as interface_problem.bzl does."""
    if "" in interface.linkopts:
        raise fields.problem("'linkopts' has an empty option", "remove it")
    for define in interface.defines:
        if not DEFINE.fullmatch(define):
            raise fields.problem(
                f"'defines' has {define!r}, which is neither NAME nor NAME=VALUE",
                "begin it with a C identifier, or put it into a header",
            )
        if "'" in define and '"' in define:
            raise fields.problem(
                f"'defines' has {define!r}, with both kinds of quotes, which cgo cannot take",
                "write it with one kind, or put it into a header",
            )
    for path in interface.shared_library:
        if "," in path.rpartition("/")[0]:
            raise fields.problem(
                f"'shared_library' has {path!r}, in a folder with a comma, which linkers split",
                "pack it into another folder",
            )


def check_variables(fields: Fields, env: tuple[str, ...]) -> tuple[str, ...]:
    """Return a build's variables, each `NAME` or `NAME=VALUE`; else raise an error."""
    for variable in env:
        if not VARIABLE.fullmatch(variable):
            raise fields.problem(
                f"'env' has {variable!r}, which is not a variable", "write NAME, or NAME=VALUE"
            )
    return env


def check_programs(fields: Fields, tools: tuple[str, ...]) -> tuple[str, ...]:
    """Return a build's programs; else raise an error at this place."""
    for tool in tools:
        if not PROGRAM.fullmatch(tool):
            raise fields.problem(
                f"'tools' has {tool!r}, which is not a program", "write its name, such as protoc"
            )
    return tools


def check_url(fields: Fields, key: str, text: str) -> Url:
    """Return the URL if it can be fetched; else raise an error at this place."""
    url = Url(text)
    if not url.is_fetchable():
        raise fields.problem(
            f"'{url}' in {key!r} is not a URL that can be fetched",
            "write https://HOST/PATH, http://HOST/PATH or file:///PATH; a port is a number",
        )
    return url
