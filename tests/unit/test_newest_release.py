"""`lock --update` without a version: the newest release that fits, of a GitHub that is on loopback."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from cgo_prebuilt.releases.github_api import Release
from cgo_prebuilt.releases.newest import UpdateCriteria, newest_version, tag_template
from cgo_prebuilt.url import Url
from tests.unit.command_case import Run, runner
from tests.unit.library_case import FILES, archive_of, write_manifest

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def release(tag: str, *, days: int = 30, prerelease: bool = False, draft: bool = False) -> Release:
    published = None if draft else NOW - timedelta(days=days)
    place = Url("https://github.test/x")
    return Release(1, tag, draft, place, place, published=published, prerelease=prerelease)


def choose(
    releases: list[Release], current: str = "v1.2.3", **criteria: Any
) -> tuple[str | None, list[str]]:
    skipped: list[str] = []
    wanted = UpdateCriteria(**{"tag": "{version}", **criteria})
    return newest_version(releases, current, wanted, NOW, skipped.append), skipped


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        (["v1.2.4", "v1.10.0", "v1.9.9"], "v1.10.0"),  # numbers, not letters
        (["v1.10.0", "v1.2.4"], "v1.10.0"),  # a fix of an older series came later
        (["v1.2.3", "v1.2.2"], None),
        (["v1.2.3.0"], None),
        (["v1.3.0-rc.1", "v1.2.4"], "v1.2.4"),
        (["v1.3.0rc1"], None),
        (["v1.3.0+build.7"], "v1.3.0+build.7"),
        (["nightly", "docs-1.9.0", "v1.2.4"], "v1.2.4"),
        ([], None),
    ],
)
def test_the_newest_release_is_the_highest_version(tags: list[str], newest: str | None) -> None:
    assert choose([release(tag) for tag in tags])[0] == newest


def test_an_unsuitable_release_is_skipped_and_reported() -> None:
    releases = [
        release("v2.0.0", draft=True),
        release("v1.9.0", days=2),
        release("v1.8.0", prerelease=True),
        release("v1.7.0"),
        release("v1.6.0"),
    ]
    withdrawn = {"v1.7.0": "it crashes"}
    assert choose(releases, min_age=timedelta(days=7), withdrawn=withdrawn) == (
        "v1.6.0",
        [
            "v1.9.0 is skipped: it is not old enough",
            "v1.8.0 is skipped: it is a pre-release",
            "v1.7.0 is skipped: it is withdrawn",
        ],
    )
    assert choose(releases, withdrawn=withdrawn)[0] == "v1.9.0"


def test_prereleases_come_on_request_in_their_order() -> None:
    releases = [release(f"v1.3.0-{end}") for end in ("rc.2", "rc.10", "beta.3")]
    assert choose(releases, prereleases=True)[0] == "v1.3.0-rc.10"
    assert choose([*releases, release("v1.3.0")], prereleases=True)[0] == "v1.3.0"
    assert choose([release("v1.3.0")], "v1.3.0-rc.1")[0] == "v1.3.0"


def test_a_tag_is_made_of_the_version() -> None:
    assert tag_template("v1.2.3", "v1.2.3") == "{version}"
    assert tag_template("release/v1.2.3-lib", "1.2.3") == "release/v{version}-lib"
    assert tag_template("stable", "1.2.3") is None
    found, _ = choose([release("lib-v1.3.0"), release("v9.0.0")], "1.2.3", tag="lib-v{version}")
    assert found == "1.3.0"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs commands in a folder of the test's."""
    return runner(tmp_path, monkeypatch, capsys)


