"""What a consumer pins outside the lock: who must vouch for a release, checked before anything else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cgo_prebuilt.vouching.signing import sign
from cgo_prebuilt.vouching.sums import SUMS, update_sums
from tests.attestations import ARCHIVE, REPOSITORY, WORKFLOW, Genuine, unpack
from tests.ssh_key import make_key
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import FILES, archive_of, write_files, write_manifest

NAME = "vec-v1.2.3-linux_amd64.zip"
SOURCE = "vec-1.2.3-src.tar.gz"
PLATFORM = ("--platform", "linux_amd64")
VERBS = {
    "fetch": ("fetch", "--output", "got"),
    "fetch from source": ("fetch", "--output", "got", "--origin", "source"),
    "env": ("env",),
    "source": ("source", "--output", "got"),
    "urls": ("urls",),
    "urls of the source": ("urls", "--source"),
    "mirror": ("mirror", "--to", "got"),
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def key(tmp_path: Path) -> str:
    return make_key(tmp_path)


def release(folder: Path, run: Run, key: str | None, *, signs_source: bool = True) -> Path:
    """Publishes a release into a folder, signed where there is a key, and locks it."""
    dist = folder / "dist"
    files = {
        NAME: archive_of(FILES, "zip"),
        SOURCE: archive_of({"src/libvec.a": b"!<arch>\nbuilt"}),
    }
    write_files(dist, files)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    signed = {name: digests[name] for name in files if signs_source or name != SOURCE}
    update_sums(dist / SUMS, signed)
    if key is not None:
        sign(dist / SUMS, folder / "key")
    write_manifest(
        folder / "prebuilt.yaml",
        urls=[f"{dist.as_uri()}/{{file}}"],
        archives=[{"file": NAME}],
        public_key=key,
        source={
            "url": f"{dist.as_uri()}/{SOURCE}",
            "sha256": digests[SOURCE],
            "strip_prefix": "src",
            "build": {"command": ["true"]},
            "static_library": "libvec.a",
        },
    )
    answer = run("lock", "prebuilt.yaml")
    assert answer.code == 0, answer.err
    assert ("consumers who pin the key cannot build from it" in answer.err) is not signs_source
    assert (f"signed by {key}" in answer.err) is (key is not None)
    return folder / "prebuilt.lock.json"


def edit(lock: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(lock.read_text())
    (version,) = document["versions"].values()
    change(version)
    lock.write_text(json.dumps(document))


def do(run: Run, verb: str, *pins: str) -> Answer:
    """Runs a verb offline: a refusal because nobody vouches needs no network."""
    arguments = VERBS[verb]
    offline = () if verb == "mirror" else ("--offline",)
    return run(*arguments, "--lock", "prebuilt.lock.json", *PLATFORM, *offline, *pins)


def nothing_came(folder: Path) -> bool:
    return not (folder / "got").exists() and not list(folder.glob("store/v1/trees/*"))


@pytest.mark.parametrize("verb", VERBS)
def test_what_the_pinned_key_signed_is_taken(run: Run, tmp_path: Path, key: str, verb: str) -> None:
    release(tmp_path, run, key)
    answer = do(run, verb, "--public-key", f"{key} maintainer@example.com")
    assert answer.code == 0, answer.err
    assert "pinned" not in answer.err


@pytest.mark.parametrize("verb", VERBS)
def test_a_lock_that_is_not_signed_is_refused_where_a_key_is_pinned(
    run: Run, tmp_path: Path, key: str, verb: str
) -> None:
    release(tmp_path, run, None)
    words = "vec v1.2.3 is not signed, and a public key is pinned for it"
    do(run, verb, "--public-key", key).refused(4, words, f"at: {key}", "restore the lock")
    assert nothing_came(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_a_lock_that_was_regenerated_with_another_key_is_refused(
    run: Run, tmp_path: Path, key: str, verb: str
) -> None:
    other = make_key(tmp_path, "other")
    release(tmp_path, run, key)
    words = "vec v1.2.3 is signed by a key other than the pinned one"
    do(run, verb, "--public-key", other).refused(4, words, f"pinned: {other}", f"by: {key}")
    assert nothing_came(tmp_path)


def _names_the_pinned_key(version: dict[str, Any], other: str) -> None:
    version["signature"]["public_key"] = other


def _signed_by_nobody(version: dict[str, Any], other: str) -> None:
    version["signature"]["signature"] = ""
    version["signature"]["public_key"] = other


@pytest.mark.parametrize("change", [_names_the_pinned_key, _signed_by_nobody])
@pytest.mark.parametrize("origin", ["auto", "prebuilt", "source"])
def test_no_policy_answers_a_bad_signature_with_a_build(
    run: Run,
    tmp_path: Path,
    key: str,
    change: Callable[[dict[str, Any], str], None],
    origin: str,
) -> None:
    other = make_key(tmp_path, "other")
    edit(release(tmp_path, run, key), lambda version: change(version, other))
    words = "the signature of SHA256SUMS is not that of the public key: "
    answer = do(run, "fetch", "--origin", origin, "--public-key", other, "--json")
    answer.refused(4, words, f"at: {other}")
    assert json.loads(answer.out)["kind"] == "trust"
    assert nothing_came(tmp_path)


def _another_archive(version: dict[str, Any]) -> None:
    version["platforms"]["linux_amd64"]["archives"][0]["sha256"] = "0" * 64


def _another_source(version: dict[str, Any]) -> None:
    version["source"]["sha256"] = "0" * 64


def _another_key(version: dict[str, Any]) -> None:
    del version["signature"]


@pytest.mark.parametrize(
    ("change", "verbs", "file"),
    [
        (_another_archive, ["fetch", "env", "urls", "mirror"], NAME),
        (_another_source, ["fetch from source", "source", "urls of the source", "mirror"], SOURCE),
    ],
)
def test_what_the_pinned_key_did_not_sign_is_refused(
    run: Run,
    tmp_path: Path,
    key: str,
    change: Callable[[dict[str, Any]], None],
    verbs: list[str],
    file: str,
) -> None:
    edit(release(tmp_path, run, key), change)
    for verb in verbs:
        words = f"the publisher's signature does not cover {file}"
        do(run, verb, "--public-key", key).refused(4, words, f"at: {key}")
    assert nothing_came(tmp_path)


def test_a_source_that_is_not_signed_is_not_built_in_place_of_the_prebuilt(
    run: Run, tmp_path: Path, key: str
) -> None:
    release(tmp_path, run, key, signs_source=False)
    (tmp_path / "dist" / NAME).unlink()
    pinned = ("fetch", "--output", "got", "--lock", "prebuilt.lock.json", *PLATFORM)
    words = f"the publisher's signature does not cover {SOURCE}"
    run(*pinned, "--public-key", key).refused(4, words)
    assert nothing_came(tmp_path)
    assert run(*pinned).code == 0  # without the pin it is


def test_without_a_pin_the_lock_alone_says_what_is_right(
    run: Run, tmp_path: Path, key: str
) -> None:
    """A key beside the hashes that it signs would add nothing."""
    edit(release(tmp_path, run, key), lambda version: version["signature"].update(signature=""))
    assert do(run, "fetch").code == 0


# The bytes that are taken are those that were signed.


def _another_member(version: dict[str, Any]) -> None:
    (archive,) = version["platforms"]["linux_amd64"]["archives"]
    for file in archive["files"]:
        if file["path"] == "lib/libvec.a":
            file["sha256"] = hashlib.sha256(b"!<arch>\nevil").hexdigest()
            file["size"] = len(b"!<arch>\nevil")


def test_a_member_of_another_hash_is_not_taken_from_a_server_that_has_it(
    run: Run, tmp_path: Path, key: str
) -> None:
    """Of a zip, parts can be asked for, which the archive's hash is not compared with."""
    from tests.e2e.archive_server import serving

    edit(release(tmp_path, run, key), _another_member)
    (tmp_path / "evil").mkdir()
    # As long as the genuine one, so that its directory is where it was.
    (tmp_path / "evil" / NAME).write_bytes(
        archive_of({**FILES, "lib/libvec.a": b"!<arch>\nevil"}, "zip")
    )
    with serving(tmp_path / "evil") as server:
        size = (tmp_path / "evil" / NAME).stat().st_size

        def lead_there(version: dict[str, Any]) -> None:
            (archive,) = version["platforms"]["linux_amd64"]["archives"]
            archive.update(urls=[f"{server.url}/{NAME}"], size=size)

        edit(tmp_path / "prebuilt.lock.json", lead_there)
        fetch = ("fetch", "--output", "got", "--lock", "prebuilt.lock.json", *PLATFORM)
        never = (*fetch, "--origin", "prebuilt")
        run(*never, "--public-key", key).refused(4, NAME)
        assert nothing_came(tmp_path)


