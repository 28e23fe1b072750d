"""What means that no more can be written."""

from __future__ import annotations

import errno

import pikepdf

from pdfsmaller.engine.disk import cannot_write


def test_a_full_disk_is_seen_through_what_came_of_it() -> None:
    above = pikepdf.PdfError("damaged")
    above.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert cannot_write(above)


def test_exceptions_that_came_of_each_other_end() -> None:
    """C libraries' exceptions come back as the context of their own context."""
    first, second = pikepdf.PdfError("damaged"), ValueError("that is no number")
    first.__context__, second.__context__ = second, first
    assert not cannot_write(first)
