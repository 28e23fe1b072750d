"""The engine: a PDF in, a smaller PDF and a report out.

Pure: it knows files, options and limits, and nothing of AWS, HTTP or the environment. What it promises stands in
``pdfsmaller.engine.compress``; use it as ``from pdfsmaller.engine.compress import compress``. Nothing is imported here
before it is asked for, so that a function which needs no models starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pdfsmaller.engine.options import CompressOptions
    from pdfsmaller.engine.report import Report

__all__ = ["CompressOptions", "Report"]


def __getattr__(name: str) -> Any:
    if name == "CompressOptions":
        from pdfsmaller.engine.options import CompressOptions

        return CompressOptions
    if name == "Report":
        from pdfsmaller.engine.report import Report

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
