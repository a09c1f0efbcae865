"""Check whether a compiler finds a library's headers in its include folders. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def header_problems(headers: Collection[str], include_dirs: Iterable[str]) -> list[str]:
    """Return the problems of including the library's headers.

    Args:
        headers: The paths of the library's headers.
        include_dirs: The folders to search; `.` is the root folder of the files.

    Returns:
        Sentences for a person; none without a problem.
    """
    if not headers:
        return ["the library has no headers: name them in 'headers' if a program is to include one"]
    return [
        f"'include_dirs' names {folder}, and no header is in it"
        for folder in include_dirs
        if folder != "." and not any(header.startswith(f"{folder}/") for header in headers)
    ]
