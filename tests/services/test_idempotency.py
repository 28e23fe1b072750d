"""The same request, sent twice, late, at once, by another, or after the first one died half-way."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from pdfsmaller import errors
from pdfsmaller.access.keys import Keys
from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.ports import JobStore
from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.job_store import SqlJobStore
from pdfsmaller.services import idempotency
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.ends import Ends
from pdfsmaller.services.idempotency import Idempotency, Once, checked_key
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from tests import documents, postgres
from tests.aws_stack import Clock
from tests.memory import MemoryJobStore, MemoryKeyStore, MemoryQueue, MemoryStorage

PDF = documents.text(1)
SOMEBODY = Caller(None, "192.0.2.1")


class TestKeys:
    @pytest.mark.parametrize("key", ["a", "8e03978e-40d5-43e8-bc93-6894a57f9324", "x" * 255, "with spaces and ,;"])
    def test_any_visible_text_is_one(self, key: str) -> None:
        assert checked_key(key) == key

    def test_quotation_marks_around_it_are_not_its_own(self) -> None:
        assert checked_key('"8e03978e"') == checked_key("8e03978e") == "8e03978e"

    @pytest.mark.parametrize("key", ["", " ", '""', "x" * 256, "a\x00b", "a\tb", "a\x7f", "schlüssel", "\U0001f511"])
    def test_anything_else_is_refused(self, key: str) -> None:
        with pytest.raises(errors.InvalidIdempotencyKey, match="1 to 255"):
            checked_key(key)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Iterator[JobStore]:
    if request.param == "memory":
        yield MemoryJobStore(clock)
    elif request.param == "sqlite":
        yield SqlJobStore(request.getfixturevalue("sqlite"))
    else:
        server: postgres.Server = request.getfixturevalue("postgres_server")
        with server.new_database() as name, postgres.opened(server, name) as database:
            yield SqlJobStore(database)


@pytest.fixture
def world(store: JobStore, clock: Clock) -> World:
    return _world(store, clock)


def _world(store: JobStore, clock: Clock) -> World:
    jobs, keys = Jobs(store), Keys(MemoryKeyStore(), clock)
    queue, storage = MemoryQueue(clock), MemoryStorage(clock)
    apart = {"callbacks": MemoryQueue(clock), "keys": keys, "counters": LocalCounters(clock)}
    return World(Settings(), jobs, Ends(jobs), queue, storage, **apart)


def once(world: World, *, key: str = "key", content: bytes = b"request", caller: Caller = SOMEBODY) -> tuple[Job, bool]:
    """A request that makes one job of one file."""
    submitting = SubmitService(world)

    def make(under: str) -> list[Job]:
        return submitting.submit_files([IncomingFile("a.pdf", io.BytesIO(PDF))], {}, caller=caller, under=under)

    jobs, replayed = Idempotency(world).do(
        Once(key, content, caller),
        make,
        lambda jobs: jobs[0].job_id,
        lambda made: submitting.one_or_batch(made, caller=caller),
    )
    return jobs[0], replayed


def test_a_second_one_gets_the_first_ones_job_as_it_stands(world: World) -> None:
    first, replayed = once(world)
    assert not replayed
    assert world.jobs.start(first.job_id, "m", 60)
    again, replayed = once(world)
    assert replayed
    assert (again.job_id, again.status) == (first.job_id, Status.RUNNING)
    assert world.queue.depth()["waiting"] == 1


def test_another_request_with_the_same_key_is_refused(world: World) -> None:
    once(world)
    with pytest.raises(errors.IdempotencyKeyReused):
        once(world, content=b"another")
    assert world.queue.depth()["waiting"] == 1


def test_keys_of_others_are_others(world: World) -> None:
    callers = [SOMEBODY, Caller(None, "192.0.2.2"), Caller("key-a", "192.0.2.1"), Caller("key-b", "192.0.2.1"), ANYBODY]
    assert len({once(world, caller=caller)[0].job_id for caller in callers}) == len(callers)
    assert once(world, content=b"another's", caller=Caller("key-c", ""))[1] is False


def test_an_owner_may_come_from_anywhere(world: World) -> None:
    first, _ = once(world, caller=Caller("key", "192.0.2.1"))
    assert once(world, caller=Caller("key", "198.51.100.7")) == (first, True)


def test_of_many_at_once_one_makes_the_job(world: World) -> None:
    gate = threading.Barrier(12)

    def send(_: int) -> tuple[Job, bool]:
        gate.wait()
        return once(world)

    with ThreadPoolExecutor(12) as pool:
        got = list(pool.map(send, range(12)))
    assert len({job.job_id for job, _ in got}) == 1
    assert [replayed for _, replayed in got].count(False) == 1
    assert world.queue.depth()["waiting"] == 1


def test_one_that_could_not_be_taken_in_leaves_its_key_free(world: World) -> None:
    def fail(under: str) -> None:
        raise errors.StorageFull("full")

    asked = Once("key", b"request", SOMEBODY)
    with pytest.raises(errors.StorageFull):
        Idempotency(world).do(asked, fail, str, lambda made: None)
    job, replayed = once(world)
    assert not replayed
    assert job.status is Status.QUEUED
    assert once(world, content=b"request") == (job, True)


class TestWhileTheFirstIsTakenIn:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idempotency, "_WAIT_SECONDS", 0.3)

    def test_the_second_waits_a_little_and_is_told_when_to_come_again(self, world: World) -> None:
        taken_in, go_on = threading.Event(), threading.Event()

        def slowly(under: str) -> str:
            taken_in.set()
            assert go_on.wait(30)
            return under

        asked = Once("key", b"request", SOMEBODY)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(Idempotency(world).do, asked, slowly, str, str)
            assert taken_in.wait(30)
            with pytest.raises(errors.RequestInProgress) as caught:
                once(world)
            assert caught.value.retry_after
            with pytest.raises(errors.IdempotencyKeyReused):
                once(world, content=b"another")
            go_on.set()
            made, _ = first.result()
        assert Idempotency(world).do(asked, slowly, str, str) == (made, True)

    @pytest.mark.parametrize("dies_at", ["create", "put_file", "queue", "note"])
    def test_where_the_first_one_died_the_next_goes_on_with_its_job(
        self, store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch, dies_at: str
    ) -> None:
        """Killed: no clearing away, no answer. The time of a claim is the store's, so the test says what time it is."""

        class Killed(BaseException):
            pass

        def die(*_: object, **__: object) -> None:
            raise Killed

        world = _world(store, clock)
        with monkeypatch.context() as patch:
            if dies_at == "put_file":
                patch.setattr(MemoryStorage, "put_file", die)
            elif dies_at == "note":
                claim, calls = Jobs.claim, []

                def second_dies(jobs: Jobs, what: str, job_id: str, **kept: float) -> str:
                    calls.append(what)
                    return claim(jobs, what, job_id, **kept) if len(calls) == 1 else str(die())

                patch.setattr(Jobs, "claim", second_dies)
            else:
                patch.setattr(Jobs, dies_at, die)
            with suppress(Killed):
                once(world)
        with pytest.raises(errors.RequestInProgress):
            once(world)
        now = store.now
        monkeypatch.setattr(world.jobs, "now", lambda: now() + 61)
        job, replayed = once(world)
        assert not replayed
        assert job.status is Status.QUEUED
        assert once(world) == (job, True)
        assert world.queue.depth()["waiting"] == 1
        assert isinstance(world.storage, MemoryStorage)
        assert len(list(world.storage.list("uploads", "jobs/"))) == 1


