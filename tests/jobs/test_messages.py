from __future__ import annotations

from pdfsmaller.jobs.messages import backoff_seconds


def test_backoff_doubles_and_ends() -> None:
    assert [backoff_seconds(n, 10) for n in (1, 2, 3, 20)] == [10, 20, 40, 600]
