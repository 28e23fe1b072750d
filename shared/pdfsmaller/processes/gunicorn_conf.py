"""gunicorn's configuration, for the page and the API on a server of one's own::

    gunicorn --config python:pdfsmaller.processes.gunicorn_conf pdfsmaller.processes.wsgi:app

The settings (HOST, PORT, WORKERS …) come from the environment; ``web_options`` says what is made of them. What gunicorn
is given on its command line goes before.
"""

from __future__ import annotations

from pdfsmaller.processes import logs, web_options
from pdfsmaller.settings import get_settings

_settings = get_settings()
logs.begin(_settings, "upload")
globals().update(web_options.options(_settings))
