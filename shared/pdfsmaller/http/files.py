"""Forms and links that this service itself answers to, where its storage does not (``ServedStorage``).

They prove themselves, so no API key is asked for: who has one was given it.
"""

from __future__ import annotations

import sys
from typing import cast

from flask import Blueprint, Flask, Response, request
from werkzeug.wsgi import FileWrapper

from pdfsmaller import errors
from pdfsmaller.http import answers, conditions
from pdfsmaller.http.multipart import UploadedForm
from pdfsmaller.jobs.objects import FILES_PATH, ServedFile
from pdfsmaller.jobs.ports import ServedStorage, is_served
from pdfsmaller.media import content_disposition
from pdfsmaller.services import arrivals
from pdfsmaller.services.world import World

blueprint = Blueprint("files", __name__, url_prefix=FILES_PATH)

_CHUNK_BYTES = 1 << 18


def install(app: Flask, world: World) -> None:
    """Have ``app`` answer to the forms and links of a world's storage, where these are its business."""
    if is_served(world.storage):
        app.register_blueprint(blueprint)


def _storage() -> ServedStorage:
    return cast("ServedStorage", answers.world().storage)


@blueprint.post("/uploads")
def take_in() -> Response:
    """Take in one file by a form, straight to where it stays. The last one of a job begins it."""
    request.max_content_length = sys.maxsize  # the form says what its file may have
    storage = _storage()
    form = UploadedForm(request.stream, request.mimetype_params.get("boundary"))
    grant = storage.open_form(form.fields)
    storage.put_file(storage.uploads, grant.key, form.file(grant.max_bytes), media_type=grant.media_type)
    arrivals.input_arrived(answers.world(), grant.key)
    return Response(status=204)


@blueprint.put("/uploads/<token>")
def take_in_part(token: str) -> Response:
    """Take in one part of a file by its link, straight to where it stays."""
    request.max_content_length = sys.maxsize  # the link says how much comes
    grant = _storage().open_part(token)
    if request.content_length not in (None, grant.bytes):
        raise errors.WrongPartSize(
            f"The part has {grant.bytes:,} bytes; {request.content_length:,} were announced. Send it, and nothing else."
        )
    response = Response(mimetype="text/plain")  # of no bytes, as S3 answers
    response.set_etag(_storage().put_part(grant, request.stream))
    return response


@blueprint.get("/results/<token>")
def hand_out(token: str) -> Response:
    """What a link leads to, or a range of it."""
    served = _storage().open_link(token)
    if served is None:
        raise errors.ResultNotFound("The file was deleted. Send the document again.")
    response = _handed_on(served) or _sent(served)
    response.mimetype = served.grant.media_type
    response.headers["Content-Disposition"] = content_disposition(served.grant.file_name)
    return response


def _handed_on(served: ServedFile) -> Response | None:
    """The answer that has nginx send the file, where there is one before us; it sees to ranges and conditions."""
    prefix = answers.world().settings.x_accel_prefix
    if not prefix:
        return None
    served.stream.close()
    return Response(headers={"X-Accel-Redirect": f"{prefix.rstrip('/')}/{served.path}"})


def _sent(served: ServedFile) -> Response:
    response = Response(FileWrapper(served.stream, _CHUNK_BYTES), direct_passthrough=True)
    response.content_length = served.info.bytes
    response.set_etag(served.info.etag)
    response.last_modified = served.info.modified  # type: ignore[assignment]  # seconds are taken as well
    try:
        return conditions.meet(response, served.info.bytes)
    except BaseException:
        served.stream.close()
        raise
