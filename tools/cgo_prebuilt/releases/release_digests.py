"""What a release says itself of its files' hashes: its `SHA256SUMS`, and GitHub's own digests.

Neither is a reason to trust a file: whoever can replace one can replace the other. Where they
disagree with what was downloaded, though, something is wrong, and no lock is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError
from cgo_prebuilt.releases.sums import SUMS, parse_sums


@dataclass(frozen=True, slots=True)
class ReleasedArchive:
    """An archive that was downloaded. Others may have its file name: a folder for each platform.

    Attributes:
        file: Its file name.
        sha256: What it has.
        urls: Where it was looked for.
    """

    file: str
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Somebody says that an archive has a hash.

    Attributes:
        source: Who: a URL.
        archive: The archive.
        sha256: What it is said to have.
    """

    source: str
    archive: ReleasedArchive
    sha256: str


ReadText = Callable[[str], str | None]
"""Reads a small text from a URL; None where there is none."""

ReadAssets = Callable[[str], tuple[str, Mapping[str, str]] | None]
"""Asks GitHub for the release that a download URL is of: who answered, and hashes by file."""


def collect_statements(
    archives: Sequence[ReleasedArchive],
    read_text: ReadText,
    read_assets: ReadAssets,
    note: Callable[[str], None],
) -> list[Statement]:
    """Asks what is said of archives; each place once.

    Args:
        archives: The archives.
        read_text: Reads `SHA256SUMS`.
        read_assets: Asks GitHub.
        note: Told of a place that cannot be asked; that is no error.

    Returns:
        What they say, in the order of the archives.
    """
    said: dict[str, tuple[str, Mapping[str, str]] | None] = {}

    def ask(place: str, question: Callable[[], tuple[str, Mapping[str, str]] | None]) -> None:
        if place not in said:
            try:
                said[place] = question()
            except CgoPrebuiltError as error:
                said[place] = None
                note(f"not cross-checked with {error.where or place}: {error.what}")

    statements = []
    for archive in archives:
        for url in archive.urls:
            places = {sums_url(url): _sums_question(url, read_text)}
            places[f"github:{folder_of(url)}"] = _assets_question(url, read_assets)
            for place, question in places.items():
                ask(place, question)
                found = said[place]
                name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
                if found is not None and name in found[1]:
                    statements.append(Statement(found[0], archive, found[1][name]))
    return statements


def check_statements(statements: Iterable[Statement]) -> None:
    """Compares what is said of archives with what was downloaded.

    Raises:
        IntegrityError: They disagree; it names everybody who does.
    """
    wrong = [item for item in statements if item.archive.sha256 != item.sha256]
    if wrong:
        raise IntegrityError(
            "\n".join(
                f"{item.archive.file} has the SHA-256 {item.archive.sha256}, not {item.sha256}"
                for item in wrong
            ),
            where=", ".join(dict.fromkeys(item.source for item in wrong)),
            remedy="ask the publisher which of them is right; no lock is written meanwhile",
        )


def sums_url(url: str) -> str:
    """Where the `SHA256SUMS` beside a file is; a query, which is the file's own, is left out."""
    return f"{folder_of(url)}/{SUMS}"


def folder_of(url: str) -> str:
    """The URL of the folder that a file is in, without a slash at its end."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rpartition("/")[0], "", ""))


def _sums_question(
    url: str, read_text: ReadText
) -> Callable[[], tuple[str, Mapping[str, str]] | None]:
    def question() -> tuple[str, Mapping[str, str]] | None:
        place = sums_url(url)
        text = read_text(place)
        if text is None:
            return None
        try:
            return place, parse_sums(text)
        except ValueError as error:
            raise IntegrityError(str(error), where=place) from None

    return question


def _assets_question(
    url: str, read_assets: ReadAssets
) -> Callable[[], tuple[str, Mapping[str, str]] | None]:
    return lambda: read_assets(url)
