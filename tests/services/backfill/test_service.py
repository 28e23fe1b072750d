"""A backfill's documents on their way, in a world in memory and real folders, with the real engine."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest

from pdfsmaller import errors
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.backfill.folder import FolderCollection
from pdfsmaller.services.backfill.ledger import State
from pdfsmaller.services.backfill.plan import Plan
from tests import documents
from tests.aws_stack import Clock
from tests.services.backfill.filled import Filled, files
from tests.services.several import Makes, makes

__all__ = ["makes"]


@pytest.fixture(scope="module")
def photo() -> bytes:
    return documents.photo_jpeg(500, 400)


def test_each_document_has_its_result_beside(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    filled.put("x/B.PDF", photo)
    filled.put("x/signed.pdf", documents.signed())
    filled.put("no.pdf", b"no PDF at all")
    filled.put("other.txt", b"left alone")
    filled.run()
    assert filled.laid() == ["a.pdf", "x/B.PDF"]
    assert filled.ends() == {("done", ""): 2, ("skipped", "signed"): 1, ("failed", "not_a_pdf"): 1}
    assert len((filled.to / "a.pdf").read_bytes()) == filled.items()["a.pdf"].bytes_after < len(photo)
    assert (filled.source / "a.pdf").read_bytes() == photo
    # Whoever has the result needs no other copy of it.
    assert [item.key for bucket in ("uploads", "results") for item in filled.room.storage.list(bucket, "")] == []


def test_done_again_it_does_nothing_but_what_is_new(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    filled.run()
    filled.put("b.pdf", photo)
    filled.put("a.pdf", documents.photo_jpeg(520, 400))
    filled.run()
    filled.run()
    assert filled.ends() == {("done", ""): 3}
    assert len(filled.room.store.rows()) == 3


def test_its_jobs_take_turns_as_one_caller(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    for n in range(6):
        filled.put(f"{n}.pdf", photo)
    filled.service.enter()
    filled.service.step()
    rows = filled.room.store.rows()
    assert {row["asker"] for row in rows} == {"backfill"}
    assert len(rows) == 4  # no more are under way at once
    filled.service.step()
    assert len(filled.room.store.rows()) == 4


def test_another_plan_needs_another_ledger(clock: Clock, tmp_path: Path) -> None:
    filled = Filled(clock, tmp_path)
    filled.service.enter()
    filled.plan = replace(filled.plan, options=CompressOptions.parse({"preset": "screen"}))
    with pytest.raises(errors.InvalidOption, match=r"with options \{'preset': 'ebook'\}, not \{'preset': 'screen'\}"):
        filled.begun().enter()


def test_it_stops_looking_for_documents_when_it_is_told_to(clock: Clock, tmp_path: Path) -> None:
    filled, stop = Filled(clock, tmp_path), threading.Event()
    filled.put("a.pdf", documents.text(1))
    stop.set()
    assert (filled.service.enter(stop), filled.service.enter(threading.Event())) == (0, 1)


def test_a_bounded_rate(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    for n in range(3):
        filled.put(f"{n}.pdf", photo)
    filled.service._pace.rate = 0.01
    filled.service.enter()
    filled.service.step()
    filled.service.step()
    assert len(filled.room.store.rows()) == 1


def test_a_result_takes_its_originals_place_which_is_kept(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path, replace=True)
    filled.put("x/a.pdf", photo)
    filled.put("signed.pdf", documents.signed())
    filled.run()
    assert files(filled.source) == ["signed.pdf", "x/a.pdf"]
    assert (filled.kept / "x/a.pdf").read_bytes() == photo
    assert files(filled.kept) == ["x/a.pdf"]
    with pikepdf.open(filled.source / "x/a.pdf") as pdf:
        assert len(pdf.pages) == 1
    smaller = (filled.source / "x/a.pdf").read_bytes()
    assert len(smaller) < len(photo)
    filled.run()  # what it made itself is nothing to do
    assert (filled.source / "x/a.pdf").read_bytes() == smaller
    assert filled.ends()["skipped", "already_compressed"] == 1
    assert len(filled.room.store.rows()) == 2


def test_a_kept_original_is_never_written_over(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path, replace=True)
    filled.put("a.pdf", photo)
    filled.run()
    newer = documents.photo_jpeg(520, 400)
    filled.put("a.pdf", newer)
    filled.run()
    first, second = files(filled.kept)
    assert (filled.kept / first).read_bytes() == photo
    assert second.startswith("a~")
    assert (filled.kept / second).read_bytes() == newer


def test_nothing_is_replaced_that_was_changed_meanwhile(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path, replace=True)
    filled.put("a.pdf", photo)
    filled.service.enter()
    filled.service.step()
    newer = documents.photo_jpeg(520, 400)
    filled.put("a.pdf", newer)
    filled.room.work()  # its job succeeds, with the former writing
    filled.service.step()
    assert (filled.source / "a.pdf").read_bytes() == newer
    assert filled.ends() == {("skipped", "changed"): 1, ("taken", ""): 1}
    filled.run()
    assert filled.ends() == {("skipped", "changed"): 1, ("done", ""): 1, ("skipped", "already_compressed"): 1}
    assert (filled.kept / "a.pdf").read_bytes() == newer


def test_one_that_changes_back_is_not_forgotten(
    clock: Clock, tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    with monkeypatch.context() as changing:
        changing.setattr(FolderCollection, "fetch", lambda *_: False)
        filled.run()
    assert filled.ends() == {("failed", "input_changed"): 1}
    filled.ledger.retry_failed()
    filled.run()
    assert filled.ends() == {("done", ""): 1}


def test_one_that_is_taken_away_is_gone(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    filled.service.enter()
    (filled.source / "a.pdf").unlink()
    filled.run()
    assert filled.ends() == {("skipped", "gone"): 1}
    assert [row["status"] for row in filled.room.store.rows()] in ([], [Status.CANCELLED])


@pytest.mark.parametrize(
    ("result", "why"), [(b"%PDF-1.7 nothing more", "does not open"), (documents.text(2), "other pages")]
)
def test_a_result_that_is_not_sound_replaces_nothing(
    clock: Clock, tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch, result: bytes, why: str
) -> None:
    filled = Filled(clock, tmp_path, replace=True)
    filled.put("a.pdf", photo)
    filled.service.enter()
    filled.service.step()
    filled.room.work()
    [key] = [item.key for item in filled.room.storage.list("results", "") if "/out/" in item.key]
    size = filled.room.storage.head("results", key).bytes  # type: ignore[union-attr]
    filled.room.storage.put_file("results", key, result.ljust(size, b"\n")[:size], media_type="application/pdf")
    filled.run()
    item = filled.items()["a.pdf"]
    assert (item.state, item.code) == (State.FAILED, "result_not_verified")
    assert why in item.message
    assert (filled.source / "a.pdf").read_bytes() == photo


def test_a_result_that_nobody_compared_replaces_nothing(clock: Clock, tmp_path: Path, makes: Makes) -> None:
    makes([("a.pdf", b"small")])  # by an engine whose report says nothing of a comparison
    filled = Filled(clock, tmp_path, replace=True)
    filled.put("a.pdf", documents.text(1))
    filled.run()
    assert filled.ends() == {("failed", "result_not_verified"): 1}
    assert filled.items()["a.pdf"].message.startswith("The result was not compared")


def test_what_others_laid_is_not_written_over(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    filled.to.mkdir()
    (filled.to / "a.pdf").write_bytes(b"somebody's")
    filled.run()
    assert (filled.to / "a.pdf").read_bytes() == b"somebody's"
    assert filled.ends() == {("failed", "result_name_taken"): 1}
    (filled.to / "a.pdf").unlink()
    assert filled.ledger.retry_failed() == 1
    filled.run()
    assert filled.ends() == {("done", ""): 1}


def test_a_job_whose_files_are_gone_is_made_anew(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    filled.service.enter()
    filled.service.step()
    filled.room.work()
    clock.forward(25 * 3_600)  # nobody went on with it for a day
    filled.room.cleanup.run()
    filled.run()
    assert filled.ends() == {("done", ""): 1}
    assert len(filled.room.store.rows()) == 2


def test_what_cannot_be_reached_now_is_tried_again(
    clock: Clock, tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise errors.StoreUnavailable("away")

    filled = Filled(clock, tmp_path)
    filled.put("a.pdf", photo)
    filled.service.enter()
    with monkeypatch.context() as broken:
        broken.setattr(filled.room.storage, "put_file", away)
        assert [filled.service.step(), filled.service.step()] == [2, 4]
        assert filled.service.trouble == "away"
    filled.run()
    assert filled.service.trouble == ""
    assert filled.ends() == {("done", ""): 1}
    assert len(filled.room.store.rows()) == 1


def test_documents_that_are_left_out(clock: Clock, tmp_path: Path) -> None:
    filled = Filled(clock, tmp_path, include=("x/*.pdf", "b.*"), min_size=3)
    for name in ("a.pdf", "b.pdf", "x/c.PDF", "y/b.doc", "x/small.pdf"):
        filled.put(name, b"1" if "small" in name else b"123")
    assert sorted(item.name for item in filled.plan.wanted()) == ["b.pdf", "x/c.PDF", "y/b.doc"]


def test_results_below_the_source_are_nothing_to_do(clock: Clock, tmp_path: Path, photo: bytes) -> None:
    filled = Filled(clock, tmp_path, to=FolderCollection(tmp_path / "source/small"))
    filled.put("a.pdf", photo)
    filled.run()
    filled.run()
    assert files(filled.source) == ["a.pdf", "small/a.pdf"]
    assert filled.ends() == {("done", ""): 1}


@pytest.mark.parametrize("where", ["source", "."])
@pytest.mark.parametrize("name", ["to", "keep"])
def test_results_and_originals_do_not_lie_among_each_other(tmp_path: Path, name: str, where: str) -> None:
    source = FolderCollection(tmp_path / "source")
    plan = Plan(source, CompressOptions(), **{name: FolderCollection(tmp_path / where)})
    with pytest.raises(errors.InvalidOption, match="holds the source"):
        plan.check()


def test_nothing_is_replaced_without_a_comparison(tmp_path: Path) -> None:
    plan = Plan(FolderCollection(tmp_path), CompressOptions.parse({"verify": "off"}))
    with pytest.raises(errors.InvalidOption, match="verify cannot be off"):
        plan.check()


def test_a_ledger_tells_no_password(tmp_path: Path) -> None:
    plan = Plan(FolderCollection(tmp_path), CompressOptions.parse({"password": "hush", "preset": "ebook"}))
    assert plan.told()["options"] == {"preset": "ebook"}
