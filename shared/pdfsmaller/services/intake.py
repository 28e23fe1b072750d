"""What may become a job: the names, sizes and kinds of files that somebody sends or announces.

Nothing here opens a document: a file's first bytes are all that is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from pdfsmaller import errors, sniff
from pdfsmaller.engine.options import Options
from pdfsmaller.jobs.model import JobInput
from pdfsmaller.operations import InputKind, OperationSpec

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings

_NAME_MAX_CHARS = 200
#: All options of a job together, password included, in bytes: they must fit into its row beside everything else.
_OPTIONS_MAX_BYTES = 50_000
_UNUSABLE = (errors.EmptyFile, errors.NotAPdf, errors.NotAnImage)


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """An uploaded file: the user's name for it, an open, seekable stream at its start, and its SHA-256 where that is
    known.
    """

    name: str
    stream: IO[bytes]
    sha256: str | None = None


def clean_name(name: str, kind: InputKind) -> str:
    """A file name fit to be shown: no folders, no control characters, not endless."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if c.isprintable()).strip()
    return shown[-_NAME_MAX_CHARS:] or kind.default_name


def check_count(count: int, kind: InputKind, max_files: int) -> None:
    """Refuse no file at all and more than MAX_FILES.

    Raises:
        BadRequest, TooManyFiles.
    """
    if count == 0:
        raise errors.BadRequest(f"No file came. Send at least one {kind.noun} in the multipart field 'files'.")
    if count > max_files:
        raise errors.TooManyFiles(f"{count} files in one request; MAX_FILES allows {max_files}. Send them in parts.")


def check_options(options: Options, count: int) -> None:
    """Refuse options that do not fit ``count`` inputs, or a job's row.

    Raises:
        InvalidOption.
    """
    options.check_inputs(count)
    size = len(json.dumps(options.to_json()).encode())
    try:
        size += len(options.secret.encode()) if options.secret else 0
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write
        raise errors.InvalidOption("password", "(hidden)", ["text"]) from None
    if size > _OPTIONS_MAX_BYTES:
        raise errors.InvalidOption("options", f"{size:,} bytes of them", [f"at most {_OPTIONS_MAX_BYTES:,} bytes"])


#: What is wrong with files of a request, by their place in it.
Refused = dict[int, errors.PdfSmallerError]


def measure(
    files: Sequence[IncomingFile], operation: OperationSpec, options: Options, max_bytes: int
) -> tuple[list[JobInput], Refused]:
    """Look at each file's size and first bytes.

    What the engine will leave out (``on_error=skip``) may come in as long as another file can be used.

    Returns:
        The files, and what is wrong with those that are jobs of their own: the others go on without them.

    Raises:
        EmptyFile, FileTooLarge, NotAPdf, NotAnImage: naming the file; of an operation whose files are jobs of their own
            where none of them can be used.
    """
    kind, inputs = operation.inputs, []
    refused: Refused = {}
    for index, file in enumerate(files):
        size = file.stream.seek(0, 2)
        file.stream.seek(0)
        head = file.stream.read(sniff.HEAD_BYTES)
        file.stream.seek(0)
        try:
            kind.check(file.name, size, head, max_bytes)
        except _UNUSABLE as exc:
            refused[index] = exc
        except errors.FileTooLarge as exc:
            if not operation.each_alone:
                raise
            refused[index] = exc
        inputs.append(JobInput(file.name, size))
    if len(refused) == len(files) or (refused and not (operation.each_alone or options.leaves_out)):
        raise next(iter(refused.values()))
    return inputs, refused if operation.each_alone else {}


@dataclass(frozen=True, slots=True)
class Declared:
    """The files that a request for presigned uploads announces.

    Attributes:
        inputs: each with the most bytes that it may have.
        sized: those whose size was said, by their place.
        refused: what is wrong with those that are jobs of their own, as ``measure`` says it.
    """

    inputs: list[JobInput]
    sized: frozenset[int]
    refused: Refused


