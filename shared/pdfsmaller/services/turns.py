"""Whose turn it is: one caller's thousand jobs do not keep another's one waiting.

A server's queue hands out messages by turns itself (``WorkQueue.receive``). Where the queue knows of no callers (SQS,
into which S3 itself sends) whoever is led to a job looks along the line (``Line``): while somebody waits of whom fewer
jobs run, or as many and whose last turn was longer ago, the message goes back for some seconds. It is not counted for
that: no attempt of the job, no delivery on its way to the dead letters. Who of all that wait has the first right to a
turn is never sent back, so no worker is idle for fairness' sake while one's jobs are at hand.

Turns are counted in jobs, not in seconds: whoever's turn it is waits at most for a worker to get free.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import TYPE_CHECKING

from pdfsmaller.access.addresses import network
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from collections import Counter

    from pdfsmaller.jobs.messages import Message
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Line
    from pdfsmaller.services.caller import Caller
    from pdfsmaller.services.world import World
    from pdfsmaller.settings import Settings

logger = get_logger("compress")

#: All that is dropped into the bucket's ``inbox/`` takes turns as one caller.
DROPS = "inbox"
#: So does what programs of our own submit: the watched folder.
OWN = "own"
#: A backfill is one caller, too: whole archives do not keep others waiting.
BACKFILL = "backfill"
#: For how long what was seen of the line is taken for true: many messages in a row cost one look.
_SEEN_SECONDS = 1.0
#: Others looked at; where there are more, others each time.
_OTHERS = 8
#: How long a message that is not its asker's turn stays away, in seconds. A thousand must not come back at once.
_AWAY_SECONDS = (1.0, 10.0)


def asker_of(caller: Caller, settings: Settings) -> str:
    """Who takes turns with others, as a job's row has it: the API key's id, or an address, which cannot be read there.

    Without keys an address is the best that is known. Several people behind one share its turns.
    """
    if caller.owner or caller.program:
        return caller.owner or caller.program
    if not caller.address:
        return OWN
    return hmac.new(settings.secret_key.encode(), network(caller.address).encode(), hashlib.sha256).hexdigest()[:32]


class Turns:
    """The line as one worker sees it."""

    def __init__(self, world: World) -> None:
        self._line, self._now = world.line, world.jobs.now
        self._seen_at = float("-inf")
        self._others: set[str] = set()
        self._running: Counter[str] | None = None
        self._last: dict[str, float] = {}

    def sent_back(self, job: Job, message: Message) -> bool:
        """Whether it is somebody else's turn, and the message was put back for some seconds: nothing is left to do but
        to acknowledge it. If not, the asker has its turn now.
        """
        line, asker = self._line, job.asker
        if line is None or asker is None or not message.receipt_handle:
            return False
        self._look(line)
        others = self._others - {asker}
        if not others:
            return False
        if self._place(line, asker) > min(self._place(line, other) for other in others):
            line.put_back(message, random.uniform(*_AWAY_SECONDS))
            logger.debug("another's turn: put back", extra={"job_id": job.job_id})
            return True
        line.take_turn(asker)
        self._last[asker] = self._now()
        return False

    def _look(self, line: Line) -> None:
        now = self._now()
        if now - self._seen_at >= _SEEN_SECONDS:
            others = line.waiting(_OTHERS, f"{random.getrandbits(32):08x}")
            self._others, self._running, self._last = set(others), None, {}
            self._seen_at = now

    def _place(self, line: Line, asker: str) -> tuple[int, float]:
        """An asker's place in the line: the lowest is first."""
        if self._running is None:
            self._running = line.running()
        if asker not in self._last:
            self._last |= dict.fromkeys(missing := {asker, *self._others} - self._last.keys(), 0.0)
            self._last |= line.last_turns(missing)
        return self._running[asker], self._last[asker]
