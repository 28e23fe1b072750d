"""How much of a compression's time is behind, which is what ``progress`` tells.

Every stage is expected to take so many seconds, from what the document holds. What kind of machine this is, and how
busy it is, shows in what the stages so far have taken; so does, by and by, what the images take, which are the hardest
to foresee. ``benchmarks.eta`` measures what this is worth.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pdfsmaller.engine.report import Audit
from pdfsmaller.engine.results import Progress
from pdfsmaller.records import record

#: In their order. All of them are the stopwatch's, but for the first.
STAGES = ("open", "analyse", "images", "write", "fonts", "content", "structure", "verify")

#: Pages that a comparison renders (``verify.SAMPLE_PAGES``).
_COMPARED = 12
#: Seconds that weigh as much as all that was measured, where speed is judged.
_DOUBT_SECONDS = 0.3
#: From so much of a stage on, what it has taken so far is all that counts for the rest of it.
_SURE_SHARE = 1 / 3
#: A stage that takes longer than it should has at least so much of what was expected before it.
_LEAST_LEFT = 0.15


@record(frozen=True)
class Work:
    """What there is to be done.

    Attributes:
        before: where the document's bytes are.
        fonts: streams of fonts: programs and what belongs to them.
        images_seconds: what its images are expected to take.
        megapixels: of all images together.
        everything: every page is compared.
    """

    pages: int
    objects: int
    before: Audit
    fonts: int
    images_seconds: float
    megapixels: float
    everything: bool = False

    def expected(self) -> dict[str, float]:
        """Seconds of each stage, by regression over the development corpus."""
        content, fonts, objects = self.before.content / 1e6, self.before.fonts / 1e6, self.objects / 1e3
        compared = self.pages if self.everything else min(_COMPARED, self.pages)
        return {
            "analyse": 0.002 + 0.052 * objects,
            "images": self.images_seconds,
            "write": 0.005,
            "fonts": 0.012 * self.fonts + 1.2 * fonts + (0.3 * content if self.fonts else 0.0),
            "content": 0.29 * content + 0.001 * self.pages,
            "structure": 0.007 + 0.6 * content + 0.116 * objects,
            "verify": 0.03 + 0.54 * content + compared * (0.012 + 0.006 * self.megapixels / max(1, self.pages)),
        }


class Schedule:
    """The clock of one run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = self._began = clock()
        self.stage = "open"
        self._expected: dict[str, float] = {}
        self._taken: dict[str, float] = {}
        self._percent = 0.0

    def expect(self, work: Work) -> None:
        """What is to be done is known now."""
        self._expected = work.expected()

    def begin(self, stage: str) -> None:
        """The stage before is over. One may come again, where something is taken back."""
        now = self._clock()
        self._taken[self.stage] = self._taken.get(self.stage, 0.0) + now - self._began
        self.stage, self._began = stage, now

    def percent(self, share: float = 0.0) -> float:
        """How much of the time is behind, 0-99, never less than before.

        Args:
            share: how much of the present stage is done, 0-1; 0 where nobody knows.
        """
        now = self._clock()
        behind = now - self._start
        if self._expected and behind > 0:
            speed = self._speed()
            later = STAGES[STAGES.index(self.stage) + 1 :]
            left = self._left_of_stage(now - self._began, share, speed)
            left += sum(self._expected.get(stage, 0.0) for stage in later) * speed
            self._percent = max(self._percent, min(99.0, 100 * behind / (behind + left)))
        return self._percent

    def _speed(self) -> float:
        """How many times as long as expected things take here."""
        known = [stage for stage in self._taken if stage in self._expected]
        taken, expected = (sum(times[stage] for stage in known) for times in (self._taken, self._expected))
        return (taken + _DOUBT_SECONDS) / (expected + _DOUBT_SECONDS)

    def _left_of_stage(self, taken: float, share: float, speed: float) -> float:
        expected = self._expected.get(self.stage, 0.0) * speed
        foreseen = max(expected - taken, _LEAST_LEFT * expected)
        if share <= 0:
            return foreseen
        sure = min(1.0, share / _SURE_SHARE)
        return (1 - share) * (sure * taken / share + (1 - sure) * max(expected, taken))


class Telling:
    """Tells how far a run is: its stages as percentages of the whole, and the pages whose images are done.

    Attributes:
        pages, pages_done: how many there are, and how many of them are done; None: these are not counted.
        searching: what is coded now is coded over and over, all of it as one stage.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._schedule = Schedule()
        self.pages = 0
        self.pages_done: int | None = None
        self.searching = False

    def expect(self, work: Work, pages_waiting: int) -> None:
        """What is to be done is known now, and on how many pages images are to be coded."""
        self._schedule.expect(work)
        self.finish_pages(work.pages, pages_waiting)

    def finish_pages(self, pages: int, pages_waiting: int) -> None:
        """So many pages are left, of all."""
        self.pages = pages
        self.pages_done = max(self.pages_done or 0, pages - pages_waiting)

    def begin(self, stage: str) -> None:
        """A stage of the stopwatch begins."""
        if self.searching and self._schedule.stage == "images":
            return
        self._schedule.begin(stage)
        self.tell(stage)

    def tell(self, stage: str, share: float = 0.0) -> None:
        """So much of a stage is done, 0-1."""
        pages = (self.pages_done, self.pages) if self.pages_done is not None else None
        self._progress(stage, self._schedule.percent(share), pages)
