"""From an index to the layers of its manifests, whatever a registry lists."""

from __future__ import annotations

import hashlib
import json

import pytest

from cgo_prebuilt.releases.registry_layers import layers_about, layers_in, title_of

TITLE = "org.opencontainers.image.title"
OTHER = f"sha256:{'0' * 64}"


class Repository:
    """What a registry has: manifests by reference, lists of referrers by digest."""

    def __init__(self) -> None:
        self.has = dict[tuple[str, str], bytes]()
        self.asked = list[tuple[str, str]]()

    def put(self, document: object) -> str:
        content = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.has["manifests", digest] = content
        return digest

    def get(self, kind: str, reference: str) -> bytes | None:
        self.asked.append((kind, reference))
        return self.has.get((kind, reference))


def layer(name: str) -> dict[str, object]:
    return {"digest": OTHER, "annotations": {TITLE: name}}


def test_layers_are_those_of_all_manifests_or_of_the_one() -> None:
    there = Repository()
    digest = there.put({"layers": [layer("a"), layer("b")]})
    index = json.dumps({"manifests": [{"digest": digest, "x": 1}]}).encode()
    found = [(title_of(one), of) for one, of in layers_in(index, there.get)]
    assert found == [("a", {"digest": digest, "x": 1}), ("b", {"digest": digest, "x": 1})]
    alone = there.has["manifests", digest]
    assert [(title_of(one), of) for one, of in layers_in(alone, there.get)] == [
        ("a", {}),
        ("b", {}),
    ]


@pytest.mark.parametrize(
    "index", [b"", b"[]", b"{", b'{"manifests": 1}', b'{"manifests": ["x", {"digest": "../x"}]}']
)
def test_what_is_no_descriptor_leads_nowhere(index: bytes) -> None:
    there = Repository()
    assert not list(layers_in(index, there.get))
    assert not there.asked


@pytest.mark.parametrize("has_list", [True, False], ids=["referrers", "tag"])
def test_files_about_a_release_are_found_by_the_list_or_the_tag(has_list: bool) -> None:
    there = Repository()
    listed = {"manifests": [{"digest": there.put({"layers": [layer("SHA256SUMS")]})}]}
    place = ("referrers", OTHER) if has_list else ("manifests", OTHER.replace(":", "-"))
    there.has[place] = json.dumps(listed).encode()
    assert [title_of(one) for one in layers_about(OTHER, there.get)] == ["SHA256SUMS"]
    assert there.asked[0] == ("referrers", OTHER)


def test_no_more_manifests_are_asked_for_than_a_release_has() -> None:
    there = Repository()
    many = [{"digest": f"sha256:{number:064x}"} for number in range(1000)]
    assert not list(layers_in(json.dumps({"manifests": many}).encode(), there.get))
    assert len(there.asked) == 500
