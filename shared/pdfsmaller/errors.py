"""Every error that PDF Smaller raises on purpose, in one tree.

Each class carries all that is known of its kind: a stable ``code`` (clients may switch on it), the HTTP status and the
command's exit code that it maps to, what it says beside its message (``details``), and whether it may come out of the
engine's process (``crosses``). The message says what went wrong, what was allowed and what to do; it is safe to show to
anybody: no paths of ours, no secrets, no stack traces.

::

    PdfSmallerError                500 internal_error
    ├── RequestError               400 bad_request            the caller's request is wrong; nothing was started
    │   ├── NotAPdf                415 not_a_pdf
    │   ├── NotAnImage             415 not_an_image
    │   ├── EmptyFile              400 empty_file
    │   ├── BadRequest             400 bad_request
    │   ├── Unauthorized           401 unauthorized
    │   ├── AccessDenied           403 access_denied
    │   ├── KeyNotFound            404 key_not_found
    │   ├── RateLimited            429 rate_limited
    │   ├── FileTooLarge           413 file_too_large
    │   ├── TooManyFiles           422 too_many_files
    │   ├── InvalidOption          422 invalid_option
    │   │   └── InvalidCallback    422 invalid_callback
    │   ├── JobNotFound            404 job_not_found
    │   ├── ResultNotFound         404 result_not_found
    │   ├── InputNotFound          404 input_not_found
    │   ├── JobNotReady            409 job_not_ready
    │   ├── InvalidIdempotencyKey  400 invalid_idempotency_key
    │   ├── IdempotencyKeyReused   422 idempotency_key_reused
    │   ├── RequestInProgress      409 request_in_progress
    │   ├── JobEnded               409 job_ended
    │   ├── NoStreams              501 no_event_streams
    │   ├── JobNotFailed           409 job_not_failed
    │   ├── NothingToArchive       409 nothing_to_archive
    │   ├── UploadClosed           409 upload_closed
    │   ├── PartsMissing           409 parts_missing
    │   ├── WrongPartSize          400 wrong_part_size
    │   ├── JobFailed              422 job_failed             each with the code of the job's own error
    │   ├── JobCancelled           410 job_cancelled
    │   └── JobExpired             410 job_expired
    ├── DocumentError              422 document_error         this document cannot be done; it is never tried again
    │   ├── UnreadablePdf          422 unreadable_pdf
    │   ├── UnreadableImage        422 unreadable_image
    │   ├── InvalidPageRange       422 invalid_page_range
    │   ├── InvalidOutlineLevel    422 invalid_outline_level
    │   ├── SignedPdf              422 signed_pdf
    │   ├── LimitExceeded          422 limit_exceeded
    │   ├── PasswordRequired       422 password_required
    │   ├── WrongPassword          422 wrong_password
    │   ├── PasswordLost           422 password_lost
    │   ├── UnsupportedEncryption  422 unsupported_encryption
    │   ├── UploadIncomplete       422 upload_incomplete
    │   ├── InputChanged           422 input_changed
    │   ├── ResultNameTaken        422 result_name_taken
    │   ├── ResultNotVerified      422 result_not_verified
    │   ├── OriginalUnavailable    422 original_unavailable
    │   ├── EngineFailed           500 engine_failed
    │   └── TooManyAttempts        500 too_many_attempts
    ├── TransientError             503 temporary_failure      worth another try: left to the queue
    │   ├── WorkerCrashed          503 worker_crashed
    │   ├── DiskFull               503 disk_full
    │   ├── StorageFull            507 storage_full
    │   ├── StoreUnavailable       503 store_unavailable
    │   ├── TooManyStreams         503 too_many_streams
    │   └── LeaseHeld              503 lease_held
    ├── LeaseLost                  500 lease_lost             the job is no longer this attempt's; write nothing more
    ├── RemoteError                502 remote_error           another service's answer; with the code of its problem
    ├── ServiceUnreachable         502 service_unreachable
    ├── BackfillError              500 backfill_error         a backfill cannot begin, or go on, as it is asked for
    │   ├── CollectionUnusable     500 collection_unusable
    │   ├── InvalidInventory       500 invalid_inventory
    │   ├── LedgerInUse            500 ledger_in_use
    │   └── LedgerUnusable         500 ledger_unusable
    └── CannotServe                500 cannot_serve           the service does not start as it is set up
        ├── InvalidSettings        500 invalid_settings
        ├── UnsuitableDatabase     500 unsuitable_database
        ├── WrongSchema            500 wrong_schema
        ├── NotHere                500 not_here
        ├── StoreInUse             500 store_in_use
        ├── StoreNotEmpty          500 store_not_empty
        ├── BadBackup              500 bad_backup
        ├── BackupFailed           500 backup_failed
        └── NotTold                500 not_told
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar, Self


class ExitCode(IntEnum):
    """What the command exits with."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    UNREADABLE = 3
    PASSWORD = 4
    LIMIT = 5
    TARGET_NOT_MET = 6
    FILE = 7
    WARNINGS = 8
    FAILURES = 9
    INTERRUPTED = 130


