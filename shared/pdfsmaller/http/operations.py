"""A route for each operation: a multipart form with the files and the options."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage

from pdfsmaller import errors
from pdfsmaller.engine.options import Options
from pdfsmaller.http import answers, waiting
from pdfsmaller.http.callers import caller
from pdfsmaller.http.idempotency import jobs_once, sha256_of
from pdfsmaller.jobs.model import Job
from pdfsmaller.operations import OPERATIONS, OperationSpec
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.webhooks import address

#: The form's field that says whether a finished result will do, beside the operation's options.
REUSE = "reuse"

blueprint = Blueprint("operations", __name__, url_prefix="/api")


def _add(operation: OperationSpec) -> None:
    """The route of an operation."""

    def submit() -> Response:
        return _submit(operation)

    submit.__doc__ = operation.summary
    blueprint.add_url_rule(f"/{operation.route}", operation.name, submit, methods=["POST"])


for _operation in OPERATIONS.values():
    _add(_operation)


def _submit(operation: OperationSpec) -> Response:
    """Begin what a multipart form asks for, and wait where its sender wants to."""
    files = [_incoming(part) for part in request.files.getlist("files") if part.filename]
    unknown = sorted(set(request.files) - {"files"})
    if unknown and not files:
        raise errors.BadRequest(f"Files came in the multipart field {unknown[0]!r}. The field is called 'files'.")
    fields = _form_fields(operation.options)
    callback = answers.callback(fields.pop(address.FIELD, None))

    reuse = _reuse(fields.pop(REUSE, "true"))

    def make(under: str | None) -> list[Job]:
        return answers.service().submit_files(
            files, fields, operation.name, caller=caller(), under=under, callback=callback, reuse=reuse
        )

    return waiting.begun(jobs_once(make))


def _reuse(given: str) -> bool:
    """Whether what the same work made before will do."""
    if given.strip().lower() not in ("true", "false"):
        raise errors.InvalidOption(REUSE, given, ["true", "false"])
    return given.strip().lower() == "true"


def _form_fields(options: type[Options]) -> dict[str, Any]:
    """The form's fields; of an option that may come several times all of them, in their order."""
    fields: dict[str, Any] = request.form.to_dict()
    for name in fields.keys() & set(options.names()):
        given = request.form.getlist(name)
        if options.shown(name).repeated and len(given) > 1:
            fields[name] = given
    return fields


def _incoming(part: FileStorage) -> IncomingFile:
    return IncomingFile(part.filename or "", part.stream, sha256_of(part))
