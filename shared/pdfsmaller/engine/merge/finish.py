"""The last step of a result: encrypted, and ordered for the web, where that is wanted."""

from __future__ import annotations

from pathlib import Path

from pikepdf import ObjectStreamMode

from pdfsmaller.engine.document import open_pdf
from pdfsmaller.engine.merge.protection import Protection
from pdfsmaller.limits import Limits


def finished(result: Path, target: Path, protection: Protection | None, limits: Limits, *, linearize: bool) -> Path:
    """The result as it is handed out: ``target``, or ``result`` itself where there is nothing to do."""
    if protection is None and not linearize:
        return result
    with open_pdf(result, None, limits) as pdf:
        pdf.save(
            target,
            linearize=linearize,
            object_stream_mode=ObjectStreamMode.preserve,
            recompress_flate=False,
            fix_metadata_version=False,
            encryption=protection.encryption() if protection else False,
            deterministic_id=protection is None,
        )
    return target
