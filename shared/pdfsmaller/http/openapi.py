"""The OpenAPI description, made from the models that the API really uses."""

from __future__ import annotations

from typing import Annotated, Any

from openapi_pydantic import OpenAPI
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel, ConfigDict, Field, create_model

from pdfsmaller import errors, media
from pdfsmaller.engine.models import option_type, report_model
from pdfsmaller.engine.options import Options
from pdfsmaller.http import hooks, links
from pdfsmaller.http.health import HealthView
from pdfsmaller.http.samples import add_samples
from pdfsmaller.jobs.view import BatchView, EndView, JobsView, JobView, UploadBatchView, UploadStateView, UploadView
from pdfsmaller.operations import ARCHIVE, DEFAULT, OPERATIONS, OperationSpec
from pdfsmaller.services.idempotency import KEY_MAX_CHARS
from pdfsmaller.services.listing import LIMIT_DEFAULT, LIMIT_MAX
from pdfsmaller.services.webhooks import address

_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_WAIT = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=N waits up to N seconds (at most MAX_WAIT_SECONDS) for the job's end.",
    "schema": {"type": "string"},
    "example": "wait=60",
}
_PREFER = _WAIT | {
    "description": f"{_WAIT['description']} respond-async does not wait. Without either, who takes the file and does "
    "not ask for JSON (by Accept) waits DEFAULT_WAIT_SECONDS for it, and everybody else has the job at once.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The caller's own name for this request, a random UUID for example. Sent again with it, the same "
    "request (path, options, file names and contents) makes no second job: it gets the first one's as it stands, with "
    "Idempotency-Replayed: true. Kept for 24 hours, for each API key or, without keys, for each address.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARS},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
_REUSE = Field(
    default=True,
    description="Whether what the same API key's same files, names and options made before will do, while it is kept: "
    "the job has then succeeded at once, with copies of it, and says reused. Never where a password came along.",
)
_REPLAYED = {"description": "true: the same request came before", "schema": {"type": "string"}}
_SECONDS = {"description": "Seconds until another try is worth it", "schema": {"type": "integer"}}
#: How a key is sent, where the service asks for one.
_KEYS: dict[str, Any] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_TOKEN = {
    "name": "token",
    "in": "query",
    "description": "Stands for the API key. It comes in the job's links, where a key is needed, and is good for this "
    "very path for ten minutes.",
    "schema": {"type": "string"},
}
#: draft-ietf-httpapi-ratelimit-headers
_LIMITS = {
    "RateLimit": {
        "description": "How each limit on new jobs stands: `r` are left, in `t` seconds it is counted anew",
        "schema": {"type": "string"},
        "example": '"100 per hour";r=99;t=1800',
    },
    "RateLimit-Policy": {
        "description": "The limits: `q` new jobs in `w` seconds",
        "schema": {"type": "string"},
        "example": '"100 per hour";q=100;w=3600',
    },
}
#: The sections of the documentation, by the first part of a path below /api.
_TAGS = {"jobs": "Jobs", "uploads": "Large files", "batches": "Batches", "archives": "Batches"}


class Problem(BaseModel):
    """An error (RFC 9457). ``code`` is stable; ``field``, ``value`` and ``allowed`` name a refused option."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    field: str | None = None
    value: str | None = None
    allowed: list[str] | None = None


class UploadFile(BaseModel):
    """One file that will come: what to call it, and its size in bytes."""

    name: str = "document.pdf"
    size: int | None = None


class UploadRequest(BaseModel):
    """What is to be uploaded: the operation, its options, and the files.

    Several are ``files`` in their order, or just their ``count``; one may be ``name`` and ``size`` alone.
    """

    operation: Annotated[str, Field(json_schema_extra={"enum": list(OPERATIONS)})] = DEFAULT.name
    options: dict[str, Any] = {}
    files: list[UploadFile] | None = None
    count: int = 1
    name: str = "document.pdf"
    size: int | None = None
    callback_url: str | None = None


class FileReference(BaseModel):
    """A file that is here: an input or a result of a job, by its number from 0, of this job where none is named.

    Exactly one of ``input`` and ``result``.
    """

    job_id: str | None = None
    input: int | None = None
    result: int | None = None


class AgainRequest(BaseModel):
    """What is to be done again: by default the same operation, without options, to all inputs of the job."""

    operation: Annotated[str | None, Field(json_schema_extra={"enum": [*OPERATIONS, None]})] = None
    options: dict[str, Any] = {}
    inputs: list[FileReference] | None = None
    callback_url: str | None = None


class ArchiveRequest(BaseModel):
    """The ids of the jobs whose results go into a ZIP, in their order."""

    jobs: list[str]


def document(base_url: str, version: str) -> dict[str, Any]:
    """The description as plain JSON."""
    api = OpenAPI.model_validate(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "PDF Smaller",
                "version": version,
                "description": "Makes PDFs smaller; they look, read and work as before.",
            },
            "servers": [{"url": base_url}],
            "paths": _with_tags(_with_store_away(_with_access(_with_beginning(_paths())))),
            "components": {"securitySchemes": _KEYS},
            "security": [{}, *({name: []} for name in _KEYS)],
            "webhooks": hooks.webhooks(_json(EndView)),
        }
    )
    described: dict[str, Any] = construct_open_api_with_schema_class(api).model_dump(
        by_alias=True, exclude_unset=True, mode="json"
    )
    add_samples(described["paths"], base_url)  # the model knows no extensions
    return described


def form_of(operation: OperationSpec) -> type[BaseModel]:
    """The fields of an operation's multipart form, as callers send them."""
    options = operation.options
    fields: dict[str, Any] = {name: _form_field(options, name) for name in options.names()}
    what = f"{operation.inputs.plural}, each a job of its own" if operation.each_alone else operation.inputs.plural
    files = Field(description=f"The {what}, in their order.", json_schema_extra={"items": _BINARY})
    return create_model(
        f"{operation.command.capitalize()}Form",
        __doc__=f"The fields of the multipart form. {operation.summary}",
        **(fields | {"files": (list[str], files), address.FIELD: hooks.field(), "reuse": (bool, _REUSE)}),
    )


def _form_field(options: type[Options], name: str) -> tuple[Any, Any]:
    """An option as a form has it: as text where text may say more than the option's own type."""
    about, shown, default = options.description(name), options.shown(name), options.default(name)
    if shown.repeated:
        return list[str], Field(default_factory=list, description=about)
    if shown.as_text:
        text = f"{default:g}" if isinstance(default, float) else default
        return str | None, Field(default=text, description=f"{about} {shown.allowed}.")
    if options.is_secret(name):
        return str | None, Field(default=default, description=about)
    return option_type(options, name), default


def _submission(operation: OperationSpec) -> dict[str, Any]:
    """A path that takes files."""
    first, *words = operation.route.split("-")
    accepted = "Accepted: a job, or a batch of jobs for several files" if operation.each_alone else "Accepted: a job"
    views = [JobView, BatchView] if operation.each_alone else [JobView]
    what = "a ZIP of the results" if operation.several_results else "the result"
    return {
        "post": {
            "operationId": first + "".join(word.capitalize() for word in words),
            "summary": operation.summary,
            "parameters": [_PREFER],
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _ref(form_of(operation))}}},
            "responses": {
                "200": {"description": "Finished within the wait", "content": _json(JobView) | _binary(operation)},
                "202": {"description": accepted, "content": _json(*views), **_retry_after()},
                "303": {"description": f"Finished within the wait; {what} is at Location"},
                "400": _problem(errors.BadRequest, errors.EmptyFile),
                "410": _problem(errors.JobExpired, errors.JobCancelled),
                "413": _problem(errors.FileTooLarge),
                "415": _problem(operation.inputs.wrong_kind),
                "422": _problem(
                    errors.InvalidOption,
                    errors.InvalidCallback,
                    errors.TooManyFiles,
                    errors.LimitExceeded,
                    *operation.failures,
                ),
            },
        }
    }


