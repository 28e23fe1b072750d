"""Where the processes of a server of one's own log: lines of JSON on standard error."""

from __future__ import annotations

import sys

from pdfsmaller.settings import Settings
from pdfsmaller.telemetry import log_everything


def begin(settings: Settings, service: str) -> None:
    """Have this process, and those that it forks, log as the settings say.

    Args:
        service: what its lines say they are from.
    """
    log_everything(service, sys.stderr, settings.log_level)