def test_a_tree_that_the_store_has_of_an_unpinned_lock_is_not_taken(
    run: Run, tmp_path: Path, key: str
) -> None:
    lock = release(tmp_path, run, key)
    genuine = lock.read_text()
    evil = archive_of({**FILES, "lib/libvec.a": b"!<arch>\nevil"}, "zip")
    edit(lock, _another_member)
    write_files(tmp_path / "evil", {NAME: evil})

    def lead_there(version: dict[str, Any]) -> None:
        (archive,) = version["platforms"]["linux_amd64"]["archives"]
        archive["sha256"] = hashlib.sha256(evil).hexdigest()
        archive["size"] = len(evil)
        archive["urls"] = [f"{(tmp_path / 'evil').as_uri()}/{NAME}"]

    signed = json.loads(lock.read_text())["versions"]["v1.2.3"]["platforms"]["linux_amd64"]
    edit(lock, lead_there)
    assert do(run, "fetch").code == 0  # the store has it now, verified against that lock
    edit(lock, lambda version: version["platforms"].update(linux_amd64=signed))
    answer = do(run, "fetch", "--origin", "prebuilt", "--public-key", key)
    answer.refused(4, "lib/libvec.a")
    # Of the genuine lock the second fetch needs no download.
    lock.write_text(genuine)
    assert do(run, "fetch", "--public-key", key).code == 0
    (tmp_path / "dist" / NAME).unlink()
    assert do(run, "fetch", "--public-key", key).code == 0
    assert json.loads(do(run, "urls", "--json", "--public-key", key).out)["cached"] is True


