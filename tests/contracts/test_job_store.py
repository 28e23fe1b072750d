"""What every ``JobStore`` promises (``pdfsmaller.jobs.ports``)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.change import After, Change, Demands
from pdfsmaller.jobs.model import Drop, Job, JobInput, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.ports import JobStore
from pdfsmaller.jobs.rows import Row, to_row
from pdfsmaller.jobs.states import Status
from tests.aws_stack import success
from tests.contracts.harness import Harness

KEPT = 3_600.0
LEASE = 60.0


def row(store: JobStore, status: Status = Status.QUEUED, **fields: Any) -> Row:
    """A row that is in the store."""
    now = store.now()
    job = Job(job_id=new_id(), status=status, created_at=now, updated_at=now, due_at=now + 900)
    made = to_row(job, ttl=float(int(now + KEPT))) | fields
    assert store.create(made)
    return made


def stands(store: JobStore, job_id: str) -> Row:
    found = store.get(job_id)
    assert found
    return found


def test_a_bell_is_rung_at_an_end_and_at_no_other_change_where_it_tells(harness: Harness) -> None:
    jobs, bell = Jobs(harness.store), harness.store.bell()
    bell.wait(0)
    started = jobs.start(row(harness.store)["job_id"], "message", LEASE)
    assert started
    jobs.renew(started, LEASE, stage="images", progress=40)
    assert bell.wait(0) == frozenset()
    jobs.succeed(started, success(started), kept_seconds=KEPT)
    assert bell.wait(0) == ({started.job_id} if bell.tells else frozenset())
    threading.Timer(0.1, bell.ring).start()
    assert bell.wait(LEASE) == frozenset()


class TestRows:
    def test_come_back_as_they_were_written(self, harness: Harness) -> None:
        now = harness.store.now()
        job = Job(
            job_id=new_id(),
            status=Status.SUCCEEDED,
            created_at=now,
            updated_at=now,
            due_at=now + 0.5,
            operation="merge",
            inputs=(JobInput("Zeugnis 2024 – 文書 \U0001f4c4.pdf", 12_345), JobInput("", 2**53)),
            options={"preset": "ebook", "dpi": 150, "pages": ["1-2", ""], "flag": True, "nothing": None},
            drop=Drop("uploads", "inbox/a b.pdf", "7", "etag"),
            warnings=({"code": "signed", "message": 'it\'s "signed"\n'},),
            result={"ratio": 0.1234, "report": {"empty": {}, "none": [], "zero": 0, "small": 0.0001}},
        )
        written = to_row(job, ttl=float(int(now)))
        assert harness.store.create(written)
        assert stands(harness.store, job.job_id) == written

    def test_hold_almost_400_kb(self, harness: Harness) -> None:
        made = row(harness.store, options={"text": "x" * 380_000})
        assert stands(harness.store, made["job_id"])["options"] == made["options"]

    def test_an_id_is_given_once(self, harness: Harness) -> None:
        made = row(harness.store)
        assert not harness.store.create(made | {"stage": "other"})
        assert stands(harness.store, made["job_id"])["stage"] == ""

    def test_what_is_not_there_is_none(self, harness: Harness) -> None:
        assert harness.store.get(new_id()) is None
        assert harness.store.change(new_id(), Change(Demands((Status.QUEUED,)), {"stage": "x"})) is None
        assert harness.store.batch(new_id()) is None
        assert harness.store.claimed_by("nothing") is None

    def test_every_one_is_found_by_who_looks_at_all(self, harness: Harness) -> None:
        assert list(harness.store.every()) == []
        harness.store.claim("something", new_id(), kept_seconds=KEPT)
        harness.store.create_batch(new_id(), [new_id()], kept_seconds=KEPT)
        queued = [row(harness.store) for _ in range(230)]
        failed = [row(harness.store, Status.FAILED) for _ in range(3)]

        def ids(rows: Iterable[Row]) -> list[str]:
            return sorted(item["job_id"] for item in rows)

        assert ids(harness.store.every()) == ids([*queued, *failed])
        assert ids(harness.store.every(Status.FAILED)) == ids(failed)
        assert list(harness.store.every(Status.RUNNING)) == []
        assert failed[0] in list(harness.store.every(Status.FAILED))

    def test_many_come_in_the_order_asked_for(self, harness: Harness) -> None:
        ids = [row(harness.store)["job_id"] for _ in range(120)]
        found = harness.store.get_many([*reversed(ids), new_id()])
        assert [item["job_id"] for item in found] == list(reversed(ids))
        assert harness.store.get_many([]) == []

    def test_what_a_reader_does_to_a_row_is_its_own_affair(self, harness: Harness) -> None:
        made = row(harness.store, options={"dpi": 150})
        stands(harness.store, made["job_id"])["options"]["dpi"] = 72
        made["options"]["dpi"] = 72
        assert stands(harness.store, made["job_id"])["options"] == {"dpi": 150}


class TestChanges:
    def test_set_add_and_remove_in_one_step(self, harness: Harness) -> None:
        made = row(harness.store, password="sealed", progress=40)
        change = Change(
            Demands((Status.QUEUED,)),
            {"status": Status.RUNNING, "result": {"bytes": 1, "ratio": 0.5}, "progress": 0},
            adds={"attempt": 1, "crashes": 2},
            removes=("password", "never_there"),
        )
        changed = harness.store.change(made["job_id"], change)
        expected = made | {"status": "running", "result": {"bytes": 1, "ratio": 0.5}, "progress": 0, "attempt": 1}
        assert changed == {n: v for n, v in (expected | {"crashes": 2}).items() if n != "password"}
        assert stands(harness.store, made["job_id"]) == changed

    def test_times_are_the_stores_own(self, harness: Harness) -> None:
        made = row(harness.store)
        before = harness.store.now()
        changed = harness.store.change(made["job_id"], Change(Demands((Status.QUEUED,)), {"lease_until": After(60)}))
        assert changed
        assert before + 60 - 0.001 <= changed["lease_until"] <= harness.store.now() + 60.001

    @pytest.mark.parametrize(
        ("fields", "demands", "met"),
        [
            ({}, Demands((Status.QUEUED, Status.RUNNING)), True),
            ({}, Demands((Status.RUNNING, Status.FAILED)), False),
            ({"attempt": 3}, Demands((Status.QUEUED,), attempt=3), True),
            ({"attempt": 3}, Demands((Status.QUEUED,), attempt=2), False),
            ({"attempt": 3}, Demands((Status.QUEUED,), attempt_below=4), True),
            ({"attempt": 3}, Demands((Status.QUEUED,), attempt_below=3), False),
            ({"due_at": 17.1234}, Demands((Status.QUEUED,), due_at=17.1234), True),
            ({"due_at": 17.1234}, Demands((Status.QUEUED,), due_at=17.1235), False),
            ({"error": {"code": "a", "message": ""}}, Demands((Status.QUEUED,), error_code="a"), True),
            ({"error": {"code": "a", "message": ""}}, Demands((Status.QUEUED,), error_code="b"), False),
            ({}, Demands((Status.QUEUED,), error_code="a"), False),
            ({"lease_until": 9e9}, Demands((Status.QUEUED,), lease_over=True), True),
            ({"status": "running", "lease_until": 9e9}, Demands((Status.RUNNING,), lease_over=True), False),
            ({"status": "running", "lease_until": 1.5}, Demands((Status.RUNNING,), lease_over=True), True),
            ({"status": "running"}, Demands((Status.RUNNING,), lease_over=True), False),
            ({"attempt": 1, "due_at": 5.0}, Demands((Status.QUEUED,), attempt=1, due_at=6.0), False),
        ],
    )
    def test_are_made_if_all_demands_are_met_and_else_not_at_all(
        self, harness: Harness, fields: Row, demands: Demands, met: bool
    ) -> None:
        made = row(harness.store, **fields)
        change = Change(demands, {"stage": "changed"}, adds={"attempt": 1}, removes=("options",))
        changed = harness.store.change(made["job_id"], change)
        assert changed == change.applied_to(made, harness.store.now())
        assert (changed is not None) == met
        assert stands(harness.store, made["job_id"]) == (changed or made)

    def test_a_number_that_is_read_can_be_demanded(self, harness: Harness) -> None:
        for number in (0.1 + 0.2, 1_764_250_000.123456789, 1e9, 3.0):
            made = row(harness.store, due_at=number)
            seen = stands(harness.store, made["job_id"])["due_at"]
            assert harness.store.change(made["job_id"], Change(Demands((Status.QUEUED,), due_at=seen), {"stage": "x"}))


class TestRaces:
    def race(self, number: int, what: Any) -> list[Any]:
        """What ``number`` threads get that call at the same moment."""
        gate = threading.Barrier(number)

        def run(index: int) -> Any:
            gate.wait()
            return what(index)

        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(run, range(number)))

    def test_of_two_hundred_who_want_the_lease_one_gets_it(self, harness: Harness) -> None:
        jobs, made = Jobs(harness.store), row(harness.store)
        got = self.race(200, lambda index: jobs.start(made["job_id"], f"message {index}", LEASE))
        [winner] = [job for job in got if job]
        assert winner.attempt == 1
        assert stands(harness.store, made["job_id"])["lease_message"] == winner.lease_message

    def test_of_many_who_end_a_job_one_does(self, harness: Harness) -> None:
        jobs, made = Jobs(harness.store), row(harness.store)
        started = jobs.start(made["job_id"], "m", LEASE)
        assert started

        def end(index: int) -> bool:
            if index % 2:
                return jobs.cancel(started, kept_seconds=KEPT) is not None
            try:
                jobs.succeed(started, success(started), kept_seconds=KEPT)
            except errors.LeaseLost:
                return False
            return True

        assert self.race(40, end).count(True) == 1

    def test_of_many_who_claim_all_hear_of_the_first(self, harness: Harness) -> None:
        ids = [new_id() for _ in range(40)]
        assert len(set(self.race(40, lambda index: harness.store.claim("b\nk\n1", ids[index], kept_seconds=KEPT)))) == 1

    def test_of_many_who_create_a_row_one_does(self, harness: Harness) -> None:
        made = to_row(Job(job_id=new_id(), status=Status.QUEUED, created_at=0, updated_at=0, due_at=0), ttl=1)
        assert self.race(40, lambda index: harness.store.create(made | {"stage": str(index)})).count(True) == 1

    def test_of_many_inputs_that_arrive_at_once_one_is_the_last(self, harness: Harness) -> None:
        jobs, made = Jobs(harness.store), row(harness.store, Status.AWAITING_UPLOAD, input_count=40)
        missing = self.race(40, lambda index: jobs.input_arrived(made["job_id"], index))
        assert sorted(missing) == list(range(40))


class TestDue:
    def test_finds_what_is_due_in_a_state_and_nothing_else(self, harness: Harness) -> None:
        now = harness.store.now()
        late, later = row(harness.store, due_at=now - 5), row(harness.store, due_at=now - 50)
        row(harness.store, due_at=now + 500)
        row(harness.store, Status.SUCCEEDED, due_at=now - 5)
        found = [item["job_id"] for item in harness.store.due(Status.QUEUED)]
        assert found == [later["job_id"], late["job_id"]]
        harness.pass_store_time(501)
        assert len(list(harness.store.due(Status.QUEUED))) == 3

    def test_leaves_out_what_has_moved_on_since(self, harness: Harness) -> None:
        now, jobs = harness.store.now(), Jobs(harness.store)
        made = [row(harness.store, due_at=now - seconds) for seconds in (50, 40, 30, 20)]
        found = harness.store.due(Status.QUEUED)
        assert next(found)["job_id"] == made[0]["job_id"]
        assert jobs.start(made[1]["job_id"], "m", LEASE)
        third = jobs.get(made[2]["job_id"])
        assert third
        assert jobs.postpone(third, 900)
        assert [item["job_id"] for item in found] == [made[3]["job_id"]]

    def test_counts_those_in_a_state(self, harness: Harness) -> None:
        for status in (Status.QUEUED, Status.QUEUED, Status.SUCCEEDED):
            row(harness.store, status)
        counted = {status: harness.store.count(status) for status in (Status.QUEUED, Status.RUNNING, Status.SUCCEEDED)}
        assert counted == {Status.QUEUED: 2, Status.RUNNING: 0, Status.SUCCEEDED: 1}


class TestOwned:
    def of(self, harness: Harness, owner: str, *created_at: float) -> list[str]:
        """The ids of rows of an owner that were made at these times."""
        return [row(harness.store, owner=owner, created_at=time)["job_id"] for time in created_at]

    def test_finds_an_owners_rows_newest_first_and_nobody_elses(self, harness: Harness) -> None:
        oldest, newest, between = self.of(harness, "me", 17.25, 1_764_250_000.1234, 400)
        self.of(harness, "you", 18)
        row(harness.store)
        found = harness.store.owned("me", None, 10)
        assert [item["job_id"] for item in found] == [newest, between, oldest]
        assert found == [stands(harness.store, item["job_id"]) for item in found]
        assert harness.store.owned("nobody", None, 10) == []

    def test_goes_on_behind_a_place(self, harness: Harness) -> None:
        ids = self.of(harness, "me", *range(7), *[7.5] * 3)  # three are of one moment
        found: list[Row] = []
        while page := harness.store.owned("me", (found[-1]["created_at"], found[-1]["job_id"]) if found else None, 4):
            assert len(page) == 4 or len(found) + len(page) == len(ids)
            found += page
        assert sorted(item["job_id"] for item in found) == sorted(ids)
        assert [item["job_id"] for item in found[3:]] == ids[6::-1]

    def test_shows_rows_as_they_stand(self, harness: Harness) -> None:
        jobs, made = Jobs(harness.store), row(harness.store, owner="me")
        assert jobs.start(made["job_id"], "m", LEASE)
        [found] = jobs.owned("me", None, 10)
        assert (found.status, found.owner, found.attempt) == (Status.RUNNING, "me", 1)


class TestClaimsAndBatches:
    def test_the_first_claim_holds(self, harness: Harness) -> None:
        claim = harness.store.claim
        assert claim("bucket\nkey\n1", "job-a", kept_seconds=KEPT) == "job-a"
        assert claim("bucket\nkey\n1", "job-b", kept_seconds=KEPT) == "job-a"
        assert claim("bucket\nkey\n2", "job-b", kept_seconds=KEPT) == "job-b"
        assert harness.store.claimed_by("bucket\nkey\n1") == "job-a"

    def test_a_claim_is_given_up_by_who_holds_it_and_nobody_else(self, harness: Harness) -> None:
        claim, held = harness.store.claim, "a" * 64
        assert claim("what", held, kept_seconds=KEPT) == held
        harness.store.unclaim("what", "b" * 64)
        harness.store.unclaim("never claimed", held)
        assert harness.store.claimed_by("what") == held
        harness.store.unclaim("what", held)
        assert harness.store.claimed_by("what") is None
        assert claim("what", "job-b", kept_seconds=KEPT) == "job-b"

    def test_any_text_can_be_claimed(self, harness: Harness) -> None:
        for number, what in enumerate(("", "é\n\x00'\"%", "文" * 5_000, "x" * 5_000)):
            assert harness.store.claim(what, f"job-{number}", kept_seconds=KEPT) == f"job-{number}"
            assert harness.store.claimed_by(what) == f"job-{number}"

    def test_a_batch_keeps_its_order(self, harness: Harness) -> None:
        batch_id, ids = new_id(), [new_id() for _ in range(100)]
        harness.store.create_batch(batch_id, ids, kept_seconds=KEPT)
        assert harness.store.batch(batch_id) == ids

    def test_no_job_is_found_under_their_names(self, harness: Harness) -> None:
        batch_id = new_id()
        harness.store.create_batch(batch_id, [new_id()], kept_seconds=KEPT)
        for name in (batch_id, f"batch#{batch_id}"):
            assert harness.store.get(name) is None
            assert harness.store.get_many([name]) == []


class TestForgetting:
    def test_what_must_still_be_known_stays(self, harness: Harness) -> None:
        made, batch_id = row(harness.store), new_id()
        harness.store.claim("what", made["job_id"], kept_seconds=KEPT)
        harness.store.create_batch(batch_id, [made["job_id"]], kept_seconds=KEPT)
        assert harness.store.forget_old() == 0
        assert stands(harness.store, made["job_id"]) == made
        assert harness.store.claimed_by("what") == made["job_id"]
        assert harness.store.batch(batch_id) == [made["job_id"]]

    def test_the_rest_goes(self, harness: Harness) -> None:
        if not harness.forgets_when_told:
            pytest.skip("the store forgets by itself")
        made, batch_id = [row(harness.store) for _ in range(3)], new_id()
        harness.store.claim("what", "job", kept_seconds=KEPT)
        harness.store.create_batch(batch_id, ["job"], kept_seconds=KEPT)
        later = Change(Demands((Status.QUEUED,)), {"ttl": After(3 * KEPT)})
        assert harness.store.change(made[0]["job_id"], later)
        harness.pass_store_time(KEPT + 2)
        assert harness.store.forget_old() == 4
        assert harness.store.get_many(item["job_id"] for item in made) == [stands(harness.store, made[0]["job_id"])]
        assert harness.store.claimed_by("what") is None
        assert harness.store.batch(batch_id) is None
        assert harness.store.forget_old() == 0


class TestHalfWay:
    def test_an_attempt_that_lost_its_lease_writes_nothing(self, harness: Harness) -> None:
        jobs, made = Jobs(harness.store), row(harness.store)
        first = jobs.start(made["job_id"], "m", LEASE)
        harness.pass_store_time(LEASE + 1)
        second = jobs.start(made["job_id"], "m", LEASE)
        assert first
        assert second
        before = stands(harness.store, made["job_id"])
        for write in (
            lambda: jobs.renew(first, LEASE, stage="images", progress=1),
            lambda: jobs.succeed(first, success(first), kept_seconds=KEPT),
            lambda: jobs.fail_attempt(first, {"code": "x", "message": ""}, kept_seconds=KEPT),
            lambda: jobs.release(first, due_in=1),
        ):
            with pytest.raises(errors.LeaseLost):
                write()
        assert stands(harness.store, made["job_id"]) == before

    @pytest.mark.parametrize("ahead", [-5.0, 5.0])
    def test_clocks_five_seconds_apart_take_no_lease_from_a_worker_whose_heart_beats(
        self, harness: Harness, ahead: float
    ) -> None:
        mine, others = Jobs(harness.store), Jobs(harness.another_store(ahead))
        made = row(harness.store)
        started = mine.start(made["job_id"], "m", LEASE)
        assert started
        for _ in range(12):  # two beats late or lost between any two that come through
            harness.pass_store_time(30)
            assert others.start(made["job_id"], "other", LEASE) is None
            assert not [job for job in others.due(Status.RUNNING) if job.job_id == made["job_id"]]
            mine.renew(started, LEASE)
        harness.pass_store_time(LEASE + 6)
        assert others.start(made["job_id"], "other", LEASE)
        with pytest.raises(errors.LeaseLost):
            mine.renew(started, LEASE)

    @pytest.mark.parametrize("ahead", [-5.0, 5.0])
    def test_nor_do_they_lose_or_double_an_end(self, harness: Harness, ahead: float) -> None:
        mine, others = Jobs(harness.store), Jobs(harness.another_store(ahead))
        made = row(harness.store)
        started = mine.start(made["job_id"], "m", LEASE)
        assert started
        done = mine.succeed(started, success(started), kept_seconds=KEPT)
        assert others.cancel(done, kept_seconds=KEPT) is None
        assert others.start(done.job_id, "other", LEASE) is None
        assert done.expires_at == pytest.approx(harness.store.now() + KEPT, abs=2)
