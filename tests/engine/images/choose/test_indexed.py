"""Images with a palette: which codings of them are not tried at all."""

from __future__ import annotations

import random

from pdfsmaller.engine.images.choose.indexed import far_above


def test_indices_of_a_photograph_are_not_deflated_against_what_is_far_smaller() -> None:
    noise = random.Random(1).randbytes(40_000)
    assert far_above(noise, 20_000)
    assert not far_above(noise, 35_000)
    assert not far_above(bytes(range(250)) * 160, 10)
