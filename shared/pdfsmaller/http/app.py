"""The Flask app, put together: a module here for each topic.

A route parses the request, calls one service function and shapes the answer.
"""

from __future__ import annotations

from flask import Flask

from pdfsmaller.access.addresses import TrustedProxies
from pdfsmaller.http import (
    again,
    around,
    assets,
    batches,
    callers,
    described,
    files,
    health,
    jobs,
    links,
    operations,
    packed,
    page,
    problems,
    proxies,
    retention,
    security,
    streams,
    tracing,
    uploads,
)
from pdfsmaller.http.form_decoder import read_forms_so
from pdfsmaller.http.held import Capacity, Held
from pdfsmaller.http.idempotency import REPLAYED, HashingRequest
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.world import World

#: Above this, Werkzeug moves a form's text fields no further: they are options, not documents.
_MAX_FORM_TEXT_BYTES = 100_000
#: What other sites' pages may read of an answer's headers.
_EXPOSED = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    "X-Job-Id",
    "X-Request-Id",
    "X-Retention-Seconds",
    "traceparent",
    REPLAYED,
]
#: For how long a browser need not ask again whether another site's page may call.
_ALLOWED_SECONDS = 3_600
_TOPICS = (operations, uploads, jobs, again, batches, streams, described, page, health)


def create_app(world: World, capacity: Capacity | None = None) -> Flask:
    """The app for one world.

    Args:
        capacity: what the server can bear that it runs in; None for one that sends no streams.
    """
    app, settings = Flask(__name__, static_url_path=around.ASSETS), world.settings
    trusted = TrustedProxies.parse(settings.trusted_proxies)
    app.config |= {
        "WORLD": world,
        "TRUSTED_PROXIES": trusted,
        "SERVICE": SubmitService(world),
        "HELD": Held(world.jobs, capacity or Capacity()),
        "MAX_CONTENT_LENGTH": settings.max_request_size,
        "MAX_FORM_MEMORY_SIZE": _MAX_FORM_TEXT_BYTES,
        "MAX_FORM_PARTS": 400,  # 100 files, each with a page range and a password, and the options
    }
    app.request_class = HashingRequest
    read_forms_so()
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.metrics_enabled:
        # Loaded as late: it counts for several processes together where one of them has said so by then.
        from pdfsmaller.http import metrics

        metrics.install(app, world)
    packed.install(app)
    proxies.install(app, trusted)
    tracing.install(app)
    security.install(app, settings, world.storage.public_origin)
    links.install(app, settings)
    callers.install(app, world)
    retention.install(app, settings)
    around.install(app)
    assets.install(app)
    for topic in _TOPICS:
        app.register_blueprint(topic.blueprint)
    files.install(app, world)
    problems.install(app)
    if settings.allowed_origins:
        from flask_cors import CORS

        CORS(
            app,
            origins=settings.allowed_origins,
            expose_headers=_EXPOSED,
            max_age=_ALLOWED_SECONDS,
        )
    return app
