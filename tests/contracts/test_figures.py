"""What every ``Figures`` promises (``pdfsmaller.jobs.ports``)."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.ports import Figures
from tests.contracts.harness import Harness


@pytest.fixture
def figures(harness: Harness) -> Figures:
    if harness.figures is None:
        pytest.skip("CloudWatch counts here")
    return harness.figures


def test_there_are_none_at_first(figures: Figures) -> None:
    assert figures.all() == []


def test_what_is_added_adds_up_under_each_name_and_labels(figures: Figures) -> None:
    figures.add([Figure("done", 1, {"of": "a"}), Figure("done", 2, {"of": "b"}), Figure("seconds", 0.25)])
    figures.add([Figure("done", 3, {"of": "b"}), Figure("seconds", 0.5)])
    assert figures.all() == [Figure("done", 1, {"of": "a"}), Figure("done", 5, {"of": "b"}), Figure("seconds", 0.75)]


def test_the_same_one_twice_in_one_call_counts_twice(figures: Figures) -> None:
    figures.add([Figure("done", 1), Figure("done", 2)])
    assert figures.all() == [Figure("done", 3)]


def test_labels_are_the_same_in_any_order_and_of_any_text(figures: Figures) -> None:
    figures.add([Figure("done", 1, {"a": "x", "b": '"ü"\n'})])
    figures.add([Figure("done", 1, {"b": '"ü"\n', "a": "x"})])
    assert figures.all() == [Figure("done", 2, {"a": "x", "b": '"ü"\n'})]


def test_nothing_added_is_nothing(figures: Figures) -> None:
    figures.add([])
    assert figures.all() == []


def test_what_is_set_stands_in_place_of_what_was(figures: Figures) -> None:
    figures.set(Figure("last", 1_790_000_000.5))
    figures.set(Figure("last", 1_790_000_060.5))
    assert figures.all() == [Figure("last", 1_790_000_060.5)]
    figures.add([Figure("last", 1)])
    assert figures.all() == [Figure("last", 1_790_000_061.5)]


def test_large_sums_keep_every_byte(figures: Figures) -> None:
    figures.add([Figure("bytes", 2.0**52)])
    figures.add([Figure("bytes", 1)])
    assert figures.all() == [Figure("bytes", 2.0**52 + 1)]


def test_nothing_is_lost_and_nobody_refused_where_many_add_at_once(figures: Figures) -> None:
    names = [f"figure {number}" for number in range(6)]
    gate = threading.Barrier(8)

    def add(seed: int) -> None:
        order = random.Random(seed)
        gate.wait()
        for _ in range(20):
            figures.add(Figure(name, 1, {"of": "all"}) for name in order.sample(names, len(names)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    assert figures.all() == [Figure(name, 160, {"of": "all"}) for name in names]
