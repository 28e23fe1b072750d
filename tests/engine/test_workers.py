"""Work handed to threads, or done where it is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller.engine.workers import PIECE_BYTES, spread


@pytest.mark.parametrize("size", [1, PIECE_BYTES // 3, PIECE_BYTES, 2 * PIECE_BYTES])
def test_results_come_in_order(size: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(spread(pool, lambda item: item * item, range(50), lambda _: size)) == [n * n for n in range(50)]


def test_nothing_to_do() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(spread(pool, str, [], lambda _: 1)) == []


@pytest.mark.parametrize(("size", "here"), [(10, True), (PIECE_BYTES, False)])
def test_threads_are_for_much_work(size: int, here: bool) -> None:
    with ThreadPoolExecutor(2) as pool:
        threads = set(spread(pool, lambda _: threading.current_thread(), range(8), lambda _: size))
    assert (threads == {threading.current_thread()}) == here


def test_errors_come_out() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ZeroDivisionError):
        list(spread(pool, lambda item: 1 // item, [1, 0], lambda _: PIECE_BYTES))
