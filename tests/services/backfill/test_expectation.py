from __future__ import annotations

import random

import pytest

from pdfsmaller.jobs.collections import Original
from pdfsmaller.services.backfill.expectation import Looked, expected
from pdfsmaller.services.backfill.prices import Prices
from pdfsmaller.services.backfill.sample import choose


def archive(seed: int) -> list[Original]:
    """Three thousand documents, most of them small, with most of the bytes in the large ones."""
    chance = random.Random(seed)
    return [Original(f"{n}.pdf", int(10 ** chance.uniform(3, 7.5)), "1") for n in range(3_000)]


def saved_of(original: Original) -> int:
    """What is saved of a document, which nobody knows before: about half, more of large ones, nothing of some."""
    chance = random.Random(original.name)
    share = 0.0 if chance.random() < 0.1 else chance.uniform(0.3, 0.7) + (0.1 if original.bytes > 1e6 else 0.0)
    return round(original.bytes * share)


def test_the_sample_has_some_of_each_size_and_most_of_what_weighs() -> None:
    strata = choose(archive(1), 100)
    assert sum(stratum.documents for stratum in strata) == 3_000
    assert all(len(stratum.chosen) >= 2 for stratum in strata)
    assert 100 <= sum(len(stratum.chosen) for stratum in strata) <= 120
    assert len(strata[-1].chosen) > len(strata[0].chosen)
    assert [stratum.chosen for stratum in choose(archive(1), 100)] == [stratum.chosen for stratum in strata]


def test_everything_is_looked_at_where_there_is_little() -> None:
    [stratum] = choose([Original(f"{n}.pdf", 1_100, "1") for n in range(5)], 50)
    assert sorted(item.name for item in stratum.chosen) == [f"{n}.pdf" for n in range(5)]
    assert choose([], 50) == []


def test_what_is_saved_lies_within_the_spread() -> None:
    within, errors = 0, []
    for seed in range(20):
        originals = archive(seed)
        strata = choose(originals, 60)
        looked = [[Looked(item.bytes, saved_of(item), 1.0) for item in stratum.chosen] for stratum in strata]
        found = expected(list(zip(strata, looked, strict=True)))
        truth = sum(map(saved_of, originals))
        within += abs(found.saved - truth) <= found.spread
        errors.append(found.saved / truth - 1)
        assert found.spread < 0.25 * truth, "a spread that says nothing"
    assert within >= 17
    assert abs(sum(errors) / len(errors)) < 0.03, "no bias"


def test_time_goes_with_the_bytes() -> None:
    [stratum] = choose([Original(f"{n}.pdf", 1_000_000, "1") for n in range(100)], 10)
    looked = [Looked(1_000_000, 500_000, 2.0) for _ in stratum.chosen]
    found = expected([(stratum, looked)])
    assert (found.seconds, found.saved) == (pytest.approx(200), pytest.approx(50e6))
    assert 0 < found.spread < 10e6


def test_what_nobody_can_do_counts_as_nothing_saved() -> None:
    [stratum] = choose([Original("a.pdf", 1_000, "1"), Original("b.pdf", 1_000, "1")], 10)
    found = expected([(stratum, [Looked(1_000, 500, 1.0), Looked(1_000, 0, 0.0, "password_required")])])
    assert found.saved == pytest.approx(500)
    assert found.codes == {"password_required": 1}
    nothing = expected([])
    assert (nothing.documents, nothing.saved, nothing.spread) == (0, 0, 0)


def test_what_it_costs_on_aws() -> None:
    prices = Prices(lambda_gb_second=0.00001, lambda_gb=4)
    seconds = prices.cost(0, 3_600)
    assert seconds == pytest.approx(3_600 * 4 * 0.00001)
    assert prices.cost(1_000, 0) == pytest.approx(1_000 * prices.cost(1, 0))
    # A thousand documents: 5,000 writes and 7,000 reads of S3 alone are three cents.
    assert 0.025 < prices.cost(1_000, 0) < 0.06
    assert prices.kept_for_a_month(1e12) == pytest.approx(23)