# Levels.


@pytest.mark.parametrize("level", ["signed", "attested"])
def test_below_the_least_level_nothing_is_fetched(run: Run, tmp_path: Path, level: str) -> None:
    release(tmp_path, run, None)
    words = f"vec v1.2.3 is not {level}, the required minimum"
    do(run, "fetch", "--trust", level).refused(4, words, f"at: trust: {level}")
    assert nothing_came(tmp_path)
    assert do(run, "fetch", "--trust", "none").code == 0


def test_any_signature_satisfies_the_level_signed(run: Run, tmp_path: Path, key: str) -> None:
    lock = release(tmp_path, run, key)
    assert do(run, "fetch", "--trust", "signed").code == 0
    words = "vec v1.2.3 is not attested, the required minimum"
    do(run, "fetch", "--trust", "attested").refused(4, words)
    edit(lock, _another_archive)
    do(run, "fetch", "--trust", "signed").refused(4, "the publisher's signature does not cover")


@pytest.mark.parametrize(
    ("pins", "words"),
    [
        (("--public-key", "key.pub"), "the pinned key is not the text of a .pub file: "),
        (("--public-key", ""), "the pinned key is not the text of a .pub file: "),
        (("--identity", "vec"), "'vec' is not a GitHub repository or a workflow of one"),
    ],
)
def test_a_pin_that_is_none_is_refused(
    run: Run, tmp_path: Path, pins: tuple[str, str], words: str
) -> None:
    release(tmp_path, run, None)
    do(run, "fetch", *pins).refused(2, words, f"at: {pins[0]}\n")


# Attestations, genuine ones.


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Genuine:
    pytest.importorskip("sigstore", reason="the extra `attestations` is not installed")
    return unpack(tmp_path_factory.mktemp("genuine"))


