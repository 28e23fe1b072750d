"""The engine: a PDF in, a smaller PDF and a report out.

Pure: it knows files, options and limits, and nothing of AWS, HTTP or the environment. What it promises stands in
``pdfsmaller.engine.compress``; use it as ``from pdfsmaller.engine.compress import compress``. Only light modules are
imported here, so that a function which only needs ``CompressOptions`` or ``Report`` starts fast.
"""

from __future__ import annotations

from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.report import Report

__all__ = ["CompressOptions", "Report"]
