"""Publish to real servers: nginx, a registry and an object store; read back with other clients."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cgo_prebuilt.vouching.sums import SIGNATURE, SUMS
from tests.e2e.nginx_files import PASSWORD as NGINX_PASSWORD
from tests.e2e.nginx_files import USER, NginxFiles, nginx_files
from tests.e2e.object_store import object_store
from tests.e2e.oci_registry import PASSWORD, PUBLISHER, READER, Registry, oci_registry
from tests.ssh_key import make_key
from tests.unit.command_case import Answer, Run, runner
from tests.unit.library_case import write_files, write_manifest

AMD64, ARM64 = (f"vec-v1.2.3-linux_{arch}.tar.gz" for arch in ("amd64", "arm64"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder with a manifest and what was built."""
    write_manifest(tmp_path / "prebuilt.yaml")
    write_files(tmp_path / "out")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {PUBLISHER} password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[NginxFiles]:
    """A server with a netrc entry for it."""
    with nginx_files(tmp_path / "nginx") as server:
        (tmp_path / "netrc").write_text(
            f"machine 127.0.0.1 login {USER} password {NGINX_PASSWORD}\n"
        )
        yield server


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with oci_registry(tmp_path / "registry", "basic") as server:
        yield server


def pack(run: Run, *options: str, arch: str = "amd64") -> None:
    packing = ("--platform", f"linux_{arch}", "--from", "out", "--output", "dist")
    packed = run("pack", "prebuilt.yaml", *packing, *options)
    assert packed.code == 0, packed.err


def publish(run: Run, *options: object, dist: str = "dist") -> Answer:
    return run("publish", "prebuilt.yaml", "--dist", dist, *options)


def sums_of(folder: Path) -> dict[str, str]:
    lines = (folder / SUMS).read_text().splitlines()
    return {line.split("  ")[1]: line.split("  ")[0] for line in lines}


# A server that accepts PUT.


def test_a_second_run_puts_nothing_and_other_bytes_are_refused(
    run: Run, nginx: NginxFiles, tmp_path: Path
) -> None:
    pack(run)
    place = f"{nginx.basic}/vec/v1.2.3"
    assert publish(run, "--to", place).code == 0
    there = nginx.folder / "files/basic/vec/v1.2.3"
    assert sums_of(there) == sums_of(tmp_path / "dist")
    done = publish(run, "--to", place)
    assert done.code == 0
    assert len([line for line in nginx.tried() if " PUT " in line]) == 2
    write_files(tmp_path / "out", {"include/vec.h": b"// changed\n"})
    pack(run)
    publish(run, "--to", place).refused(4, "published already, with other bytes", "--add")


def test_wrong_credentials_are_exit_code_3(run: Run, nginx: NginxFiles, tmp_path: Path) -> None:
    pack(run)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USER} password cAnArY\n")
    refused = publish(run, "--to", f"{nginx.basic}/vec")
    refused.refused(3, "HTTP 401", "credential")
    assert "cAnArY" not in refused.err


def test_a_trial_sends_nothing_and_lists_each_request_and_its_bytes(
    run: Run, nginx: NginxFiles, tmp_path: Path
) -> None:
    pack(run)
    place = f"{nginx.basic}/vec"
    told = publish(run, "--to", place, "--dry-run")
    assert told.code == 0, told.err
    sizes = {name: (tmp_path / "dist" / name).stat().st_size for name in (AMD64, SUMS)}
    assert told.out.splitlines() == [f"PUT {place}/{name} {sizes[name]} B" for name in sizes]
    assert not [line for line in nginx.tried() if " PUT " in line]
    told = publish(run, "--to", place, "--dry-run", "--json")
    assert [one["size"] for one in json.loads(told.out)["requests"]] == list(sizes.values())


# A release that grows.


def grow(run: Run, tmp_path: Path, *options: str) -> Answer:
    """Packs another platform in an empty folder, as another machine does, and publishes it."""
    shutil.rmtree(tmp_path / "dist")
    write_manifest(
        tmp_path / "prebuilt.yaml",
        **yaml.safe_load((tmp_path / "prebuilt.yaml").read_text())
        | {"platforms": {"linux_amd64": None, "linux_arm64": None}},
    )
    pack(run, arch="arm64")
    return publish(run, *options)


