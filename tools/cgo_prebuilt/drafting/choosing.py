"""Choose the libraries that a platform's programs link, with reasons. Pure.

The release's own texts take precedence over names. Without evidence, the choice becomes a question.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cgo_prebuilt.amounts import format_names
from cgo_prebuilt.drafting.binaries import IMPORT, SHARED, STATIC
from cgo_prebuilt.drafting.companions import headers_of, licenses_of, once, requirements_of
from cgo_prebuilt.drafting.header_folders import Headers
from cgo_prebuilt.drafting.hints import Hint, cgo_hints, cmake_hint, pkg_config_hint
from cgo_prebuilt.drafting.libraries import FoundLibrary, is_msvc_runtime, is_named_as
from cgo_prebuilt.drafting.survey import Asset
from cgo_prebuilt.platforms import Platform

FORM, LIBRARIES = "form", "libraries"
_SYSTEM_LIBRARIES = (
    "-lm",
    "-ldl",
    "-lpthread",
    "-lrt",
    "-lutil",
    "-lc",
    "-lgcc_s",
    "-lstdc++",
    "-lc++",
)
_ONLY_IF_USED = ("-lm", "-ldl", "-lpthread", "-lrt", "-lutil")
_LINKED = re.compile(r"-l[\w+.-]+|-framework \w+")


@dataclass(frozen=True, slots=True)
class Question:
    """A decision that only a person can make.

    Attributes:
        key: The key of the question and its answer.
        text: The question.
        options: The possible answers.
        guess: The answer to assume without one, if guessing is allowed.
    """

    key: str
    text: str
    options: tuple[str, ...]
    guess: int = 0


@dataclass(frozen=True, slots=True)
class LinkChoice:
    """The choices for one platform.

    Attributes:
        platform: The platform.
        libraries: The libraries in link order, including Windows' import libraries.
        circular: Whether the order of the static ones is unknown.
        headers: The headers, each with the file of the release that has them.
        licenses: The licenses, each with the file of the release that has it.
        linkopts: Options for the linker.
        defines: Macros for the preprocessor.
        requires: The values of `requires`, by key.
        reasons: The reasons, by key of the manifest.
        notes: Remarks that belong to no key.
        questions: The open questions.
    """

    platform: Platform
    libraries: tuple[FoundLibrary, ...]
    circular: bool = False
    headers: tuple[tuple[Asset, Headers], ...] = ()
    licenses: tuple[tuple[Asset, str], ...] = ()
    linkopts: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    requires: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()

    def assets(self) -> list[Asset]:
        """Return the needed files of the release, without duplicates."""
        held = [one.found for one in self.libraries]
        held += [found for found, headers in self.headers if headers.files]
        return [found for index, found in enumerate(held) if found not in held[:index]]


def choose(
    platform: Platform,
    libraries: Sequence[FoundLibrary],
    others: Sequence[Asset],
    name: str,
    answers: Mapping[str, int],
    *,
    is_certain: bool,
) -> LinkChoice:
    """Choose the libraries, headers and options for a platform.

    Args:
        platform: The platform.
        libraries: The libraries for it, of one variant.
        others: The files of the release for it or for all platforms, which may have headers.
        name: The name of the library.
        answers: Answers to questions, by their keys.
        is_certain: Whether the name was given, not guessed.
    """
    questions: list[Question] = []
    reasons: dict[str, str] = {}
    notes: list[str] = []
    assets = once([*(one.found for one in libraries), *others])
    linked, hint = _by_cgo(platform, libraries)
    circular = False
    if not linked:
        linked, hint = _by_pkg_config(libraries, assets, name)
        wanted = linked or _by_name(libraries, name, answers, questions, is_certain=is_certain)
        circular = not linked and len({one.stem for one in wanted}) > 1
        linked = _one_form(wanted, libraries, answers, questions, reasons, hint)
    linked = _with_needed(linked, libraries)
    imports = [
        one
        for one in libraries
        if one.kind == IMPORT and any(one.stem == s.stem and s.kind == SHARED for s in linked)
    ]
    key = "static_library" if linked and linked[0].kind == STATIC else "shared_library"
    if hint is not None:
        reasons[key] = "; ".join(filter(None, (reasons.get(key), f"{hint.origin} says so")))
    stems = [name, *(one.stem for one in linked)]
    headers = headers_of(linked, assets, stems, hint)
    if not any(part.files for _, part in headers):
        notes.append("no headers were found: add a file of the release that has them to 'archives'")
    stems_linked = {one.stem for one in linked}
    left = sorted(
        {
            one.link_name
            for one in libraries
            if one.stem not in stems_linked or _is_elsewhere(one, linked)
        }
    )
    if left:
        notes.append(f"also there, and not linked: {_some(left)}")
    options, why = _linkopts(linked, hint)
    if options:
        reasons["linkopts"] = why
    elif why:
        notes.append(f"linkopts: {why}")
    if hint is not None and hint.defines:
        reasons["defines"] = f"{hint.origin} says so"
    return LinkChoice(
        platform,
        (*linked, *imports),
        circular,
        tuple(headers),
        tuple(licenses_of(linked)),
        options,
        () if hint is None else hint.defines,
        requirements_of(linked),
        reasons,
        tuple(notes),
        tuple(questions),
    )


def _by_cgo(
    platform: Platform, libraries: Sequence[FoundLibrary]
) -> tuple[list[FoundLibrary], Hint | None]:
    """Choose the libraries that a Go package beside them links; prefer the one that links more."""
    best: tuple[list[FoundLibrary], Hint | None] = ([], None)
    for found in once(one.found for one in libraries):
        for hint in cgo_hints(found.texts, platform):
            linked, rest = _resolved(
                hint.libraries, [one for one in libraries if one.found is found]
            )
            if len(linked) > len(best[0]):
                best = (linked, _with_linkopts(hint, rest))
    return best


def _by_pkg_config(
    libraries: Sequence[FoundLibrary], assets: Sequence[Asset], name: str
) -> tuple[list[FoundLibrary], Hint | None]:
    """Choose the libraries that a `.pc` file names; the release's name decides among several."""
    fitting: list[tuple[bool, bool, list[FoundLibrary], Hint]] = []
    for found in assets:
        for file in found.named(".pc"):
            hint = pkg_config_hint(file, found.texts[file])
            linked, rest = _resolved(hint.libraries, libraries)
            if linked:
                stem = posixpath.basename(file).removesuffix(".pc")
                is_same = is_named_as(stem, name) or any(
                    is_named_as(one.stem, name) for one in linked
                )
                is_exact = stem.removeprefix("lib") == name.removeprefix("lib")
                fitting.append((is_same, is_exact, linked, _with_linkopts(hint, rest)))
    named = [one for one in fitting if one[0]]
    if len(named) >= 1 or len(fitting) == 1:
        _, _, linked, hint = max(named or fitting, key=lambda one: one[1])
        return linked, hint
    return [], None


