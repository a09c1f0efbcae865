"""Hashes that a release itself states: `SHA256SUMS`, and GitHub's digests.

They do not make a file trustworthy: an attacker who can replace the file can replace them, too. But if
they contradict the downloaded files, something is wrong, and no lock is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cgo_prebuilt.download import Download
from cgo_prebuilt.errors import CgoPrebuiltError, IntegrityError
from cgo_prebuilt.releases.registry_reader import digest_in
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import OTHER_SUMS, SUMS, PublishedSums, parse_published_sums


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of an archive's hash, and its source.

    Attributes:
        source: The source of the statement.
        archive: The archive.
        sha256: The stated SHA-256.
    """

    source: Url
    archive: Download
    sha256: str


_Said = TypeVar("_Said")
_Sums = tuple[Url, PublishedSums] | None
_Digests = tuple[Url, Mapping[str, str]] | None

ReadText = Callable[[Url], str | None]
"""Reads a small text from a URL; returns None if it does not exist."""

ReadAssets = Callable[[Url], _Digests]
"""Asks GitHub for the release of a download URL; returns the server's name, and hashes by file."""


def collect_statements(
    archives: Sequence[Download],
    read_text: ReadText,
    read_assets: ReadAssets,
    note: Callable[[str], None],
    guess: ReadText | None = None,
    locate: Callable[[Url], Url | None] = lambda url: url,
) -> list[Statement]:
    """Collect the stated hashes of archives; ask each place once.

    Args:
        archives: The archives.
        read_text: Reads `SHA256SUMS`.
        read_assets: Asks GitHub.
        note: Called if a place is unavailable, or does not list an archive, which is not an error.
        guess: Reads a text that probably does not exist, without retries; None for `read_text`.
        locate: Returns the URL of a file beside an archive; None if there is no such file.

    Returns:
        The statements, in the order of the archives.
    """
    said: dict[tuple[str, Url], object] = {}
    silent: set[Url] = set()
    lacks: dict[str, None] = {}
    guess = guess or read_text

    def ask(who: str, place: Url, question: Callable[[], _Said]) -> _Said | None:
        if (who, place) not in said:
            try:
                said[who, place] = question()
            except CgoPrebuiltError as error:
                said[who, place] = None
                silent.add(place.sibling(""))
                note(f"not cross-checked with {error.where}: {error.what}")
        return said[who, place]  # type: ignore[return-value]

    def listed(place: Url, file: str, read: ReadText) -> list[tuple[Url, str]]:
        found = ask("", place, partial(_read_sums, place, file, read, locate))
        if found is None:
            return []
        digests = found[1].of(file)
        if not digests:
            lacks[f"not cross-checked with {found[0]}: {found[1].why_missing(file)}"] = None
        return [(found[0], digest) for digest in digests]

    statements = []
    for archive in archives:
        for url in archive.urls:
            name = archive.file if digest_in([url]) else url.name
            saying = listed(url.sibling(SUMS), name, read_text)
            github = ask("GitHub's release of ", url.sibling(""), partial(read_assets, url))
            if github is not None and name in github[1]:
                saying.append((github[0], github[1][name]))
            # After one useless answer, send a server no further requests.
            if not saying and url.sibling("") not in silent:
                others = map(url.sibling, (*OTHER_SUMS, f"{name}.sha256"))
                texts = (listed(one, name, guess) for one in others)
                saying = next(filter(None, texts), [])
            statements += [Statement(source, archive, digest) for source, digest in saying]
    for lack in lacks:
        note(lack)
    return statements


def check_statements(statements: Iterable[Statement]) -> None:
    """Compare stated hashes with the downloads.

    Raises:
        IntegrityError: They disagree; the error names each source that does.
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


def _read_sums(
    place: Url, file: str, read_text: ReadText, locate: Callable[[Url], Url | None]
) -> _Sums:
    real = locate(place)
    text = None if real is None else read_text(real)
    # Under the other names, a web page or an empty file counts as missing.
    is_other = place.name != SUMS
    if real is None or text is None or (is_other and text.lstrip("\ufeff \t\r\n")[:1] in "<"):
        return None
    return real, parse_published_sums(text, file if place.name == f"{file}.sha256" else None)
