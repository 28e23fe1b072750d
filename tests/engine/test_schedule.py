"""How much of a run's time is behind, by what was expected and what was measured."""

from __future__ import annotations

import pytest

from pdfsmaller.engine.report import Audit
from pdfsmaller.engine.schedule import STAGES, Schedule, Work


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedule(clock: Clock) -> Schedule:
    return Schedule(clock)


def work(images_seconds: float = 6.0, pages: int = 10) -> Work:
    before = Audit(images=5_000_000, fonts=200_000, content=500_000, structure=20_000)
    return Work(pages, 1_000, before, 12, images_seconds, 20.0)


def through(schedule: Schedule, clock: Clock, *, times: float) -> list[float]:
    """The percentages at each stage's beginning, where each takes so many times as long as it should."""
    schedule.begin("analyse")
    clock.now += times * work().expected()["analyse"]
    schedule.expect(work())
    told = []
    for stage in STAGES[2:]:
        schedule.begin(stage)
        told.append(schedule.percent())
        clock.now += times * work().expected()[stage]
    return told


@pytest.mark.parametrize("times", [0.3, 1, 8])
def test_what_takes_as_it_should_is_told_in_proportion_on_slow_and_fast_machines(
    schedule: Schedule, clock: Clock, times: float
) -> None:
    told = through(schedule, clock, times=times)
    expected = work().expected()
    whole, behind = sum(expected.values()), expected["analyse"]
    for stage, percent in zip(STAGES[2:], told, strict=True):
        if behind / whole > 0.2:
            assert percent == pytest.approx(100 * behind / whole, rel=0.25), stage
        behind += expected[stage]


def test_images_that_take_longer_than_foreseen_correct_what_is_left(schedule: Schedule, clock: Clock) -> None:
    schedule.begin("analyse")
    clock.now += work().expected()["analyse"]
    schedule.expect(work(images_seconds=2))
    schedule.begin("images")
    clock.now += 10
    told = schedule.percent(share=0.5)
    rest = sum(work().expected()[stage] for stage in STAGES[3:])
    assert told == pytest.approx(100 * 10 / (20 + rest), rel=0.1)


def test_it_never_goes_back_and_is_never_done(schedule: Schedule, clock: Clock) -> None:
    told = through(schedule, clock, times=1)
    schedule.begin("images")  # a part is taken back and done once more
    told.append(schedule.percent(share=0.01))
    clock.now += 1_000
    schedule.begin("verify")
    told.append(schedule.percent())
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 99


def test_nothing_is_told_before_the_document_is_known(schedule: Schedule, clock: Clock) -> None:
    clock.now += 5
    schedule.begin("analyse")
    assert schedule.percent() == 0


def test_comparing_every_page_is_expected_to_take_longer() -> None:
    some = Work(400, 1_000, Audit(), 0, 1.0, 1.0)
    every = Work(400, 1_000, Audit(), 0, 1.0, 1.0, everything=True)
    assert every.expected()["verify"] > 10 * some.expected()["verify"]
