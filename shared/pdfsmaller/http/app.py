"""The Flask app: routes parse the request, call one service function and shape the answer."""

from __future__ import annotations

import hmac
import re
import uuid
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, jsonify, redirect, render_template, request
from werkzeug.datastructures import FileStorage
from werkzeug.sansio.utils import host_is_trusted

from pdfsmaller import __version__, errors
from pdfsmaller.engine.options import Options
from pdfsmaller.http import files, health, metrics, problems
from pdfsmaller.jobs.model import Job, JobResult
from pdfsmaller.jobs.objects import FILES_PATH
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.view import BatchView, JobView, PresignedPost, UploadView, view
from pdfsmaller.media import content_disposition
from pdfsmaller.operations import OPERATIONS, OperationSpec, on_page
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings

api = Blueprint("api", __name__)

#: Above this, Werkzeug moves a form's text fields no further: they are options, not documents.
_MAX_FORM_TEXT_BYTES = 100_000
#: A hundred names and ranges take a tenth of this; JSON is read into memory, unlike files.
_MAX_JSON_BYTES = 1_000_000
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)
#: Functions Framework answers /static itself, from the folder of the function.
_ASSETS = "/assets"
_OPEN_PATHS = ("/", "/health", "/health/live", "/api/health", "/openapi.json")
#: What lies below is anybody's, or proves itself.
_OPEN_FOLDERS = (f"{_ASSETS}/", f"{FILES_PATH}/")
_UPLOAD_FIELDS = ("operation", "options", "files", "count", "name", "size")
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
_INDEX = re.compile(r"[0-9]{1,6}")
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")


def create_app(world: World) -> Flask:
    """The app for one world."""
    app, settings = Flask(__name__, static_url_path=_ASSETS), world.settings
    app.config |= {
        "WORLD": world,
        "SERVICE": SubmitService(world),
        "MAX_CONTENT_LENGTH": settings.max_request_size,
        "MAX_FORM_MEMORY_SIZE": _MAX_FORM_TEXT_BYTES,
        "MAX_FORM_PARTS": 400,  # 100 files, each with a page range and a password, and the options
    }
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(_name_request)
    app.before_request(_demand_key)
    app.after_request(_add_headers)
    app.register_blueprint(api)
    app.register_blueprint(health.blueprint)
    files.install(app, world)
    problems.install(app)
    if settings.metrics_enabled:
        metrics.install(app, world.queue)
    if settings.allowed_origins:
        from flask_cors import CORS

        CORS(
            app,
            origins=settings.allowed_origins,
            expose_headers=["Location", "Content-Disposition", "X-Request-Id", "X-Job-Id", "Preference-Applied"],
        )
    return app