@pytest.fixture
def attested(run: Run, tmp_path: Path, genuine: Genuine) -> Path:
    """A lock of a genuine archive, with the genuine attestation that a workflow built it."""
    (tmp_path / "bundle.json").write_text(genuine.bundle())
    write_manifest(
        tmp_path / "prebuilt.yaml",
        urls=[f"{genuine.folder.as_uri()}/{{file}}"],
        # It has no library at all, but it is attested.
        archives=[
            {
                "file": ARCHIVE,
                "strip_prefix": ARCHIVE.removesuffix(".tar.gz"),
                "members": {"lib.a": "LICENSE"},
            }
        ],
        static_library="lib.a",
        headers=["src/**"],
        include_dirs=None,
    )
    lock = ("lock", "prebuilt.yaml", "--verify-attestation", "bundle.json", "--identity")
    run(*lock, "acme/vec").refused(4, f"no attestation of acme/vec is for {ARCHIVE}; one is by")
    answer = run(*lock, REPOSITORY)
    assert answer.code == 0, answer.err
    assert f"attested by {WORKFLOW}@refs/tags/v0.0.19" in answer.err
    return tmp_path / "prebuilt.lock.json"


def test_what_the_pinned_identity_attested_is_taken(run: Run, attested: Path) -> None:
    verified = json.loads(attested.read_text())["versions"]["v1.2.3"]["verified"]
    assert verified["attestations"][0]["repository"] == REPOSITORY
    for pins in (("--identity", REPOSITORY), ("--identity", WORKFLOW), ("--trust", "attested")):
        assert do(run, "fetch", *pins, "--trust", "signed").code == 0


@pytest.mark.parametrize("verb", ["fetch", "env", "urls", "mirror"])
def test_another_identity_is_refused(run: Run, tmp_path: Path, attested: Path, verb: str) -> None:
    words = "vec v1.2.3 is attested by an identity other than the pinned one"
    answer = do(run, verb, "--identity", "acme/vec")
    answer.refused(4, words, "pinned: acme/vec", f"attested by: {WORKFLOW}@refs/tags/v0.0.19")
    assert nothing_came(tmp_path)


def test_a_lock_that_only_says_to_be_attested_is_refused(
    run: Run, tmp_path: Path, attested: Path
) -> None:
    def flip(version: dict[str, Any]) -> None:
        (record,) = version["verified"]["attestations"]
        record.update(repository="acme/vec", workflow="acme/vec/.github/workflows/release.yml@v1")

    genuine = attested.read_text()
    edit(attested, flip)
    words = "the lock's record of the attestation contradicts its bundle"
    do(run, "fetch", "--identity", "acme/vec").refused(
        4, words, "at: the attestation of vec v1.2.3"
    )
    attested.write_text(genuine)
    edit(attested, _another_archive)
    words = f"the attestation does not cover {ARCHIVE}"
    do(run, "fetch", "--identity", REPOSITORY).refused(4, words, f"at: {WORKFLOW}")
    edit(attested, lambda version: version["verified"]["attestations"][0].update(bundle="{}"))
    do(run, "fetch", "--identity", REPOSITORY).refused(4, "the attestation is not genuine")
    assert nothing_came(tmp_path)


def test_a_bundle_wants_an_identity(run: Run, tmp_path: Path) -> None:
    release(tmp_path, run, None)
    words = "--verify-attestation and --identity go together"
    run("lock", "prebuilt.yaml", "--verify-attestation", "bundle.json").refused(2, words)
    run("lock", "prebuilt.yaml", "--identity", "acme/vec").refused(2, words)
    old = run("lock", "prebuilt.yaml", "--attested-by", "acme/vec")
    assert (old.code, "--attested-by is called --identity now" in old.err) == (2, True)


def test_an_attestation_stays_as_long_as_its_archives(
    run: Run, tmp_path: Path, attested: Path, genuine: Genuine
) -> None:
    assert run("lock", "prebuilt.yaml", "--check").code == 0
    assert "nothing changed" in run("lock", "prebuilt.yaml").err
    other = archive_of({"LICENSE": b"x", "src/a.h": b""})
    write_files(tmp_path / "other", {ARCHIVE: other})
    text = (tmp_path / "prebuilt.yaml").read_text()
    text = text.replace(genuine.folder.as_uri(), (tmp_path / "other").as_uri())
    text = text.replace(f"strip_prefix: {ARCHIVE.removesuffix('.tar.gz')}", "strip_prefix: ''")
    (tmp_path / "prebuilt.yaml").write_text(text)
    changed = run("lock", "prebuilt.yaml")
    assert f"! attested by nobody, before by {WORKFLOW}@refs/tags/v0.0.19" in changed.err
    assert "verified" not in attested.read_text()
