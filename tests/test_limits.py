"""A run's two limits of time go together."""

from __future__ import annotations

import pytest

from pdfsmaller.limits import Limits


@pytest.mark.parametrize("seconds", [0.5, 60, 240, 3_000])
def test_a_run_of_any_length_keeps_a_share_for_writing_what_it_has(seconds: float) -> None:
    """Also one that is longer than the default."""
    limits = Limits().within(seconds)
    assert limits.hard_seconds == seconds
    assert limits.soft_seconds / limits.hard_seconds == Limits().soft_seconds / Limits().hard_seconds


def test_no_other_limit_changes() -> None:
    limits = Limits(max_pages=3, memory_bytes=5, soft_seconds=1, hard_seconds=2)
    assert limits.within(60).within(2) == Limits(max_pages=3, memory_bytes=5).within(2)
