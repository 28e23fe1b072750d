"""``pdfsmaller admin jobs``, ``redrive`` and ``purge``: on a server of one's own, and on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.jobs.keys import input_key, job_prefix
from pdfsmaller.jobs.model import Job, JobInput, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.world import World
from tests.aws_stack import Stack
from tests.operating.conftest import Admin, Service, made


@dataclass
class Room:
    """A world with jobs in it, and the settings by which a command finds it."""

    world: World
    named: dict[str, str]

    def job(self, status: Status = Status.QUEUED, *, ago: float = 0.0, **fields: Any) -> str:
        """A job with a file, as old as said."""
        now = self.world.jobs.now()
        job = Job(
            job_id=new_id(),
            status=status,
            created_at=now - ago,
            updated_at=now - ago,
            due_at=now + 900,
            inputs=(JobInput("private.pdf", 5),),
            **fields,
        )
        assert self.world.jobs.create(job)
        storage = self.world.storage
        storage.put_file(storage.uploads, input_key(job.job_id, 0), b"%PDF-", media_type="application/pdf")
        return job.job_id

    def files(self, job_id: str) -> int:
        storage = self.world.storage
        return sum(1 for bucket in (storage.uploads, storage.results) for _ in storage.list(bucket, job_prefix(job_id)))


@pytest.fixture(params=["server", "aws"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    if request.param == "server":
        service: Service = made(tmp_path / "service")
        yield Room(service.world, service.named)
        return
    stack: Stack = request.getfixturevalue("stack")
    named = {
        name.upper(): str(getattr(stack.settings, name))
        for name in ("jobs_table", "uploads_bucket", "results_bucket", "compress_queue_url", "dead_letter_queue_url")
    }
    yield Room(stack.world, named)


def ids(admin: Admin, room: Room, *arguments: str) -> list[str]:
    return [row["id"] for row in json.loads(admin("jobs", "--json", *arguments, **room.named).must().out)]


class TestList:
    def test_the_newest_come_first_page_by_page(self, admin: Admin, room: Room) -> None:
        made_jobs = [room.job(ago=60.0 * number) for number in range(7)]
        assert ids(admin, room) == made_jobs
        first = admin("jobs", "--limit", "3", **room.named).must()
        assert first.err == f"There may be more: --before {made_jobs[2]}\n"
        assert ids(admin, room, "--limit", "3", "--before", made_jobs[2]) == made_jobs[3:6]
        assert ids(admin, room, "--limit", "3", "--before", made_jobs[5]) == made_jobs[6:]

    def test_only_what_is_asked_for(self, admin: Admin, room: Room) -> None:
        error = {"code": "not_a_pdf", "message": "No."}
        failed = room.job(Status.FAILED, ago=7_000, error=error, owner="a")
        running = room.job(Status.RUNNING, ago=3_000, owner="a")
        merged = room.job(ago=30, operation="merge")
        every = [merged, running, failed]
        assert ids(admin, room) == every
        assert ids(admin, room, "--status", "running", "--status", "failed") == [running, failed]
        assert ids(admin, room, "--key", "a") == [running, failed]
        assert ids(admin, room, "--key", "") == [merged]
        assert ids(admin, room, "--operation", "merge") == [merged]
        assert ids(admin, room, "--since", "1h") == [merged, running]
        assert ids(admin, room, "--since", "2020-01-01") == every
        assert ids(admin, room, "--code", "not_a_pdf") == [failed]
        assert ids(admin, room, "--code", "not_a_pdf", "--since", "1h") == []

    def test_people_read_a_table(self, admin: Admin, room: Room) -> None:
        assert admin("jobs", **room.named).must().out == "There are no such jobs.\n"
        job_id = room.job(Status.FAILED, error={"code": "not_a_pdf", "message": "No."})
        head, line = admin("jobs", **room.named).must().out.splitlines()
        assert head.split() == ["ID", "STATUS", "OPERATION", "CREATED", "UPDATED", "ATTEMPT", "BYTES", "KEY", "CODE"]
        assert line.split()[:3] == [job_id, "failed", "compress"]
        assert line.split()[-3:] == ["5", "-", "not_a_pdf"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--status", "done"], "awaiting_upload"),
            (["--operation", "x"], "compress"),
            (["--since", "yesterday"], "24h"),
            (["--before", "0" * 32], "no job"),
        ],
    )
    def test_what_makes_no_sense_is_said(self, admin: Admin, room: Room, arguments: list[str], said: str) -> None:
        ran = admin("jobs", *arguments, **room.named)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert said in ran.err


def test_one_is_shown_without_its_secrets(admin: Admin, room: Room) -> None:
    job_id = room.job(password="sealed")
    out = admin("jobs", "show", job_id, **room.named).must().out
    shown = json.loads(out)
    assert (shown["job_id"], shown["password"], shown["callback"]) == (job_id, True, False)
    assert [file["key"] for file in shown["files"]] == [input_key(job_id, 0)]
    assert shown["dead_letter"] is None
    assert "sealed" not in out


class TestRedrive:
    """On a server of one's own; what a queue does is in tests/contracts."""

    def test_one_jobs_or_all(self, admin: Admin, service: Service, pdf: bytes) -> None:
        jobs = [service.submit(pdf) for _ in range(3)]
        for _ in range(service.world.settings.max_receive_count):
            for _ in jobs:
                service.world.queue.retry_in(service.receive(), 0)
        assert service.world.queue.receive() is None  # type: ignore[attr-defined]
        service.clean_up()
        assert {service.job(job_id).status for job_id in jobs} == {Status.FAILED}
        dead = json.loads(admin("jobs", "show", jobs[0], **service.named).must().out)["dead_letter"]
        assert dead
        assert admin("redrive", jobs[0], **service.named).must().out == "Sent anew: 1 dead letter.\n"
        service.work()
        assert [service.job(job_id).status for job_id in jobs] == [Status.SUCCEEDED, Status.FAILED, Status.FAILED]
        again = admin("redrive", jobs[0], **service.named)
        assert (again.code, "No dead letter" in again.err) == (2, True)
        assert admin("redrive", **service.named).must().out == "Sent anew: 2 dead letters.\n"
        service.work()
        assert {service.job(job_id).status for job_id in jobs} == {Status.SUCCEEDED}


