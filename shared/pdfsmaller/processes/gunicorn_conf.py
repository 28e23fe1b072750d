"""gunicorn's configuration, for the page and the API on a server of one's own::

    gunicorn --config python:pdfsmaller.processes.gunicorn_conf pdfsmaller.processes.wsgi:app

The settings (HOST, PORT, WORKERS …) come from the environment, and from the file that PDFSMALLER_ENV_FILE names.
``web_options`` says what is made of them. What gunicorn is given on its command line goes before.
"""

from __future__ import annotations

import sys
from typing import Any

from pdfsmaller import env_file
from pdfsmaller.errors import CannotServe
from pdfsmaller.processes import logs, web_options
from pdfsmaller.settings import read_settings


def _options() -> dict[str, Any]:
    try:
        env_file.use_named()
        settings = read_settings()
        logs.begin(settings, "upload")
    except CannotServe as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(exc.exit_code) from None
    return web_options.options(settings)


globals().update(_options())
