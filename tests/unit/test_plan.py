"""What a fetch has to do, decided from the lock and the settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cgo_prebuilt.errors import LockError, UnavailableError, UsageError
from cgo_prebuilt.fetching.plan import Plan, plan_fetch
from cgo_prebuilt.locks.lock import Lock, LockedVersion
from cgo_prebuilt.platforms import parse_platform
from cgo_prebuilt.settings import Settings
from cgo_prebuilt.this_machine import Machine
from cgo_prebuilt.url import Url
from tests.unit.library_case import FILES, lock, locked_platform

LINUX = parse_platform("linux_amd64")
FILE = "vec-v1.2.3-linux_amd64.tar.gz"


def plan(settings: Settings, *urls: str) -> Plan:
    return plan_fetch(lock(*urls), LINUX, settings)


def urls(settings: Settings, *locked: str) -> tuple[str, ...]:
    (archive,) = plan(settings, *locked).archives
    return tuple(url.raw for url in archive.urls)


def test_a_plan_has_the_platform_s_files_and_the_lock_s_urls() -> None:
    planned = plan(Settings(), "https://a/1", "https://b/2")
    assert (planned.name, planned.version, planned.platform) == ("vec", "v1.2.3", LINUX)
    assert [file.path for file in planned.files] == sorted(FILES)
    (archive,) = planned.archives
    assert archive.urls == (Url("https://a/1"), Url("https://b/2"))
    assert planned.interface.static_library == ("lib/libvec.a",)


def test_a_mirror_replaces_every_url() -> None:
    mirrored = urls(Settings(mirror=Url("https://mirror/x/")), "https://a/1", "https://b/2")
    assert mirrored == (f"https://mirror/x/{FILE}",)


def test_a_mirror_may_be_a_template() -> None:
    mirror = "https://mirror/{name}/{version}/{os}-{arch}/{file}"
    assert urls(Settings(mirror=Url(mirror))) == (f"https://mirror/vec/v1.2.3/linux-amd64/{FILE}",)


def test_a_mirror_with_placeholders_but_without_a_place_for_the_file_is_a_base_url() -> None:
    assert urls(Settings(mirror=Url("https://mirror/{name}/"))) == (f"https://mirror/vec/{FILE}",)


@pytest.mark.parametrize("mirror", ["file:///srv", "FILE:///srv"])
def test_offline_a_folder_is_still_asked(mirror: str) -> None:
    assert urls(Settings(mirror=Url(mirror), offline=True)) == (f"{mirror}/{FILE}",)


@pytest.mark.parametrize("login", ["me:{a}{lib}b@", "me:pa/{lib}@"])
def test_a_password_with_braces_is_neither_filled_in_nor_shown(login: str) -> None:
    base = f"https://{login}mirror"
    assert urls(Settings(mirror=Url(base))) == (f"{base}/{FILE}",)
    with pytest.raises(UsageError) as caught:
        plan(Settings(mirror=Url(f"{base}/{{tag}}?sig={{other}}")))
    assert caught.value.what == "unknown placeholder {tag} in 'https://***@mirror/{tag}/{file}?***'"
    with pytest.raises(UsageError) as caught:
        plan(Settings(mirror=Url(f"{base}/{{file}}?sig={{other}}")))
    assert "unknown placeholder {***} in 'https://***@mirror/{file}?***'" in caught.value.what


def test_a_mirror_with_an_unknown_placeholder_names_the_variable() -> None:
    with pytest.raises(UsageError, match="unknown placeholder") as caught:
        plan(Settings(mirror=Url("https://mirror/{lib}")))
    assert caught.value.where == "CGO_PREBUILT_MIRROR"
    with pytest.raises(UsageError) as caught:
        plan(Settings(mirror=Url("https://mirror/{lib}"), mirror_name="--mirror"))
    assert caught.value.where == "--mirror"


def test_a_release_url_replaces_every_url_of_its_library() -> None:
    settings = Settings(release_url=Url("https://release"))
    assert urls(settings, "https://a/1", "https://b/2") == (f"https://release/{FILE}",)


def test_a_release_url_with_an_unknown_placeholder_names_the_variable() -> None:
    with pytest.raises(UsageError) as caught:
        plan(
            Settings(
                release_url=Url("https://release/{tag}"), release_url_variable="VEC_RELEASE_URL"
            )
        )
    assert caught.value.where == "VEC_RELEASE_URL"


def test_the_mirror_overrides_the_release_url_since_it_fails_closed() -> None:
    settings = Settings(mirror=Url("https://mirror"), release_url=Url("https://release"))
    assert urls(settings) == (f"https://mirror/{FILE}",)


def test_the_hashes_stay_those_of_the_lock_whatever_the_mirror() -> None:
    (mirrored,) = plan(Settings(mirror=Url("https://mirror"))).archives
    (plain,) = plan(Settings()).archives
    assert replace(mirrored, urls=plain.urls) == plain


def test_offline_leaves_only_files() -> None:
    assert urls(Settings(offline=True), "https://a/1", "file:///srv/1") == ("file:///srv/1",)
    assert urls(Settings(offline=True)) == ()
    assert urls(Settings(offline=True, mirror=Url("https://mirror"))) == ()
    assert urls(Settings(offline=True, mirror=Url("file:///srv"))) == (f"file:///srv/{FILE}",)


def test_an_unknown_version_lists_those_of_the_lock() -> None:
    with pytest.raises(LockError, match="vec v9 is not in the lock") as caught:
        plan(Settings(version="v9"))
    assert "v1.2.3" in str(caught.value.remedy)


def test_another_version_of_the_lock_may_be_chosen() -> None:
    versions = {
        name: LockedVersion({"": {"linux_amd64": locked_platform()}}) for name in ("v1", "v2")
    }
    assert plan_fetch(Lock("vec", "v2", versions), LINUX, Settings(version="v1")).version == "v1"


def test_a_missing_platform_is_unavailable_and_lists_those_that_there_are() -> None:
    with pytest.raises(UnavailableError) as caught:
        plan_fetch(lock(), parse_platform("windows_arm64"), Settings())
    assert caught.value.what == "vec v1.2.3 has no prebuilt for windows_arm64"
    assert str(caught.value.remedy).startswith("it has linux_amd64; ")
    assert caught.value.exit_code == 3


def test_a_version_without_any_prebuilt_says_so() -> None:
    with pytest.raises(UnavailableError) as caught:
        plan_fetch(Lock("vec", "v1", {"v1": LockedVersion({"": {}})}), LINUX, Settings())
    assert str(caught.value.remedy).startswith("it has none; add linux_amd64 to")


def test_musl_is_a_platform_of_its_own() -> None:
    with pytest.raises(UnavailableError, match="linux_amd64_musl"):
        plan_fetch(lock(), parse_platform("linux_amd64_musl"), Settings())


@pytest.mark.parametrize("glibc", [None, "2.28", "2.31"])
def test_a_glibc_that_suffices_or_is_not_known_is_accepted(glibc: str | None) -> None:
    assert plan_fetch(lock(), LINUX, Settings(), Machine("amd64", glibc=glibc))


@pytest.mark.parametrize("glibc", ["2.9", "2.27"])
def test_a_glibc_that_is_too_old_is_refused_before_anything_is_fetched(glibc: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        plan_fetch(lock(), LINUX, Settings(), Machine("amd64", glibc=glibc))
    assert caught.value.what == f"this library needs glibc 2.28, this machine has {glibc}"
    assert "--platform linux_amd64" in str(caught.value.remedy)
