"""What is counted in parts is counted in the whole."""

from __future__ import annotations

import threading

from cgo_prebuilt.network.tally import Tally


def test_the_whole_counts_what_its_parts_do() -> None:
    whole = Tally()
    one, other = Tally(whole), Tally(whole)
    one.add(requests=1, downloaded=10)
    other.add(downloaded=5, resumed=7)
    assert (one.requests, one.downloaded, one.resumed) == (1, 10, 0)
    assert (other.requests, other.downloaded, other.resumed) == (0, 5, 7)
    assert (whole.requests, whole.downloaded, whole.resumed) == (1, 15, 7)


def test_threads_lose_no_count() -> None:
    whole = Tally()

    def count() -> None:
        part = Tally(whole)
        for _ in range(5000):
            part.add(requests=1, downloaded=2)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (whole.requests, whole.downloaded) == (20_000, 40_000)
