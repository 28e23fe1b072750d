"""The OpenAPI description, made from the models that the API really uses."""

from __future__ import annotations

from typing import Any

from openapi_pydantic import OpenAPI
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel, ConfigDict, Field

from pdfsmaller import errors
from pdfsmaller.engine.options import CompressOptions, ImageOptions, MergeOptions, Operation
from pdfsmaller.jobs.view import BatchView, JobView, UploadView

_PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
_PDF_FAILURES = (errors.UnreadablePdf, errors.PasswordRequired, errors.WrongPassword, errors.UnsupportedEncryption)
_WAIT = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=N waits up to N seconds (at most 60) for the job's end.",
    "schema": {"type": "string"},
    "example": "wait=60",
}


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


class CompressForm(CompressOptions):
    """The fields of the multipart form. ``target_size`` also takes ``500KB``, ``1.5MB``."""

    # As callers send it: text, and the password in plain sight of TLS only.
    target_size: str | None = None  # type: ignore[assignment]
    password: str | None = None  # type: ignore[assignment]
    files: list[str] = Field(
        description="One or more PDFs.", json_schema_extra={"items": {"type": "string", "format": "binary"}}
    )


class MergeForm(MergeOptions):
    """The fields of the multipart form. ``pages`` comes once for each file, in order, or is a JSON array."""

    target_size: str | None = None  # type: ignore[assignment]
    password: list[str] = Field(default=[], description="Each is tried on each encrypted input.")  # type: ignore[assignment]
    files: list[str] = Field(
        description="The PDFs, in their order.", json_schema_extra={"items": {"type": "string", "format": "binary"}}
    )


class ImagesForm(ImageOptions):
    """The fields of the multipart form. ``margin`` is in points, or text such as ``10mm``."""

    target_size: str | None = None  # type: ignore[assignment]
    password: str | None = None  # type: ignore[assignment]
    margin: str = "0"  # type: ignore[assignment]
    files: list[str] = Field(
        description="The images, a page for each, in their order.",
        json_schema_extra={"items": {"type": "string", "format": "binary"}},
    )


class UploadFile(BaseModel):
    """One file that will come: what to call it, and its size in bytes."""

    name: str = "document.pdf"
    size: int | None = None


class UploadRequest(BaseModel):
    """What is to be uploaded: the operation, its options, and the files.

    Several are ``files`` in their order, or just their ``count``; one may be ``name`` and ``size`` alone.
    """

    operation: Operation = "compress"
    options: dict[str, Any] = {}
    files: list[UploadFile] | None = None
    count: int = 1
    name: str = "document.pdf"
    size: int | None = None


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
            "paths": _paths(),
        }
    )
    described: dict[str, Any] = construct_open_api_with_schema_class(api).model_dump(
        by_alias=True, exclude_unset=True, mode="json"
    )
    return described


def _submission(
    name: str,
    summary: str,
    form: type[BaseModel],
    wrong_kind: type[errors.PdfSmallerError],
    *failures: type[errors.PdfSmallerError],
    batch: bool = False,
) -> dict[str, Any]:
    """A path that takes files. ``failures`` are its jobs' own, told to who waits."""
    accepted = "Accepted: a job, or a batch of jobs for several files" if batch else "Accepted: a job"
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "parameters": [_WAIT],
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _ref(form)}}},
            "responses": {
                "200": {"description": "Finished within the wait", "content": _json(JobView) | _PDF},
                "202": {"description": accepted, "content": _json(JobView, *([BatchView] if batch else []))},
                "303": {"description": "Finished within the wait; the PDF is at Location"},
                "400": _problem(errors.BadRequest, errors.EmptyFile),
                "413": _problem(errors.FileTooLarge),
                "415": _problem(wrong_kind),
                "422": _problem(errors.InvalidOption, errors.TooManyFiles, errors.LimitExceeded, *failures),
            },
        }
    }


def _paths() -> dict[str, Any]:
    job_id, batch_id = _path("job_id"), _path("batch_id")
    not_found = _problem(errors.JobNotFound)
    return {
        "/api/compress": _submission(
            "compress", "Compress PDFs, one job for each file", CompressForm, errors.NotAPdf, *_PDF_FAILURES, batch=True
        ),
        "/api/merge-pdf": _submission(
            "mergePdf",
            "Make one PDF of several, in their order",
            MergeForm,
            errors.NotAPdf,
            *_PDF_FAILURES,
            errors.InvalidPageRange,
        ),
        "/api/image-to-pdf": _submission(
            "imageToPdf",
            "Make one PDF of images, a page for each",
            ImagesForm,
            errors.NotAnImage,
            errors.UnreadableImage,
        ),
        "/api/uploads": {
            "post": {
                "operationId": "reserveUpload",
                "summary": "Begin a job whose files are POSTed straight to the store",
                "requestBody": {"required": True, "content": _json(UploadRequest)},
                "responses": {
                    "201": {"description": "The job, and a form for each file", "content": _json(UploadView)},
                    "400": _problem(errors.BadRequest, errors.EmptyFile),
                    "413": _problem(errors.FileTooLarge),
                    "422": _problem(errors.InvalidOption, errors.TooManyFiles),
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
        "/api/jobs/{job_id}/download": {
            "get": {
                "operationId": "download",
                "summary": "The finished PDF",
                "parameters": [job_id],
                "responses": {
                    "200": {"description": "The PDF", "content": _PDF},
                    "303": {"description": "The PDF is at Location"},
                    "404": not_found,
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
        "/api/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the service's parts answer",
                "responses": {"200": {"description": "All up"}, "503": {"description": "One is down"}},
            }
        },
    }


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
