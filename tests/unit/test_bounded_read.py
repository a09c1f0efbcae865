"""Small files that are read whole, and what is none."""

from __future__ import annotations

import json
import os
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cgo_prebuilt.bounded_read import bytes_of_file, text_of_file
from cgo_prebuilt.errors import LockError, ManifestError, UsageError
from cgo_prebuilt.locks.lock_file import read_lock
from cgo_prebuilt.locks.ranges_file import read_sections
from cgo_prebuilt.manifests.manifest import read_manifest
from cgo_prebuilt.network.credentials import credential_for
from cgo_prebuilt.network.docker_config import docker_login
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import read_sums

ENDLESS = Path("/dev/zero")
needs_it = pytest.mark.skipif(not ENDLESS.exists(), reason="there is no /dev/zero")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgo_prebuilt.bounded_read.MAX_FILE_BYTES", 1 << 20)


@needs_it
@pytest.mark.parametrize(
    ("read", "error"),
    [
        (read_lock, LockError),
        (read_manifest, ManifestError),
        (read_sums, UsageError),
        (bytes_of_file, OSError),
    ],
    ids=["lock", "manifest", "sums", "any"],
)
@pytest.mark.usefixtures("small")
def test_a_file_without_an_end_is_refused(
    tmp_path: Path, read: Callable[[Path], object], error: type[Exception]
) -> None:
    (tmp_path / "link").symlink_to(ENDLESS)
    with pytest.raises(error, match="it has more than 1 MB"):
        read(tmp_path / "link")


@needs_it
@pytest.mark.usefixtures("small")
def test_a_netrc_without_an_end_gives_nothing() -> None:
    url = Url("https://example.com/")
    found = credential_for(url, url, {"NETRC": str(ENDLESS)})
    assert found.headers == {}
    assert "cannot be read: it has more than 1 MB" in found.unread


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_without_a_writer_is_empty(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert bytes_of_file(tmp_path / "pipe") == b""
    assert read_sections(tmp_path / "pipe") == {}
    url = Url("https://example.com/")
    assert credential_for(url, url, {"NETRC": str(tmp_path / "pipe")}).headers == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_netrc_may_be_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    (tmp_path / "pipe").write_text("machine example.com login me password secret\n")
    url = Url("https://example.com/")
    first = credential_for(url, url, {"NETRC": str(tmp_path / "pipe")})
    os.close(reading)
    assert first.headers
    # The pipe is empty now, and later requests need the login again.
    assert credential_for(url, url, {"NETRC": str(tmp_path / "pipe")}) == first


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"#" * 70_000 + b"\n\xff", "it is not UTF-8"),
        (b"machine example.com\nmore\n" + b"#" * 70_000, "is malformed"),
        (bytes((1 << 20) + 1), "it has more than 1 MB"),
    ],
    ids=["not UTF-8", "malformed", "too long"],
)
@pytest.mark.usefixtures("small")
def test_a_netrc_pipe_that_is_of_no_use_is_told_each_time(
    tmp_path: Path, content: bytes, why: str
) -> None:
    pipe = tmp_path / "pipe"
    with written(pipe, content):
        url = Url("https://example.com/")
        found = [credential_for(url, url, {"NETRC": str(pipe)}).unread for _ in range(2)]
    assert found[0].startswith(f"NETRC names {pipe}, which cannot be read: ")
    assert found[0].endswith(why)
    assert found[1] == found[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_login_of_docker_may_be_in_a_pipe(tmp_path: Path) -> None:
    login = b64encode(b"me:secret").decode()
    content = json.dumps({"auths": {"example.com": {"auth": login}}}).encode()
    with written(tmp_path / "pipe", content):
        environ = {"REGISTRY_AUTH_FILE": str(tmp_path / "pipe"), "DOCKER_CONFIG": str(tmp_path)}
        url = Url("https://example.com/v2/a/blobs/b")
        assert [docker_login(url, environ) for _ in range(2)] == [("me", "secret")] * 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_read_until_its_writer_ends(tmp_path: Path) -> None:
    content = bytes(300_000)
    with written(tmp_path / "pipe", content):
        assert bytes_of_file(tmp_path / "pipe") == content


@contextmanager
def written(pipe: Path, content: bytes) -> Iterator[None]:
    """Write into a new pipe while the block runs."""
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(pipe, os.O_WRONLY)

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as file:
            file.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        os.close(reading)
        writer.join()


def test_line_ends_are_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a\r\nb\rc\n\xff")
    assert text_of_file(tmp_path / "text", errors="replace") == "a\nb\nc\n\ufffd"
    with pytest.raises(UnicodeDecodeError):
        text_of_file(tmp_path / "text")
