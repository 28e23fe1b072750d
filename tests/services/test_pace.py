"""What is left takes as long, in proportion, as what is done has taken."""

from __future__ import annotations

import pytest

from pdfsmaller.services.pace import Pace


def test_nothing_is_said_before_there_is_something_to_go_by() -> None:
    pace = Pace()
    assert pace.seconds_left(100) is None
    pace.tell(0, 100)
    assert pace.seconds_left(110) is None
    pace.tell(0.01, 110)
    assert pace.seconds_left(110) is None
    pace.tell(1, 111)
    assert pace.seconds_left(111)


def test_a_quarter_done_leaves_three_times_as_long() -> None:
    pace = Pace()
    pace.tell(0, 100)
    pace.tell(25, 102)
    assert pace.seconds_left(102) == pytest.approx(6)


def test_time_that_goes_by_without_news_counts() -> None:
    pace = Pace()
    pace.tell(0, 100)
    pace.tell(25, 102)
    assert pace.seconds_left(104) == pytest.approx(4)
    assert pace.seconds_left(500) == 0
