from __future__ import annotations

import time
from pathlib import Path

import pytest

from pdfsmaller.errors import InvalidOption, LedgerInUse, LedgerUnusable
from pdfsmaller.jobs.collections import Original
from pdfsmaller.services.backfill.ledger import Count, Ledger, State


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


def test_a_document_is_entered_once_for_each_version(ledger: Ledger) -> None:
    first = [Original("a.pdf", 10, "1"), Original("b/ö\udcff.pdf", 20, "1")]
    assert ledger.enter(first) == 2
    assert ledger.enter([*first, Original("a.pdf", 11, "2")]) == 1
    assert [item.original for item in ledger.waiting(10)] == [*first, Original("a.pdf", 11, "2")]


def test_of_two_versions_one_is_under_way_at_a_time(ledger: Ledger) -> None:
    ledger.enter([Original("a.pdf", 10, "1"), Original("a.pdf", 11, "2"), Original("b.pdf", 1, "1")])
    taken = ledger.take(ledger.waiting(1)[0], "1" * 32)
    assert [item.original.name for item in ledger.waiting(10)] == ["b.pdf"]
    ledger.end(taken, State.DONE, bytes_after=4)
    assert [item.original.version for item in ledger.waiting(10)] == ["2", "1"]


def test_what_stands_in_a_documents_place_is_not_done_again(ledger: Ledger) -> None:
    ledger.enter([Original("a.pdf", 10, "1")])
    taken = ledger.take(ledger.waiting(1)[0], "1" * 32)
    ledger.enter([Original("a.pdf", 4, "2")])  # a listing may have found it before it was written down
    ledger.replaced(taken, Original("a.pdf", 4, "2"))
    assert ledger.enter([Original("a.pdf", 4, "2")]) == 0
    assert ledger.waiting(10) == []
    assert ledger.counts() == [
        Count(State.DONE, "", 1, 10, 4),
        Count(State.SKIPPED, "already_compressed", 1, 4, 0),
    ]


def test_a_changed_document_waits_as_it_is_now(ledger: Ledger) -> None:
    ledger.enter([Original("a.pdf", 10, "1"), Original("b.pdf", 10, "1")])
    for item, now in zip(ledger.waiting(2), (Original("a.pdf", 12, "2"), None), strict=True):
        ledger.superseded(ledger.take(item, "1" * 32), now)
    assert [item.original for item in ledger.waiting(10)] == [Original("a.pdf", 12, "2")]


def test_a_version_that_is_there_again_waits_again(ledger: Ledger) -> None:
    first, second = Original("a.pdf", 10, "1"), Original("a.pdf", 12, "2")
    ledger.enter([first])
    ledger.superseded(ledger.take(ledger.waiting(1)[0], "1" * 32), None)
    for original in (first, second, first):  # the last result laid is that of another version than is there now
        assert ledger.enter([original]) == 1
        [item] = ledger.waiting(10)
        assert item.original == original
        ledger.end(ledger.take(item, "2" * 32), State.DONE, bytes_after=1)
        assert ledger.enter([original]) == 0


def test_what_failed_waits_again_when_it_is_told_to(ledger: Ledger) -> None:
    ledger.enter(Original(f"{n}.pdf", 10, "1") for n in range(3))
    for item, code in zip(ledger.waiting(3), ("x", "y", "y"), strict=True):
        ledger.end(ledger.take(item, "1" * 32), State.FAILED, code, "why")
    assert (ledger.retry_failed("x"), ledger.retry_failed("x"), ledger.retry_failed()) == (1, 0, 2)
    assert {(item.job_id, item.code) for item in ledger.waiting(10)} == {("", "")}


def test_a_ledger_is_for_one_backfill(ledger: Ledger, tmp_path: Path) -> None:
    ledger.begin({"source": "s3://a/", "to": "x"})
    ledger.close()
    again = Ledger(tmp_path / "ledger.db")
    again.begin({"source": "s3://a/", "to": "x"})
    with pytest.raises(InvalidOption, match=r"with source s3://a/, not s3://b/"):
        again.begin({"source": "s3://b/", "to": "x"})


def test_one_process_has_it(ledger: Ledger, tmp_path: Path) -> None:
    ledger.hold()
    other = Ledger(tmp_path / "ledger.db")
    with pytest.raises(LedgerInUse):
        other.hold()
    assert other.counts() == []  # looking at it is free
    ledger.close()
    other.hold()


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(LedgerUnusable, match="--ledger"):
        Ledger(tmp_path / "note.txt")
    with pytest.raises(LedgerUnusable, match="no backfill was begun"):
        Ledger(tmp_path / "none.db", must_exist=True)
    assert not (tmp_path / "none.db").exists()


def test_ten_thousand_documents_cost_little(ledger: Ledger) -> None:
    originals = [Original(f"{n % 100}/{n}.pdf", n, f"{n:032x}") for n in range(10_000)]
    begun = time.process_time()
    assert (ledger.enter(originals), ledger.enter(originals)) == (10_000, 0)
    for item in ledger.waiting(500):
        ledger.end(ledger.take(item, "1" * 32), State.DONE, bytes_after=1)
    assert [item.original.name for item in ledger.waiting(1)] == ["0/500.pdf"]
    assert sum(count.items for count in ledger.counts()) == 10_000
    assert time.process_time() - begun < 5  # it takes 0.3 s: this is for what would take minutes
