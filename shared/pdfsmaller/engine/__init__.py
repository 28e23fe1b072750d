"""The engine: a PDF in, a smaller PDF and a report out.

Pure: it knows files, options and limits, and nothing of AWS, HTTP or the environment. What it promises stands in
``compress``. Everything heavy (pikepdf, libvips) is imported when first used, so that a function which only needs
``CompressOptions`` or ``Report`` starts light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.report import Report

if TYPE_CHECKING:
    from pdfsmaller.engine.compress import compress
    from pdfsmaller.engine.inspect import inspect

__all__ = ["CompressOptions", "Report", "compress", "inspect"]


def __getattr__(name: str) -> Any:
    if name in ("compress", "inspect"):
        from importlib import import_module

        return getattr(import_module(f"pdfsmaller.engine.{name}"), name)
    raise AttributeError(name)