def _archived() -> dict[str, Any]:
    """The answers of what begins a ZIP."""
    return {
        "200": {"description": "Finished within the wait", "content": _json(JobView) | _binary(ARCHIVE)},
        "202": {"description": "Accepted: a job", "content": _json(JobView)},
        "303": {"description": "Finished within the wait; the ZIP is at Location"},
        "404": _problem(errors.JobNotFound),
        "409": _problem(errors.NothingToArchive),
        "422": _problem(errors.InvalidOption, errors.LimitExceeded),
    }


def _binary(*operations: OperationSpec) -> dict[str, Any]:
    """The files that operations hand out, by their kinds."""
    kinds = {kind for operation in operations for kind in operation.media_types}
    if any(operation.several_results for operation in operations):
        kinds.add(media.ZIP)
    return {kind: {"schema": _BINARY} for kind in sorted(kinds)}


def _paths() -> dict[str, Any]:
    job_id, index, batch_id = _path("job_id"), _path("index"), _path("batch_id")
    not_found = _problem(errors.JobNotFound)
    return {
        **{f"/api/{operation.route}": _submission(operation) for operation in OPERATIONS.values()},
        "/api/uploads": {
            "post": {
                "operationId": "reserveUpload",
                "summary": "Begin a job whose files are sent straight to the store",
                "description": "Several files to an operation that takes one a job begin a batch. A file of more than "
                "50 MB whose size is said comes in parts.",
                "requestBody": {"required": True, "content": _json(UploadRequest)},
                "responses": {
                    "201": {
                        "description": "The job, or the jobs of a batch, and what brings each file to the store",
                        "content": _json(UploadView, UploadBatchView),
                    },
                    "400": _problem(errors.BadRequest, errors.EmptyFile),
                    "413": _problem(errors.FileTooLarge),
                    "422": _problem(errors.InvalidOption, errors.InvalidCallback, errors.TooManyFiles),
                },
            }
        },
        "/api/jobs/{job_id}": {
            "get": {
                "operationId": "getJob",
                "summary": "How a job stands",
                "parameters": [job_id, _WAIT],
                "responses": {"200": {"description": "The job", "content": _json(JobView)}, "404": not_found},
            },
            "delete": {
                "operationId": "deleteJob",
                "summary": "End a job and delete its files",
                "parameters": [job_id],
                "responses": {"204": {"description": "Ended"}, "404": not_found},
            },
        },
        "/api/jobs": _list(),
        "/api/jobs/{job_id}/cancel": {
            "post": {
                "operationId": "cancelJob",
                "summary": "End a job that has not ended, and delete its files",
                "description": "A running one stops within two seconds. Saying so again changes nothing.",
                "parameters": [job_id],
                "responses": {
                    "200": {"description": "The job, cancelled", "content": _json(JobView)},
                    "404": not_found,
                    "409": _problem(errors.JobEnded),
                },
            }
        },
        "/api/jobs/{job_id}/events": _events("followJob", "How a job stands, at each change", job_id),
        "/api/batches/{batch_id}/events": _events(
            "followBatch", "How the jobs of a batch stand, each at each of its changes", batch_id
        ),
        "/api/jobs/{job_id}/again": _again(job_id),
        "/api/jobs/{job_id}/retry": {
            "post": {
                "operationId": "retry",
                "summary": "Try a failed job once more, with as many attempts as a new one",
                "parameters": [job_id, _WAIT],
                "responses": {
                    "200": {"description": "Finished within the wait", "content": _json(JobView)},
                    "202": {"description": "Queued again", "content": _json(JobView)},
                    "303": {"description": "Finished within the wait; the result is at Location"},
                    "404": not_found,
                    "409": _problem(errors.JobNotFailed),
                    "410": _problem(errors.JobExpired, errors.JobCancelled),
                    "422": _problem(errors.JobFailed),
                },
            }
        },
        "/api/jobs/{job_id}/report": {
            "get": {
                "operationId": "getReport",
                "summary": "The engine's whole report; a job's own JSON leaves out what is too long",
                "parameters": [job_id],
                "responses": {
                    "200": {"description": "The report", "content": _json(*_reports())},
                    "303": {"description": "The report is at Location"},
                    "404": not_found,
                    "409": _problem(errors.JobNotReady),
                    "410": _problem(errors.JobExpired, errors.JobCancelled),
                    "422": _problem(errors.JobFailed),
                },
            }
        },
        "/api/jobs/{job_id}/uploads/{index}": {
            "get": {
                "operationId": "getUpload",
                "summary": "What has come of a file, counted from 0, and fresh links for the rest",
                "parameters": [job_id, index],
                "responses": {
                    "200": {
                        "description": "What brings it to the store from now on",
                        "content": _json(UploadStateView),
                    },
                    "404": _problem(errors.JobNotFound, errors.InputNotFound),
                    "409": _problem(errors.UploadClosed),
                },
            }
        },
        "/api/jobs/{job_id}/uploads/{index}/complete": {
            "post": {
                "operationId": "completeUpload",
                "summary": "Make a file of its parts; the job begins if it was the last one",
                "description": "The store says which parts came: no body is needed. Saying so again changes nothing.",
                "parameters": [job_id, index],
                "responses": {
                    "200": {"description": "The job as it stands now", "content": _json(JobView)},
                    "404": _problem(errors.JobNotFound, errors.InputNotFound),
                    "409": _problem(errors.UploadClosed, errors.PartsMissing),
                },
            }
        },
        "/api/jobs/{job_id}/uploaded": {
            "post": {
                "operationId": "confirmUpload",
                "summary": "Say that a job's files were POSTed to the store: it begins if all of them are there",
                "description": "Not needed on AWS, and harmless everywhere. Saying so again changes nothing.",
                "parameters": [job_id],
                "responses": {
                    "200": {"description": "The job as it stands now", "content": _json(JobView)},
                    "404": not_found,
                },
            }
        },
        "/api/jobs/{job_id}/download": {
            "get": {
                "operationId": "download",
                "summary": "The result, or a ZIP of several",
                "parameters": [job_id],
                "responses": {
                    "200": {"description": "The file", "content": _binary(*OPERATIONS.values())},
                    "303": {"description": "The file is at Location"},
                    "404": not_found,
                    "409": _problem(errors.JobNotReady),
                    "410": _problem(errors.JobExpired, errors.JobCancelled),
                    "422": _problem(errors.JobFailed),
                },
            }
        },
        "/api/jobs/{job_id}/results/{index}": {
            "get": {
                "operationId": "getResult",
                "summary": "One of a job's results, counted from 0",
                "parameters": [job_id, index],
                "responses": {
                    "200": {"description": "The file", "content": _binary(*OPERATIONS.values())},
                    "303": {"description": "The file is at Location"},
                    "404": _problem(errors.JobNotFound, errors.ResultNotFound),
                    "409": _problem(errors.JobNotReady),
                    "410": _problem(errors.JobExpired, errors.JobCancelled),
                    "422": _problem(errors.JobFailed),
                },
            }
        },
        "/api/batches/{batch_id}": {
            "get": {
                "operationId": "getBatch",
                "summary": "How the jobs of a batch stand",
                "parameters": [batch_id],
                "responses": {"200": {"description": "The batch", "content": _json(BatchView)}, "404": not_found},
            }
        },
        "/api/batches/{batch_id}/archive": {
            "post": {
                "operationId": "archiveBatch",
                "summary": "Make a ZIP of all that a batch's jobs have made so far",
                "description": "A job of its own, the same one for as long as it is there and nothing has been added. "
                "Jobs without a result are left out, and named in its warnings.",
                "parameters": [batch_id, _WAIT],
                "responses": _archived(),
            }
        },
        "/api/archives": {
            "post": {
                "operationId": "archiveJobs",
                "summary": "Make a ZIP of the results of several jobs",
                "parameters": [_WAIT],
                "requestBody": {"required": True, "content": _json(ArchiveRequest)},
                "responses": _archived() | {"400": _problem(errors.BadRequest)},
            }
        },
        "/api/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the service's parts answer",
                "description": "`details` for callers on its host or trusted networks, with a key or token.",
                "responses": {
                    "200": {"description": "Jobs can be taken", "content": _json(HealthView)},
                    "503": {"description": "They cannot: a part is away", "content": _json(HealthView)},
                },
            }
        },
    }


