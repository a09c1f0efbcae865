"""What a release says itself of its files' hashes: its `SHA256SUMS`, and GitHub's own digests.

Neither is a reason to trust a file: whoever can replace one can replace the other. Where they
disagree with what was downloaded, though, something is wrong, and no lock is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError
from cgo_prebuilt.releases.registry_reader import digest_in
from cgo_prebuilt.releases.sums import OTHER_SUMS, SUMS, parse_other_sums, parse_sums
from cgo_prebuilt.url import Url


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
    urls: tuple[Url, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Somebody says that an archive has a hash.

    Attributes:
        source: Who.
        archive: The archive.
        sha256: What it is said to have.
    """

    source: Url
    archive: ReleasedArchive
    sha256: str


_Said = tuple[Url, Mapping[str, str]] | None

ReadText = Callable[[Url], str | None]
"""Reads a small text from a URL; None where there is none."""

ReadAssets = Callable[[Url], _Said]
"""Asks GitHub for the release that a download URL is of: who answered, and hashes by file."""


def collect_statements(
    archives: Sequence[ReleasedArchive],
    read_text: ReadText,
    read_assets: ReadAssets,
    note: Callable[[str], None],
    guess: ReadText | None = None,
) -> list[Statement]:
    """Asks what is said of archives; each place once.

    Args:
        archives: The archives.
        read_text: Reads `SHA256SUMS`.
        read_assets: Asks GitHub.
        note: Told of a place that cannot be asked; that is no error.
        guess: Reads what may well not be there, without trying again; `read_text` where it is None.

    Returns:
        What they say, in the order of the archives.
    """
    said: dict[tuple[str, Url], _Said] = {}
    silent: set[Url] = set()
    guess = guess or read_text

    def ask(who: str, place: Url, question: Callable[[], _Said]) -> _Said:
        if (who, place) not in said:
            try:
                said[who, place] = question()
            except CgoPrebuiltError as error:
                said[who, place] = None
                silent.add(place.sibling(""))
                note(f"not cross-checked with {error.where}: {error.what}")
        return said[who, place]

    statements = []
    for archive in archives:
        for url in archive.urls:
            name = archive.file if digest_in([url]) else url.name
            sums = url.sibling(SUMS)
            saying = [
                ask("", sums, partial(_read_sums, sums, read_text)),
                ask("GitHub's release of ", url.sibling(""), partial(read_assets, url)),
            ]
            # A server that answers nothing of use to one question is spared the others.
            if not any(saying) and url.sibling("") not in silent:
                others = map(url.sibling, (*OTHER_SUMS, f"{name}.sha256"))
                texts = (ask("", one, partial(_read_others, one, name, guess)) for one in others)
                saying.append(next(filter(None, texts), None))
            for found in saying:
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
            where=", ".join(dict.fromkeys(str(item.source) for item in wrong)),
            remedy="ask the publisher which of them is right; no lock is written meanwhile",
        )


def _read_others(place: Url, file: str, read_text: ReadText) -> _Said:
    """The same by another name. What has none of it, such as a page for people, is not there."""
    try:
        sums = parse_other_sums(read_text(place) or "", file)
    except IntegrityError:
        return None
    return (place, sums) if sums else None


def _read_sums(place: Url, read_text: ReadText) -> _Said:
    text = read_text(place)
    if text is None:
        return None
    try:
        return place, parse_sums(text)
    except ValueError as error:
        raise IntegrityError(
            str(error), where=place, remedy="ask the publisher to publish that file again"
        ) from None
