"""Which pages are pictured, and how large."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from pdfsmaller.engine.merge.ranges import SYNTAX, is_range
from pdfsmaller.engine.options import Options, Shown

#: Pages pictured where nobody says which: as many as somebody looks through.
FIRST_PAGES = 50
WIDTH_MIN, WIDTH_MAX = 16, 2_000


def _ranges(value: Any) -> Any:
    if isinstance(value, str) and not is_range(value):
        raise ValueError("not page ranges")
    return value


class PreviewOptions(Options):
    """How pages are pictured."""

    pages: Annotated[
        str | None,
        BeforeValidator(_ranges),
        Field(description=f"Page ranges. Without them the first {FIRST_PAGES} pages."),
        Shown("RANGES", SYNTAX),
    ] = None
    width: Annotated[
        int, Field(ge=WIDTH_MIN, le=WIDTH_MAX, description="Pixels of each picture's longer side."), Shown("N")
    ] = 320
    password: Annotated[
        SecretStr | None,
        Field(exclude=True, description="Opens an encrypted PDF. Never taken from object metadata."),
        Shown(allowed="text", label="Password"),
    ] = None
