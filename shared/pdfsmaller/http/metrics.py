"""``/metrics`` in Prometheus' text format: the requests of this host, and how the whole service stands.

Every host shows the service alike, so what looks at several takes the maximum of those series and never the sum.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pdfsmaller.errors import Unauthorized
from pdfsmaller.http import insiders
from pdfsmaller.http.around import METRICS_PATH
from pdfsmaller.http.counted import Requests
from pdfsmaller.http.fresh import Fresh
from pdfsmaller.http.gathered import gather
from pdfsmaller.services.world import World


def install(app: Flask, world: World) -> None:
    """Count the requests of ``app``, and show the counts. To be done before all else."""
    requests, service = Requests(), _Service(world)
    requests.install(app)
    gathered = CollectorRegistry()
    gathered.register(service)

    @app.get(METRICS_PATH)
    def metrics() -> Response:
        if world.settings.metrics_token and not insiders.has_token():
            raise Unauthorized("The metrics are for who sends METRICS_TOKEN as 'Authorization: Bearer'.")
        text = generate_latest(requests.registry()) + generate_latest(gathered)
        return Response(text, content_type=CONTENT_TYPE_LATEST)


class _Service(Collector):
    """What was gathered of the service some seconds ago at most."""

    def __init__(self, world: World) -> None:
        self._gathered = Fresh(lambda: gather(world))

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked when this is registered."""
        return iter(())

    def collect(self) -> list[Metric]:
        return self._gathered.seen()
