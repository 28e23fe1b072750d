"""``app``: the page and the API for gunicorn (``gunicorn_conf``), which loads this once and forks its processes after.

Nothing is connected to yet when it forks: the database was looked at, and let go of.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pdfsmaller.processes import figures, web_options
from pdfsmaller.settings import get_settings

if TYPE_CHECKING:
    from flask import Flask


def _make() -> Flask:
    figures.begin(web_options.MEMORY)
    from pdfsmaller import wire
    from pdfsmaller.errors import PdfSmallerError
    from pdfsmaller.http.app import create_app

    settings = get_settings()
    workers = web_options.processes(settings)
    try:
        if settings.database_url:
            wire.check(settings, processes=workers)
        return create_app(wire.wire(settings), web_options.capacity(workers))
    except PdfSmallerError as exc:
        figures.end()
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(exc.exit_code) from None


app = _make()