def _by_name(
    libraries: Sequence[FoundLibrary],
    name: str,
    answers: Mapping[str, int],
    questions: list[Question],
    *,
    is_certain: bool,
) -> list[FoundLibrary]:
    candidates = [one for one in libraries if one.kind != IMPORT]
    candidates = [one for one in candidates if not is_msvc_runtime(one)] or candidates
    stems = list(dict.fromkeys(one.stem for one in candidates))
    named = [stem for stem in stems if is_named_as(stem, name)]
    if (named and is_certain) or len(stems) < 2 or set(named) == set(stems):
        chosen = set(named or stems)
    else:
        question = Question(
            LIBRARIES,
            "Which libraries do programs link?",
            (f"all: {_some(stems)}", *stems),
            guess=stems.index(named[0]) + 1 if named else 0,
        )
        questions.append(question)
        answer = min(answers.get(LIBRARIES, question.guess), len(stems))
        chosen = {stems[answer - 1]} if answer else set(stems)
    return [one for one in candidates if one.stem in chosen]


def _one_form(
    wanted: Sequence[FoundLibrary],
    libraries: Sequence[FoundLibrary],
    answers: Mapping[str, int],
    questions: list[Question],
    reasons: dict[str, str],
    hint: Hint | None,
) -> list[FoundLibrary]:
    """Return the static form of each library, or the shared one."""
    stems = {one.stem for one in wanted}
    there = [one for one in libraries if one.stem in stems and one.kind != IMPORT]
    kinds = {one.kind for one in there}
    form = next(iter(kinds), STATIC)
    if len(kinds) > 1:
        foreign = [] if hint is None else [one for one in hint.private if _is_foreign(one)]
        question = Question(
            FORM,
            "The release has static and shared libraries. Which do programs link?",
            (
                "static: the library becomes a part of the program"
                + (f", which may need {' '.join(foreign)}, too" if foreign else ""),
                "shared: it must be distributed with the program",
            ),
            guess=1 if foreign else 0,
        )
        questions.append(question)
        form = (STATIC, SHARED)[min(answers.get(FORM, question.guess), 1)]
        reasons[f"{form}_library"] = "the release has the other form, too"
    chosen = []
    for stem in dict.fromkeys(one.stem for one in wanted):
        forms = [one for one in there if one.stem == stem]
        chosen += _best_of([one for one in forms if one.kind == form] or forms)
    return chosen


def _is_elsewhere(library: FoundLibrary, linked: Sequence[FoundLibrary]) -> bool:
    """Return whether a linked library of the same archive has the name, but another folder."""
    return any(
        library.found is one.found
        and library.link_name != one.link_name
        and posixpath.basename(library.link_name) == posixpath.basename(one.link_name)
        for one in linked
    )


