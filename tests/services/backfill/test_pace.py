from __future__ import annotations

import pytest

from pdfsmaller.errors import InvalidOption
from pdfsmaller.services.backfill.pace import Pace, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"), [("5/s", 5), ("300/min", 5), (" 0.5 / second", 0.5), ("3600/h", 1), ("86400/day", 1)]
)
def test_rates_are_written_as_people_do(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "5", "0/s", "5/week", "-1/s", "5/s/s", "1e9/s"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="5/s, 300/min"):
        parse_rate(text)


def test_jobs_come_evenly_and_a_pause_saves_up_no_burst() -> None:
    pace, now, made = Pace(5.0), 100.0, []
    while now < 110:
        if not (wait := pace.wait(now)):
            pace.take()
            made.append(now)
        now += max(wait, 0.01) if wait else 0.0
    assert 50 <= len(made) <= 51
    assert pace.wait(1_000) == 0
    pace.take()
    assert pace.wait(1_000) == pytest.approx(0.2)