def _reports() -> list[type[BaseModel]]:
    """The models of what operations say of their work."""
    return [report_model(report) for report in dict.fromkeys(operation.report for operation in OPERATIONS.values())]


def _list() -> dict[str, Any]:
    """A path that lists an API key's jobs."""
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}
    return {
        "get": {
            "operationId": "listJobs",
            "summary": "The jobs that were sent with the caller's API key, the newest first",
            "parameters": [
                {
                    "name": "cursor",
                    "in": "query",
                    "description": "`next` of the page before; without it the newest.",
                    "schema": {"type": "string"},
                },
                {"name": "limit", "in": "query", "description": "The most jobs of a page.", "schema": limit},
            ],
            "responses": {
                "200": {"description": "A page of jobs", "content": _json(JobsView)},
                "401": _problem(errors.Unauthorized),
                "422": _problem(errors.InvalidOption),
            },
        }
    }


def _events(name: str, summary: str, parameter: dict[str, Any]) -> dict[str, Any]:
    """A path that sends events."""
    schema = {"type": "string", "description": "Events called `job`, whose `data` is the job's JSON."}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "description": "Server-sent events. A stream ends with the last job's end, or after ten minutes; its "
            "client then connects anew. Where streams are not offered, a job has no link `events`.",
            "parameters": [parameter],
            "responses": {
                "200": {"description": "The stream", "content": {"text/event-stream": {"schema": schema}}},
                "204": {"description": "The last end is known already, by Last-Event-ID"},
                "404": _problem(errors.JobNotFound),
                "501": _problem(errors.NoStreams),
                "503": _problem(errors.TooManyStreams, errors.StoreUnavailable) | _retry_after(),
            },
        }
    }


