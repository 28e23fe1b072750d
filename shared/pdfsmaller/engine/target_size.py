"""Searching dpi and quality for the best-looking file that fits a size.

A ladder of settings runs from the best look to the smallest file; between two rungs everything changes gradually, so a
position on it is a number, and size falls steadily along it. Positions are tried by interpolating between what is known
(sizes fall about evenly on a logarithmic scale), each coded from the source's own pixels. What room is left at the end
goes to single images, which are taken from the best try that was too large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pdfsmaller.engine.build import Builder
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.work import Coded

Encode = Callable[[Goal, Callable[[float], None]], Coded]

# (dpi, quality) from the best look to the smallest file; size about halves every three rungs.
LADDER = [
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
MAX_TRIES = 6
# Finer steps than a plain run's, so that size changes gradually along the ladder.
DOWNSAMPLE_ABOVE = 1.1
MIN_GAIN = 0.02


@dataclass(slots=True)
class _Try:
    position: float
    coded: Coded
    size: int


def search(
    builder: Builder,
    result: Path,
    wanted: int,
    encode: Encode,
    goal: Goal,
    deadline: Deadline,
    progress: Callable[[float], None],
) -> Coded:
    """Write the best-looking result of at most ``wanted`` bytes, or the smallest there is.

    Returns:
        What became of the images.
    """
    tries: list[_Try] = []
    written: _Try | None = None

    def attempt(position: float, wish: Goal) -> _Try:
        nonlocal written
        start = 0.9 * len(tries) / (MAX_TRIES + 2)
        coded = encode(wish, lambda share: progress(start + share * 0.9 / (MAX_TRIES + 2)))
        written = _Try(position, coded, builder.build(result, coded.encoded))
        tries.append(written)
        return written

    if goal.color_mode == "no-change":
        lossless = attempt(BEST - 1, replace(goal, dpi=None, quality=None))
        if lossless.size <= wanted:
            return lossless.coded
    position = _first_position(tries, wanted)
    while len(tries) < MAX_TRIES:
        last = attempt(position, _goal_at(position, goal))
        if NEAR * wanted <= last.size <= wanted or deadline.passed():
            break
        if last.size > wanted and position >= SMALLEST:
            break
        following = _next_position(tries, wanted)
        if following is None:
            break
        position = following
    fitting = [t for t in tries if t.size <= wanted]
    if not fitting and tries[-1].position < SMALLEST and not deadline.passed():
        last = attempt(SMALLEST, _goal_at(SMALLEST, goal))
        fitting = [last] if last.size <= wanted else []
    if not fitting:
        return _chosen(builder, result, min(tries, key=lambda t: t.size), written)
    best = max(fitting, key=lambda t: t.size)
    over = [t for t in tries if t.size > wanted]
    if over and best.size < NEAR * wanted:
        richer = min(over, key=lambda t: t.size)
        mixed = _upgraded(best.coded, richer.coded, wanted - best.size)
        size = builder.build(result, mixed.encoded)
        written = None
        if best.size < size <= wanted:
            return mixed
    return _chosen(builder, result, best, written)


def _chosen(builder: Builder, result: Path, chosen: _Try, written: _Try | None) -> Coded:
    """Make ``chosen`` the result, which is written again unless it was the last to be."""
    if chosen is not written:
        builder.build(result, chosen.coded.encoded)
    return chosen.coded


def _goal_at(position: float, goal: Goal) -> Goal:
    """The settings at a position: dpi on a logarithmic scale, quality on a linear one."""
    rung = min(int(position), len(LADDER) - 2)
    part = position - rung
    (dpi, quality), (next_dpi, next_quality) = LADDER[rung], LADDER[rung + 1]
    return replace(
        goal,
        dpi=round(math.exp((1 - part) * math.log(dpi) + part * math.log(next_dpi))),
        quality=round((1 - part) * quality + part * next_quality),
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


def _next_position(tries: list[_Try], wanted: int) -> float | None:
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
    return Coded(encoded, fits.skipped, fits.out_of_time)
