"""Find a release's version, and replace it in names with placeholders. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cgo_prebuilt.drafting.asset_names import ABI, ARCH, LIBC, OS, Word, read_name
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.template import bare_version

_VERSION = re.compile(
    r"(?<![A-Za-z0-9.])v?\d+\.\d+(?:\.\d+)*(?:-?(?:rc|alpha|beta|pre|preview|dev|post)[-.]?\d*)?"
    r"(?:-(?:0\.)?\d{14}-[0-9a-f]{12}|[-+][0-9a-f]{7,40}|-(?!32|64|86)\d\d?)?(?![A-Za-z0-9])(?!\.\d)",
    re.IGNORECASE,
)
_MODULE = re.compile(r"@(v\d[\w.+-]*)")
_WHEEL = re.compile(r"[^-]+-([^-]+)(?:-[^-]+){3,4}\.whl")
_NUPKG = re.compile(r"(?:[A-Za-z][^.]*\.)+(\d+(?:\.\d+)+(?:-.+)?)\.nupkg")
_DEB = re.compile(r"[^_]+_([^_]+)_[^_]+\.deb")
_OTHER_NUMBERS = re.compile(
    r"(?i)(manylinux|musllinux|macosx|macos|osx|darwin|ubuntu|debian|alpine|centos|fedora|rhel|freebsd|windows|glibc)[-_]?\d+([._]\d+)*"
)


def find_version(tag: str, files: Iterable[str], paths: Iterable[str]) -> str:
    """Return the version of a release; empty if unknown.

    Args:
        tag: Its tag; empty without one.
        files: The names of its files.
        paths: The URLs of its files, and names of members inside them.
    """
    names, places = list(files), list(paths)
    if tag:
        bare = bare_version(tag)
        # Every URL has the tag, but the files and their contents may lack it.
        for texts in (names, [place for place in places if "://" not in place]):
            if any(_has(text, tag) for text in texts):
                return tag
            if any(_has(text, bare) for text in texts):
                return bare
        return tag
    found: dict[str, int] = {}
    for name in names:
        for version in _versions_in(name):
            found[version] = found.get(version, 0) + 1
    if not found:
        for place in places:
            for match in (*_MODULE.findall(place), *_versions_in(place)):
                found[match] = found.get(match, 0) + 1
    if not found:
        return ""
    most = max(found.values())
    return next(version for version, count in found.items() if count == most)


def version_in(name: str) -> str:
    """Return the version in a file's name; empty if it has none."""
    return next(iter(_versions_in(name)), "")


def _versions_in(name: str) -> list[str]:
    for pattern in (_WHEEL, _DEB, _NUPKG):
        match = pattern.fullmatch(name)
        if match:
            return [match[1]]
    clean = _OTHER_NUMBERS.sub("", name)
    return [*_MODULE.findall(clean), *(match.rstrip(".-") for match in _VERSION.findall(clean))][:1]


def _has(text: str, version: str) -> bool:
    return _bounded(version).search(text) is not None


def _bounded(version: str) -> re.Pattern[str]:
    before = r"(?<![0-9A-Za-z.])" if version[:1] == "v" else r"(?<![0-9])(?<![0-9]\.)"
    return re.compile(before + re.escape(version) + r"(?![0-9])(?!\.[0-9])")


def with_version(text: str, version: str) -> str:
    """Replace the version in a text with placeholders."""
    if not re.search(r"\d[.]\d|\d{4}", version):
        return text  # a word such as `5` is too ambiguous
    text = _bounded(version).sub("{version}", text)
    bare = bare_version(version)
    return _bounded(bare).sub("{bare_version}", text) if bare != version else text


def platform_words(platform: Platform, texts: Iterable[str]) -> dict[str, str]:
    """Return a release's words for a platform: `{os}` and `{arch}`, from the first text with both."""
    best: dict[str, str] = {}
    for text in texts:
        found = {key: text[start:end] for key, (start, end) in _spans(text, platform).items()}
        if len(found) > len(best):
            best = found
    return best


def with_words(text: str, platform: Platform, words: Mapping[str, str]) -> str:
    """Replace a release's words for a platform with `{os}` and `{arch}`."""
    spans = _spans(text, platform)
    for key, (start, end) in sorted(spans.items(), key=lambda item: -item[1][0]):
        if words.get(key) == text[start:end]:
            text = f"{text[:start]}{{{key}}}{text[end:]}"
    return text


def _spans(text: str, platform: Platform) -> dict[str, tuple[int, int]]:
    """Return the spans of a platform's words, with adjoining parts such as `-gnu` of `linux-gnu`."""
    words = read_name(text).words
    systems = [word for word in words if word.kind == OS and word.value == platform.os]
    spans: dict[str, tuple[int, int]] = {}
    if systems:
        start, end = systems[-1].start, systems[-1].end
        for word in words:
            if word.kind in (LIBC, ABI, OS) and end <= word.start <= end + 1:
                end = max(end, word.end)
        for word in reversed(words):
            if word.kind in (LIBC, ABI) and start - 1 <= word.end <= start:
                start = word.start
        spans["os"] = (start, end)
    arches = [word for word in words if word.kind == ARCH and _is_for(word, platform)]
    if arches and not ("os" in spans and _overlap(spans["os"], arches[-1])):
        spans["arch"] = (arches[-1].start, arches[-1].end)
    return spans


def _is_for(word: Word, platform: Platform) -> bool:
    return word.value == platform.arch or word.value == "universal"


def _overlap(span: tuple[int, int], word: Word) -> bool:
    return word.start < span[1] and span[0] < word.end


def variant_of(file: str, version: str) -> str:
    """Return a file's name without platform, version and format: its variant."""
    if file.endswith(".whl"):
        return file.partition("-")[0].lower()
    if file.endswith(".deb"):
        return file.partition("_")[0].lower()
    reading = read_name(file)
    text = file
    for word in sorted(reading.words, key=lambda word: -word.start):
        text = f"{text[: word.start]}-{text[word.end :]}"
    for one in filter(None, (version, bare_version(version))):
        text = _bounded(one).sub("-", text)
    text = re.sub(
        r"(?i)\.(tar(\.\w+)?|tgz|tbz2?|txz|tzst|zip|gz|xz|bz2|zst|a|lib|so|dylib|dll|nupkg|conda|crate|jar|aar|gem)",
        "-",
        text,
    )
    return "-".join(part for part in re.split(r"[^a-z0-9]+", text.lower()) if part and part != "v")
