"""``/health``: whether the parts that the API needs answer. ``/health/live``: whether the API itself does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from flask import Blueprint, Response, current_app, jsonify

from pdfsmaller import __version__
from pdfsmaller.http import answers
from pdfsmaller.services.world import World
from pdfsmaller.telemetry import get_logger

blueprint = Blueprint("health", __name__)
logger = get_logger("upload")

_FRESH_SECONDS = 5.0


@blueprint.get("/health/live")
def live() -> Response:
    """200 as long as this process answers at all, whatever stands behind it."""
    return jsonify({"status": "up", "version": __version__})


@blueprint.get("/health")
@blueprint.get("/api/health")
def health() -> tuple[Response, int]:
    """200 with each part's state where all are up, 503 where one is down.

    Anybody may ask, and asking costs calls: an answer counts for some seconds, whoever asked first.
    """
    answer: _Answer = current_app.extensions.setdefault("health", _Answer())
    with answer.lock:
        if time.monotonic() >= answer.stale_at:
            answer.body, answer.status = _looked(answers.world())
            answer.stale_at = time.monotonic() + _FRESH_SECONDS
        return jsonify(answer.body), answer.status


@dataclass(slots=True)
class _Answer:
    """The last answer, and until when it counts (monotonic seconds)."""

    body: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    stale_at: float = -math.inf
    lock: Lock = field(default_factory=Lock)


def _looked(world: World) -> tuple[dict[str, Any], int]:
    storage = world.storage
    checks: dict[str, Callable[[], object]] = {}
    if world.settings.health_check_enabled:
        checks = {
            "uploads": lambda: storage.probe(storage.uploads),
            "results": lambda: storage.probe(storage.results),
            "jobs": lambda: world.jobs.get("health"),
            "queue": world.queue.depth,
        }
        if world.workers:
            checks["workers"] = lambda: _any_alive(world)
    details = {
        name: {"status": "up" if _answers(name, check) else "down", "timestamp": _now()}
        for name, check in checks.items()
    }
    up = all(part["status"] == "up" for part in details.values())
    return {"status": "up" if up else "down", "version": __version__, "details": details}, 200 if up else 503


def _any_alive(world: World) -> None:
    """Raises where no worker has given a sign of life for as long as a lease lasts."""
    assert world.workers
    if not world.workers.alive(world.settings.lease_seconds):
        raise LookupError("no worker was seen")


def _answers(name: str, check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:
        logger.warning("health check failed", extra={"part": name}, exc_info=True)
        return False
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
