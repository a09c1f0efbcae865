"""A GitHub on loopback: releases and their assets, as the REST API's documentation describes them.

https://docs.github.com/en/rest/releases
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

REPOSITORY = "acme/vec"
TOKEN = "a-token"

Trouble = Callable[[Request], Response | None]
"""Answers a request instead of the server, or does something and lets the server answer."""


@dataclass
class StoredAsset:
    """An asset, and whether its upload was completed."""

    id: int
    name: str
    content: bytes
    state: str = "uploaded"
    with_digest: bool = True


@dataclass
class StoredRelease:
    """A release."""

    id: int
    tag: str
    draft: bool
    prerelease: bool = False
    assets: list[StoredAsset] = field(default_factory=list)


class GitHubServer:
    """The server's state, and what it was asked for.

    Attributes:
        repository: The repository, `OWNER/NAME`.
        releases: Its releases, including drafts.
        requests: `METHOD /path` of each request, in order.
        page: The most items in one page of a list, whatever `per_page` asks for.
        private: Whether requests need the token, and only the API serves files.
        storage: The API's redirect target for files; empty if the API serves them.
    """

    def __init__(self, server: HTTPServer, repository: str = REPOSITORY) -> None:
        self.repository = repository
        self.url = server.url_for("").rstrip("/")
        self.releases: list[StoredRelease] = []
        self.requests: list[str] = []
        self.page = 100
        self.private = False
        self.storage = ""
        self._troubles: list[tuple[str, Trouble]] = []
        self._last_id = 0
        server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that GitHub Actions sets."""
        return {
            "GITHUB_API_URL": f"{self.url}/api",
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_TOKEN": TOKEN,
            "GH_TOKEN": "",
        }

    def trouble(self, pattern: str, *troubles: Trouble) -> None:
        """Let the next requests with a pattern in `METHOD /path` meet these troubles, one each."""
        self._troubles += [(pattern, trouble) for trouble in troubles]

    def release(self, tag: str, *, draft: bool = False) -> StoredRelease:
        """Adds a release."""
        made = StoredRelease(self._id(), tag, draft)
        self.releases.append(made)
        return made

    def add(
        self, release: StoredRelease, name: str, content: bytes, **attributes: Any
    ) -> StoredAsset:
        """Adds an asset to a release."""
        asset = StoredAsset(self._id(), name, content, **attributes)
        release.assets.append(asset)
        return asset

    def contents(self, tag: str) -> dict[str, bytes]:
        """The complete assets of a tag's release, by name."""
        (release,) = (one for one in self.releases if one.tag == tag)
        return {asset.name: asset.content for asset in release.assets if asset.state == "uploaded"}

    def uploads(self) -> list[str]:
        """The names of the files that were sent, in order; each try."""
        return [
            match[1]
            for request in self.requests
            if (match := re.fullmatch(r"POST /uploads/.*\?name=(.*)", request))
        ]

    def _id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _answer(self, request: Request) -> Response:
        query = request.query_string.decode()
        line = f"{request.method} {request.path}" + (f"?{query}" if query else "")
        self.requests.append(line)
        for number, (pattern, trouble) in enumerate(self._troubles):
            if pattern in line:
                del self._troubles[number]
                answer = trouble(request)
                if answer is not None:
                    return answer
                break
        match = re.fullmatch(rf"/{self.repository}/releases/download/(.+)/([^/]+)", request.path)
        if match:
            return self._download(match[1], match[2])
        if not request.path.startswith(("/api/", "/uploads/")):
            return Response("Not Found", 404)
        sent = request.headers.get("Authorization")
        if sent != f"Bearer {TOKEN}" and (sent or request.method != "GET"):
            return problem(401, "Bad credentials")
        if self.private and not sent:
            return problem(404, "Not Found")
        for method, path, handler in (
            ("GET", "/releases/tags/(.+)", self._by_tag),
            ("GET", "/releases/latest", self._latest),
            ("GET", "/releases", self._list),
            ("POST", "/releases", self._create),
            ("PATCH", r"/releases/(\d+)", self._edit),
            ("GET", r"/releases/(\d+)/assets", self._assets),
            ("POST", r"/releases/(\d+)/assets", self._upload),
            ("GET", r"/releases/assets/(\d+)", self._asset_content),
            ("DELETE", r"/releases/assets/(\d+)", self._delete),
        ):
            found = re.fullmatch(f"/(?:api|uploads)/repos/{self.repository}{path}", request.path)
            if found and method == request.method:
                return handler(request, *found.groups())
        return problem(404, "Not Found")

    def _download(self, tag: str, name: str) -> Response:
        for release in self.releases:
            for asset in [] if self.private else release.assets:
                if (release.tag, asset.name, release.draft) == (tag, name, False):
                    return Response(asset.content, content_type="application/octet-stream")
        return Response("Not Found", 404)

    def _by_tag(self, request: Request, tag: str) -> Response:
        for release in self.releases:
            if release.tag == tag and not release.draft:
                return answer(self._release(release))
        return problem(404, "Not Found")

    def _latest(self, request: Request) -> Response:
        published = [one for one in self.releases if not one.draft and not one.prerelease]
        return answer(self._release(published[-1])) if published else problem(404, "Not Found")

    def _list(self, request: Request) -> Response:
        owner = "Authorization" in request.headers
        seen = [self._release(one) for one in self.releases if owner or not one.draft]
        return self._paged(request, seen)

    def _create(self, request: Request) -> Response:
        document = request.get_json()
        made = self.release(document["tag_name"], draft=document["draft"])
        made.prerelease = document["prerelease"]
        return answer(self._release(made), 201)

    def _edit(self, request: Request, number: str) -> Response:
        release = self._by_id(number)
        release.draft = request.get_json()["draft"]
        return answer(self._release(release))

    def _assets(self, request: Request, number: str) -> Response:
        return self._paged(request, [self._asset(one) for one in self._by_id(number).assets])

    def _upload(self, request: Request, number: str) -> Response:
        # Like GitHub, read the whole body before refusing a name that exists.
        content = request.get_data()
        release = self._by_id(number)
        # "GitHub renames asset filenames that have special characters".
        name = re.sub(r"[^A-Za-z0-9._@+-]", ".", request.args["name"])
        if any(asset.name == name for asset in release.assets):
            error = {"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}
            return answer({"message": "Validation Failed", "errors": [error]}, 422)
        return answer(self._asset(self.add(release, name, content)), 201)

    def _asset_content(self, request: Request, number: str) -> Response:
        for release in self.releases:
            for asset in release.assets:
                if asset.id == int(number):
                    if request.headers["Accept"] == "application/octet-stream":
                        if self.storage:
                            signed = f"{self.storage}/{asset.name}?sig=s"
                            return Response(status=302, headers={"Location": signed})
                        return Response(asset.content, content_type="application/octet-stream")
                    return answer(self._asset(asset))
        return problem(404, "Not Found")

    def _delete(self, request: Request, number: str) -> Response:
        for release in self.releases:
            for asset in release.assets:
                if asset.id == int(number):
                    release.assets.remove(asset)
                    return Response(status=204)
        return problem(404, "Not Found")

    def _paged(self, request: Request, items: list[dict[str, Any]]) -> Response:
        size = min(self.page, int(request.args.get("per_page", 30)))
        page = int(request.args.get("page", 1))
        links = {}
        if page * size < len(items):
            following = f"{self.url}{request.path}?per_page={size}&page={page + 1}"
            links["Link"] = f'<{following}>; rel="next", <{following}>; rel="last"'
        return answer(items[(page - 1) * size : page * size], headers=links)

    def _by_id(self, number: str) -> StoredRelease:
        return next(release for release in self.releases if release.id == int(number))

    def _release(self, release: StoredRelease) -> dict[str, Any]:
        base = f"repos/{self.repository}/releases/{release.id}/assets"
        return {
            "id": release.id,
            "tag_name": release.tag,
            "draft": release.draft,
            "published_at": None if release.draft else "2026-11-02T07:15:00Z",
            "upload_url": f"{self.url}/uploads/{base}{{?name,label}}",
            "html_url": f"{self.url}/{self.repository}/releases/tag/{release.tag}",
            "assets": [self._asset(asset) for asset in release.assets],
        }

    def _asset(self, asset: StoredAsset) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(asset.content).hexdigest()}"
        return {
            "id": asset.id,
            "name": asset.name,
            "state": asset.state,
            "size": len(asset.content),
            "digest": digest if asset.with_digest and asset.state == "uploaded" else None,
            "url": f"{self.url}/api/repos/{self.repository}/releases/assets/{asset.id}",
        }


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    import json

    return Response(
        json.dumps(document), status, headers, content_type="application/json; charset=utf-8"
    )


def problem(status: int, message: str, **headers: str) -> Response:
    """An error as the API gives it; `retry_after="3"` becomes `Retry-After: 3`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer({"message": message}, status, named)


def broken_off(request: Request) -> Response:
    """Trouble: the connection breaks, and the client gets no answer."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def broken_off_after(state: str, server: GitHubServer) -> Trouble:
    """Trouble: an upload that leaves an asset in this state, but gets no answer."""

    def trouble(request: Request) -> Response:
        content = request.get_data()
        if state == "starter":
            content = b""
        server.add(server.releases[-1], request.args["name"], content, state=state)
        return broken_off(request)

    return trouble
