"""Sizes and lengths as people write them."""

from __future__ import annotations

import re
from typing import Any

#: Digits have an end: no number so long that it is none any more (infinite) gets as far as arithmetic.
_SIZE = re.compile(r"\s*(\d{1,24}(?:\.\d{1,24})?)\s*(B|KB|MB|GB)?\s*", re.IGNORECASE)
_UNITS = {"": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(pt|mm|cm|in)?\s*", re.IGNORECASE)
_POINTS = {"": 1.0, "pt": 1.0, "mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0}


def parse_size(value: Any) -> Any:
    """Bytes from ``500000``, ``"500KB"`` or ``"1.5 MB"`` (powers of 1,000).

    Raises:
        ValueError: for any other text.
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if not match:
            raise ValueError("not a size")
        return round(float(match[1]) * _UNITS[(match[2] or "").upper()])
    return value


def parse_length(value: Any) -> Any:
    """Points (1/72 inch) from ``36``, ``"36"``, ``"10mm"``, ``"1 cm"`` or ``"0.5in"``.

    Raises:
        ValueError: for any other text.
    """
    if isinstance(value, str):
        match = _LENGTH.fullmatch(value)
        if not match:
            raise ValueError("not a length")
        return float(match[1]) * _POINTS[(match[2] or "").lower()]
    return value
