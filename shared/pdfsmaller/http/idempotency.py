"""``Idempotency-Key``: every route that makes jobs asks here whether its request was done already."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from typing import IO, Any, TypeVar, cast

from flask import Request, Response, after_this_request, request
from werkzeug.datastructures import FileStorage

from pdfsmaller.http import answers
from pdfsmaller.http.callers import caller
from pdfsmaller.jobs.model import Job
from pdfsmaller.services.idempotency import Idempotency, Once, checked_key

MadeT = TypeVar("MadeT")

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
#: A file that is smaller stays in memory while it is taken in.
_MAX_MEMORY_BYTES = 500 * 1_024


class HashedFile(tempfile.SpooledTemporaryFile[bytes]):
    """A file of a form, hashed while it comes."""

    def __init__(self) -> None:
        super().__init__(max_size=_MAX_MEMORY_BYTES)
        self._hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        self._hash.update(data)
        return super().write(data)

    @property
    def sha256(self) -> str:
        """Of all that was written, one after the other."""
        return self._hash.hexdigest()


class HashingRequest(Request):
    """A request whose files are hashed while they come."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return cast(IO[bytes], HashedFile())


def jobs_once(make: Callable[[str | None], list[Job]]) -> list[Job]:
    """``once`` for a route that makes one job, or a batch."""

    def again(made: str) -> list[Job]:
        return answers.service().one_or_batch(made, caller=caller())

    return once(make, lambda jobs: jobs[0].batch_id or jobs[0].job_id, again)


def once(make: Callable[[str | None], MadeT], name: Callable[[MadeT], str], again: Callable[[str], MadeT]) -> MadeT:
    """What the present request makes; where it came before with the same key what it made then.

    Args:
        make: makes it, under an id where there is a key.
        name: the id that ``again`` finds it by.
        again: what was made, as it stands.

    Raises:
        InvalidIdempotencyKey, IdempotencyKeyReused, RequestInProgress.
    """
    given = request.headers.getlist(HEADER)
    if not given:
        return make(None)
    asked = Once(checked_key(", ".join(given)), _content(), caller())
    made, replayed = Idempotency(answers.world()).do(asked, make, name, again)
    if replayed:
        after_this_request(_say_so)
    return made


def _say_so(response: Response) -> Response:
    response.headers[REPLAYED] = "true"
    return response


def _content() -> bytes:
    """All that makes the request what it is. In what order fields came, and how a form was cut, does not."""
    if request.mimetype == "multipart/form-data":
        files = [(field, part.filename, sha256_of(part)) for field, part in request.files.items(multi=True)]
        fields = [(field, request.form.getlist(field)) for field in request.form]
        # A part whose head is not understood has no name.
        body: Any = [sorted(part, key=lambda one: one[0] or "") for part in (fields, files)]
    else:
        request.max_content_length = answers.MAX_JSON_BYTES
        body = request.get_json(silent=True)
    query = sorted(request.args.items(multi=True))
    return json.dumps([request.method, request.path, query, body], sort_keys=True).encode()


def sha256_of(part: FileStorage) -> str:
    """What a file of the present request's form hashes to."""
    return cast(HashedFile, part.stream).sha256
