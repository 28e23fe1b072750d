"""What routes share: the world they answer for, the links in an answer, and the forms that answers have."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, current_app, jsonify, redirect, request
from pydantic import BaseModel
from werkzeug.sansio.utils import host_is_trusted

from pdfsmaller import errors
from pdfsmaller.http import conditions, links, retention
from pdfsmaller.http.held import held
from pdfsmaller.jobs import view
from pdfsmaller.jobs.callback import Callback
from pdfsmaller.jobs.model import Job, JobResult
from pdfsmaller.jobs.view import BatchView, JobView
from pdfsmaller.media import content_disposition
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.webhooks.address import wanted
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings

#: A hundred names and ranges take a tenth of this; JSON is read into memory, unlike files.
MAX_JSON_BYTES = 1_000_000


def world() -> World:
    """What stands behind the app that answers."""
    found: World = current_app.config["WORLD"]
    return found


def settings() -> Settings:
    """The world's settings."""
    return world().settings


def service() -> SubmitService:
    """What makes jobs and answers for them."""
    found: SubmitService = current_app.config["SERVICE"]
    return found


def base_url() -> str:
    """What links begin with: the service's address, or nothing where only the caller says what that is.

    A Host header is the caller's own word. One that ALLOWED_HOSTS does not know must not get into an answer, which
    somebody else may read from a cache: links are then paths.
    """
    if given := settings().public_base_url:
        return given.rstrip("/")
    trusted = host_is_trusted(request.environ.get("HTTP_HOST", ""), settings().allowed_hosts)
    return request.url_root.rstrip("/") if trusted else ""


def address(url: str) -> str:
    """Where a form or a link leads to: to a store of its own, or to this service."""
    return f"{base_url()}{url}" if url.startswith("/") else url


def callback(url: object) -> Callback | None:
    """What a request's ``callback_url`` asks for, if it does. Raises InvalidCallback."""
    return wanted(url, base_url(), settings())


def job_view(job: Job) -> JobView:
    """The job as its caller sees it."""
    shown = view.view(job, base_url())
    if held().offers_streams and not job.status.is_final:
        shown.links["events"] = f"{shown.links['self']}/events"
    retention.note(job)
    return links.sign(shown, job, required=settings().api_keys_required)


def batch_view(batch_id: str, jobs: list[Job]) -> BatchView:
    """The jobs of a batch as their caller sees them."""
    return view.batch_view(batch_id, [job_view(job) for job in jobs], base_url())


def as_json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer that is this model."""
    response = jsonify(model.model_dump(mode="json"))
    response.status_code = status
    response.headers.update(headers or {})
    return response


def send_file(job: Job, result: JobResult) -> Response:
    """A file's bytes where they are few, or those asked for; otherwise a redirect to the store, which sees to that."""
    retention.note(job)
    headers = {"X-Job-Id": job.job_id}
    if result.bytes > settings().max_inline_result_size:
        response = redirect(address(service().result_url(result)), 303)
        response.headers.update(headers)
        return response  # type: ignore[return-value]
    headers["Content-Disposition"] = content_disposition(result.name)
    response = Response(service().read_result(result), mimetype=result.media_type, headers=headers)
    response.set_etag(hashlib.sha256(result.key.encode()).hexdigest()[:32])  # nothing else ever lies under that key
    return conditions.meet(response, result.bytes)


def json_object(fields: tuple[str, ...]) -> dict[str, Any]:
    """The request's body, a JSON object that has these fields and no others.

    Raises:
        BadRequest: it is no JSON object.
        InvalidOption: it has another field.
    """
    request.max_content_length = MAX_JSON_BYTES
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise errors.BadRequest(f"Send a JSON object with {', '.join(fields)}.")
    unknown = sorted(set(body) - set(fields))
    if unknown:
        raise errors.InvalidOption(unknown[0], "(hidden)", fields)
    return body
