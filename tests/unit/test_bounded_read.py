"""Small files that are read whole, and what is none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cgo_prebuilt.bounded_read import bytes_of_file, text_of_file
from cgo_prebuilt.errors import LockError, ManifestError, UsageError
from cgo_prebuilt.locks.lock_file import read_lock
from cgo_prebuilt.locks.ranges_file import read_sections
from cgo_prebuilt.manifests.manifest import read_manifest
from cgo_prebuilt.network.credentials import credential_for
from cgo_prebuilt.url import Url
from cgo_prebuilt.vouching.sums import read_sums

ENDLESS = Path("/dev/zero")
needs_it = pytest.mark.skipif(not ENDLESS.exists(), reason="there is no /dev/zero")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgo_prebuilt.bounded_read.MOST", 1 << 20)


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
    assert credential_for(url, url, {"NETRC": str(tmp_path / "pipe")}).headers
    os.close(reading)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_read_until_its_writer_ends(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", bytes(300_000)
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.fdopen(os.open(pipe, os.O_WRONLY), "wb")

    def write() -> None:
        with writing:
            writing.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    assert bytes_of_file(pipe) == content
    writer.join()
    os.close(reading)


def test_line_ends_are_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"a\r\nb\rc\n\xff")
    assert text_of_file(tmp_path / "text", errors="replace") == "a\nb\nc\n\ufffd"
    with pytest.raises(UnicodeDecodeError):
        text_of_file(tmp_path / "text")
