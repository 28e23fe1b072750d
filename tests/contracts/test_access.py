"""What every ``KeyStore`` and every ``Counters`` promises (``pdfsmaller.access.ports``)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pdfsmaller.access.keys import ApiKey
from tests.contracts.harness import Harness

KEPT = 3_600.0
KEY = ApiKey("0123456789abcdef", "a phone – 文書 \U0001f4c4 \"'%", "d" * 64, 1_764_250_000.25, rate_limit="10 per hour")


class TestKeys:
    def test_come_back_as_they_were_kept(self, harness: Harness) -> None:
        full = replace(KEY, key_id="f" * 16, last_used_at=2.5, revoked_at=3.25, rate_limit="")
        for key in (KEY, full):
            assert harness.keys.add(key)
            assert harness.keys.get(key.key_id) == key
        assert harness.keys.get("nothing") is None

    def test_an_id_is_given_once(self, harness: Harness) -> None:
        assert harness.keys.add(KEY)
        assert not harness.keys.add(replace(KEY, name="another"))
        assert harness.keys.get(KEY.key_id) == KEY

    def test_all_are_found_the_oldest_first(self, harness: Harness) -> None:
        assert harness.keys.all() == []
        keys = [replace(KEY, key_id=f"{n:016x}", created_at=float(at)) for n, at in enumerate((30, 10, 20))]
        assert all(map(harness.keys.add, keys))
        assert harness.keys.all() == [keys[1], keys[2], keys[0]]

    def test_the_first_revocation_counts(self, harness: Harness) -> None:
        harness.keys.add(KEY)
        for at in (5.5, 6.5):
            harness.keys.revoke(KEY.key_id, at)
        assert harness.keys.get(KEY.key_id) == replace(KEY, revoked_at=5.5)

    def test_the_last_use_counts(self, harness: Harness) -> None:
        harness.keys.add(KEY)
        for at in (5.5, 6.5):
            harness.keys.used(KEY.key_id, at)
        assert harness.keys.get(KEY.key_id) == replace(KEY, last_used_at=6.5)

    def test_what_is_not_there_stays_away(self, harness: Harness) -> None:
        harness.keys.revoke(KEY.key_id, 5.5)
        harness.keys.used(KEY.key_id, 5.5)
        assert harness.keys.get(KEY.key_id) is None
        assert harness.keys.all() == []

    def test_are_no_jobs(self, harness: Harness) -> None:
        harness.keys.add(KEY)
        harness.counters.add("a", 1, most=1, kept_seconds=KEPT)
        for name in (KEY.key_id, f"key#{KEY.key_id}"):
            assert harness.store.get(name) is None
        assert harness.store.owned("keys", None, 10) == []


class TestCounters:
    def test_count_up_to_a_bound_and_back(self, harness: Harness) -> None:
        def add(number: int, most: int = 5) -> int | None:
            return harness.counters.add("a", number, most=most, kept_seconds=KEPT)

        assert [add(2), add(3), add(1), add(0), add(-1), add(2), add(1)] == [2, 5, None, 5, 4, None, 5]
        assert add(3, most=8) == 8

    def test_more_than_the_bound_at_once_is_refused_and_leaves_nothing(self, harness: Harness) -> None:
        assert harness.counters.add("a", 6, most=5, kept_seconds=KEPT) is None
        assert harness.counters.add("a", 0, most=5, kept_seconds=KEPT) == 0

    @pytest.mark.parametrize("name", ["", "é\n\x00'\"%", "x" * 5_000])
    def test_any_text_is_a_name(self, harness: Harness, name: str) -> None:
        assert harness.counters.add(name, 2, most=9, kept_seconds=KEPT) == 2
        assert harness.counters.add("other", 1, most=9, kept_seconds=KEPT) == 1

    def test_of_many_at_once_as_many_are_let_in_as_fit(self, harness: Harness) -> None:
        gate = threading.Barrier(40)

        def add(_: int) -> int | None:
            gate.wait()
            return harness.counters.add("a", 1, most=25, kept_seconds=KEPT)

        with ThreadPoolExecutor(40) as pool:
            got = list(pool.map(add, range(40)))
        assert sorted(count for count in got if count) == list(range(1, 26))

    def test_are_forgotten_when_they_may_be(self, harness: Harness) -> None:
        harness.counters.add("a", 1, most=9, kept_seconds=KEPT)
        if not harness.forgets_when_told:
            pytest.skip("the store forgets by itself")
        harness.store.forget_old()
        assert harness.counters.add("a", 1, most=9, kept_seconds=KEPT) == 2
        harness.pass_store_time(KEPT + 1)
        harness.store.forget_old()
        assert harness.counters.add("a", 1, most=9, kept_seconds=KEPT) == 1
