"""Two hundred fetchers against one real nginx: with one store, and with a store each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.crowd import (
    Fetched,
    environment,
    most_at_once,
    publish,
    room_for_fetchers,
    run_all,
)
from tests.e2e.servers import SiteServer, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="only Linux says in /proc how much memory is free"
    ),
]

FETCHERS = 200


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder that nginx serves, so slowly that many downloads overlap."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "nginx-site.conf").write_text("limit_rate 400k;\n")
    return folder


@pytest.fixture
def nginx(tmp_path: Path, site: Path) -> Iterator[SiteServer]:
    with running("nginx", site, tmp_path / "nginx") as server:
        yield server


def check_all_ran(fetched: list[Fetched], at_once: int) -> list[str]:
    """Check that all succeeded and many ran at once; return each one's reported status."""
    assert len(fetched) == FETCHERS
    failed = [one.stderr for one in fetched if one.code != 0]
    assert not failed, failed[0]
    assert most_at_once(fetched) >= at_once // 2
    return sorted(json.loads(one.stdout)["status"] for one in fetched)


def test_two_hundred_with_one_store_make_one_download(
    tmp_path: Path, site: Path, nginx: SiteServer
) -> None:
    # Below 1 MiB, a download is never divided among connections: it is one request.
    library = publish(tmp_path, nginx, site, "shared", 900_000)
    at_once = room_for_fetchers(FETCHERS)
    outputs = [tmp_path / f"output-{number}" for number in range(FETCHERS)]
    environ = environment(tmp_path / "store")
    fetched = run_all([(library.fetch(output), environ) for output in outputs], at_once)

    statuses = check_all_ran(fetched, at_once)
    assert statuses == ["cached"] * (FETCHERS - 1) + ["downloaded"]
    assert sum("another process is fetching" in one.stderr for one in fetched) >= 2
    assert all(library.is_in(output) for output in outputs)
    assert nginx.requests() == [(200, library.path)]


def test_two_hundred_with_a_store_each_all_succeed(
    tmp_path: Path, site: Path, nginx: SiteServer
) -> None:
    library = publish(tmp_path, nginx, site, "own", 200_000)
    at_once = room_for_fetchers(FETCHERS)
    outputs = [tmp_path / f"output-{number}" for number in range(FETCHERS)]
    commands = [
        (library.fetch(output), environment(tmp_path / f"store-{number}"))
        for number, output in enumerate(outputs)
    ]
    fetched = run_all(commands, at_once)

    assert check_all_ran(fetched, at_once) == ["downloaded"] * FETCHERS
    assert all(library.is_in(output) for output in outputs)
    assert nginx.requests() == [(200, library.path)] * FETCHERS