def _retry_after() -> dict[str, Any]:
    return {"headers": {"Retry-After": _SECONDS}}


def _with_tags(paths: dict[str, Any]) -> dict[str, Any]:
    """The paths, each in the section of the documentation that its first part names."""
    operations = {f"/api/{operation.route}" for operation in OPERATIONS.values()}
    for path, methods in paths.items():
        first = path.removeprefix("/api/").split("/")[0]
        tag = "Operations" if path in operations else _TAGS.get(first, "Service")
        for method in methods.values():
            method["tags"] = [tag]
    return paths


def _again(job_id: dict[str, Any]) -> dict[str, Any]:
    """A path that makes a new job from files that are here."""
    kinds = {operation.inputs.wrong_kind for operation in OPERATIONS.values()}
    return {
        "post": {
            "operationId": "again",
            "summary": "A new job, with other options or another operation, from files that are here already",
            "description": "The store copies the files: inputs of jobs, and results of those that are done. A password "
            "is taken along only from a job that has not ended.",
            "parameters": [job_id, _PREFER],
            "requestBody": {"required": False, "content": _json(AgainRequest)},
            "responses": {
                "200": {"description": "Finished within the wait", "content": _json(JobView)},
                "202": {"description": "Accepted: the new job", "content": _json(JobView)},
                "303": {"description": "Finished within the wait; the result is at Location"},
                "400": _problem(errors.BadRequest, errors.EmptyFile),
                "404": _problem(errors.JobNotFound, errors.InputNotFound, errors.ResultNotFound),
                "409": _problem(errors.JobNotReady),
                "410": _problem(errors.JobExpired, errors.JobCancelled),
                "413": _problem(errors.FileTooLarge),
                "415": _problem(*sorted(kinds, key=lambda kind: kind.code)),
                "422": _problem(errors.InvalidOption, errors.InvalidCallback, errors.TooManyFiles, errors.JobFailed),
            },
        }
    }


