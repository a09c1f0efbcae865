"""Hashes that a release states itself: `SHA256SUMS`, and GitHub's digests.

Neither is a reason to trust a file: whoever can replace one can replace the other. Where they
disagree with what was downloaded, though, something is wrong, and no lock is made of it.
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
        source: Who.
        archive: The archive.
        sha256: What it is said to have.
    """

    source: Url
    archive: Download
    sha256: str


_Said = TypeVar("_Said")
_Sums = tuple[Url, PublishedSums] | None
_Digests = tuple[Url, Mapping[str, str]] | None

ReadText = Callable[[Url], str | None]
"""Reads a small text from a URL; None where there is none."""

ReadAssets = Callable[[Url], _Digests]
"""Asks GitHub for the release that a download URL is of: who answered, and hashes by file."""


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
        note: Told of a place that cannot be asked, or does not list an archive; that is no error.
        guess: Reads what may well not be there, without trying again; `read_text` where it is None.
        locate: The URL that a file beside an archive has; None where there is no such file.

    Returns:
        What they say, in the order of the archives.
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
            lacks[f"not cross-checked with {found[0]}: {found[1].lack(file)}"] = None
        return [(found[0], digest) for digest in digests]

    statements = []
    for archive in archives:
        for url in archive.urls:
            name = archive.file if digest_in([url]) else url.name
            saying = listed(url.sibling(SUMS), name, read_text)
            github = ask("GitHub's release of ", url.sibling(""), partial(read_assets, url))
            if github is not None and name in github[1]:
                saying.append((github[0], github[1][name]))
            # A server that answers nothing of use to one question is spared the others.
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


def _read_sums(
    place: Url, file: str, read_text: ReadText, locate: Callable[[Url], Url | None]
) -> _Sums:
    real = locate(place)
    text = None if real is None else read_text(real)
    # By the other names, what is a page for people or has nothing in it is not there.
    is_other = place.name != SUMS
    if real is None or text is None or (is_other and text.lstrip("\ufeff \t\r\n")[:1] in "<"):
        return None
    return real, parse_published_sums(text, file if place.name == f"{file}.sha256" else None)