def declared(request: Mapping[str, Any], operation: OperationSpec, settings: Settings) -> Declared:
    """The files that a request for presigned uploads announces.

    What MAX_REQUEST_SIZE leaves beside the declared sizes is shared alike by the files without one, where one job takes
    them all. Files that are jobs of their own may each have MAX_FILE_SIZE.

    Args:
        request: untrusted; either ``files`` (a list of ``{name, size}``), or ``count``, or ``name`` and ``size`` of
            one file.

    Raises:
        InvalidOption, TooManyFiles, EmptyFile, FileTooLarge.
    """
    kind = operation.inputs
    files = _listed(request, kind, settings.max_files)
    names: list[str] = []
    sizes: list[int | None] = []
    refused: Refused = {}
    for index, file in enumerate(files):
        fallback = "" if len(files) == 1 else f"{kind.noun} {index + 1}"
        names.append(clean_name(str(file.get("name") or fallback), kind))
        sizes.append(_size(file.get("size")))
        try:
            _check_size(names[-1], sizes[-1], kind, settings.max_file_size)
        except (errors.EmptyFile, errors.FileTooLarge) as exc:
            if not operation.each_alone:
                raise
            refused[index] = exc
    if len(refused) == len(files):
        raise refused[0]
    share = settings.max_file_size if operation.each_alone else _share(sizes, settings)
    inputs = [JobInput(name, share if size is None else size) for name, size in zip(names, sizes, strict=True)]
    return Declared(inputs, frozenset(n for n, size in enumerate(sizes) if size is not None), refused)


def is_batch(request: Mapping[str, Any], operation: OperationSpec) -> bool:
    """Whether a request for presigned uploads asks for several jobs."""
    files, count = request.get("files"), request.get("count")
    number = len(files) if isinstance(files, list) else count if isinstance(count, int) else 1
    return operation.each_alone and number > 1


def _share(sizes: Sequence[int | None], settings: Settings) -> int:
    """What each file of one job may have whose size was not said. Raises FileTooLarge."""
    total, undeclared = sum(size or 0 for size in sizes), sizes.count(None)
    if total + undeclared > settings.max_request_size:  # each of those has a byte at least
        raise errors.FileTooLarge(
            f"The files have {total:,} bytes together; MAX_REQUEST_SIZE allows {settings.max_request_size:,}."
        )
    return min(settings.max_file_size, (settings.max_request_size - total) // max(1, undeclared))


def _listed(request: Mapping[str, Any], kind: InputKind, max_files: int) -> list[Mapping[str, Any]]:
    """The files as a list, whichever way they were announced."""
    count, files = request.get("count"), request.get("files")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise errors.InvalidOption("count", count, ["how many files will come, a whole number from 1"])
    if files is None and count in (None, 1):
        return [request]
    for field in ("name", "size"):
        if request.get(field) is not None:
            raise errors.InvalidOption(field, request[field], ["(leave it out; files takes each file's name and size)"])
    check_count(len(files) if isinstance(files, list) else count or 1, kind, max_files)
    if files is None:
        return [{}] * (count or 1)
    if not isinstance(files, list) or not all(
        isinstance(file, Mapping) and set(file) <= {"name", "size"} for file in files
    ):
        raise errors.InvalidOption("files", files, ["a list of {name, size}, one for each file in order"])
    if count not in (None, len(files)):
        raise errors.InvalidOption("count", count, [f"{len(files)}, as many as there are files", "(leave it out)"])
    return files


def _size(size: Any) -> int | None:
    """A declared size in bytes; None where nothing was declared."""
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise errors.InvalidOption("size", size, ["the file's size in bytes, a whole number"])
    return size


def _check_size(name: str, size: int | None, kind: InputKind, max_bytes: int) -> None:
    """Refuse a file of no byte, or of too many, by its declared size."""
    if size == 0:
        raise errors.EmptyFile(f"{name} is empty (0 bytes). Send one with a {kind.noun} in it.")
    sniff.check_size(name, size or 0, max_bytes, kind.too_large)
