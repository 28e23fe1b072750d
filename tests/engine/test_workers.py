"""Work handed to threads, or done where it is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from pdfsmaller.engine import workers
from pdfsmaller.engine.images.source import Skip
from pdfsmaller.engine.workers import PIECE_BYTES, Team, begin, beside, shared, spread

# No test waits longer for another thread, in seconds.
PATIENCE = 60


@pytest.fixture(params=[1, 2, 4])
def team(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr(workers, "WORKERS", request.param)
    return Team("test")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr(workers, "WORKERS", 2)
    return Team("test")


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


def test_an_idle_thread_works_beside(two: Team) -> None:
    begun = threading.Event()

    def work() -> tuple[bool, int]:
        other = beside(lambda: (begun.set(), threading.get_ident())[1])
        return begun.wait(PATIENCE), other()

    with two:
        seen, other = two.submit(lambda: (work(), threading.get_ident())).result(PATIENCE)
    assert seen == (True, seen[1])
    assert seen[1] != other


def test_where_none_is_idle_work_is_done_here_once_asked_for(two: Team) -> None:
    both = threading.Barrier(2)
    done: list[int] = []

    def work() -> bool:
        both.wait(PATIENCE)
        other = beside(lambda: done.append(threading.get_ident()))
        nothing_yet = begin(int) is None and threading.get_ident() not in done
        both.wait(PATIENCE)
        other()
        return nothing_yet and threading.get_ident() in done

    with two:
        assert [future.result(PATIENCE) for future in [two.submit(work) for _ in range(2)]] == [True, True]


def test_outside_of_a_team_work_is_done_here() -> None:
    assert begin(int) is None
    assert beside(threading.get_ident)() == threading.get_ident()
    assert shared(lambda _: threading.get_ident(), range(3)) == [threading.get_ident()] * 3


def test_threads_that_wait_for_each_other_come_to_an_end(team: Team) -> None:
    def leaves(depth: int) -> int:
        if depth == 0:
            return 1
        other = beside(partial(leaves, depth - 1))
        return leaves(depth - 1) + sum(shared(leaves, [depth - 1, 0])) + other()

    with team:
        expected = leaves(4)
        assert [f.result(PATIENCE) for f in [team.submit(leaves, 4) for _ in range(8)]] == [expected] * 8


def test_shared_work_comes_in_order(team: Team) -> None:
    with team:
        assert team.submit(shared, lambda item: item * item, range(50)).result(PATIENCE) == [n * n for n in range(50)]
        assert team.submit(shared, str, []).result(PATIENCE) == []


@pytest.mark.parametrize("error", [ZeroDivisionError(), IndexError(), MemoryError(), Skip("jpx")])
def test_errors_are_raised_where_the_result_is_wanted(team: Team, error: Exception) -> None:
    def fail(item: int = 0) -> int:
        if item == 0:
            raise error
        return item

    def unwanted() -> int:
        beside(fail)
        return 1

    def wanted() -> int:
        other = beside(fail)
        return 1 + other()

    with team:
        assert team.submit(unwanted).result(PATIENCE) == 1
        assert team.submit(wanted).exception(PATIENCE) is error
        assert team.submit(shared, fail, [1, 2, 0, 3]).exception(PATIENCE) is error
        assert team.submit(shared, str, [1, 2]).result(PATIENCE) == ["1", "2"]


def test_a_team_is_idle_again_after_an_error(two: Team) -> None:
    with two:
        for _ in range(3):
            assert isinstance(two.submit(lambda: 1 // 0).exception(PATIENCE), ZeroDivisionError)
        begun = two.submit(lambda: begin(int)).result(PATIENCE)
        assert begun is not None
        assert begun.result(PATIENCE) == 0
