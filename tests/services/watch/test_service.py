"""What the owner of a watched folder finds, and when."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from pdfsmaller import errors
from pdfsmaller.errors import InvalidSettings
from pdfsmaller.jobs.model import is_id
from pdfsmaller.services.ends import End
from pdfsmaller.services.watch import WatchService
from tests import documents
from tests.services.several import Makes, makes
from tests.services.watch.watched import Watched

__all__ = ["makes"]


class TestAFile:
    def test_has_its_result_under_the_same_name_and_stays_as_it_is(self, watched: Watched, photo: bytes) -> None:
        path = watched.drop("a/b/letter.pdf", photo)
        before = path.stat()
        watched.settle()
        assert watched.laid() == ["a/b/letter.pdf"]
        small = (watched.results / "a/b/letter.pdf").read_bytes()
        assert small.startswith(b"%PDF-")
        assert len(small) < len(photo)
        assert path.read_bytes() == photo
        assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)

    def test_that_failed_has_the_reason_instead(self, watched: Watched) -> None:
        watched.drop("bad.pdf", documents.header_only() + b"%%EOF")
        watched.drop("note.txt", b"no pdf at all")
        watched.settle()
        assert watched.laid() == ["bad.pdf.error.json", "note.txt.error.json"]
        assert watched.error("bad.pdf")["error"]["code"] == "unreadable_pdf"
        assert is_id(watched.error("bad.pdf")["job_id"])
        assert watched.error("note.txt")["error"]["code"] == "not_a_pdf"
        assert "note.txt" in watched.error("note.txt")["error"]["message"]
        assert watched.error("note.txt")["job_id"] is None

    def test_is_done_once_however_long_it_lies_there(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.settle()
        (watched.results / "a.pdf").unlink()  # its owner took it
        for _ in range(12):
            watched.step(31 * 86_400)
            watched.room.cleanup.run()
            watched.restart()
        assert watched.ends(End.SUCCEEDED) == 1  # although the store has forgotten that there ever was a job
        assert watched.laid() == []

    def test_written_anew_has_a_new_job(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.settle()
        first = (watched.results / "a.pdf").read_bytes()
        watched.drop("a.pdf", documents.text(2))
        watched.settle()
        assert watched.ends(End.SUCCEEDED) == 2
        assert (watched.results / "a.pdf").read_bytes() != first

    def test_taken_away_and_dropped_again_has_a_new_job(self, watched: Watched, photo: bytes) -> None:
        path = watched.drop("a.pdf", photo, mtime=1_000)
        watched.settle()
        path.unlink()
        watched.step(1)
        watched.drop("a.pdf", photo, mtime=1_000)
        watched.settle()
        assert watched.ends(End.SUCCEEDED) == 2

    def test_taken_away_while_its_job_runs_has_its_result_all_the_same(self, watched: Watched, photo: bytes) -> None:
        path = watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6, work=False)
        path.unlink()
        watched.room.work()
        watched.step(1)
        watched.step(1)
        assert watched.laid() == ["a.pdf"]
        assert list(watched.marks.glob("*.json")) == []

    def test_needs_nothing_more_of_the_store_once_it_is_done(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.settle()
        assert watched.laid() == ["a.pdf"]
        assert [item.key for bucket in ("uploads", "results") for item in watched.room.storage.list(bucket, "")] == []

    def test_too_large_is_refused_unread(self, watched: Watched) -> None:
        path = watched.inbox / "huge.pdf"
        with path.open("wb") as file:
            file.truncate(10**12)  # holes
        for seconds in (0, 6, 60):
            watched.step(seconds)
        assert watched.error("huge.pdf")["error"]["code"] == "file_too_large"
        assert watched.jobs() == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_that_cannot_be_read_is_told_of_once(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo).chmod(0)
        watched.settle()
        assert "cannot be read" in watched.error("a.pdf")["error"]["message"]
        (watched.results / "a.pdf.error.json").unlink()
        watched.settle()
        assert watched.laid() == []

    def test_that_nobody_lets_finish_for_a_while_waits_and_a_cancelled_one_says_so(
        self, watched: Watched, photo: bytes
    ) -> None:
        watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6, work=False)
        assert watched.step(10, work=False) <= 1
        [row] = watched.jobs()
        watched.room.submitting.delete(row["job_id"])
        watched.step(1)
        assert watched.error("a.pdf")["error"]["code"] == "job_cancelled"


class TestANewerFileUnderTheSameName:
    def test_is_the_one_whose_result_stands(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6)  # the first one's job is done, and nobody has looked yet
        newer = documents.text(2)
        watched.drop("a.pdf", newer)
        watched.step(1)
        assert watched.laid() == []
        watched.settle()
        assert watched.laid() == ["a.pdf"]
        assert len((watched.results / "a.pdf").read_bytes()) <= len(newer) < len(photo)

    def test_ends_the_job_of_the_older_one(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6, work=False)
        watched.drop("a.pdf", documents.text(2))
        watched.step(1, work=False)
        watched.step(6, work=False)
        assert watched.ends(End.CANCELLED) == 1
        watched.room.work()
        watched.step(1)
        assert watched.ends(End.SUCCEEDED) == 1
        assert watched.laid() == ["a.pdf"]

    def test_takes_the_older_ones_error_away_and_the_other_way_round(
        self, watched: Watched, photo: bytes, makes: Makes
    ) -> None:
        makes([("a.pdf", b"small")])
        for data, laid in ((b"no pdf", "a.pdf.error.json"), (photo, "a.pdf"), (b"none %%EOF", "a.pdf.error.json")):
            watched.drop("a.pdf", data)
            watched.settle()
            watched.step(60)
            watched.settle()
            assert watched.laid() == [laid]

    def test_that_failed_does_not_tell_of_the_older_ones_success(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6)
        watched.drop("a.pdf", b"no pdf, %%EOF")
        watched.settle()
        assert watched.laid() == ["a.pdf.error.json"]


class TestSeveralResults:
    def test_lie_in_a_folder_of_the_files_name(self, watched: Watched) -> None:
        watched.drop("x/a.pdf", documents.text(3))
        watched.drop("x/a.pdf.options.json", b'{"operation": "split", "every": 1}')
        watched.settle()
        laid = watched.laid()
        assert len(laid) == 3
        assert all(name.startswith("x/a.pdf/") and name.endswith(".pdf") for name in laid)

    def test_replace_those_of_an_older_file_and_leave_what_is_not_theirs(self, watched: Watched, makes: Makes) -> None:
        makes([("1.pdf", b"one"), ("2.pdf", b"two")])
        watched.drop("a.pdf", documents.text(1))
        watched.settle()
        (watched.results / "a.pdf" / "mine.txt").write_text("mine")
        makes([("2.pdf", b"zwei"), ("3.pdf", b"drei")])
        watched.drop("a.pdf", documents.text(2))
        watched.settle()
        assert watched.laid() == ["a.pdf/2.pdf", "a.pdf/3.pdf", "a.pdf/mine.txt"]
        assert (watched.results / "a.pdf/2.pdf").read_bytes() == b"zwei"

    def test_and_one_take_turns(self, watched: Watched, makes: Makes) -> None:
        for number, files in enumerate(([("1.pdf", b"1"), ("2.pdf", b"2")], [("1.pdf", b"1")]) * 2, start=1):
            makes(files)
            watched.drop("a.pdf", documents.text(number))
            watched.settle()
            assert watched.laid() == (["a.pdf"] if len(files) == 1 else ["a.pdf/1.pdf", "a.pdf/2.pdf"])


class TestWhatIsWanted:
    def test_is_said_by_the_folder(self, watched: Watched, photo: bytes, makes: Makes) -> None:
        makes([("a.pdf", b"small")])
        watched.drop("screen/deep/a.pdf", photo)
        watched.drop("other/a.pdf", photo)
        watched.step()
        watched.step(6)
        assert sorted(map(str, (row["options"] for row in watched.jobs()))) == ["{'preset': 'screen'}", "{}"]
        watched.step(1)
        assert watched.laid() == ["other/a.pdf", "screen/deep/a.pdf"]

    def test_is_said_by_a_file_beside_it(self, watched: Watched, photo: bytes) -> None:
        watched.drop("screen/a.pdf", photo)
        watched.drop("screen/a.pdf.options.json", b'{"image_quality": 50, "preset": "ebook"}')
        watched.settle()
        [row] = watched.jobs()
        assert row["options"] == {"image_quality": 50, "preset": "ebook"}
        assert watched.laid() == ["screen/a.pdf"]

    def test_waits_until_that_file_stands_still(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.step()
        watched.drop("a.pdf.options.json", b'{"image_')
        watched.step(4)
        watched.drop("a.pdf.options.json", b'{"image_quality": 50}')
        watched.step(4)
        assert watched.jobs() == []
        watched.step(6)
        assert [row["options"] for row in watched.jobs()] == [{"image_quality": 50}]

    @pytest.mark.parametrize("given", [b"{", b"[]", b"\xff", b'{"dpi": 5}', b'{"no": 1}', b'{"password": "geheim"}'])
    def test_that_makes_no_sense_is_refused(self, watched: Watched, photo: bytes, given: bytes) -> None:
        watched.drop("a.pdf", photo)
        watched.drop("a.pdf.options.json", given)
        watched.settle()
        assert watched.laid() == ["a.pdf.error.json"]
        assert watched.error("a.pdf")["error"]["code"] == "invalid_option"
        assert "geheim" not in str(watched.error("a.pdf"))
        assert watched.jobs() == []

    def test_of_a_picture_is_a_pdf(self, watched: Watched) -> None:
        watched.drop("photo.jpg", documents.jpeg(documents.photo(300, 200)))
        watched.settle()
        assert watched.laid() == ["photo.jpg.pdf"]
        assert (watched.results / "photo.jpg.pdf").read_bytes().startswith(b"%PDF-")


class TestNames:
    def test_of_any_bytes_are_kept(self, watched: Watched, makes: Makes) -> None:
        makes([("a.pdf", b"small")])
        names = [b"a\nb.pdf", "naïve ☃.pdf".encode(), b"caf\xe9/x\xff.pdf", b"x" * 255, b"-rf.pdf", b"A.PDF"]
        for name in names:
            watched.drop(os.fsdecode(name), documents.text(1))
        for _ in range(4):
            watched.settle()
        found = {
            os.fsencode(path.relative_to(watched.results)) for path in watched.results.rglob("*") if path.is_file()
        }
        assert found == set(names)

    def test_as_long_as_can_be_have_room_for_their_reason(self, watched: Watched) -> None:
        watched.drop("x" * 255, b"no pdf")
        watched.settle()
        [laid] = watched.laid()
        assert len(laid) <= 255
        assert laid.endswith(".error.json")

    def test_of_what_is_not_finished_or_hidden_are_passed_over(self, watched: Watched, photo: bytes) -> None:
        for name in (".hidden.pdf", "~$a.pdf", "a.PART", "b.tmp", "c.pdf.crdownload", ".git/a.pdf", "d.part/a.pdf"):
            watched.drop(name, photo)
        watched.settle()
        assert watched.jobs() == []
        assert watched.laid() == []

    def test_that_lead_to_one_result_are_told_apart(self, watched: Watched) -> None:
        watched.drop("p.jpg", documents.jpeg(documents.photo(300, 200)))
        watched.drop("p.jpg.pdf", documents.text(1))
        watched.settle()
        assert watched.laid() == ["p.jpg.pdf", "p.jpg.pdf.error.json"]
        assert watched.error("p.jpg.pdf")["error"]["code"] == "result_name_taken"


class TestStandingStill:
    def test_takes_five_seconds(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo, mtime=1_000)
        assert watched.step() == pytest.approx(5, abs=0.5)
        watched.step(4)
        assert watched.jobs() == []
        watched.step(1.1)
        assert len(watched.jobs()) == 1

    def test_begins_anew_with_every_change(self, watched: Watched, photo: bytes) -> None:
        for size in range(1, 8):
            watched.drop("a.pdf", photo[: size * 1_000])
            watched.step(4)
        assert watched.jobs() == []
        assert watched.laid() == []

    def test_takes_a_minute_without_an_end(self, watched: Watched, photo: bytes) -> None:
        watched.drop("a.pdf", photo[:-200])
        watched.drop("empty.pdf", b"")
        for _ in range(5):
            watched.step(10)
        assert watched.jobs() == []
        assert watched.laid() == []
        watched.drop("a.pdf", photo)
        watched.step(30)
        watched.step(6)
        assert len(watched.jobs()) == 1
        assert watched.error("empty.pdf")["error"]["code"] == "empty_file"

    @pytest.mark.parametrize("mtime", [0, 4_000_000_000])
    def test_goes_by_no_clock_of_files(self, watched: Watched, photo: bytes, mtime: float) -> None:
        watched.drop("a.pdf", photo, mtime=mtime)
        watched.settle()
        assert watched.laid() == ["a.pdf"]


class TestManyFiles:
    def test_come_a_few_at_a_time(self, watched: Watched, makes: Makes) -> None:
        makes([("a.pdf", b"small")])
        for number in range(60):
            watched.drop(f"{number % 10}/{number}.pdf", documents.text(1))
        watched.step()
        most = 0
        for _ in range(60):
            watched.step(6, work=False)
            most = max(most, watched.room.queue.depth()["waiting"])
            watched.room.work()
        assert most == 4
        assert len(watched.laid()) == 60
        assert watched.ends(End.SUCCEEDED) == 60


class TestTwoWatchers:
    def test_take_turns(self, watched: Watched, photo: bytes, makes: Makes) -> None:
        makes([("a.pdf", b"small")])
        first, second = watched.watcher(), watched.watcher()
        watched.drop("a.pdf", photo)
        for seconds in (0, 6, 1):
            watched.clock.forward(seconds)
            for service in (first, second):
                service.look_again()
                service.step()
            watched.room.work()
        assert len(watched.jobs()) == 1
        assert watched.laid() == ["a.pdf"]
        del first, service
        watched.drop("b.pdf", photo)
        watched.service = second
        watched.settle()
        assert watched.laid() == ["a.pdf", "b.pdf"]
        assert len(watched.jobs()) == 2


class TestWhatIsAway:
    def test_a_store_is_waited_for(self, watched: Watched, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: object, **kwargs: object) -> None:
            raise errors.StoreUnavailable("away")

        watched.drop("a.pdf", photo)
        for method in ("create", "get_many"):
            with monkeypatch.context() as broken:
                broken.setattr(watched.room.store, method, away)
                pauses = [watched.step(6) for _ in range(4)]
            assert pauses[-1] >= 8
            assert watched.laid() == []
        watched.settle()
        assert watched.laid() == ["a.pdf"]
        assert watched.ends(End.SUCCEEDED) == 1

    def test_a_full_disk_is_waited_for(self, watched: Watched, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*args: object, **kwargs: object) -> None:
            raise OSError(28, "No space left on device")

        watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6)
        with monkeypatch.context() as broken:
            broken.setattr(watched.room.storage, "download", full)
            assert watched.step(1) >= 2
        assert watched.laid() == []
        watched.settle()
        assert watched.laid() == ["a.pdf"]

    def test_a_full_store_takes_nothing_and_is_emptied_all_the_same(
        self, watched: Watched, makes: Makes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        makes([("a.pdf", b"small")])
        watched.drop("b.pdf", documents.text(1))
        watched.step()
        watched.step(6)
        watched.drop("a.pdf", documents.text(1))
        with monkeypatch.context() as full:
            full.setattr(watched.room.storage, "is_full", lambda: True)
            for _ in range(4):
                watched.step(6)
            assert watched.laid() == ["b.pdf"]
            assert len(watched.jobs()) == 1
            watched.restart()
            watched.step(6)
        watched.settle()
        assert watched.laid() == ["a.pdf", "b.pdf"]

    def test_a_disk_that_is_not_mounted_is_no_reason_to_forget(self, watched: Watched, makes: Makes) -> None:
        makes([("a.pdf", b"small")])
        watched.drop("a.pdf", documents.text(1))
        watched.settle()
        mounted = watched.inbox.rename(watched.folder / "elsewhere")
        watched.inbox.mkdir()
        watched.step(31)
        watched.inbox.rmdir()
        watched.step(31)
        mounted.rename(watched.inbox)
        watched.settle()
        assert len(watched.jobs()) == 1

    def test_a_job_that_was_given_up_may_be_redriven(
        self, watched: Watched, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from pdfsmaller import sandbox

        def broken(*args: object, **kwargs: object) -> None:
            raise errors.TransientError("no engine")

        watched.drop("a.pdf", photo)
        with monkeypatch.context() as patched:
            patched.setattr(sandbox, "run", broken)
            for _ in range(8):
                watched.step(700)
        assert watched.error("a.pdf")["error"]["code"] == "too_many_attempts"
        watched.room.queue.redrive()
        watched.room.work()
        watched.step(31)
        assert watched.laid() == ["a.pdf"]

    def test_results_that_were_deleted_before_they_were_laid_are_made_again(
        self, watched: Watched, photo: bytes
    ) -> None:
        watched.drop("a.pdf", photo)
        watched.step()
        watched.step(6)  # the job is done
        watched.clock.forward(25 * 3_600)
        watched.room.cleanup.run()
        watched.restart()
        watched.settle()
        assert watched.laid() == ["a.pdf"]
        assert watched.ends(End.SUCCEEDED) == 2


class TestFolders:
    @pytest.mark.parametrize("results", ["inbox", "inbox/results", "."])
    def test_that_lie_in_each_other_are_refused(self, watched: Watched, results: str) -> None:
        with pytest.raises(InvalidSettings, match="apart"):
            WatchService(watched.room.world, watched.inbox, watched.folder / results, watched.marks)


def test_it_hears_of_files_and_stops_when_told_to(watched: Watched, makes: Makes) -> None:
    """On the real clock, with the system's own word of what changes."""
    makes([("a.pdf", b"small")])
    stop = threading.Event()
    service = WatchService(watched.room.world, watched.inbox, watched.results, watched.marks)
    running = threading.Thread(target=service.run, args=(stop,))
    running.start()
    try:
        time.sleep(1)
        watched.drop("a.pdf", documents.text(1))
        until = time.monotonic() + 25  # sooner than it would look by itself
        while not Path(watched.results / "a.pdf").exists() and time.monotonic() < until:
            watched.room.work()
            time.sleep(0.1)
    finally:
        stop.set()
        running.join(10)
    assert not running.is_alive()
    assert watched.laid() == ["a.pdf"]
