"""Entry points of the cleanup function: ``cleanup`` for Functions Framework, ``lambda_handler`` for Lambda."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pdfsmaller import telemetry, wire
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.settings import get_settings

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

#: Left at the end of the function's time, in milliseconds: the next run goes on.
_RESERVE_MILLISECONDS = 10_000


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Clean up; returns how much of what was done."""
    service = CleanupService(wire.wire(get_settings()))
    done = service.run(lambda: context.get_remaining_time_in_millis() > _RESERVE_MILLISECONDS)
    if done["errors"]:  # of parts; the others had their turn
        telemetry.count("CleanupErrors", done["errors"])
    return done


def cleanup(event: CloudEvent) -> None:
    """Clean up because a scheduler's CloudEvent says so."""
    CleanupService(wire.wire(get_settings())).run()


if "functions_framework" in sys.modules:
    # Only where Functions Framework itself loads us: importing it costs a Lambda a cold start's worth of time.
    import functions_framework

    cleanup = functions_framework.cloud_event(cleanup)  # type: ignore[assignment]

wire.connect_early()