def _best_of(forms: Sequence[FoundLibrary]) -> list[FoundLibrary]:
    """Return one of a library's files: `libx.a` rather than `x.lib`."""
    order = sorted(forms, key=lambda one: (one.name.lower().endswith(".lib"), one.name.count("/")))
    return list(order[:1])


def _with_needed(
    linked: Sequence[FoundLibrary], libraries: Sequence[FoundLibrary]
) -> list[FoundLibrary]:
    """Return the libraries, and the release's shared libraries that they need."""
    by_name = {
        alias.lower(): one
        for one in libraries
        if one.kind == SHARED
        for alias in (one.binary.soname, posixpath.basename(one.name))
        if alias
    }
    chosen = list(linked)
    for one in chosen:  # grows
        for need in one.binary.needs:
            other = by_name.get(posixpath.basename(need).lower())
            if other is not None and all(other.link_name != known.link_name for known in chosen):
                chosen.append(other)
    return chosen


def _resolved(
    words: Iterable[str], libraries: Sequence[FoundLibrary]
) -> tuple[list[FoundLibrary], tuple[str, ...]]:
    """Resolve words of a link line to libraries; return other words as `-lNAME`."""
    linked, rest = [], []
    for word in words:
        file = posixpath.basename(word)
        fitting = [
            one
            for one in libraries
            if one.name == word
            or ("." in file and "/" in word and posixpath.basename(one.name) == file)
            or _is_called(one, word)
        ]
        exact = [one for one in fitting if one.name == word] or _preferred(fitting)
        if exact:
            linked += [exact[0]] if exact[0] not in linked else []
        elif "/" not in word:
            rest.append(f"-l{word}")
    return linked, tuple(rest)


def _is_foreign(option: str) -> bool:
    """Return whether an option links a library that some systems lack."""
    return option.startswith("-l") and option not in _SYSTEM_LIBRARIES


def _is_called(library: FoundLibrary, name: str) -> bool:
    """Return whether `-lNAME`, or `-l:FILE`, finds a library."""
    if name.startswith(":"):
        return posixpath.basename(library.name) == name[1:]
    pattern = rf"(lib)?{re.escape(name)}\.(a|lib|dll\.a|so|dylib|dll)"
    return re.fullmatch(pattern, posixpath.basename(library.link_name)) is not None


def _preferred(fitting: Sequence[FoundLibrary]) -> list[FoundLibrary]:
    return sorted(
        (one for one in fitting if one.kind != IMPORT), key=lambda one: one.kind != STATIC
    )


def _with_linkopts(hint: Hint, more: tuple[str, ...]) -> Hint:
    return Hint(
        hint.origin,
        hint.libraries,
        tuple(dict.fromkeys((*more, *hint.linkopts))),
        hint.include_dirs,
        hint.defines,
        hint.private,
    )


def _linkopts(linked: Sequence[FoundLibrary], hint: Hint | None) -> tuple[tuple[str, ...], str]:
    """Return the linker options and their reasons; a shared library names its own needs."""
    if not any(one.kind == STATIC for one in linked):
        return (() if hint is None or not hint.linkopts else hint.linkopts), ""
    is_cgo = hint is not None and hint.origin.startswith("`#cgo`")
    if hint is not None and is_cgo:
        return hint.linkopts, f"{hint.origin} says so"
    seen = tuple(dict.fromkeys(option for one in linked for option in one.binary.linkopts))
    # Use the options that a text gives for every link. Use its options for static links if needed.
    kept = [] if hint is None else [one for one in hint.linkopts if _LINKED.fullmatch(one)]
    origins = [hint.origin] if hint is not None and kept else []
    texts = [] if hint is None else [hint]
    for found in once(one.found for one in linked):
        texts += [cmake_hint(name, found.texts[name]) for name in found.named(".cmake")]
    is_windows = any(one.binary.os == "windows" for one in linked)
    is_darwin = any(one.binary.os == "darwin" for one in linked)
    foreign: dict[str, str] = {}
    for text in texts:
        for option in filter(_LINKED.fullmatch, text.private):
            if _is_foreign(option) and not is_windows:
                foreign.setdefault(option, text.origin)
            elif option.startswith("-framework") and not is_darwin:
                continue  # a text for all systems
            elif option in seen or option not in _ONLY_IF_USED:
                kept.append(option)
                origins.append(text.origin)
    options = tuple(dict.fromkeys((*kept, *seen)))
    said_by = list(dict.fromkeys(origins))
    why = [f"{' and '.join(said_by)} {'say' if said_by[1:] else 'says'} so"] if said_by else []
    if set(seen) - set(kept):
        why.append("guessed: the library names functions of these")
    if foreign:
        where = ", ".join(dict.fromkeys(foreign.values()))
        why.append(f"{where} has {' '.join(foreign)}, too: add it if symbols are missing")
    return options, "; ".join(filter(None, why))


def _some(names: Sequence[str]) -> str:
    return format_names(names, 8)