@pytest.fixture
def github(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HTTPServer:
    """A GitHub with releases v1.2.3 and v1.3.0, which is of today; and a manifest of the first."""
    base = httpserver.url_for("").rstrip("/")
    monkeypatch.setenv("GITHUB_API_URL", f"{base}/api")
    monkeypatch.setenv("GITHUB_SERVER_URL", base)
    listed = []
    for number, tag in enumerate(("v1.3.0", "v1.2.3")):
        day = (
            "2026-01-01T00:00:00Z" if number else f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        )
        one = {
            "id": number,
            "tag_name": tag,
            "draft": False,
            "prerelease": False,
            "published_at": day,
            "upload_url": f"{base}/uploads",
            "html_url": f"{base}/acme/vec/releases/{tag}",
        }
        listed.append(one)
        httpserver.expect_request(f"/api/repos/acme/vec/releases/tags/{tag}").respond_with_json(one)
        httpserver.expect_request(
            f"/api/repos/acme/vec/releases/{number}/assets"
        ).respond_with_json([])
        for file in ("SHA256SUMS", "SHA256SUMS.sig"):
            place = f"/acme/vec/releases/download/{tag}/{file}"
            httpserver.expect_request(place).respond_with_data(status=404)
        place = f"/acme/vec/releases/download/{tag}/vec-{tag}-linux_amd64.tar.gz"
        httpserver.expect_request(place).respond_with_data(
            archive_of({**FILES, f"include/{tag}.h": b""})
        )
    httpserver.expect_request("/api/repos/acme/vec/releases").respond_with_json(listed)
    urls = [f"{base}/acme/vec/releases/download/{{version}}/{{file}}"]
    write_manifest(tmp_path / "prebuilt.yaml", urls=urls)
    return httpserver


def test_the_newest_release_is_locked_and_the_difference_shown(
    run: Run, github: HTTPServer, tmp_path: Path
) -> None:
    assert run("lock", "prebuilt.yaml").code == 0
    answer = run("lock", "prebuilt.yaml", "--update", "--min-age", "7d")
    assert answer.code == 0
    assert "v1.3.0 is skipped: it is not old enough" in answer.err
    assert "vec v1.2.3 is the newest release to update to" in answer.err
    answer = run("lock", "prebuilt.yaml", "--update")
    assert answer.code == 0, answer.err
    assert "+ include/v1.3.0.h" in answer.err
    lock = json.loads((tmp_path / "prebuilt.lock.json").read_text())
    assert lock["default_version"] == "v1.3.0"
    assert "version: v1.3.0" in (tmp_path / "prebuilt.yaml").read_text()
    asked = len(github.log)
    assert run("lock", "prebuilt.yaml", "--update").code == 0
    assert len(github.log) == asked + 1  # where nothing is newer, nothing is downloaded


def test_a_repository_without_a_release_is_not_up_to_date(run: Run, github: HTTPServer) -> None:
    github.clear_all_handlers()
    github.expect_request("/api/repos/acme/vec/releases").respond_with_json([])
    answer = run("lock", "prebuilt.yaml", "--update")
    answer.refused(3, "acme/vec has no release", "check the 'urls' of the manifest")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "a token that may read the contents of acme/vec"),
        (403, "a token that may read the contents of acme/vec"),
        (404, "check the name acme/vec: a token that may not see a private repository"),
        (422, "check the tag, and the release's state"),
    ],
)
def test_a_refusal_asks_for_no_more_than_to_read(
    run: Run, github: HTTPServer, status: int, remedy: str
) -> None:
    github.clear_all_handlers()
    github.expect_request("/api/repos/acme/vec/releases").respond_with_json({}, status=status)
    run("lock", "prebuilt.yaml", "--update").refused(2, f"GitHub refused: HTTP {status}", remedy)


def test_the_newest_release_of_another_place_is_not_known(run: Run, tmp_path: Path) -> None:
    write_manifest(tmp_path / "prebuilt.yaml")
    answer = run("lock", "prebuilt.yaml", "--update")
    answer.refused(2, "the newest release is known only for archives in GitHub releases")
    assert "name the version: --update VERSION" in answer.err


@pytest.mark.parametrize("options", [("--min-age", "7d"), ("--prereleases", "--update", "v2")])
def test_what_chooses_a_release_needs_a_choice(
    run: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    write_manifest(tmp_path / "prebuilt.yaml")
    run("lock", "prebuilt.yaml", *options).refused(
        2, "--min-age and --prereleases choose a release, but the version is named"
    )
