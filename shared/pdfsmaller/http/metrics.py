"""``/metrics`` in Prometheus' text format: this process's requests, and how deep the queue is."""

from __future__ import annotations

import time
from contextlib import suppress

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pdfsmaller.jobs.ports import Queue


def install(app: Flask, queue: Queue) -> None:
    """Count the requests of ``app`` and show the counts."""
    registry = CollectorRegistry()
    requests = Counter(
        "pdfsmaller_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
    )
    seconds = Histogram("pdfsmaller_http_request_seconds", "Time to answer, in seconds.", ("route",), registry=registry)
    depth = Gauge("pdfsmaller_queue_messages", "Messages in the compress queue.", ("state",), registry=registry)

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        # The rule, not the path: job ids would make a series each.
        route = request.url_rule.rule if request.url_rule else "(none)"
        requests.labels(request.method, route, response.status_code).inc()
        seconds.labels(route).observe(time.perf_counter() - g.get("begun", time.perf_counter()))
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        with suppress(Exception):  # the queue being down is /health's to tell
            for state, count in queue.depth().items():
                depth.labels(state).set(count)
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