def _with_beginning(paths: dict[str, Any]) -> dict[str, Any]:
    """The paths, each that begins a job with what goes for all of these: that a request can be sent again, and what it
    answers while there is no room.
    """
    begun_by = [f"/api/{operation.route}" for operation in (*OPERATIONS.values(), ARCHIVE)]
    for path in ("/api/uploads", "/api/jobs/{job_id}/again", "/api/batches/{batch_id}/archive", *begun_by):
        post = paths[path]["post"]
        post["parameters"] = [*post.get("parameters", ()), _IDEMPOTENCY_KEY]
        responses = post["responses"]
        responses["507"] = _problem(errors.StorageFull)
        for kind in (errors.InvalidIdempotencyKey, errors.RequestInProgress, errors.IdempotencyKeyReused):
            known = responses.get(str(kind.http_status))
            responses[str(kind.http_status)] = answer = _problem(kind)
            if known:
                answer["description"] = f"{known['description']}, {answer['description']}"
        responses["409"] |= _retry_after()
        for status in ("200", "201", "202", "303"):
            if status in responses:
                headers = responses[status].get("headers", {})
                ours = {"Idempotency-Replayed": _REPLAYED, **_LIMITS}
                responses[status] = responses[status] | {"headers": headers | ours}
        responses["429"] = _problem(errors.RateLimited) | {"headers": {"Retry-After": _SECONDS, **_LIMITS}}
    return paths


def _with_access(paths: dict[str, Any]) -> dict[str, Any]:
    """The paths, each with what it answers to whom it does not let in."""
    for path, methods in paths.items():
        if path == "/api/health":
            continue
        for name, method in methods.items():
            responses = method["responses"]
            responses.setdefault("401", _problem(errors.Unauthorized))
            responses.setdefault("429", _problem(errors.RateLimited) | _retry_after())  # after many wrong keys
            if name == "get" and path.removeprefix("/api/jobs/{job_id}/") in links.ENDS:
                method["parameters"] = [*method["parameters"], _TOKEN]
                responses["403"] = _problem(errors.AccessDenied)
    return paths


def _with_store_away(paths: dict[str, Any]) -> dict[str, Any]:
    """The paths, each with what it answers while the job table, the queue or the buckets are away."""
    away = _problem(errors.StoreUnavailable) | _retry_after()
    for path in paths.values():
        for method in path.values():
            method["responses"].setdefault("503", away)
    return paths


def _ref(model: type[BaseModel]) -> Any:
    return PydanticSchema.model_validate({"schema_class": model})


def _json(*models: type[BaseModel]) -> dict[str, Any]:
    schema: Any = _ref(models[0]) if len(models) == 1 else {"anyOf": [_ref(model) for model in models]}
    return {"application/json": {"schema": schema}}


def _problem(*kinds: type[errors.PdfSmallerError]) -> dict[str, Any]:
    codes = ", ".join(f"`{kind.code}`" for kind in kinds)
    return {"description": codes, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
