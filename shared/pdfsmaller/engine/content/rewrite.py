"""Every content stream of a document, written again in as few bytes as draw the same."""

from __future__ import annotations

from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.limits import Limits


def rewrite_content(pdf: Pdf, limits: Limits, deadline: Deadline, *, exact: bool) -> None:
    """Write the content streams again.

    Args:
        exact: no number may change its value, not even beyond what any device can show.
    """