class TestPurge:
    def test_says_first_what_would_go(self, admin: Admin, room: Room) -> None:
        old = room.job(Status.SUCCEEDED, ago=90_000)
        for arguments in (["--ended-before", "24h"], ["--job", old], ["--dead-letters"]):
            ran = admin("purge", *arguments, **room.named)
            assert (ran.code, "Nothing was deleted" in ran.err) == (2, True)
        assert room.files(old) == 1

    def test_of_what_ended_long_ago(self, admin: Admin, room: Room) -> None:
        old = [room.job(status, ago=90_000) for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)]
        kept = [room.job(Status.SUCCEEDED, ago=3_000), room.job(Status.RUNNING, ago=90_000), room.job(ago=90_000)]
        assert (
            "Deleted: the files of 3 jobs." in admin("purge", "--ended-before", "24h", "--yes", **room.named).must().out
        )
        assert [room.files(job_id) for job_id in [*old, *kept]] == [0, 0, 0, 1, 1, 1]
        statuses = [found.status for job_id in [*old, *kept] if (found := room.world.jobs.get(job_id))]
        assert statuses == [
            Status.EXPIRED,
            Status.EXPIRED,
            Status.CANCELLED,
            Status.SUCCEEDED,
            Status.RUNNING,
            Status.QUEUED,
        ]

    def test_of_one_that_is_not_done_ends_it(self, admin: Admin, room: Room) -> None:
        this, other = room.job(owner="a"), room.job(owner="a")
        admin("purge", "--job", this, "--yes", **room.named).must()
        assert [room.files(job_id) for job_id in (this, other)] == [0, 1]
        found = room.world.jobs.get(this)
        assert found
        assert found.status is Status.CANCELLED

    def test_of_dead_letters(self, admin: Admin, service: Service, pdf: bytes) -> None:
        service.submit(pdf)
        for _ in range(service.world.settings.max_receive_count):
            service.world.queue.retry_in(service.receive(), 0)
        assert service.world.queue.receive() is None  # type: ignore[attr-defined]
        assert "--yes deletes 1 dead letter." in admin("purge", "--dead-letters", **service.named).err
        assert "Deleted: 1 dead letter." in admin("purge", "--dead-letters", "--yes", **service.named).must().out
        assert admin("redrive", **service.named).must().out == "Sent anew: 0 dead letters.\n"

    @pytest.mark.parametrize("arguments", [[], ["--job", "1", "--dead-letters"]])
    def test_of_one_thing_at_a_time(self, admin: Admin, tmp_path: Path, arguments: list[str]) -> None:
        ran = admin("purge", *arguments, "--yes", "--data", tmp_path)
        assert (ran.code, "one of them" in ran.err) == (2, True)


@pytest.mark.parametrize("command", [["redrive"], ["purge", "--dead-letters", "--yes"]])
def test_on_aws_the_queues_must_be_named(admin: Admin, stack: Stack, command: list[str]) -> None:
    ran = admin(*command, JOBS_TABLE=stack.settings.jobs_table)
    assert (ran.code, "DEAD_LETTER_QUEUE_URL" in ran.err) == (2, True)
