"""Searching dpi and quality for the best-looking file that fits a size.

A ladder of settings runs from the best look to the smallest file. Every rung is coded from the source's own pixels,
at most once. The highest rung that fits is found by bisection; what room is left then goes to single images, which are
taken from the next better rung as long as they fit. The document's other bytes do not depend on the rung, so they are
measured once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pdfsmaller.engine.build import Builder
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.work import Coded

Encode = Callable[[Goal, Callable[[float], None]], Coded]

# (dpi, quality) from the best look to the smallest file. Steps of about a fifth in bytes: finer ones are not seen.
LADDER: list[tuple[int | None, int]] = [
    (None, 92),
    (300, 90),
    (300, 84),
    (250, 80),
    (200, 80),
    (180, 75),
    (150, 75),
    (150, 66),
    (130, 62),
    (110, 60),
    (96, 55),
    (84, 50),
    (72, 45),
    (60, 40),
    (50, 35),
    (42, 30),
    (36, 22),
    (36, 12),
]


def search(
    builder: Builder,
    result: Path,
    wanted: int,
    encode: Encode,
    goal: Goal,
    deadline: Deadline,
    progress: Callable[[float], None],
) -> tuple[Coded, int, bool]:
    """Write the best-looking result of at most ``wanted`` bytes, or the smallest there is.

    Returns:
        What became of the images, the size written, and whether it fits.
    """
    plain = Coded()
    lossless = goal.color_mode == "no-change"
    size = builder.build(result, {}) if lossless else wanted + 1
    progress(0.1)
    if size <= wanted:
        plain = encode(replace(goal, dpi=None, quality=None), lambda _share: None)
        return plain, builder.build(result, plain.encoded), True
    rungs: dict[int, Coded] = {}
    sizes: dict[int, int] = {}

    def try_rung(index: int) -> int:
        if index not in sizes:
            dpi, quality = LADDER[index]
            rungs[index] = encode(replace(goal, dpi=dpi, quality=quality), lambda _share: None)
            sizes[index] = builder.build(result, rungs[index].encoded)
            progress(min(0.95, 0.1 + 0.15 * len(sizes)))
        return sizes[index]

    low, high = 0, len(LADDER) - 1  # the answer lies in low … high, if anywhere
    while low < high:
        if deadline.passed() and any(size <= wanted for size in sizes.values()):
            break
        middle = (low + high) // 2
        if try_rung(middle) <= wanted:
            high = middle
        else:
            low = middle + 1
    fitting = [index for index in sizes if sizes[index] <= wanted]
    best = min(fitting, default=len(LADDER) - 1)
    if try_rung(best) > wanted:
        smallest = min(sizes, key=lambda index: sizes[index])
        return rungs[smallest], builder.build(result, rungs[smallest].encoded), False
    coded = rungs[best]
    if best > 0 and best - 1 in rungs:
        coded = _upgraded(builder, rungs[best], rungs[best - 1], wanted - sizes[best])
    size = builder.build(result, coded.encoded)
    if size > wanted:
        coded = rungs[best]
        size = builder.build(result, coded.encoded)
    return coded, size, True


def _upgraded(builder: Builder, fits: Coded, better: Coded, room: int) -> Coded:
    """Images of the better rung in place of those that fit, the cheapest first, as long as there is room."""
    encoded = dict(fits.encoded)
    steps = sorted(
        (image.cost - fits.encoded[objgen].cost, objgen)
        for objgen, image in better.encoded.items()
        if objgen in fits.encoded
    )
    for more, objgen in steps:
        if more <= 0 or more > room:
            continue
        encoded[objgen] = better.encoded[objgen]
        room -= more
    return Coded(encoded, fits.skipped, fits.out_of_time)