def test_after_a_day_the_key_is_forgotten_whether_or_not_the_store_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = once(world)
    now = world.jobs.now
    monkeypatch.setattr(world.jobs, "now", lambda: now() + 24 * 3_600 + 2)
    later, replayed = once(world, content=b"another")
    assert not replayed
    assert later.job_id != first.job_id


def test_what_the_store_keeps_tells_nothing_of_the_request(sqlite: Database, clock: Clock) -> None:
    world = _world(SqlJobStore(sqlite), clock)
    once(world, key="secret-key", content=b"secret-password")
    with sqlite.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM claims").all())
    assert "secret" not in kept
    assert "192.0.2.1" not in kept


def test_a_batch_is_gone_on_with_under_its_ids(world: World) -> None:
    submitting = SubmitService(world)

    def send() -> list[Job]:
        files = [IncomingFile(f"{n}.pdf", io.BytesIO(PDF)) for n in range(3)]
        return submitting.submit_files(files, {}, caller=SOMEBODY, under="b" * 32)

    first = send()
    assert world.jobs.start(first[0].job_id, "m", 60)
    second = send()
    assert [job.job_id for job in second] == [job.job_id for job in first] == world.jobs.batch("b" * 32)
    assert second[0].status is Status.RUNNING
    assert world.queue.depth()["waiting"] == 3
