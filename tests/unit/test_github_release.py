"""Publishing to a GitHub release: whatever goes wrong, a second run or a second try puts it right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cgo_prebuilt.digest import sha256_of
from cgo_prebuilt.errors import IntegrityError, UnavailableError, UsageError
from cgo_prebuilt.network.api import API_SETTINGS, Api, Clock
from cgo_prebuilt.network.client import HttpClient
from cgo_prebuilt.network.github_asset import HEADERS
from cgo_prebuilt.network.progress import Progress
from cgo_prebuilt.publishing.github_release import GitHubRelease
from cgo_prebuilt.publishing.publish import PublishResult, ReleaseFile, publish
from cgo_prebuilt.releases.github_api import GitHubApi, GitHubSite
from tests.github_server import (
    REPOSITORY,
    GitHubServer,
    answer,
    broken_off,
    broken_off_after,
    problem,
)

NOW = 1_800_000_000.0
FILES = {"a.tar.zst": b"a" * 100_000, "b.tar.zst": b"b", "SHA256SUMS": b"sums"}


@pytest.fixture
def github(httpserver: HTTPServer) -> GitHubServer:
    return GitHubServer(httpserver)


@pytest.fixture
def files(tmp_path: Path) -> list[ReleaseFile]:
    made = []
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
        made.append(ReleaseFile(tmp_path / name, *sha256_of(tmp_path / name)))
    return made


@pytest.fixture
def waits() -> list[float]:
    """How long it waited, in seconds, each time."""
    return []


class Runner:
    """Publishes; it never really waits."""

    def __init__(self, github: GitHubServer, files: Sequence[ReleaseFile]) -> None:
        self.github = github
        self.files = files
        self.tag = "v1"
        self.waits: list[float] = []
        self.notes: list[str] = []

    def __call__(self, replaces: Mapping[str, str] | None = None) -> PublishResult:
        site = GitHubSite.of(self.github.environment)
        session = Api(
            HttpClient(API_SETTINGS, self.github.environment),
            HEADERS,
            clock=Clock(self.waits.append, lambda: NOW, lambda: 0.5),
            note=self.notes.append,
        )
        api = GitHubApi(site, REPOSITORY, session, writes=True)
        place = GitHubRelease(api, self.tag, session, Progress())
        return publish(self.files, place, replaces=replaces)


@pytest.fixture
def run(github: GitHubServer, files: list[ReleaseFile]) -> Runner:
    return Runner(github, files)


def test_a_release_is_a_draft_until_all_its_files_are_there(
    run: Runner, github: GitHubServer
) -> None:
    drafts: list[bool] = []
    github.trouble("PATCH", lambda request: drafts.append(github.releases[0].draft))
    done = run()
    assert done.sent == tuple(FILES)
    assert done.where == f"{github.url}/acme/vec/releases/tag/v1"
    assert github.contents("v1") == FILES
    assert drafts == [True]
    assert not github.releases[0].draft
    assert github.uploads() == list(FILES)


def test_a_second_run_sends_nothing(run: Runner, github: GitHubServer) -> None:
    run()
    github.requests.clear()
    done = run()
    assert (done.sent, done.unchanged) == ((), tuple(FILES))
    assert [line for line in github.requests if not line.startswith("GET ")] == []


def test_an_existing_draft_is_found_on_whatever_page_and_filled(
    run: Runner, github: GitHubServer
) -> None:
    github.page = 2
    for number in range(5):
        github.release(f"v0.{number}")
    draft = github.release("v1", draft=True)
    for number in range(5):
        github.add(draft, f"other-{number}", b"")
    github.add(draft, "b.tar.zst", b"b")
    assert run().sent == ("a.tar.zst", "SHA256SUMS")
    assert [release.tag for release in github.releases].count("v1") == 1


def test_other_bytes_under_a_name_are_refused_before_anything_is_sent(
    run: Runner, github: GitHubServer
) -> None:
    github.add(github.release("v1"), "b.tar.zst", b"another")
    with pytest.raises(IntegrityError) as caught:
        run()
    assert caught.value.what == "published already, with other bytes: b.tar.zst"
    assert "new version" in str(caught.value.remedy)
    assert github.uploads() == []


@pytest.mark.parametrize("content", [b"b", b"another"])
def test_an_asset_without_a_digest_is_read(
    run: Runner, github: GitHubServer, content: bytes
) -> None:
    github.add(github.release("v1"), "b.tar.zst", content, with_digest=False)
    if content == b"b":
        assert run().unchanged == ("b.tar.zst",)
    else:
        with pytest.raises(IntegrityError):
            run()


def test_what_an_upload_left_that_was_cut_off_is_replaced(
    run: Runner, github: GitHubServer
) -> None:
    github.add(github.release("v1", draft=True), "a.tar.zst", b"", state="starter")
    assert run().sent == tuple(FILES)
    assert github.contents("v1") == FILES


def test_an_upload_that_breaks_off_is_sent_again(run: Runner, github: GitHubServer) -> None:
    github.trouble("?name=a.tar.zst", broken_off_after("starter", github), broken_off)
    run()
    assert github.contents("v1") == FILES
    assert github.uploads() == ["a.tar.zst", "a.tar.zst", "a.tar.zst", "b.tar.zst", "SHA256SUMS"]
    assert run.waits == [1.0, 2.0]


def test_an_upload_whose_answer_was_lost_is_not_sent_again(
    run: Runner, github: GitHubServer
) -> None:
    github.trouble("?name=a.tar.zst", broken_off_after("uploaded", github))
    run()
    assert github.uploads() == list(FILES)


def test_an_upload_that_never_works_ends_with_what_to_do(run: Runner, github: GitHubServer) -> None:
    github.trouble("?name=b.tar.zst", *[lambda request: problem(502, "Bad Gateway")] * 5)
    with pytest.raises(
        UnavailableError, match=r"b\.tar\.zst cannot be uploaded: HTTP 502 Bad Gateway, 5 times"
    ) as caught:
        run()
    assert (
        caught.value.remedy == "run it again: files that are already published are not sent again"
    )
    assert github.releases[0].draft
    assert run().unchanged == ("a.tar.zst",)
    assert not github.releases[0].draft


def test_the_same_file_from_a_publisher_at_the_same_time_is_accepted(
    run: Runner, github: GitHubServer
) -> None:
    github.trouble(
        "?name=b.tar.zst", lambda request: void(github.add(github.releases[-1], "b.tar.zst", b"b"))
    )
    run()
    assert github.contents("v1") == FILES


def test_another_file_from_a_publisher_at_the_same_time_is_refused(
    run: Runner, github: GitHubServer
) -> None:
    github.trouble(
        "?name=b.tar.zst", lambda request: void(github.add(github.releases[-1], "b.tar.zst", b"x"))
    )
    with pytest.raises(IntegrityError, match=r"other bytes: b\.tar\.zst"):
        run()


def void(asset: object) -> None:
    """Nothing, so that the server answers."""


@pytest.mark.parametrize("theirs", [b"theirs", None], ids=["extended", "being replaced"])
def test_sums_that_somebody_else_extended_meanwhile_are_not_replaced(
    run: Runner, github: GitHubServer, theirs: bytes | None
) -> None:
    run()
    (sums,) = (one for one in github.releases[0].assets if one.name == "SHA256SUMS")
    sums.content = b"of fewer platforms"
    read = hashlib.sha256(sums.content).hexdigest()

    def meanwhile(request: Request) -> None:
        if theirs is None:
            github.releases[0].assets.remove(sums)
        else:
            sums.content = theirs

    github.trouble("/releases/1/assets", lambda request: None, meanwhile)
    with pytest.raises(IntegrityError, match="SHA256SUMS has changed since this began: somebody"):
        run({"SHA256SUMS": read})
    assert github.contents("v1").get("SHA256SUMS") == theirs
    assert not [line for line in github.requests if line.startswith("DELETE")]


def test_a_file_that_arrives_damaged_is_deleted_and_named(
    run: Runner, github: GitHubServer
) -> None:
    original = github.add

    def add(release: object, name: str, content: bytes, **attributes: object) -> object:
        content = b"damaged" if name == "b.tar.zst" else content
        return original(release, name, content, **attributes)  # type: ignore[arg-type]

    github.add = add  # type: ignore[method-assign, assignment]
    with pytest.raises(IntegrityError, match=r"b\.tar\.zst arrived damaged"):
        run()
    assert "b.tar.zst" not in github.contents("v1")


def test_a_name_that_github_changes_is_refused(github: GitHubServer, tmp_path: Path) -> None:
    (tmp_path / "a b.zip").write_bytes(b"x")
    file = ReleaseFile(tmp_path / "a b.zip", *sha256_of(tmp_path / "a b.zip"))
    with pytest.raises(UsageError, match=r"GitHub changes the name a b\.zip to a\.b\.zip"):
        Runner(github, [file])()
    assert github.contents("v1") == {}


def test_a_draft_whose_answer_was_lost_is_found_and_not_made_again(
    run: Runner, github: GitHubServer
) -> None:
    def made(request: Request) -> Response:
        github.release("v1", draft=True)
        return problem(502, "Bad Gateway")

    github.trouble("POST /api/repos/acme/vec/releases", broken_off, made)
    run()
    assert len(github.releases) == 1
    assert github.contents("v1") == FILES
    assert run.waits == [1.0, 2.0]


def test_a_draft_that_can_never_be_made_ends_the_run(run: Runner, github: GitHubServer) -> None:
    github.trouble("POST", *[lambda request: problem(502, "Bad Gateway")] * 5)
    with pytest.raises(
        UnavailableError, match="the draft of v1 cannot be made: HTTP 502 Bad Gateway, 5 times"
    ):
        run()
    assert github.releases == []


@pytest.mark.parametrize(
    ("tag", "is_one"),
    [
        ("v1.2.0-rc.1", True),
        ("1.2.0-0.3.7+build.5", True),
        ("native/v0.3.0-alpha", True),
        ("vec-1.2.0-rc.1", True),
        ("v1.2.0", False),
        ("v1.2.0+rc-1", False),
        ("v1", False),
        ("v1.2-rc.1", False),
        ("2024.01.02-1", False),
        ("release-2024", False),
    ],
)
def test_a_pre_release_does_not_become_the_latest(
    github: GitHubServer, files: list[ReleaseFile], tag: str, is_one: bool
) -> None:
    run = Runner(github, files)
    run.tag = tag
    run()
    assert github.releases[0].prerelease == is_one


# Limits.


def test_a_secondary_limit_is_waited_for_as_long_as_it_asks(
    run: Runner, github: GitHubServer
) -> None:
    github.trouble("?name=a", lambda request: problem(429, "slow down", Retry_After="7"))
    run()
    assert run.waits == [7.0]
    assert run.notes == [
        f"HTTP 429 slow down from {github.url}/uploads/repos/acme/vec/releases/1/assets?***: waiting 7 s"
    ]
    assert github.contents("v1") == FILES


def test_the_primary_limit_is_waited_for_until_it_is_reset(
    run: Runner, github: GitHubServer
) -> None:
    limit = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 40)}
    github.trouble("GET", lambda request: problem(403, "API rate limit exceeded", **limit))
    run()
    assert run.waits == [41.0]


def test_a_limit_that_is_too_long_ends_the_run(run: Runner, github: GitHubServer) -> None:
    limit = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 3000)}
    github.trouble("GET", lambda request: problem(403, "API rate limit exceeded", **limit))
    with pytest.raises(UnavailableError, match="asks to wait 3001 seconds") as caught:
        run()
    assert "try again later" in str(caught.value.remedy)
    assert run.waits == []


# Refusals.


@pytest.mark.parametrize(
    ("status", "message", "kind", "remedy"),
    [
        (401, "Bad credentials", UsageError, "GITHUB_TOKEN"),
        (403, "Resource not accessible by integration", UsageError, "write to the contents"),
        (404, "Not Found", UsageError, "--repo acme/vec"),
        (422, "Validation Failed", UsageError, "--tag"),
        (418, "", UnavailableError, "try again later"),
    ],
)
def test_a_refusal_says_what_to_do(
    run: Runner,
    github: GitHubServer,
    status: int,
    message: str,
    kind: type[Exception],
    remedy: str,
) -> None:
    github.trouble("POST", lambda request: problem(status, message))
    with pytest.raises(kind, match=f"GitHub refused: HTTP {status} ?{message}") as caught:
        run()
    assert remedy in str(caught.value)


def test_a_server_that_fails_for_a_while_is_asked_again(run: Runner, github: GitHubServer) -> None:
    github.trouble("GET", *[lambda request: problem(503, "")] * 2, broken_off)
    run()
    assert run.waits == [1.0, 2.0, 4.0]


def test_an_answer_of_something_else_is_named(run: Runner, github: GitHubServer) -> None:
    github.trouble("GET", lambda request: Response("<html>hello</html>"))
    with pytest.raises(UnavailableError, match="the answer is not JSON"):
        run()
    github.trouble("GET", lambda request: Response('{"id": 7}'))
    with pytest.raises(UnavailableError, match="the answer is not from GitHub's API"):
        run()


ELSEWHERE = "https://elsewhere.test/api?page=2"


def of_release(**changes: object) -> Response:
    """A release as the API answers it, but for some fields."""
    document = {"id": 1, "tag_name": "v1", "draft": False, "html_url": "https://h/", **changes}
    return answer(document)


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        (
            "GET /api/repos/acme/vec/releases?",
            lambda url: answer(
                [{"id": 1, "tag_name": "v0", "draft": False, "html_url": "h", "upload_url": url}],
                headers={"Link": f'<{ELSEWHERE}>; rel="next"'},
            ),
        ),
        ("GET /api/repos/acme/vec/releases/tags/v1", lambda url: of_release(upload_url=ELSEWHERE)),
        (
            "GET /api/repos/acme/vec/releases/1/assets",
            lambda url: answer([{"id": 1, "name": "a", "state": "uploaded", "url": ELSEWHERE}]),
        ),
    ],
    ids=["next page", "upload_url", "asset.url"],
)
def test_the_token_is_not_sent_to_a_server_that_an_answer_names(
    run: Runner, github: GitHubServer, question: str, reply: Callable[[str], Response]
) -> None:
    if "assets" in question:
        github.release("v1", draft=False)
    github.trouble(question, lambda request: reply(f"{github.url}/uploads/1"))
    with pytest.raises(UnavailableError, match="GitHub's answer leads to another server") as caught:
        run()
    assert caught.value.where == "https://elsewhere.test/api?***"


@pytest.mark.parametrize("name", [["a"], {}, None, 7, True])
def test_a_field_of_another_type_is_not_what_github_gives(
    run: Runner, github: GitHubServer, name: object
) -> None:
    github.release("v1")
    asset = {"id": 1, "name": name, "state": "uploaded", "url": f"{github.url}/api/1"}
    github.trouble("/assets", lambda request: answer([asset]))
    with pytest.raises(UnavailableError, match="the answer is not from GitHub's API"):
        run()


@pytest.mark.parametrize("item", [[], [[]], ["a"], None, {"items": []}])
def test_a_list_of_something_else_is_not_what_github_gives(
    run: Runner, github: GitHubServer, item: object
) -> None:
    github.trouble("GET /api/repos/acme/vec/releases?", lambda request: answer(item))
    if item == []:
        assert run().sent == tuple(FILES)
    else:
        with pytest.raises(UnavailableError, match="the answer is not from GitHub's API"):
            run()


def test_pages_without_end_end(run: Runner, github: GitHubServer) -> None:
    """Empty ones at once: GitHub sends none. Others after so many that no release has them."""
    url = f"{github.url}/api/repos/acme/vec/releases?page=2"
    link = {"Link": f'<{url}>; rel="next"'}
    github.trouble("GET /api/repos/acme/vec/releases?", lambda request: answer([], headers=link))
    assert run().sent == tuple(FILES)
    item = {"id": 1, "tag_name": "v0", "draft": False, "html_url": "h", "upload_url": url}
    pages = [lambda request: answer([item], headers=link)] * 200
    github.trouble("GET /api/repos/acme/vec/releases?", *pages)
    run.tag = "v2"
    with pytest.raises(UnavailableError, match="GitHub's list does not end"):
        run()


def test_a_body_of_brackets_is_no_traceback(run: Runner, github: GitHubServer) -> None:
    github.trouble("GET", lambda request: Response("[" * 100_000, 403))
    with pytest.raises(UsageError, match="GitHub refused: HTTP 403"):
        run()
    github.trouble("GET", lambda request: Response("[" * 100_000))
    with pytest.raises(UnavailableError, match="the answer is not JSON"):
        run()