class PdfSmallerError(Exception):
    """Base of every error raised on purpose.

    Attributes:
        code: its stable name.
        title: what went wrong in general, for people.
        http_status: what the API answers with.
        exit_code: what the command exits with.
        details: what it says beside its message: attributes, and what each may be.
        crosses: whether it may come out of the engine's process. One that a document took over must not be able to
            raise anything else in its parent than what may be wrong with a request or a document, and a full disk.
        retry_after: seconds after which the same request is worth another try; None: nothing is known of that.
    """

    code = "internal_error"
    title = "Something went wrong"
    http_status = 500
    exit_code = ExitCode.UNEXPECTED
    details: ClassVar[Mapping[str, type | tuple[type, ...]]] = {}
    crosses = False
    retry_after: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def about(self, name: str) -> Self:
        """The same error, saying which of several files it is about."""
        named = type(self).__new__(type(self))  # not by __init__, which takes other arguments in every class
        named.__dict__.update(self.__dict__)
        named.message = f"{name}: {self.message}"
        named.args = (named.message,)
        return named


class RequestError(PdfSmallerError):
    """The caller's request is wrong; nothing was started."""

    code = "bad_request"
    title = "The request cannot be answered"
    http_status = 400
    crosses = True


class BadRequest(RequestError):
    """The request's form is wrong (no file, broken JSON, a bad header)."""


class NotAPdf(RequestError):
    """The bytes are not a PDF: no ``%PDF-`` within the first 1,024 bytes."""

    code = "not_a_pdf"
    title = "Not a PDF"
    http_status = 415
    exit_code = ExitCode.UNREADABLE


class NotAnImage(RequestError):
    """The bytes are no image of a known format."""

    code = "not_an_image"
    title = "Not an image"
    http_status = 415
    exit_code = ExitCode.UNREADABLE


class EmptyFile(RequestError):
    """A file of zero bytes."""

    code = "empty_file"
    title = "The file is empty"
    http_status = 400
    exit_code = ExitCode.UNREADABLE


class Unauthorized(RequestError):
    """No API key, or one that is not known."""

    code = "unauthorized"
    title = "An API key is needed"
    http_status = 401
    crosses = False


class AccessDenied(RequestError):
    """A form or a link of ours that has expired, or is not as it was handed out."""

    code = "access_denied"
    title = "The form or link is not valid"
    http_status = 403
    crosses = False


class KeyNotFound(RequestError):
    """No API key has this id."""

    code = "key_not_found"
    title = "No such API key"
    http_status = 404
    exit_code = ExitCode.USAGE
    crosses = False


