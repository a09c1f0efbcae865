"""Draft a commented manifest from the inspected files of a release. Pure.

inspected assets -> libraries -> variants -> a choice for each platform -> a layout -> text
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from cgo_prebuilt.amounts import format_names
from cgo_prebuilt.drafting.choosing import FORM, LIBRARIES, LinkChoice, Question, choose
from cgo_prebuilt.drafting.layout import PUBLISHED, Layout, lay_out, prefixes
from cgo_prebuilt.drafting.libraries import (
    FoundLibrary,
    is_named_as,
    plain,
    wanted_libraries,
    why_unused,
)
from cgo_prebuilt.drafting.manifest_text import (
    KEYS,
    Block,
    Values,
    base_of,
    block_of,
    entry,
    folder_of,
    own_values,
    scalar,
    shared_values,
    wrapped,
)
from cgo_prebuilt.drafting.survey import Asset
from cgo_prebuilt.drafting.variants import VARIANT, pick_variants
from cgo_prebuilt.drafting.versions import find_version, variant_of
from cgo_prebuilt.platforms import Platform
from cgo_prebuilt.template import bare_version

VERSION = "version"
UNKNOWN_VERSION = "0"
_DECIDED_BY = {
    FORM: ("static_library", "shared_library"),
    LIBRARIES: ("static_library", "shared_library", "circular"),
    VARIANT: ("archives",),
    VERSION: ("version",),
}


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """The facts about a release besides its files' contents.

    Attributes:
        where: The place that the person named.
        name: The library's name; empty to find one.
        repository: The name of its repository; or empty.
        tag: Its tag, or a version that the person gave; or empty.
        left_out: The files that were not inspected, each with the reason.
        platforms: The wanted platforms; empty for all.
    """

    where: str
    name: str = ""
    repository: str = ""
    tag: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[Platform, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A manifest that was drafted.

    Attributes:
        release: The release.
        name: The library's name.
        version: The version of the release.
        layouts: The layouts of each flavor's platforms.
        left_out: The files that are not used, each with the reason.
        notes: Remarks for the person.
        questions: All questions, answered or not.
        answers: The person's answers, by the questions' keys.
        open_keys: The keys of the manifest that are undecided: their lines are comments.
    """

    release: ReleaseFacts
    name: str
    version: str
    layouts: Mapping[str, Sequence[Layout]]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    questions: tuple[Question, ...]
    answers: Mapping[str, int]
    open_keys: frozenset[str]

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms of the default flavor."""
        return tuple(layout.choice.platform for layout in next(iter(self.layouts.values())))


def draft(
    release: ReleaseFacts, assets: Sequence[Asset], answers: Mapping[str, int], *, may_guess: bool
) -> Draft:
    """Draft a manifest.

    Args:
        release: The release.
        assets: Its inspected files.
        answers: The person's answers to questions, by their keys.
        may_guess: Whether to guess a missing answer; else its lines become comments.

    Raises:
        UnavailableError: No file has a library.
    """
    libraries = wanted_libraries(assets, release.where, release.platforms, release.left_out)
    version, questions = _version(release, assets, libraries)
    name = release.name or _name(release, libraries, version)
    is_certain = bool(release.name) or _is_certain(release, libraries, version)
    variants = pick_variants(libraries, version, name, answers)
    questions += variants.questions
    flavors: dict[str, list[LinkChoice]] = {}
    for flavor, own in variants.flavors.items():
        flavors[flavor] = _choices(release, own, assets, name, answers, is_certain=is_certain)
    if list(flavors) == [""]:
        debug = _debug(flavors[""], libraries)
        if debug:
            flavors = {"release": flavors[""], "debug": debug}
    choices = [choice for own in flavors.values() for choice in own]
    questions += [question for choice in choices for question in choice.questions]
    unique = tuple({question.key: question for question in questions}.values())
    prefix_of = prefixes(choices)
    layouts = {f: [lay_out(choice, prefix_of) for choice in own] for f, own in flavors.items()}
    left_out = {**release.left_out, **variants.left_out, **_unused(assets, choices)}
    open_keys = frozenset(
        key
        for question in unique
        if question.key not in answers and not may_guess
        for key in _DECIDED_BY[question.key]
    )
    notes = _notes(choices)
    return Draft(release, name, version, layouts, left_out, notes, unique, answers, open_keys)


def _version(
    release: ReleaseFacts, assets: Sequence[Asset], libraries: Sequence[FoundLibrary]
) -> tuple[str, list[Question]]:
    files = list(dict.fromkeys(one.found.asset.file for one in libraries))
    files += [found.asset.file for found in assets if found.asset.file not in files]
    places = [found.asset.url.raw for found in assets]
    places += [name for found in assets for name in found.names[:3]]
    version = find_version(release.tag, files, places)
    if version:
        return version, []
    question = Question(
        VERSION,
        "No file name contains a version. Which version is it? (--version)",
        (UNKNOWN_VERSION,),
    )
    return UNKNOWN_VERSION, [question]


def _name(release: ReleaseFacts, libraries: Sequence[FoundLibrary], version: str) -> str:
    stems = Counter(one.stem for one in libraries for _ in one.platforms if not one.is_debug)
    stems = stems or Counter(one.stem for one in libraries)
    named = [stem for stem in stems if release.repository and is_named_as(stem, release.repository)]
    in_files: dict[str, set[str]] = {}
    for one in libraries:
        variant = variant_of(one.found.asset.file, version)
        if len(plain(one.stem)) > 1 and plain(one.stem) in plain(variant):
            in_files.setdefault(one.stem, set()).add(variant)

    def order(stem: str) -> tuple[int, int, int, str]:
        return -len(in_files[stem]), -stems[stem], len(stem), stem

    best = named or sorted(in_files, key=order)
    best = best or sorted(stems, key=lambda stem: (-stems[stem], len(stem), stem))
    name = best[0]
    if len(stems) > 1 and not named and not in_files:
        # No library is named like the release. A name taken from one would select only that one.
        name = release.repository or variant_of(libraries[0].found.asset.file, version) or name
    name = name.removesuffix(bare_version(version)) or name  # of `libvec-1.2.so`
    clean = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._+-")
    return clean.lower() or "library"


def _is_certain(release: ReleaseFacts, libraries: Sequence[FoundLibrary], version: str) -> bool:
    """Return whether the repository's or the files' names identify the library."""
    stems = {one.stem for one in libraries}
    if release.repository and any(is_named_as(stem, release.repository) for stem in stems):
        return True
    named = set()
    for one in libraries:
        parts = re.split("[-_.]", variant_of(one.found.asset.file, version))
        starts = ["".join(parts[: count + 1]) for count in range(len(parts))]
        if any(is_named_as(one.stem, start) for start in starts):
            named.add(plain(one.stem))
    return len(named) == 1


def _choices(
    release: ReleaseFacts,
    libraries: Sequence[FoundLibrary],
    assets: Sequence[Asset],
    name: str,
    answers: Mapping[str, int],
    *,
    is_certain: bool,
) -> list[LinkChoice]:
    platforms = sorted({platform for one in libraries for platform in one.platforms}, key=str)
    choices = []
    for platform in platforms:
        if release.platforms and platform not in release.platforms:
            continue
        own = [one for one in libraries if platform in one.platforms]
        builds = [one for one in own if not one.is_debug] or own
        others = [found for found in assets if _may_serve(found, platform)]
        choices.append(choose(platform, builds, others, name, answers, is_certain=is_certain))
    return [choice for choice in choices if choice.libraries]


def _may_serve(found: Asset, platform: Platform) -> bool:
    reading = found.reading
    if reading.os and reading.os != platform.os:
        return False
    return not reading.arches or platform.arch in reading.arches


def _debug(choices: Sequence[LinkChoice], libraries: Sequence[FoundLibrary]) -> list[LinkChoice]:
    """Return the choices for debug builds of the same libraries, from the same archives."""
    result = []
    for choice in choices:
        counterparts = []
        for one in choice.libraries:
            fitting = [
                other
                for other in libraries
                if other.is_debug
                and (other.stem, other.kind) == (one.stem, one.kind)
                and other.found is one.found
                and choice.platform in other.platforms
            ]
            counterparts += fitting[:1]
        is_debug = any(one.is_debug for one in choice.libraries)
        if len(counterparts) == len(choice.libraries) and not is_debug:
            result.append(replace(choice, libraries=tuple(counterparts), questions=()))
    return result


def _unused(assets: Sequence[Asset], choices: Sequence[LinkChoice]) -> dict[str, str]:
    used = {id(found) for choice in choices for found in choice.assets()}
    return {found.asset.file: why_unused(found) for found in assets if id(found) not in used}


def _notes(choices: Sequence[LinkChoice]) -> tuple[str, ...]:
    holders: dict[str, list[str]] = {}
    for choice in choices:
        for note in choice.notes:
            holders.setdefault(note, []).append(str(choice.platform))
    everywhere = {str(choice.platform) for choice in choices}
    return tuple(
        note if set(platforms) == everywhere else f"{', '.join(dict.fromkeys(platforms))}: {note}"
        for note, platforms in holders.items()
    )


def draft_text(drafted: Draft) -> str:
    """Return a draft as YAML."""
    version, open_keys = drafted.version, drafted.open_keys
    base = base_of((one for own in drafted.layouts.values() for one in own), version)
    flavors = {
        flavor: [block_of(layout, version, base) for layout in own]
        for flavor, own in drafted.layouts.items()
    }
    blocks = next(iter(flavors.values()))
    top = shared_values(blocks)
    is_alone = len(blocks) == 1
    lines = wrapped(f"Drafted by `cgo-prebuilt init` from {drafted.release.where}.")
    lines += wrapped("Read it, correct it, and run `cgo-prebuilt lock`.")
    for question in drafted.questions:
        lines += _asked(question, drafted.answers, bool(open_keys & set(_DECIDED_BY[question.key])))
    lines += [line for note in drafted.notes for line in wrapped(f"note: {note}")]
    lines += _listed_left_out(drafted.left_out)
    lines += _commented("name", entry("name", drafted.name), open_keys)
    lines += _commented("version", entry("version", version), open_keys)
    if base == folder_of(PUBLISHED):
        lines += wrapped(
            "choose: where you will publish what `cgo-prebuilt pack` makes of the folder"
        )
    elif base.startswith("file:"):
        lines += wrapped(
            "This folder is on your machine only: replace it with the URL where the release is published."
        )
    lines += entry("urls", [f"{base}{{file}}"])
    for key in KEYS:
        if key in top:
            lines += _commented(
                key, entry(key, top[key], comments=_reasons(blocks, key)), open_keys
            )
    lines.append("platforms:")
    for block in blocks:
        own = own_values(block, top, is_alone)
        lines += _platform_lines(block, own, open_keys)
    if len(flavors) > 1:
        lines += _flavor_lines(flavors, top, is_alone)
    return "\n".join(lines) + "\n"


def _platform_lines(
    block: Block, own: Values, open_keys: Set[str], indent: str = "  "
) -> list[str]:
    comment = _evidence(block.layout)
    if not own:
        return [f"{indent}{block.platform}: {{}}  # {comment}"]
    lines = [f"{indent}{block.platform}:  # {comment}"]
    for key in ("names", *KEYS):
        if key in own:
            reasons = _reasons([block], key)
            lines += _commented(key, entry(key, own[key], f"{indent}  ", reasons), open_keys)
    return lines


def _flavor_lines(flavors: Mapping[str, Sequence[Block]], top: Values, is_alone: bool) -> list[str]:
    base = {str(block.platform): block for block in next(iter(flavors.values()))}
    lines = [*wrapped("The first flavor is the default."), "flavors:"]
    for number, (flavor, blocks) in enumerate(flavors.items()):
        if number == 0:
            lines.append(f"  {scalar(flavor)}: {{}}")
            continue
        lines += [f"  {scalar(flavor)}:", "    platforms:"]
        for block in blocks:
            usual = base.get(str(block.platform))
            # The platform's values in the manifest apply, unless the flavor overrides them.
            above = {**top, **(usual.literal if usual is not None else {})}
            own = {
                k: v for k, v in block.literal.items() if usual is None or usual.literal.get(k) != v
            }
            own |= {k: [] for k in above if k not in block.literal and k != "requires"}
            lines += _platform_lines(block, own, frozenset(), "      ")
    return lines


def _commented(key: str, lines: list[str], open_keys: Set[str]) -> list[str]:
    """Comment the lines out if the key is undecided."""
    if key not in open_keys:
        return lines
    return [line if line.lstrip().startswith("#") else f"# {line}" for line in lines]


def _reasons(blocks: Iterable[Block], key: str) -> list[str]:
    said = list(dict.fromkeys(filter(None, (b.layout.choice.reasons.get(key, "") for b in blocks))))
    if not said:
        return []
    text = said[0] + ("; the same for the other platforms" if len(said) > 1 else "")
    return [line[2:] for line in wrapped(text)]


def _evidence(layout: Layout) -> str:
    """Return why files are for a platform, in words for a person."""
    library = layout.choice.libraries[0]
    words = library.found.reading.evidence()
    header = f"the header of {library.name.rpartition('/')[2]}" if library.binary.arches else ""
    return (
        " and ".join(filter(None, (words and f"{words} in the file's name", header))) or "a guess"
    )


def _asked(question: Question, answers: Mapping[str, int], is_open: bool) -> list[str]:
    answer = answers.get(question.key)
    if question.key == VERSION and answer is not None:
        return []
    word = "choose" if is_open else "guessed" if answer is None else "chosen"
    lines = wrapped(f"{word}: {question.text}")
    for number, option in enumerate(question.options):
        taken = number == (question.guess if answer is None else answer)
        mark = f" ({'the guess' if answer is None else 'chosen'})" if taken else ""
        lines += wrapped(f"{option}{mark}", "#   - ")
    if is_open:
        lines += wrapped(
            "The guess is commented out below: remove its `#`, or write another value."
        )
    return lines


def _listed_left_out(left_out: Mapping[str, str]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for file, reason in sorted(left_out.items()):
        by_reason.setdefault(reason, []).append(file)
    lines = []
    for reason, files in by_reason.items():
        lines += wrapped(f"left out, {reason}: {format_names(files, 6)}")
    return lines
