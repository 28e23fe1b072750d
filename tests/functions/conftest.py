"""The functions read their settings from the environment, as they do where they are deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pdfsmaller.settings import get_settings
from tests.aws_stack import Stack


@pytest.fixture
def deployed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack's names in the environment, and entry points that have not read others before."""
    import cleanup.callbacks
    import cleanup.main
    import compress.main
    import upload.main

    for name in (
        "uploads_bucket",
        "results_bucket",
        "compress_queue_url",
        "dead_letter_queue_url",
        "callback_queue_url",
        "jobs_table",
    ):
        monkeypatch.setenv(name.upper(), getattr(stack.settings, name))
    monkeypatch.setenv("SECRET_KEY", stack.settings.secret_key)
    monkeypatch.setenv("DEFAULT_WAIT_SECONDS", "0")  # nobody works beside
    services = compress.main._service, cleanup.callbacks._service
    caches = (get_settings, upload.main._app, upload.main._on_lambda, *services)
    for cache in caches:
        cache.cache_clear()
    assert cleanup.main
    yield stack
    for cache in caches:
        cache.cache_clear()