class RateLimited(RequestError):
    """More than a limit allows in its time.

    Attributes:
        limit: the limit, such as ``100 per hour``.
        retry_after: seconds until it is counted anew; None where the same request will never do.
    """

    code = "rate_limited"
    title = "Too much in too little time"
    http_status = 429
    details: ClassVar = {"limit": str}
    crosses = False

    def __init__(self, message: str, limit: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.retry_after = retry_after


class FileTooLarge(RequestError):
    """A file, or a request as a whole, is over MAX_FILE_SIZE."""

    code = "file_too_large"
    title = "The file is too large"
    http_status = 413
    exit_code = ExitCode.LIMIT


class TooManyFiles(RequestError):
    """More files in one request than MAX_FILES allows."""

    code = "too_many_files"
    title = "Too many files"
    http_status = 422


class InvalidOption(RequestError):
    """An option has a value that is not allowed.

    Attributes:
        field: the option's name as the caller wrote it.
        value: the refused value, as text (never a password).
        allowed: the values that would have been taken, each as text.
    """

    code = "invalid_option"
    title = "An option is not valid"
    http_status = 422
    exit_code = ExitCode.USAGE
    details: ClassVar = {"field": str, "value": str, "allowed": list}

    def __init__(self, field: str, value: object, allowed: Sequence[object], message: str | None = None) -> None:
        self.field = field
        self.value = str(value)[:100]
        self.allowed = [str(a) for a in allowed]
        super().__init__(message or f"{field} cannot be {self.value!r}. Allowed: {', '.join(self.allowed)}.")


class InvalidCallback(InvalidOption):
    """A ``callback_url`` is none that a request may be sent to. Its value is not repeated: it may hold a secret."""

    code = "invalid_callback"
    title = "The callback cannot be made"
    crosses = False

    def __init__(self, message: str) -> None:
        super().__init__("callback_url", "(hidden)", ["an https:// URL of a public host"], message)


class JobNotFound(RequestError):
    """No job (or batch) has this id."""

    code = "job_not_found"
    title = "No such job"
    http_status = 404
    exit_code = ExitCode.USAGE
    crosses = False


class ResultNotFound(RequestError):
    """The job has no result of this number."""

    code = "result_not_found"
    title = "No such result"
    http_status = 404
    crosses = False


class InputNotFound(RequestError):
    """The job has no input of this number."""

    code = "input_not_found"
    title = "No such input"
    http_status = 404
    crosses = False


class JobNotReady(RequestError):
    """The job has not finished, so it has no result yet."""

    code = "job_not_ready"
    title = "The job has not finished"
    http_status = 409
    crosses = False
    retry_after = 1.0


class JobEnded(RequestError):
    """The job has ended, so it cannot be cancelled."""

    code = "job_ended"
    title = "The job has ended"
    http_status = 409
    crosses = False


class NoStreams(RequestError):
    """The service does not send event streams where it is deployed."""

    code = "no_event_streams"
    title = "No event streams here"
    http_status = 501
    crosses = False


class JobNotFailed(RequestError):
    """Only a job that failed can be tried once more."""

    code = "job_not_failed"
    title = "The job has not failed"
    http_status = 409
    crosses = False


class NothingToArchive(RequestError):
    """None of the jobs that a ZIP is to be made of has a result."""

    code = "nothing_to_archive"
    title = "There is nothing for a ZIP"
    http_status = 409
    crosses = False


class InvalidIdempotencyKey(RequestError):
    """An ``Idempotency-Key`` that is none: empty, too long, or of characters that no header should have."""

    code = "invalid_idempotency_key"
    title = "The Idempotency-Key is not valid"
    http_status = 400
    crosses = False


class IdempotencyKeyReused(RequestError):
    """An ``Idempotency-Key`` came with another request than the first time."""

    code = "idempotency_key_reused"
    title = "The Idempotency-Key belongs to another request"
    http_status = 422
    crosses = False


class RequestInProgress(RequestError):
    """The request that came first with this ``Idempotency-Key`` is still being taken in."""

    code = "request_in_progress"
    title = "The same request is in progress"
    http_status = 409
    crosses = False
    retry_after = 5.0


class UploadClosed(RequestError):
    """The upload takes nothing (any more): it has ended, or the job does not wait for it."""

    code = "upload_closed"
    title = "The upload takes nothing any more"
    http_status = 409
    crosses = False


class PartsMissing(RequestError):
    """An upload in parts cannot be completed: not every part has come as it should be.

    Attributes:
        missing: the numbers of those that have not, counted from 1.
    """

    code = "parts_missing"
    title = "Parts of the file are missing"
    http_status = 409
    crosses = False
    details: ClassVar = {"missing": list}

    def __init__(self, message: str, missing: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.missing = list(missing)


class WrongPartSize(RequestError):
    """A part has more bytes than it should, or fewer."""

    code = "wrong_part_size"
    title = "The part has the wrong size"
    http_status = 400
    crosses = False


class JobFailed(RequestError):
    """The job failed, so it has no result. ``code`` and message are those of the job's own error."""

    code = "job_failed"
    title = "The job failed"
    http_status = 422
    crosses = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class JobCancelled(RequestError):
    """The job was cancelled, so it has no result."""

    code = "job_cancelled"
    title = "The job was cancelled"
    http_status = 410
    crosses = False


class JobExpired(RequestError):
    """The job's files were deleted after MAX_FILE_AGE_HOURS."""

    code = "job_expired"
    title = "The job has expired"
    http_status = 410
    crosses = False


class DocumentError(PdfSmallerError):
    """This document cannot be done; recorded on its job and never tried again."""

    code = "document_error"
    title = "The document cannot be processed"
    http_status = 422
    crosses = True


class UnreadablePdf(DocumentError):
    """The PDF is broken beyond repair."""

    code = "unreadable_pdf"
    title = "The PDF cannot be read"
    exit_code = ExitCode.UNREADABLE


class UnreadableImage(DocumentError):
    """The image is broken, or of a kind within its format that cannot be read."""

    code = "unreadable_image"
    title = "The image cannot be read"
    exit_code = ExitCode.UNREADABLE


class InvalidPageRange(DocumentError):
    """The pages asked for do not exist in the document, or there are none."""

    code = "invalid_page_range"
    title = "There are no such pages"
    exit_code = ExitCode.USAGE


class InvalidOutlineLevel(DocumentError):
    """The document's outline has no entries of the level asked for."""

    code = "invalid_outline_level"
    title = "There is no such level"
    exit_code = ExitCode.USAGE


class SignedPdf(DocumentError):
    """The document is signed, and what was asked for would end its signatures."""

    code = "signed_pdf"
    title = "The PDF is signed"
    exit_code = ExitCode.UNREADABLE


class LimitExceeded(DocumentError):
    """The document asks for more than a limit allows.

    Attributes:
        limit: the limit's name (a field of ``Limits``), e.g. ``max_pages``.
        allowed: its value, in the limit's own unit.
    """

    code = "limit_exceeded"
    title = "The document is over a limit"
    exit_code = ExitCode.LIMIT
    details: ClassVar = {"limit": str, "allowed": (int, float)}

    def __init__(self, limit: str, allowed: float, message: str) -> None:
        # A job's JSON carries the message alone, so that must name the limit.
        super().__init__(message if limit in message else f"{message} (limit: {limit})")
        self.limit = limit
        self.allowed = allowed


class PasswordRequired(DocumentError):
    """The PDF opens only with a password and none was given."""

    code = "password_required"
    title = "A password is needed"
    exit_code = ExitCode.PASSWORD


class WrongPassword(DocumentError):
    """The password given does not open the PDF."""

    code = "wrong_password"
    title = "The password is wrong"
    exit_code = ExitCode.PASSWORD


class PasswordLost(DocumentError):
    """The job's password was sealed with another SECRET_KEY than the service has now."""

    code = "password_lost"
    title = "The password can no longer be read"


class UnsupportedEncryption(DocumentError):
    """The PDF is encrypted in another way than with a password: for certificates, or by a vendor's own method."""

    code = "unsupported_encryption"
    title = "The encryption is not supported"
    exit_code = ExitCode.PASSWORD


class UploadIncomplete(DocumentError):
    """The job's upload never came, or not whole."""

    code = "upload_incomplete"
    title = "The upload never came"


class InputChanged(DocumentError):
    """A dropped file was replaced or removed while its job ran; the newer file has a job of its own."""

    code = "input_changed"
    title = "The input was replaced"


class ResultNameTaken(DocumentError):
    """The result of a watched file has no place: something else stands under the name that it should have."""

    code = "result_name_taken"
    title = "The result's name is taken"


class ResultNotVerified(DocumentError):
    """A result was not to take its original's place: it was not compared with it, does not open, or is not as it was
    reported.
    """

    code = "result_not_verified"
    title = "The result is not verified"


class OriginalUnavailable(DocumentError):
    """A document that lies outside of the service cannot be read there: it is archived, or access is denied."""

    code = "original_unavailable"
    title = "The original cannot be read"


class EngineFailed(DocumentError):
    """The engine met something it does not know; the original is untouched."""

    code = "engine_failed"
    title = "The engine could not finish"
    http_status = 500


class TooManyAttempts(DocumentError):
    """Every attempt failed; the job's message lies in the dead-letter queue."""

    code = "too_many_attempts"
    title = "Every attempt failed"
    http_status = 500


class TransientError(PdfSmallerError):
    """Worth another try: the message is left to the queue."""

    code = "temporary_failure"
    title = "A temporary failure"
    http_status = 503


class WorkerCrashed(TransientError):
    """The engine's process died without an answer."""

    code = "worker_crashed"
    title = "The engine's process died"


class DiskFull(TransientError):
    """The disk that holds the job's folder, or the service's files, is full: nothing is wrong with the document."""

    code = "disk_full"
    title = "The disk is full"
    crosses = True


class StorageFull(TransientError):
    """The files kept have reached their share of the disk, or of STORAGE_MAX_BYTES: no new job is taken."""

    code = "storage_full"
    title = "There is no room for new jobs"
    http_status = 507


class StoreUnavailable(TransientError):
    """The job table, the queue or the buckets cannot be reached, or have too much to do.

    Attributes:
        retry_after: seconds after which it is worth another try.
    """

    code = "store_unavailable"
    title = "The store is away"

    def __init__(self, message: str, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyStreams(TransientError):
    """No more event streams can be held open now."""

    code = "too_many_streams"
    title = "Too many event streams"
    retry_after = 5.0


class LeaseHeld(TransientError):
    """Another attempt holds this job's lease; look again when it ends.

    Attributes:
        seconds: how long the lease still runs.
    """

    code = "lease_held"
    title = "Another attempt is running"

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class LeaseLost(PdfSmallerError):
    """The job is no longer this attempt's (another took over, or it was cancelled): write nothing more."""

    code = "lease_lost"
    title = "Another attempt took over"


class RemoteError(PdfSmallerError):
    """What a service says that was asked over HTTP (``client``): ``code`` and message are those of its problem.

    Attributes:
        status: its answer's HTTP status; None where a job's own error is told.
        request_id: by which its log knows the request; may be empty.
    """

    code = "remote_error"
    title = "The service refuses"
    http_status = 502

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.status, self.request_id, self.retry_after = code, status, request_id, retry_after
        known = {kind.code: kind.exit_code for kind in below(PdfSmallerError)}
        self.exit_code = known.get(code, ExitCode.UNEXPECTED)


class ServiceUnreachable(PdfSmallerError):
    """A service that was asked over HTTP (``client``) does not answer."""

    code = "service_unreachable"
    title = "The service does not answer"
    http_status = 502


class BackfillError(PdfSmallerError):
    """A backfill cannot begin, or go on, as it is asked for."""

    code = "backfill_error"
    title = "The backfill cannot begin"
    exit_code = ExitCode.FILE


class CollectionUnusable(BackfillError):
    """The folder or bucket that documents lie in is not there, or access is denied."""

    code = "collection_unusable"
    title = "The collection cannot be used"


class InvalidInventory(BackfillError):
    """The S3 Inventory is not whole, or not of a form that is read."""

    code = "invalid_inventory"
    title = "The inventory cannot be used"


class LedgerInUse(BackfillError):
    """Another process works with the ledger."""

    code = "ledger_in_use"
    title = "Another backfill runs"


class LedgerUnusable(BackfillError):
    """The file is no ledger, or cannot be written to."""

    code = "ledger_unusable"
    title = "The ledger cannot be used"


class CannotServe(PdfSmallerError):
    """The service, or a process of it, does not start as it is set up: folder, database, port, settings."""

    code = "cannot_serve"
    title = "The service cannot start"
    exit_code = ExitCode.FILE


class InvalidSettings(CannotServe):
    """Settings that cannot be, all of them, each in a line: its name, its value (no secret's), what is allowed."""

    code = "invalid_settings"
    title = "The settings make no sense"
    exit_code = ExitCode.USAGE


class UnsuitableDatabase(CannotServe):
    """No such database can be used, or not where it is, or not in this way."""

    code = "unsuitable_database"
    title = "The database cannot be used"


class WrongSchema(CannotServe):
    """The database's tables are not those of this version."""

    code = "wrong_schema"
    title = "The database's tables are of another version"


class NotHere(CannotServe):
    """What an operator asks for is nothing for this kind of store; the message says what does its work there."""

    code = "not_here"
    title = "Not for this kind of store"
    exit_code = ExitCode.USAGE


class StoreInUse(CannotServe):
    """Processes of the service run, and must not."""

    code = "store_in_use"
    title = "The service is running"


class StoreNotEmpty(CannotServe):
    """What is there would be lost, and nobody said that it may be."""

    code = "store_not_empty"
    title = "The store is not empty"


class BadBackup(CannotServe):
    """A file that is no backup, not a whole one, or not one for this version or this service's key."""

    code = "bad_backup"
    title = "The backup cannot be used"


class BackupFailed(CannotServe):
    """No backup was made, or it is not where it should be too."""

    code = "backup_failed"
    title = "The backup was not made"


class NotTold(CannotServe):
    """Whoever should hear that something has failed does not."""

    code = "not_told"
    title = "Nobody was told"


def to_wire(error: PdfSmallerError) -> dict[str, Any]:
    """An error as JSON: its code, its message and its details."""
    return {"code": error.code, "message": error.message} | {name: getattr(error, name) for name in error.details}


def from_wire(body: Mapping[str, Any]) -> PdfSmallerError:
    """The error that ``to_wire`` was given, as far as errors of its kind cross; anything else is ``EngineFailed``.

    Args:
        body: from the engine's process: untrusted, so that nothing in it is taken for what it should be.
    """
    code, message = body.get("code"), body.get("message")
    if not isinstance(message, str):
        return EngineFailed("The engine failed without saying why.")
    kind = _crossing().get(code) if isinstance(code, str) else None
    if kind is None or not all(_is(body.get(name), types) for name, types in kind.details.items()):
        return EngineFailed(message)
    error = kind.__new__(kind)  # not by __init__, which takes other arguments in every class
    PdfSmallerError.__init__(error, message)
    error.__dict__.update({name: body[name] for name in kind.details})
    return error


def _is(value: object, types: type | tuple[type, ...]) -> bool:
    """Whether JSON gave what ``details`` asks for: a list is one of texts, a number is no boolean and finite."""
    if isinstance(value, list):
        return types is list and all(isinstance(item, str) for item in value)
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    return isinstance(value, types)


def _crossing() -> dict[str, type[PdfSmallerError]]:
    """The classes that cross, by code. A family and its first member may share one: the member, later, is meant."""
    return {kind.code: kind for kind in below(PdfSmallerError) if kind.crosses}


def below(kind: type[PdfSmallerError]) -> Iterator[type[PdfSmallerError]]:
    """A class and all below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)
