"""``pdfsmaller admin status``: for programs all there is, for people what there is to see."""

from __future__ import annotations

import json

import pytest

from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.server.database.schema import VERSIONS
from tests.aws_stack import Stack
from tests.operating.conftest import Admin, Service


def test_says_how_all_stands(admin: Admin, service: Service, pdf: bytes) -> None:
    service.submit(pdf)
    service.submit(pdf)
    service.world.ends.cancel(service.job(service.submit(pdf)), kept_seconds=3_600)
    service.receive()
    workers = service.world.workers
    assert workers
    workers.seen(WorkerInfo("1", "a-host", 12, "1", 0.0, ("landlock",)))
    admin("backup", **service.named).must()
    told = json.loads(admin("status", "--json", **service.named).must().out)
    assert told["schema"] == {"found": VERSIONS[-1], "wanted": VERSIONS[-1]}
    assert told["store"] == "sqlite"
    assert {state: number for state, number in told["jobs"].items() if number} == {"queued": 2, "cancelled": 1}
    assert set(told["jobs"]) == set(Status)
    assert (told["queues"]["jobs"]["waiting"], told["queues"]["jobs"]["in_flight"]) == (2, 1)
    assert told["queues"]["jobs"]["dead_letters"] == 0
    assert [worker["host"] for worker in told["workers"]] == ["a-host"]
    assert 0 < told["storage"]["used_ratio"] <= 1
    assert told["database"]["bytes"] > 4096
    assert (told["backups"]["count"], told["backups"]["folder"]) == (1, service.named["BACKUP_DIR"])

    shown = admin("status", **service.named).must().out
    assert "jobs:               2 queued, 1 cancelled\n" in shown
    assert "workers:            1, on a-host\n" in shown
    assert "DEAD" not in shown
    assert f"tables:             version {VERSIONS[-1]}\n" in shown


def test_says_what_is_wrong(admin: Admin, service: Service, pdf: bytes) -> None:
    service.submit(pdf)
    for _ in range(service.world.settings.max_receive_count):
        service.world.queue.retry_in(service.receive(), 0)
    assert service.world.queue.receive() is None  # type: ignore[attr-defined]
    shown = admin("status", **service.named).must().out
    assert "1 DEAD LETTER: pdfsmaller admin redrive" in shown
    assert "NONE was seen lately" in shown
    assert "backups:            NONE, in" in shown
    assert "BACKUP_DIR is not set" in admin("status", **service.named | {"BACKUP_DIR": ""}).must().out


@pytest.mark.parametrize("version", [None, VERSIONS[0]])
def test_of_tables_that_are_not_this_programs(admin: Admin, service: Service, version: str | None) -> None:
    if version:
        admin("migrate", "--to", version, **service.named).must()
    told = json.loads(admin("status", "--json", **service.named).must().out)
    assert (told["schema"]["found"], told["jobs"]) == (version, None)
    assert "pdfsmaller admin migrate" in admin("status", **service.named).must().out


def test_on_aws_what_there_is(admin: Admin, stack: Stack) -> None:
    named = {name.upper(): str(getattr(stack.settings, name)) for name in stack.settings.model_fields_set}
    told = json.loads(admin("status", "--json", **named).must().out)
    assert (told["store"], told["schema"], told["workers"], told["backups"]) == ("aws", None, None, None)
    assert set(told["jobs"]) == set(Status)
    assert told["queues"]["jobs"]["waiting"] == 0
    assert admin("status", **named).must().out.startswith("version:")


def test_on_aws_queues_that_are_not_named_are_left_out(admin: Admin, stack: Stack) -> None:
    told = json.loads(admin("status", "--json", JOBS_TABLE=stack.settings.jobs_table).must().out)
    assert (told["queues"], set(told["jobs"])) == ({}, set(Status))


def test_on_aws_what_is_refused_is_said_in_one_line(admin: Admin, stack: Stack) -> None:
    ran = admin("status", JOBS_TABLE="another")
    assert (ran.code, ran.out, ran.err.count("\n")) == (7, "", 1)
    assert "ResourceNotFound" in ran.err
