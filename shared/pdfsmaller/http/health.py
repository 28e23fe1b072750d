"""How the service is: ``/health`` looks at the parts behind it, ``/health/ready`` says whether this process should be
sent requests, ``/health/live`` whether it answers at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from flask import Blueprint, Response, current_app, jsonify
from pydantic import BaseModel

from pdfsmaller import __version__
from pdfsmaller.http import answers, insiders
from pdfsmaller.http.fresh import Fresh
from pdfsmaller.http.held import held
from pdfsmaller.http.workers import Seen
from pdfsmaller.http.workers import look as look_at_workers
from pdfsmaller.jobs.ports import Workers
from pdfsmaller.jobs.view import rfc3339
from pdfsmaller.services.world import World
from pdfsmaller.telemetry import get_logger

blueprint = Blueprint("health", __name__)
logger = get_logger("upload")


class HealthStatus(StrEnum):
    """``degraded``: jobs are taken, and nobody does them. ``unhealthy``: something is away without which none is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class PartHealth(BaseModel):
    """One part, when it was looked at. Of ``workers``: how many are alive, the last sign of life of any, and what binds
    the engines of the one that gave it.
    """

    status: str
    timestamp: str
    count: int | None = None
    latest_heartbeat: str | None = None
    bounds: list[str] | None = None


class HealthView(BaseModel):
    """How the service is. ``details`` is for whoever runs it; ``failing`` names the parts that make it unhealthy."""

    status: HealthStatus
    timestamp: str
    version: str
    failing: list[str] | None = None
    details: dict[str, PartHealth] | None = None


@blueprint.get("/health/live")
def live() -> Response:
    """200 as long as this process answers at all, whatever stands behind it."""
    return jsonify({"status": "up"})


@blueprint.get("/health/ready")
def ready() -> tuple[Response, int]:
    """200 where requests can be answered here; 503 where a part is away, or this server is about to end.

    A part, and not workers: jobs can be taken without.
    """
    failing = ["server"] if held().is_ending() else _looked_lately().failing
    if failing:
        return jsonify({"status": "down", "failing": failing}), 503
    return jsonify({"status": "up"}), 200


@blueprint.get("/health")
@blueprint.get("/api/health")
def health() -> tuple[Response, int]:
    """200 where jobs can be taken, 503 where they cannot; each part's state for those who may see it."""
    shown = _looked_lately()
    if not insiders.asks():
        shown = shown.model_copy(update={"details": None})
    status = 503 if shown.status is HealthStatus.UNHEALTHY else 200
    return jsonify(shown.model_dump(mode="json", exclude_none=True)), status


def _looked_lately() -> HealthView:
    """Anybody may ask, and looking costs calls."""
    lately: Fresh[HealthView] = current_app.extensions.setdefault("health", Fresh(lambda: _looked(answers.world())))
    return lately.seen()


def _looked(world: World) -> HealthView:
    details: dict[str, PartHealth] = {}
    if world.settings.health_check_enabled:
        storage = world.storage
        needed: dict[str, Callable[[], object]] = {
            "uploads": lambda: storage.probe(storage.uploads),
            "results": lambda: storage.probe(storage.results),
            "jobs": lambda: world.jobs.get("health"),
            "queue": world.queue.depth,
        }
        details = {name: _part(name, check) for name, check in needed.items()}
    failing = [name for name, part in details.items() if part.status == "down"]
    if details and world.workers:
        details["workers"] = _workers(world, world.workers)
    status = HealthStatus.UNHEALTHY if failing else HealthStatus.HEALTHY
    if not failing and any(part.status == "down" for part in details.values()):
        status = HealthStatus.DEGRADED
    return HealthView(status=status, timestamp=_now(), version=__version__, failing=failing or None, details=details)


def _part(name: str, check: Callable[[], object]) -> PartHealth:
    """A part that is up where looking at it raises nothing."""
    try:
        check()
    except Exception:
        logger.warning("health check failed", extra={"part": name}, exc_info=True)
        return PartHealth(status="down", timestamp=_now())
    return PartHealth(status="up", timestamp=_now())


def _workers(world: World, workers: Workers) -> PartHealth:
    """Up where one has given a sign of life within the time that a lease lasts."""
    seen = Seen(0, None)

    def look() -> None:
        nonlocal seen
        seen = look_at_workers(world, workers)
        if not seen.alive:
            raise LookupError("no worker was seen")

    part = _part("workers", look)
    part.count = seen.alive
    if seen.latest and seen.latest.seen_at:
        part.latest_heartbeat, part.bounds = rfc3339(seen.latest.seen_at), list(seen.latest.bounds)
    return part


def _now() -> str:
    return rfc3339(time.time())
