"""The app as gunicorn loads it in a test: on the server that the environment names."""

from __future__ import annotations

from pdfsmaller import wire
from pdfsmaller.http.app import create_app
from pdfsmaller.settings import get_settings

app = create_app(wire.wire(get_settings()))
