"""Choose among release files for one platform: formats, toolchains, flavors. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cgo_prebuilt.drafting.asset_names import ABI
from cgo_prebuilt.drafting.choosing import Question
from cgo_prebuilt.drafting.libraries import FoundLibrary, is_named_as, plain
from cgo_prebuilt.drafting.survey import Asset
from cgo_prebuilt.drafting.versions import variant_of
from cgo_prebuilt.platforms import Platform

VARIANT = "variant"
_FLAVOR = re.compile(
    r"debug|release|optimized|standard|portable|full|minimal|lite|small|large|cpu|gpu|cuda\d*|cudnn\d*|rocm[\d.]*"
    r"|vulkan|opencl|openvino|directml|avx\w*|sse\w*|noavx|native|mt|st|threads?|nothreads?|asan|tsan|ssl|nossl|openssl"
)
_FORMATS = ("tar.zst", "tar.xz", "tar.gz", "tar.bz2", "zip", "tar", "deb", "conda")


@dataclass(frozen=True, slots=True)
class Variants:
    """The libraries of each flavor.

    Attributes:
        flavors: The libraries by flavor, the default first; a single flavor has an empty name.
        left_out: The files of other variants, each with the reason.
        questions: Decisions for a person.
    """

    flavors: Mapping[str, Sequence[FoundLibrary]]
    left_out: Mapping[str, str]
    questions: tuple[Question, ...] = ()


def pick_variants(
    libraries: Sequence[FoundLibrary], version: str, name: str, answers: Mapping[str, int]
) -> Variants:
    """Choose among several files of a release with the same library for a platform.

    Args:
        libraries: All libraries of the release.
        version: The version of the release.
        name: The name of the library.
        answers: Answers to questions, by their keys.
    """
    left_out: dict[str, str] = {}
    kept = _one_format(libraries, version, left_out)
    by_variant: dict[str, list[FoundLibrary]] = {}
    for one in kept:
        by_variant.setdefault(variant_of(one.found.asset.file, version), []).append(one)
    rivals = _rivals(by_variant)
    if not rivals:
        return Variants({"": kept}, left_out)
    order = sorted(rivals, key=lambda one: _rank(one, by_variant[one], name))
    common = set.intersection(*(set(one.split("-")) for one in rivals))
    words = {one: "-".join(w for w in one.split("-") if w not in common) for one in order}
    if all(not word or all(map(_FLAVOR.fullmatch, word.split("-"))) for word in words.values()):
        flavors = {}
        for variant in order:
            others = set(rivals) - {variant}
            flavors[words[variant] or "standard"] = _preferring(kept, variant, others, version)
        return Variants(flavors, left_out)
    question = Question(
        VARIANT,
        "The release has the library in several files for one platform. Which do you want?",
        tuple(_example(by_variant[one]) for one in order),
    )
    answer = order[min(answers.get(VARIANT, 0), len(order) - 1)]
    chosen = _preferring(kept, answer, set(rivals) - {answer}, version, order)
    taken = {library.found.asset.file for library in chosen}
    for library in kept:
        if library.found.asset.file not in taken:
            left_out[library.found.asset.file] = "the same library as in another file"
    return Variants({"": chosen}, left_out, (question,))


def _one_format(
    libraries: Sequence[FoundLibrary], version: str, left_out: dict[str, str]
) -> list[FoundLibrary]:
    """Return the libraries in the best file, of files that differ only in format or toolchain."""
    best: dict[tuple[str, Platform], Asset] = {}
    for found in {id(one.found): one.found for one in libraries}.values():
        own = variant_of(found.asset.file, version)
        for platform in {p for one in libraries if one.found is found for p in one.platforms}:
            other = best.get((own, platform))
            if other is None or _is_better(found, other):
                best[own, platform] = found
    taken = {id(found) for found in best.values()}
    kept = []
    for one in libraries:
        if id(one.found) in taken:
            kept.append(one)
        else:
            left_out[one.found.asset.file] = "another format of a file, or for another toolchain"
    return [
        one
        for one in kept
        if any(
            best[variant_of(one.found.asset.file, version), p] is one.found for p in one.platforms
        )
        or one.found.is_single
    ]


def _is_better(found: Asset, other: Asset) -> bool:
    def order(one: Asset) -> tuple[bool, int, str]:
        format = _FORMATS.index(one.format) if one.format in _FORMATS else len(_FORMATS)
        return ("msvc" in one.reading.values(ABI), format, one.asset.file)

    # Loose files of one name belong together: a library, and its import library or shared form.
    return not found.is_single and order(found) < order(other)


def _rivals(by_variant: Mapping[str, Sequence[FoundLibrary]]) -> list[str]:
    """Return the variants that have the same library for the same platform."""
    holders: dict[tuple[str, str, bool, Platform], set[str]] = {}
    for variant, libraries in by_variant.items():
        for one in libraries:
            for platform in one.platforms:
                # A file with only debug builds is a flavor; debug builds beside others are not alternatives.
                is_debug = one.is_debug and "debug" not in variant.split("-")
                key = (plain(one.stem), one.kind, is_debug, platform)
                holders.setdefault(key, set()).add(variant)
    found = {variant for variants in holders.values() if len(variants) > 1 for variant in variants}
    return sorted(found)


def _rank(variant: str, libraries: Sequence[FoundLibrary], name: str) -> tuple[object, ...]:
    platforms = {platform for one in libraries for platform in one.platforms}
    files = {one.found.asset.file for one in libraries}
    return (
        -len(platforms),
        not is_named_as(variant, name),
        len(files) < len(platforms) and len(platforms) > 2,  # all in one: a larger download
        variant.count("-"),
        len(variant),
        variant,
    )


def _preferring(
    libraries: Iterable[FoundLibrary],
    variant: str,
    others: set[str],
    version: str,
    order: Sequence[str] = (),
) -> list[FoundLibrary]:
    """Return a variant's libraries, and those of other variants for platforms that it lacks."""
    listed = list(libraries)
    own = [one for one in listed if variant_of(one.found.asset.file, version) not in others]
    covered = {
        p
        for one in own
        if variant_of(one.found.asset.file, version) == variant
        for p in one.platforms
    }
    for other in order:
        more = [
            one
            for one in listed
            if other in others
            and variant_of(one.found.asset.file, version) == other
            and not covered & set(one.platforms)
        ]
        own += more
        covered |= {platform for one in more for platform in one.platforms}
    return own


def _example(libraries: Sequence[FoundLibrary]) -> str:
    files = sorted({one.found.asset.file for one in libraries})
    return f"{files[0]}" + (f" and {len(files) - 1} more like it" if len(files) > 1 else "")
