"""Limits as they are written, and how they are counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.access.rates import Limiter, Rate, parse_rates, refusal
from tests.aws_stack import Clock


class TestWritten:
    @pytest.mark.parametrize(
        ("text", "rates"),
        [
            ("100 per hour", [Rate(100, 3_600)]),
            ("100/hour", [Rate(100, 3_600)]),
            ("10 Per 5 Minutes", [Rate(10, 300)]),
            ("200 per day;50 per hour", [Rate(200, 86_400), Rate(50, 3_600)]),
            ("5/second, 7 per 2 days | 1 per minute", [Rate(5, 1), Rate(7, 172_800), Rate(1, 60)]),
            ("", []),
            ("  ", []),
        ],
    )
    def test_in_these_ways(self, text: str, rates: list[Rate]) -> None:
        assert list(parse_rates(text)) == rates

    @pytest.mark.parametrize(
        "text",
        ["100", "per hour", "0 per hour", "-1 per hour", "1 per 0 hours", "1 per year", "1 per hour;", "١ per hour"],
    )
    def test_and_in_no_others(self, text: str) -> None:
        with pytest.raises(ValueError, match="100 per hour"):
            parse_rates(text)

    @pytest.mark.parametrize("text", ["100 per hour", "10 per 5 minutes", "7 per 2 days", "1 per 90 seconds"])
    def test_they_are_shown_as_they_are_written(self, text: str) -> None:
        assert str(parse_rates(text)[0]) == text


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    clock.forward(3_600 - clock() % 3_600)  # a full hour, in which every shorter window begins as well
    return Limiter(LocalCounters(clock))


class TestCounted:
    def test_each_taker_for_himself_until_the_window_ends(self, limiter: Limiter, clock: Clock) -> None:
        rates = parse_rates("2 per minute")
        assert [limiter.take("me", rates).standings[0].left for _ in range(2)] == [1, 0]
        refused = limiter.take("me", rates)
        assert refused.refused_by
        assert 58 <= refused.refused_by.seconds <= 60
        assert not limiter.take("you", rates).refused_by
        clock.forward(refused.refused_by.seconds)
        assert not limiter.take("me", rates).refused_by

    def test_all_or_none(self, limiter: Limiter) -> None:
        rates = parse_rates("5 per hour")
        assert limiter.take("me", rates, 3).standings[0].left == 2
        refused = limiter.take("me", rates, 3)
        assert refused.refused_by
        assert refused.refused_by.left == 2
        assert "of which 2 are left" in refusal(refused, 3).message
        assert limiter.take("me", rates, 2).standings[0].left == 0

    def test_what_one_limit_refuses_costs_nothing_in_another(self, limiter: Limiter, clock: Clock) -> None:
        rates = parse_rates("10 per hour;2 per minute")
        for _ in range(2):
            limiter.take("me", rates)
        refused = limiter.take("me", rates)
        assert refused.refused_by
        assert refused.refused_by.rate == Rate(2, 60)
        assert [standing.left for standing in refused.standings] == [8, 0]
        clock.forward(60)
        assert [standing.left for standing in limiter.take("me", rates).standings] == [7, 1]

    def test_what_can_never_be_says_so(self, limiter: Limiter) -> None:
        error = refusal(limiter.take("me", parse_rates("5 per hour"), 6), 6)
        assert error.retry_after is None
        assert "6 jobs at once" in error.message

    def test_no_more_are_let_in_than_fit_however_many_come(self, limiter: Limiter) -> None:
        rates = parse_rates("100 per day;25 per hour")
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: limiter.take("me", rates).refused_by is None, range(60)))
        assert sum(taken) == 25
        assert limiter.take("me", rates[:1], 0).standings[0].left == 75


def test_local_counters_have_a_bound(clock: Clock) -> None:
    counters = LocalCounters(clock, most_names=100)
    for number in range(1_000):
        counters.add(str(number), 1, most=5, kept_seconds=60)
    assert len(counters._counts) <= 100
    assert counters.add("999", 1, most=5, kept_seconds=60) == 2
