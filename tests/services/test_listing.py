"""An API key's own jobs, page by page."""

from __future__ import annotations

import base64
import json

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.listing import LIMIT_MAX, own_jobs
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room

ONE, OTHER = Caller("one", ""), Caller("other", "")
MemoryRoom = Room[MemoryStorage]


@pytest.fixture
def room(clock: Clock) -> MemoryRoom:
    return Room(clock, MemoryStorage(clock))


def reserve(room: MemoryRoom, caller: Caller, number: int) -> list[str]:
    """So many jobs, a second after one another; their ids, the newest first."""
    made = []
    for _ in range(number):
        made.append(room.submitting.reserve_upload({"name": "a.pdf"}, caller=caller)[0].job_id)
        room.clock.forward(1)
    return made[::-1]


def page(room: MemoryRoom, caller: Caller = ONE, cursor: str = "", limit: str = "") -> tuple[list[str], str | None]:
    jobs, following = own_jobs(room.world, room.submitting, caller, cursor, limit)
    return [job.job_id for job in jobs], following


def test_pages_hold_each_job_once_the_newest_first(room: MemoryRoom) -> None:
    reserve(room, OTHER, 2)
    mine = reserve(room, ONE, 5)
    reserve(room, ANYBODY, 1)
    found: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        some, cursor = page(room, cursor=cursor, limit="2")
        found += some
        pages += 1
        if pages == 1:
            reserve(room, ONE, 1)  # newer ones do not move those behind the cursor
    assert found == mine
    assert pages == 3
    assert page(room, Caller("nobody", "")) == ([], None)


def test_one_past_its_time_is_expired_here_too(room: MemoryRoom) -> None:
    [job_id] = reserve(room, ONE, 1)
    room.submitting.delete(job_id, caller=ONE)
    room.clock.forward(25 * 3_600)
    [job] = own_jobs(room.world, room.submitting, ONE)[0]
    assert job.status is Status.EXPIRED


def test_without_a_key_there_is_no_list(room: MemoryRoom) -> None:
    reserve(room, ANYBODY, 1)
    with pytest.raises(errors.Unauthorized, match="this request has none"):
        page(room, ANYBODY)


def test_a_cursor_leads_to_nobody_elses_jobs(room: MemoryRoom) -> None:
    theirs = reserve(room, OTHER, 3)
    mine = reserve(room, ONE, 1)
    _, cursor = page(room, OTHER, limit="1")
    assert cursor
    assert page(room, ONE, cursor=cursor)[0] == []
    assert page(room, OTHER, cursor=cursor)[0] == theirs[1:]
    assert page(room, ONE)[0] == mine


def made_up(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ü",
        "%%%",
        "A" * 300,
        made_up([1]),
        made_up(["a", "0" * 32]),
        made_up([1.0, "no id"]),
        made_up([float("nan"), "0" * 32]),
        made_up([float("inf"), "0" * 32]),
        made_up([10**400, "0" * 32]),
        made_up({"a": 1}),
    ],
)
def test_what_is_no_cursor_is_refused(room: MemoryRoom, cursor: str) -> None:
    with pytest.raises(errors.InvalidOption) as refused:
        page(room, cursor=cursor)
    assert refused.value.field == "cursor"


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", str(LIMIT_MAX + 1), "²"])
def test_a_limit_is_bounded(room: MemoryRoom, limit: str) -> None:
    with pytest.raises(errors.InvalidOption) as refused:
        page(room, limit=limit)
    assert refused.value.field == "limit"
