"""The requests that this host answered: how many, and how long each took.

Of several processes each counts into a file of its own in PROMETHEUS_MULTIPROC_DIR, where that is set before this
module is loaded, and any of them shows the sum. Otherwise one process shows what it has counted itself.
"""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector

from pdfsmaller.http.held import held_as

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
#: Seconds. Most answers take some milliseconds; one that takes in a large file takes as long as its network.
_ANSWERED_WITHIN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 120)
#: Likewise; a stream ends after ten minutes.
_HELD_FOR = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
#: Anybody may send any text as a method.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
#: What a path is called that is none of ours.
_NO_ENDPOINT = "none"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, which several processes have not


class Requests:
    """What is counted of an app's requests."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._answered = Counter(
            "http_requests", "Requests answered.", ("method", "endpoint", "status"), registry=self._own
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time to answer a request that was not held, in seconds.",
            ("endpoint",),
            registry=self._own,
            buckets=_ANSWERED_WITHIN,
        )
        self._held = Histogram(
            "http_held_seconds",
            "How long a request was held open, in seconds: one that waited for a job's end, or a stream of events.",
            ("kind",),
            registry=self._own,
            buckets=_HELD_FOR,
        )

    def install(self, app: Flask) -> None:
        """Have the requests of ``app`` counted. To be done before all else, so that what refuses one counts too."""
        app.before_request(_begin)
        app.after_request(self._end)

    def registry(self) -> CollectorRegistry:
        """What was counted, of all processes of this host."""
        if not os.environ.get(_SHARED):
            return self._own
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry

    def _end(self, response: Response) -> Response:
        begun = g.get("begun", time.perf_counter())
        # The rule, not the path: job ids would make a series each.
        endpoint = request.url_rule.rule if request.url_rule else _NO_ENDPOINT
        method = request.method if request.method in _METHODS else _OTHER
        self._answered.labels(method, endpoint, response.status_code).inc()
        kind = held_as()
        if kind == "stream":  # it only begins here
            held = self._held.labels(kind)
            response.call_on_close(lambda: held.observe(time.perf_counter() - begun))
        elif kind:
            self._held.labels(kind).observe(time.perf_counter() - begun)
        else:
            self._seconds.labels(endpoint).observe(time.perf_counter() - begun)
        return response


def _begin() -> None:
    g.begun = time.perf_counter()
