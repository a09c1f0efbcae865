"""The text of a drafted manifest, with its comments. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import yaml

from cgo_prebuilt.drafting.layout import Archive, Layout
from cgo_prebuilt.drafting.versions import platform_words, with_version, with_words
from cgo_prebuilt.locks.lock_keys import INTERFACE_LISTS
from cgo_prebuilt.platforms import Platform

_PLAIN = re.compile(r"[A-Za-z0-9./_-][\w./+@*{}~<>$=-]*")
_FLOW = re.compile(r"[A-Za-z0-9./_-][\w./+@*~$=-]*")
_WIDTH = 96
KEYS = ("archives", *INTERFACE_LISTS, "requires")
"""The keys of platforms, in the order in which they are written."""

Value = object
Values = dict[str, Value]
Fill = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Block:
    """One platform of one flavor in a manifest.

    Attributes:
        platform: The platform.
        literal: Its values by key, with a placeholder for the version.
        general: Its values by key, with placeholders for the platform's words, too.
        words: The release's words for the platform.
        layout: The layout that the values are from.
    """

    platform: Platform
    literal: Values
    general: Values
    words: Mapping[str, str]
    layout: Layout


def block_of(layout: Layout, version: str, base: str) -> Block:
    """Return the manifest's text for a platform.

    Args:
        layout: The layout of its files.
        version: The version of the release.
        base: The URL of most files' folder, with a placeholder for the version.
    """
    platform = layout.choice.platform
    texts = [archive.file for archive in layout.archives]
    texts += [one.name for one in layout.choice.libraries]
    words = platform_words(platform, texts)

    def literal(text: str) -> str:
        return with_version(text, version)

    def general(text: str) -> str:
        # The words first, since their positions refer to the original text.
        return with_version(with_words(text, platform, words), version)

    def values(fill: Fill) -> Values:
        made: Values = {"archives": [_archive(one, fill, literal, base) for one in layout.archives]}
        for key in INTERFACE_LISTS:
            made[key] = [
                fill(text) if key != "linkopts" else text for text in layout.lists.get(key, ())
            ]
        made["requires"] = dict(layout.choice.requires)
        return {key: value for key, value in made.items() if value}

    return Block(platform, values(literal), values(general), words, layout)


def base_of(layouts: Iterable[Layout], version: str) -> str:
    """Return the folder of most archives, as a URL with placeholders."""
    counted = Counter(
        with_version(folder_of(one.url.raw), version)
        for layout in layouts
        for one in layout.archives
    )
    return counted.most_common(1)[0][0] if counted else ""


def folder_of(url: str) -> str:
    """Return the folder of a URL, with a slash at its end."""
    return url.partition("?")[0].rpartition("/")[0] + "/"


def _archive(one: Archive, fill: Fill, literal: Fill, base: str) -> Values:
    entry: Values = {"file": fill(one.file)}
    folder = literal(folder_of(one.url.raw))
    if folder != base or "?" in one.url.raw:
        entry["urls"] = [f"{folder}{{file}}" if "?" not in one.url.raw else literal(one.url.raw)]
    if one.strip_prefix:
        entry["strip_prefix"] = fill(one.strip_prefix)
    if one.path and one.path != one.file:
        entry["path"] = fill(one.path)
    return entry


def shared_values(blocks: Sequence[Block]) -> Values:
    """Return the values shared by the platforms: for each key, the most frequent one."""
    top: Values = {}
    for key in KEYS:
        counted = Counter(_frozen(block.general[key]) for block in blocks if key in block.general)
        if not counted:
            continue
        value, count = counted.most_common(1)[0]
        if count == len(blocks) or count > 1:
            source = next(
                b for b in blocks if key in b.general and _frozen(b.general[key]) == value
            )
            top[key] = source.general[key] if len(blocks) > 1 else source.literal[key]
    return top


def own_values(block: Block, top: Values, is_alone: bool) -> Values:
    """Return a platform's values that differ from the shared ones."""
    own: Values = {}
    for key in KEYS:
        value = (block.literal if is_alone else block.general).get(key)
        if key in top and value == top[key]:
            continue
        if value is None and key in top:
            own[key] = {} if key == "requires" else []
        elif value is not None:
            own[key] = block.literal[key]
    names = {
        word: text
        for word, text in block.words.items()
        if text != getattr(block.platform, word)
        and any(f"{{{word}}}" in _frozen(v) for v in top.values())
    }
    return {"names": names, **own} if names and not is_alone else own


def _frozen(value: Value) -> str:
    return json.dumps(value)


def entry(key: str, value: Value, indent: str = "", comments: Iterable[str] = ()) -> list[str]:
    """Return the lines of a key and its value, with comments above them."""
    lines = [f"{indent}# {comment}" for comment in comments]
    if isinstance(value, str):
        return [*lines, f"{indent}{key}: {scalar(value)}"]
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name}: {flow(item)}" for name, item in value.items())
        return [*lines, f"{indent}{key}: {{{inner}}}"]
    assert isinstance(value, list)
    if key == "archives":
        lines.append(f"{indent}archives:")
        for archive in value:
            for number, (name, item) in enumerate(archive.items()):
                start = "  - " if number == 0 else "    "
                lines += entry(name, item, f"{indent}{start}")
        return lines
    if len(value) == 1 and key in ("static_library", "shared_library", "interface_library"):
        return [*lines, f"{indent}{key}: {scalar(value[0])}"]
    inline = f"{indent}{key}: [{', '.join(flow(item) for item in value)}]"
    if len(inline) <= _WIDTH:
        return [*lines, inline]
    return [*lines, f"{indent}{key}:", *(f"{indent}  - {scalar(item)}" for item in value)]


def scalar(text: str) -> str:
    """Return a string as YAML, quoted if needed."""
    return (
        text if _PLAIN.fullmatch(text) and _is_plain(text) else json.dumps(text, ensure_ascii=False)
    )


def flow(text: object) -> str:
    """Return a string for use inside brackets or braces."""
    text = str(text)
    return (
        text if _FLOW.fullmatch(text) and _is_plain(text) else json.dumps(text, ensure_ascii=False)
    )


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.safe_load(text) == text)
    except yaml.YAMLError:
        return False


def wrapped(text: str, start: str = "# ") -> list[str]:
    """Wrap a comment."""
    lines, line = [], start
    for word in " ".join(text.split()).split(" "):
        if len(line) + len(word) > _WIDTH and line.strip("# "):
            lines.append(line.rstrip())
            line = start + "  "
        line += f"{word} "
    return [*lines, line.rstrip()]
