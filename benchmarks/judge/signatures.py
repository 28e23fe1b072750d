"""pyHanko: whether signatures hold over the bytes that were signed, and that nothing unsigned came after."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any


def missing() -> list[str]:
    """What has to be installed before it can be asked."""
    return [] if importlib.util.find_spec("pyhanko") else ["pyhanko"]


def differences(source: Path, target: Path) -> list[str]:
    """What it says otherwise of the signatures than before."""
    before, after = verdicts(source), verdicts(target)
    if not before or before == after:
        return []
    return [f"signatures: {', '.join(before)}; then {', '.join(after) or 'none'}"]


def verdicts(file: Path) -> list[str]:
    """A word for each signature; none where there is none, or where pyHanko cannot read the file."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    try:
        with file.open("rb") as stream:
            signatures = PdfFileReader(stream, strict=False).embedded_signatures
            return [_verdict(signature) for signature in signatures]
    except Exception:  # a reader of broken documents breaks in as many ways
        return []


def _verdict(signature: Any) -> str:
    from pyhanko.sign.validation import validate_pdf_signature

    try:
        status = validate_pdf_signature(signature, skip_diff=True)
    except Exception as exc:
        return f"not checked ({type(exc).__name__})"
    words = ("intact" if status.intact else "broken", "valid" if status.valid else "not valid", status.coverage.name)
    return " ".join(words)