# Around every request


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _demand_key() -> None:
    keys = _settings().api_keys
    if not keys or request.method == "OPTIONS" or request.path in _OPEN_PATHS or request.path.startswith(_OPEN_FOLDERS):
        return
    given = request.headers.get("X-Api-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    # Every key is compared, in constant time, so that the answer's time tells nothing.
    if not any([hmac.compare_digest(given.encode(), key.encode()) for key in keys]):
        raise errors.Unauthorized("Send one of this service's API keys as 'X-Api-Key' or 'Authorization: Bearer'.")


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        store = _world().storage.public_origin  # forms go there, and a download's redirect leads there
        connect = f"'self' {store}" if store else "'self'"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src {connect}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    if request.path.startswith(("/api/", f"{FILES_PATH}/")) and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _world() -> World:
    world: World = current_app.config["WORLD"]
    return world


def _settings() -> Settings:
    return _world().settings


def _service() -> SubmitService:
    service: SubmitService = current_app.config["SERVICE"]
    return service


def _base_url() -> str:
    """What links begin with: the service's address, or nothing where only the caller says what that is.

    A Host header is the caller's own word. One that ALLOWED_HOSTS does not know must not get into an answer, which
    somebody else may read from a cache: links are then paths.
    """
    if address := _settings().public_base_url:
        return address.rstrip("/")
    trusted = host_is_trusted(request.environ.get("HTTP_HOST", ""), _settings().allowed_hosts)
    return request.url_root.rstrip("/") if trusted else ""


def _address(url: str) -> str:
    """Where a form or a link leads to: to a store of its own, or to this service."""
    return f"{_base_url()}{url}" if url.startswith("/") else url


def _view(job: Job) -> JobView:
    return view(job, _base_url())


def _json(model: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    response = jsonify(model.model_dump(mode="json"))
    response.status_code = status
    response.headers.update(headers or {})
    return response


# Routes


def _add_operation(operation: OperationSpec) -> None:
    """The route of an operation."""

    def submit() -> Response:
        return _submit(operation)

    submit.__doc__ = operation.summary
    api.add_url_rule(f"/api/{operation.route}", operation.name, submit, methods=["POST"])


for _operation in OPERATIONS.values():
    _add_operation(_operation)


@api.post("/api/uploads")
def reserve_upload() -> Response:
    """Begin a job whose files go straight to the bucket."""
    request.max_content_length = _MAX_JSON_BYTES
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise errors.BadRequest(f"Send a JSON object with {', '.join(_UPLOAD_FIELDS)}.")
    unknown = sorted(set(body) - set(_UPLOAD_FIELDS))
    if unknown:
        raise errors.InvalidOption(unknown[0], "(hidden)", _UPLOAD_FIELDS)
    job, forms = _service().reserve_upload(body)
    shown = _view(job)
    answer = UploadView(
        job=shown,
        uploads=[PresignedPost(url=_address(form.url), fields=form.fields) for form in forms],
        expires_in=_settings().upload_expires_seconds,
    )
    return _json(answer, 201, {"Location": shown.links["self"]})


@api.get("/api/jobs/<job_id>")
def get_job(job_id: str) -> Response:
    """How a job stands. ``Prefer: wait=N`` waits for its end."""
    jobs = [_service().job(job_id)]
    if seconds := _wait_seconds():
        jobs = _service().wait(jobs, seconds)
    return _json(_view(jobs[0]), headers=_applied(bool(seconds)))


@api.post("/api/jobs/<job_id>/uploaded")
def uploaded(job_id: str) -> Response:
    """Begin a job whose files were sent straight to the bucket, if all of them are there."""
    return _json(_view(_service().uploaded(job_id)))


@api.get("/api/jobs/<job_id>/download")
def download(job_id: str) -> Response:
    """The result, or a ZIP of several: its bytes where they are few, otherwise a redirect to the store."""
    return _send_file(job_id, _service().download(job_id))


@api.get("/api/jobs/<job_id>/results/<index>")
def get_result(job_id: str, index: str) -> Response:
    """One of a job's results, counted from 0."""
    number = int(index) if _INDEX.fullmatch(index) else -1  # -1: the job has none such
    return _send_file(job_id, _service().result(job_id, number))


@api.delete("/api/jobs/<job_id>")
def delete_job(job_id: str) -> Response:
    """End a job and delete its files."""
    _service().delete(job_id)
    return Response(status=204)


@api.get("/api/batches/<batch_id>")
def get_batch(batch_id: str) -> Response:
    """How the jobs of a batch stand."""
    jobs = _service().batch(batch_id)
    return _json(BatchView(batch_id=batch_id, jobs=[_view(job) for job in jobs]))


@api.get("/openapi.json")
def openapi() -> Response:
    """This API, described."""
    from pdfsmaller.http.openapi import document

    return jsonify(document(_base_url(), __version__))


@api.get("/")
def index() -> Response:
    """The web page."""
    from pdfsmaller.http.page import page_fields

    return Response(
        render_template("index.html", keys=bool(_settings().api_keys), operations=on_page(), fields=page_fields())
    )


# Shaping


def _submit(operation: OperationSpec) -> Response:
    """Begin what a multipart form asks for, and wait where its sender wants to."""
    files = [_incoming(part) for part in request.files.getlist("files") if part.filename]
    unknown = sorted(set(request.files) - {"files"})
    if unknown and not files:
        raise errors.BadRequest(f"Files came in the multipart field {unknown[0]!r}. The field is called 'files'.")
    jobs = _service().submit_files(files, _form_fields(operation.options), operation.name)
    seconds = _wait_seconds()
    if seconds:
        jobs = _service().wait(jobs, seconds)
    return _answer_one(jobs[0], bool(seconds)) if len(jobs) == 1 else _answer_batch(jobs, bool(seconds))


def _form_fields(options: type[Options]) -> dict[str, Any]:
    """The form's fields; of an option that may come several times all of them, in their order."""
    fields: dict[str, Any] = request.form.to_dict()
    for name in fields.keys() & options.model_fields.keys():
        given = request.form.getlist(name)
        if options.shown(name).repeated and len(given) > 1:
            fields[name] = given
    return fields


def _incoming(part: FileStorage) -> IncomingFile:
    return IncomingFile(part.filename or "", part.stream)


def _wait_seconds() -> int:
    """N of ``Prefer: wait=N`` (RFC 7240), capped; 0 where the caller does not wait."""
    match = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(match[1]), _settings().max_wait_seconds) if match else 0


def _wants_file(media_type: str) -> bool:
    """Whether a caller who waits gets the file itself, which is of this kind.

    Yes where it names the kind, or takes anything and does not name JSON (curl's ``*/*``). A program that
    sends ``application/json, */*`` expects JSON.
    """
    named = {kind for kind, quality in request.accept_mimetypes if quality > 0}
    return media_type in named or not named or ("*/*" in named and "application/json" not in named)


def _applied(waited: bool) -> dict[str, str]:
    return {"Preference-Applied": "wait"} if waited else {}


def _answer_one(job: Job, waited: bool) -> Response:
    if waited and job.status is Status.SUCCEEDED and job.download and _wants_file(job.download.media_type):
        response = _send_file(job.job_id, job.download)
        response.headers.update(_applied(waited))
        return response
    if waited and job.status is Status.FAILED and job.error:
        raise problems.FailedJob(_view(job))
    shown = _view(job)
    headers = {"Location": shown.links["self"], "X-Job-Id": job.job_id, **_applied(waited)}
    return _json(shown, 200 if job.status is Status.SUCCEEDED and waited else 202, headers)


def _answer_batch(jobs: list[Job], waited: bool) -> Response:
    batch_id = jobs[0].batch_id or ""
    shown = BatchView(batch_id=batch_id, jobs=[_view(job) for job in jobs])
    done = waited and all(job.status.is_final for job in jobs)
    headers = {"Location": f"{_base_url()}/api/batches/{batch_id}", **_applied(waited)}
    return _json(shown, 200 if done else 202, headers)


def _send_file(job_id: str, result: JobResult) -> Response:
    """A file's bytes where they are few, otherwise a redirect to the store."""
    service = _service()
    headers = {"X-Job-Id": job_id}
    if result.bytes > _settings().max_inline_result_size:
        response = redirect(_address(service.result_url(result)), 303)
        response.headers.update(headers)
        return response  # type: ignore[return-value]
    headers["Content-Disposition"] = content_disposition(result.name)
    return Response(service.read_result(result), mimetype=result.media_type, headers=headers)
