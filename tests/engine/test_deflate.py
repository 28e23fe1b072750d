"""Deflate at its best."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.options import Effort

CONTENT = b"".join(b"%d %d l\n" % (random.Random(n).randrange(600), n % 800) for n in range(4000))


@pytest.mark.parametrize("effort", ["fast", "default", "max"])
@given(data=st.binary(max_size=3000))
@settings(max_examples=20, deadline=None)
def test_what_is_deflated_comes_back(effort: Effort, data: bytes) -> None:
    assert zlib.decompress(zlib_compress(data, effort)) == data


def test_more_effort_is_smaller() -> None:
    fast, default = (len(zlib_compress(CONTENT, effort)) for effort in ("fast", "default"))
    assert len(zlib_compress(CONTENT, "max", zopfli=True)) < len(zlib_compress(CONTENT, "max")) <= default < fast
    assert default < len(zlib.compress(CONTENT, 9))


def test_nothing_slow_begins_after_the_deadline() -> None:
    assert zlib_compress(CONTENT, "max", Deadline(0), zopfli=True) == zlib_compress(CONTENT, "default")


def test_only_as_much_as_there_is_time_for_is_deflated_slowly() -> None:
    large = CONTENT * 10
    assert zlib_compress(large, "max", zopfli=True) == zlib_compress(large, "max")
