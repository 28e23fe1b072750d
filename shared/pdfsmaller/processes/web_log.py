"""What gunicorn logs: lines like all others of the service, a request's with how long it took."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from pdfsmaller.jobs.objects import FILES_PATH
from pdfsmaller.telemetry import json_handler

_requests = logging.getLogger("pdfsmaller.requests")


class WebLog(Logger):  # type: ignore[misc]
    """gunicorn's ``logger_class``. A request is logged once it is answered, on the level INFO."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers = [json_handler("upload")]

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log a request. Neither its query nor the end of a link that proves itself is: who reads it could use it."""
        if not self.cfg.accesslog or resp.status is None or not _requests.isEnabledFor(logging.INFO):
            return  # without a status nothing was answered yet: what went wrong is, and comes here then
        headers = {name.lower(): value for name, value in resp.headers}
        _requests.info(
            "request",
            extra={
                "method": environ.get("REQUEST_METHOD"),
                "path": _path(environ),
                "status": int(resp.status.split()[0]),
                "bytes": resp.sent,
                "seconds": round(request_time.total_seconds(), 6),
                "client": environ.get("REMOTE_ADDR"),
                "agent": environ.get("HTTP_USER_AGENT"),
                "request_id": headers.get("x-request-id"),
            },
        )


def _path(environ: dict[str, Any]) -> str:
    path = str(environ.get("PATH_INFO", ""))
    if not path.startswith(f"{FILES_PATH}/"):
        return path
    return "/".join([*path.split("/")[:3], "…"])
