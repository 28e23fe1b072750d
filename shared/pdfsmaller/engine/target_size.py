"""Searching dpi and quality for the best-looking file that fits a size.

A ladder of settings runs from the best look to the smallest file; between two rungs everything changes gradually, so a
position on it is a number, and size falls steadily along it. Positions are found by interpolating between what is known
(sizes fall about evenly on a logarithmic scale), each coded from the source's own pixels: quickly at first, which tells
the size well enough, then with all effort and written. What room is left at the end goes to single images, which are
taken from the best try that was too large.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pdfsmaller.engine.attempt import Attempt, Built
from pdfsmaller.engine.build import Builder
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.work import Coded
from pdfsmaller.records import record

Encode = Callable[[Goal, Callable[[float], None]], Coded]

# (dpi, quality) from the best look to the smallest file; size about halves every three rungs.
LADDER = [
    (1200, 100),
    (600, 95),
    (400, 90),
    (300, 86),
    (250, 82),
    (200, 80),
    (170, 76),
    (150, 72),
    (130, 66),
    (110, 60),
    (96, 55),
    (84, 50),
    (72, 44),
    (60, 38),
    (50, 32),
    (42, 26),
    (36, 20),
    (36, 12),
]
BEST, SMALLEST = 0.0, float(len(LADDER) - 1)
# Close enough: the file takes this share of the size wanted.
NEAR = 0.93
MAX_TRIES = 4
# Images coded quickly tell where to write a result; they are about so much larger than those coded with all effort.
MAX_GUESSES = 3
# A search ends after so many times the seconds of its longest round; where a round is quick, there is time for all.
MAX_ROUNDS = 1.8
LONG_SECONDS = 2.0
FAST_RATIO = 0.88
# Above this position there are so many pixels that all effort would take longest where it is seen least.
RICH = 4.5
# What more effort may win without loss.
BETTER_PACKED = 0.12
# Finer steps than a plain run's, so that size changes gradually along the ladder.
DOWNSAMPLE_ABOVE = 1.1
MIN_GAIN = 0.02


@record()
class _Try:
    """A position with the size of the result written there."""

    position: float
    coded: Coded
    size: int


@record(frozen=True)
class _Guess:
    """A position with what its images take, coded quickly: without loss, and lossily."""

    position: float
    exact: int
    lossy: int


@record(frozen=True)
class _Point:
    """A size at a position, measured or likely."""

    position: float
    size: int


def search(
    builder: Builder,
    result: Path,
    wanted: int,
    encode: Encode,
    goal: Goal,
    deadline: Deadline,
    progress: Callable[[float], None],
) -> tuple[Coded, Built]:
    """Write the best-looking result of at most ``wanted`` bytes, or the smallest there is.

    Returns:
        What became of the images, and what was written.
    """
    search = _Search(builder, result, wanted, encode, goal, deadline, progress)
    coded = search.run()
    return coded, search.built


class _Search:
    """One search: what is known of the sizes along the ladder."""

    def __init__(
        self,
        builder: Builder,
        result: Path,
        wanted: int,
        encode: Encode,
        goal: Goal,
        deadline: Deadline,
        progress: Callable[[float], None],
    ) -> None:
        self.builder, self.result, self.wanted, self.encode = builder, result, wanted, encode
        self.goal, self.deadline, self.progress = goal, deadline, progress
        self.steps = 0
        self.total = self.longest = 0.0  # seconds, of all codings and of one
        self.rest = 0  # bytes of the result that are no images
        self.ratio = FAST_RATIO if goal.effort != "fast" else 1.0
        self.guesses: list[_Guess] = []
        self.tries: list[_Try] = []
        self.written: _Try | None = None
        self.built = Built(0)  # the last that was written

    def run(self) -> Coded:
        if self.goal.color_mode == "no-change":
            lossless = self._measured(BEST - 1, replace(self.goal, dpi=None, quality=None, effort="fast"))
            if self.wanted < lossless.size <= self.wanted * (1 + BETTER_PACKED):
                lossless = self._measured(BEST - 1, replace(self.goal, dpi=None, quality=None))
            if lossless.size <= self.wanted:
                return lossless.coded
            position = self._predicted_position(_first_position(self.tries, self.wanted))
        else:
            position = SMALLEST / 2
        while len(self.tries) < MAX_TRIES:
            last = self._measured(position, _goal_at(position, self.goal))
            if NEAR * self.wanted <= last.size <= self.wanted or self.deadline.passed():
                break
            if last.size <= self.wanted and self._spent():
                break
            if last.size > self.wanted and position >= SMALLEST:
                break
            self._update_ratio(last)
            following = _next_position(self._points(), self.wanted)
            if following is None:
                break
            position = self._predicted_position(following)
        return self._best()

    def _measured(self, position: float, wish: Goal) -> _Try:
        """A result written at a position."""
        coded = self._coded(wish)
        self.written = _Try(position, coded, self._build(coded))
        self.tries.append(self.written)
        self.rest = self.written.size - sum(_image_bytes(coded))
        return self.written

    def _coded(self, wish: Goal) -> Coded:
        start = 0.95 * (1 - 0.8**self.steps)
        self.steps += 1
        part = 0.95 * (1 - 0.8**self.steps) - start
        begun = time.monotonic()
        coded = self.encode(wish, lambda share: self.progress(start + share * part))
        took = time.monotonic() - begun
        self.total += took
        self.longest = max(self.longest, took)
        return coded

    def _spent(self) -> bool:
        """Whether coding has taken as long as a search may, for what one round of it takes."""
        return self.total >= MAX_ROUNDS * self.longest > LONG_SECONDS

    def _predicted_position(self, position: float) -> float:
        """A position near ``position`` where the result is likely to fit, from sizes of images coded quickly."""
        for _ in range(MAX_GUESSES):
            if self.deadline.passed() or self._spent():
                break
            coded = self._coded(replace(_goal_at(position, self.goal), effort="fast"))
            guess = _Guess(position, *_image_bytes(coded))
            self.guesses.append(guess)
            size = self._likely_size(guess)
            if NEAR * self.wanted <= size <= self.wanted:
                break
            if position >= SMALLEST and size > self.wanted:
                break
            following = _next_position([*self._points(), *self._likely()], self.wanted)
            if following is None:
                break
            position = following
        return position

    def _likely_size(self, guess: _Guess) -> int:
        ratio = self.ratio if guess.position >= RICH else 1.0
        return self.rest + guess.exact + round(ratio * guess.lossy)

    def _likely(self) -> list[_Point]:
        """The guesses, by what is known by now, as far as they do not contradict what was measured."""
        least = max((t.position for t in self.tries if t.size > self.wanted), default=BEST - 1)
        most = min((t.position for t in self.tries if t.size <= self.wanted), default=SMALLEST + 1)
        return [_Point(g.position, self._likely_size(g)) for g in self.guesses if least < g.position < most]

    def _points(self) -> list[_Point]:
        return [_Point(t.position, t.size) for t in self.tries]

    def _update_ratio(self, measured: _Try) -> None:
        """How much smaller images are than when they are coded quickly, from one position done both ways."""
        for guess in self.guesses:
            if guess.position == measured.position >= RICH:
                _, lossy = _image_bytes(measured.coded)
                self.ratio = min(1.0, max(0.5, lossy / max(1, guess.lossy)))

    def _best(self) -> Coded:
        """Make the best of the tries the result."""
        tries = self.tries
        fitting = [t for t in tries if t.size <= self.wanted]
        if not fitting and tries[-1].position < SMALLEST and not self.deadline.passed():
            last = self._measured(SMALLEST, _goal_at(SMALLEST, self.goal))
            fitting = [last] if last.size <= self.wanted else []
        if not fitting:
            return self._chosen(min(tries, key=lambda t: t.size))
        best = max(fitting, key=lambda t: t.size)
        over = [t for t in tries if t.size > self.wanted]
        if over and best.size < NEAR * self.wanted:
            richer = min(over, key=lambda t: t.size)
            mixed = _upgraded(best.coded, richer.coded, self.wanted - best.size)
            size = self._build(mixed)
            self.written = None
            if best.size < size <= self.wanted:
                return mixed
        return self._chosen(best)

    def _chosen(self, chosen: _Try) -> Coded:
        """Make ``chosen`` the result, which is written again unless it was the last to be."""
        if chosen is not self.written:
            self._build(chosen.coded)
        return chosen.coded

    def _build(self, coded: Coded) -> int:
        """Write a result; its size."""
        self.built = self.builder.build(self.result, Attempt(coded.encoded))
        return self.built.size


def _image_bytes(coded: Coded) -> tuple[int, int]:
    """What all images take that are as they were or coded without loss, and those coded lossily."""
    exact = sum(stored for objgen, stored in coded.stored.items() if objgen not in coded.encoded)
    exact += sum(image.cost for image in coded.encoded.values() if image.exact)
    return exact, sum(image.cost for image in coded.encoded.values() if not image.exact)


def _goal_at(position: float, goal: Goal) -> Goal:
    """The settings at a position: dpi on a logarithmic scale, quality on a linear one."""
    rung = min(int(position), len(LADDER) - 2)
    part = position - rung
    (dpi, quality), (next_dpi, next_quality) = LADDER[rung], LADDER[rung + 1]
    return replace(
        goal,
        dpi=round(math.exp((1 - part) * math.log(dpi) + part * math.log(next_dpi))),
        quality=round((1 - part) * quality + part * next_quality),
        effort="fast" if position < RICH else goal.effort,
        above=DOWNSAMPLE_ABOVE,
        min_gain=MIN_GAIN,
        exact_dpi=True,
        judged=False,
    )


def _first_position(tries: list[_Try], wanted: int) -> float:
    """A guess from the size without loss: a halving takes about three rungs, and the first loss is the cheapest."""
    if not tries:
        return SMALLEST / 2
    return max(BEST + 2, min(SMALLEST - 2, 3 * math.log2(tries[0].size / wanted)))


def _next_position(tries: list[_Point], wanted: int) -> float | None:
    """Between the nearest tries on both sides, by their sizes; None when there is no room between them."""
    above = max((t for t in tries if t.size > wanted), key=lambda t: t.position, default=None)
    below = min((t for t in tries if t.size <= wanted), key=lambda t: t.position, default=None)
    if below is None:
        assert above is not None
        step = 3 * math.log2(above.size / wanted) + 1
        return min(SMALLEST, above.position + max(1.0, step))
    if above is None:
        step = 3 * math.log2(wanted / below.size) + 1
        return max(BEST, below.position - step) if below.position > BEST else None
    gap = below.position - above.position
    if gap < 0.1:
        return None
    # Aim a little below the size wanted: just over is worthless, just under is not.
    goal = math.log(wanted * (1 + NEAR) / 2)
    share = (math.log(above.size) - goal) / max(1e-9, math.log(above.size) - math.log(below.size))
    position = above.position + gap * min(0.9, max(0.1, share))
    return max(BEST, position)


def _upgraded(fits: Coded, better: Coded, room: int) -> Coded:
    """Images of a better try in place of those that fit, the cheapest first, as long as there is room."""
    encoded = dict(fits.encoded)
    steps = sorted(
        (image.cost - fits.encoded[objgen].cost, objgen)
        for objgen, image in better.encoded.items()
        if objgen in fits.encoded
    )
    for more, objgen in steps:
        if 0 < more <= room:
            encoded[objgen] = better.encoded[objgen]
            room -= more
    return Coded(encoded, fits.stored, fits.skipped, fits.out_of_time)
