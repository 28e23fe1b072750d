"""Several processes on one database."""

from __future__ import annotations

import os
from collections import Counter

from pdfsmaller import events
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from tests.server.database.conftest import Place
from tests.server.database.parts import VISIBILITY_SECONDS, queue, store
from tests.server.database.processes import ended, said, start

PROCESSES = 3


def test_each_message_is_received_by_one(place: Place) -> None:
    messages = queue(place.open())
    for index in range(100):
        messages.announce(events.ObjectCreated("uploads", f"inbox/{index}", "1"))
    code = """
while message := messages.receive():
    messages.acknowledge(message)
    say(events.parse(message.body)[0].key)
"""
    processes = [start(place.url, code) for _ in range(PROCESSES)]
    found = Counter(key for process in processes for key in ended(process))
    assert found == Counter(f"inbox/{index}" for index in range(100))
    assert messages.depth() == {"waiting": 0, "in_flight": 0}


def test_each_job_is_started_by_one(place: Place) -> None:
    jobs = Jobs(store(place.open()))
    now = jobs.now()
    ids = [new_id() for _ in range(50)]
    for job_id in ids:
        assert jobs.create(Job(job_id=job_id, status=Status.QUEUED, created_at=now, updated_at=now, due_at=now + 900))
    code = """
for job_id in sys.argv[2:]:
    if jobs.start(job_id, "m", 60):
        say(job_id)
"""
    processes = [start(place.url, code, *ids) for _ in range(PROCESSES)]
    assert Counter(job_id for process in processes for job_id in ended(process)) == Counter(ids)


def test_all_hear_of_the_first_claim(place: Place) -> None:
    code = """
for number in range(50):
    say(jobs.claim(f"what {number}", f"{sys.argv[2]}-{number}"))
"""
    processes = [start(place.url, code, str(index)) for index in range(PROCESSES)]
    heard = {tuple(ended(process)) for process in processes}
    assert len(heard) == 1


def test_what_a_killed_process_had_received_comes_again_in_its_time(place: Place) -> None:
    messages = queue(place.open())
    messages.announce(events.ObjectCreated("uploads", "inbox/a", "1"))
    process = start(place.url, "say(messages.receive().message_id); time.sleep(60)")
    message_id = said(process)
    process.kill()
    process.communicate()
    assert messages.receive() is None
    place.forward(VISIBILITY_SECONDS + 1)
    again = messages.receive()
    assert again
    assert (again.message_id, again.receive_count) == (message_id, 2)


def test_one_who_waits_is_woken_by_another_process(place: Place) -> None:
    process = start(
        place.url,
        """
messages.wait(0)
say("waiting")
begun = time.monotonic()
while (message := messages.receive()) is None:
    messages.wait(60)
say(time.monotonic() - begun)
""",
    )
    assert said(process) == "waiting"
    queue(place.open()).announce(events.ObjectCreated("uploads", "inbox/a", "1"))
    [waited] = ended(process)
    assert float(waited) < 30


def test_after_a_fork_parent_and_child_go_on_each_with_connections_of_its_own(place: Place) -> None:
    created = events.ObjectCreated("uploads", "inbox/a", "1")
    messages = queue(place.open())
    messages.announce(created)
    messages.wait(0)
    child = os.fork()
    if child == 0:
        try:
            message = messages.receive()
            messages.acknowledge(message)
            messages.announce(created)
            messages.announce(created)
            messages.wait(0)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert messages.depth() == {"waiting": 2, "in_flight": 0}
    messages.announce(created)
    assert messages.depth() == queue(place.open()).depth() == {"waiting": 3, "in_flight": 0}
    messages.wait(0.1)
