"""Where the processes of a server of one's own log: lines of JSON on standard error, or in LOG_FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from pdfsmaller.processes.log_file import LogFile
from pdfsmaller.settings import Settings
from pdfsmaller.telemetry import Output, log_everything


def begin(settings: Settings, service: str) -> None:
    """Have this process, and those that it forks, log as the settings say.

    Args:
        service: what its lines say they are from.

    Raises:
        CannotServe: LOG_FILE cannot be written.
    """
    output: Output = sys.stderr
    if settings.log_file:
        output = LogFile(Path(settings.log_file), settings.log_max_bytes, settings.log_backup_count)
    log_everything(service, output, settings.lowest_level, detailed=settings.debug)