@pytest.mark.parametrize("kind", ["folder", "nginx", "registry"])
def test_a_platform_is_added_to_a_published_version(
    run: Run, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    place = str(tmp_path / "published")
    url = (tmp_path / "published").as_uri() + "/{file}"
    if kind == "nginx":
        place = f"{request.getfixturevalue('nginx').basic}/vec"
        url = f"{place}/{{file}}"
    elif kind == "registry":
        place = url = request.getfixturevalue("registry").place("acme/vec")
    key = make_key(tmp_path)
    write_manifest(tmp_path / "prebuilt.yaml", public_key=key, urls=[url])
    pack(run, "--sign", "key")
    assert publish(run, "--to", place).code == 0
    first = sums_of(tmp_path / "dist")
    grow(run, tmp_path, "--to", place).refused(2, f"SHA256SUMS lacks {AMD64}")
    unsigned = grow(run, tmp_path, "--to", place, "--add")
    unsigned.refused(2, "SHA256SUMS is signed, and what extends it is not", "add --sign KEY_FILE")
    trial = grow(run, tmp_path, "--to", place, "--add", "--sign", "key", "--dry-run")
    assert trial.code == 0, trial.err
    assert AMD64 not in trial.out
    assert sums_of(tmp_path / "dist").keys() == {ARM64}
    assert not (tmp_path / "dist" / SIGNATURE).exists()
    done = grow(run, tmp_path, "--to", place, "--add", "--sign", "key", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["sent"] == [ARM64, SUMS, SIGNATURE]
    assert sums_of(tmp_path / "dist") == {**first, **sums_of(tmp_path / "dist")}
    again = publish(run, "--to", place, "--add", "--json")
    assert json.loads(again.out)["sent"] == []
    locked = run("lock", "prebuilt.yaml")
    assert locked.code == 0, locked.err
    assert f"signed by {key}" in locked.err
    write_files(tmp_path / "out", {"include/vec.h": b"// changed\n"})
    changed = grow(run, tmp_path, "--to", place, "--add", "--sign", "key")
    changed.refused(4, f"published already, with other bytes: {ARM64}")


def test_adding_to_an_unpublished_version_is_refused(run: Run, nginx: NginxFiles) -> None:
    pack(run)
    nothing = publish(run, "--to", f"{nginx.basic}/vec", "--add")
    nothing.refused(2, "there is no SHA256SUMS of vec v1.2.3 to add to", "leave out --add")


# From one place to another.


def test_a_published_release_is_copied_elsewhere_without_packing(
    run: Run, nginx: NginxFiles, tmp_path: Path
) -> None:
    pack(run, "--sbom")
    staging = f"{nginx.basic}/staging/vec"
    assert publish(run, "--to", staging).code == 0
    with oci_registry(tmp_path / "registry", "none") as registry:
        oci = registry.place("acme/vec")
        promoted = publish(run, "--to", oci, dist=staging)
        assert promoted.code == 0, promoted.err
        back = publish(run, "--to", str(tmp_path / "public"), dist=oci)
        assert back.code == 0, back.err
    for name in [*sums_of(tmp_path / "dist"), SUMS]:
        content = (tmp_path / "dist" / name).read_bytes()
        assert (tmp_path / "public" / name).read_bytes() == content


def test_a_damaged_staged_file_is_not_published(
    run: Run, nginx: NginxFiles, tmp_path: Path
) -> None:
    pack(run)
    staging, there = f"{nginx.basic}/staging", nginx.folder / "files/basic/staging"
    publish(run, "--to", str(tmp_path / "public"), dist=staging).refused(
        3, "there is no SHA256SUMS, which says what was published"
    )
    assert publish(run, "--to", staging).code == 0
    (there / AMD64).write_bytes(b"damaged")
    publish(run, "--to", str(tmp_path / "public"), dist=staging).refused(4, AMD64)
    (there / SUMS).write_text(f"{'0' * 64}  ../x\n")
    publish(run, "--to", str(tmp_path / "public"), dist=staging).refused(
        4, "the published SHA256SUMS is malformed: '../x' is not a file name"
    )
    assert not (tmp_path / "public").exists()


# A registry.


def test_another_client_reads_a_published_artifact(
    run: Run, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks, too: some of 100 bytes."""
    monkeypatch.setattr("cgo_prebuilt.publishing.registry_place.CHUNKS", (100, 50, 0))
    pack(run, "--sbom")
    done = publish(run, "--to", registry.place("acme/vec"))
    assert done.code == 0, done.err
    assert len([line for line in registry.tried() if line.startswith("202 PATCH")]) > 4
    assert done.out == f"oci://{registry.address}/acme/vec:v1.2.3\n"
    place = f"docker://{registry.address}/acme/vec"
    index = json.loads(registry.skopeo("inspect", "--raw", f"{place}:v1.2.3"))
    assert index["annotations"]["org.opencontainers.image.version"] == "v1.2.3"
    (descriptor,) = index["manifests"]
    assert descriptor["platform"] == {"os": "linux", "architecture": "amd64"}
    raw = registry.skopeo("inspect", "--raw", f"{place}@{descriptor['digest']}")
    assert f"sha256:{hashlib.sha256(raw).hexdigest()}" == descriptor["digest"]
    (layer,) = json.loads(raw)["layers"]
    assert layer["digest"] == f"sha256:{sums_of(tmp_path / 'dist')[AMD64]}"
    assert layer["annotations"] == {"org.opencontainers.image.title": AMD64}
    # skopeo verifies every byte against the digests.
    registry.skopeo("copy", f"{place}@{descriptor['digest']}", f"dir:{tmp_path / 'copied'}")
    copied = tmp_path / "copied" / layer["digest"].removeprefix("sha256:")
    assert copied.read_bytes() == (tmp_path / "dist" / AMD64).read_bytes()


def test_a_second_run_sends_a_registry_nothing(run: Run, registry: Registry) -> None:
    pack(run)
    place = registry.place("acme/vec")
    told = publish(run, "--to", place, "--dry-run")
    assert told.code == 0, told.err
    changes = ("POST", "PATCH", "PUT")
    assert not [line for line in registry.tried() if line.split()[1] in changes]
    assert publish(run, "--to", place).code == 0
    sent = [line.split()[1] for line in registry.tried() if line.split()[1] in changes]
    planned = [line.split()[0] for line in told.out.splitlines()]
    assert sorted(sent) == sorted(planned)
    before = len(registry.tried())
    assert publish(run, "--to", place).code == 0
    later = registry.tried()[before:]
    assert not [line for line in later if line.split()[1] in changes]


def test_a_registry_with_tokens_accepts_a_release_with_permission(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(run)
    monkeypatch.delenv("NETRC")
    with oci_registry(tmp_path / "registry") as registry:
        monkeypatch.setenv("DOCKER_CONFIG", str(registry.docker_config(tmp_path / "reads", READER)))
        refused = publish(run, "--to", registry.place("acme/vec"))
        refused.refused(3, "HTTP 401", "docker login")
        assert PASSWORD not in refused.err
        monkeypatch.setenv("DOCKER_CONFIG", str(registry.docker_config(tmp_path / "writes")))
        assert registry.tokens is not None
        done = publish(run, "--to", registry.place("acme/vec"))
        assert done.code == 0, done.err
        assert (PUBLISHER, "repository:acme/vec:pull,push") in registry.tokens.asked


def test_a_registry_with_other_bytes_under_a_name_is_refused(
    run: Run, registry: Registry, tmp_path: Path
) -> None:
    pack(run)
    assert publish(run, "--to", registry.place("acme/vec")).code == 0
    write_files(tmp_path / "out", {"include/vec.h": b"// changed\n"})
    pack(run)
    done = publish(run, "--to", registry.place("acme/vec"))
    done.refused(4, f"published already, with other bytes: {AMD64}")


def test_wrong_credentials_of_a_registry_are_exit_code_3(
    run: Run, registry: Registry, tmp_path: Path
) -> None:
    pack(run)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {PUBLISHER} password cAnArY\n")
    refused = publish(run, "--to", registry.place("acme/vec"))
    refused.refused(3, "HTTP 401", "docker login")
    assert "cAnArY" not in refused.err


# An object store.


@pytest.mark.slow
def test_an_object_store_accepts_a_release_signed_by_a_helper(run: Run, tmp_path: Path) -> None:
    pack(run)
    with object_store(tmp_path / "store-of-objects") as store:
        place = f"{store.bucket('releases')}/vec/v1.2.3"
        helper = ("--credential-helper", store.helper(tmp_path / "helper", sys.executable))
        done = publish(run, "--to", place, *helper)
        assert done.code == 0, done.err
        there = store.buckets / "releases/vec/v1.2.3"
        assert sums_of(there) == sums_of(tmp_path / "dist")
        assert (there / AMD64).read_bytes() == (tmp_path / "dist" / AMD64).read_bytes()
        again = publish(run, "--to", place, "--json", *helper)
        assert json.loads(again.out)["sent"] == []
        wrong = store.helper(tmp_path / "wrong", sys.executable, secret="cAnArY")
        refused = publish(run, "--to", place, "--credential-helper", wrong)
        refused.refused(3, "HTTP 403", f"renew the credentials that the credential helper {wrong}")
        assert "cAnArY" not in refused.err
