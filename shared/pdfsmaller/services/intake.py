"""What may become a job: the names, sizes and kinds of files that somebody sends or announces.

Nothing here opens a document: a file's first bytes are all that is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from pdfsmaller import errors, sniff
from pdfsmaller.engine.options import CompressOptions, ImageOptions, MergeOptions, Operation
from pdfsmaller.jobs.model import JobInput

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings

_NAME_MAX_CHARS = 200
#: All options of a job together, password included, in bytes: they must fit into its row beside everything else.
_OPTIONS_MAX_BYTES = 50_000
_UNUSABLE = (errors.EmptyFile, errors.NotAPdf, errors.NotAnImage)


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """An uploaded file: the user's name for it and an open, seekable stream at its start."""

    name: str
    stream: IO[bytes]


def takes(operation: Operation) -> str:
    """What an operation's inputs are, in a word."""
    return "image" if operation == "image-to-pdf" else "PDF"


def clean_name(name: str, operation: Operation) -> str:
    """A file name fit to be shown: no folders, no control characters, not endless."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if c.isprintable()).strip()
    return shown[-_NAME_MAX_CHARS:] or ("image" if operation == "image-to-pdf" else "document.pdf")


def leaves_out(options: CompressOptions) -> bool:
    """Whether the engine leaves out an input that it cannot use, instead of failing the job."""
    return isinstance(options, MergeOptions | ImageOptions) and options.on_error == "skip"


def check_kind(operation: Operation, name: str, size: int, head: bytes, max_bytes: int) -> None:
    """Refuse what cannot be an input of ``operation``; see ``sniff`` for arguments.

    Raises:
        EmptyFile, FileTooLarge, NotAPdf, NotAnImage: naming the file.
    """
    check = sniff.check_image if operation == "image-to-pdf" else sniff.check_pdf
    check(name, size, head, max_bytes)


def check_size(operation: Operation, name: str, size: int, max_bytes: int) -> None:
    """Refuse a file over MAX_FILE_SIZE.

    Raises:
        FileTooLarge: naming the file.
    """
    if operation == "image-to-pdf":
        sniff.check_size(name, size, max_bytes, "Send a smaller image.")
    else:
        sniff.check_size(name, size, max_bytes)


def check_count(count: int, operation: Operation, max_files: int) -> None:
    """Refuse no file at all and more than MAX_FILES.

    Raises:
        BadRequest, TooManyFiles.
    """
    if count == 0:
        raise errors.BadRequest(f"No file came. Send at least one {takes(operation)} in the multipart field 'files'.")
    if count > max_files:
        raise errors.TooManyFiles(f"{count} files in one request; MAX_FILES allows {max_files}. Send them in parts.")


def check_options(options: CompressOptions, count: int) -> None:
    """Refuse options that do not fit ``count`` inputs, or a job's row.

    Raises:
        InvalidOption.
    """
    if isinstance(options, MergeOptions) and options.pages and len(options.pages) != count:
        raise errors.InvalidOption(
            "pages", f"{len(options.pages)} of them", [f"one for each of the {count} files, in order", "none"]
        )
    size = len(json.dumps(options.model_dump(mode="json")).encode())
    try:
        size += len(options.password.get_secret_value().encode()) if options.password else 0
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write
        raise errors.InvalidOption("password", "(hidden)", ["text"]) from None
    if size > _OPTIONS_MAX_BYTES:
        raise errors.InvalidOption("options", f"{size:,} bytes of them", [f"at most {_OPTIONS_MAX_BYTES:,} bytes"])


def measure(
    files: Sequence[IncomingFile], operation: Operation, options: CompressOptions, max_bytes: int
) -> list[JobInput]:
    """Look at each file's size and first bytes.

    What the engine will leave out (``on_error=skip``) may come in as long as another file can be used.

    Raises:
        EmptyFile, FileTooLarge, NotAPdf, NotAnImage: naming the file.
    """
    inputs = []
    unusable: list[errors.PdfSmallerError] = []
    for file in files:
        size = file.stream.seek(0, 2)
        file.stream.seek(0)
        head = file.stream.read(sniff.HEAD_BYTES)
        file.stream.seek(0)
        try:
            check_kind(operation, file.name, size, head, max_bytes)
        except _UNUSABLE as exc:
            unusable.append(exc)
        inputs.append(JobInput(file.name, size))
    if unusable and (len(unusable) == len(files) or not leaves_out(options)):
        raise unusable[0]
    return inputs


def declared(request: Mapping[str, Any], operation: Operation, settings: Settings) -> list[JobInput]:
    """The files that a request for presigned uploads announces, each with the most bytes that it may have.

    What MAX_REQUEST_SIZE leaves beside the declared sizes is shared alike by the files without one.

    Args:
        request: untrusted; either ``files`` (a list of ``{name, size}``), or ``count``, or ``name`` and ``size`` of
            one file.

    Raises:
        InvalidOption, TooManyFiles, EmptyFile, FileTooLarge.
    """
    files = _listed(request, operation, settings.max_files)
    if operation == "compress" and len(files) != 1:
        field = "files" if "files" in request else "count"
        raise errors.InvalidOption(field, len(files), ["1 (compress takes one file a job)"])
    names, sizes = [], []
    for number, file in enumerate(files, start=1):
        fallback = "" if len(files) == 1 else f"{takes(operation)} {number}"
        names.append(clean_name(str(file.get("name") or fallback), operation))
        sizes.append(_size(names[-1], file.get("size"), operation, settings.max_file_size))
    total, undeclared = sum(size or 0 for size in sizes), sizes.count(None)
    if total + undeclared > settings.max_request_size:  # each of those has a byte at least
        raise errors.FileTooLarge(
            f"The files have {total:,} bytes together; MAX_REQUEST_SIZE allows {settings.max_request_size:,}."
        )
    share = min(settings.max_file_size, (settings.max_request_size - total) // max(1, undeclared))
    return [JobInput(name, share if size is None else size) for name, size in zip(names, sizes, strict=True)]


def _listed(request: Mapping[str, Any], operation: Operation, max_files: int) -> list[Mapping[str, Any]]:
    """The files as a list, whichever way they were announced."""
    count, files = request.get("count"), request.get("files")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise errors.InvalidOption("count", count, ["how many files will come, a whole number from 1"])
    if files is None and count in (None, 1):
        return [request]
    for field in ("name", "size"):
        if request.get(field) is not None:
            raise errors.InvalidOption(field, request[field], ["(leave it out; files takes each file's name and size)"])
    check_count(len(files) if isinstance(files, list) else count or 1, operation, max_files)
    if files is None:
        return [{}] * (count or 1)
    if not isinstance(files, list) or not all(
        isinstance(file, Mapping) and set(file) <= {"name", "size"} for file in files
    ):
        raise errors.InvalidOption("files", files, ["a list of {name, size}, one for each file in order"])
    if count not in (None, len(files)):
        raise errors.InvalidOption("count", count, [f"{len(files)}, as many as there are files", "(leave it out)"])
    return files


def _size(name: str, size: Any, operation: Operation, max_bytes: int) -> int | None:
    """A declared size in bytes; None where nothing was declared."""
    if size is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise errors.InvalidOption("size", size, ["the file's size in bytes, a whole number"])
    if size == 0:
        raise errors.EmptyFile(f"{name} is empty (0 bytes). Send one with a {takes(operation)} in it.")
    check_size(operation, name, size, max_bytes)
    return size
