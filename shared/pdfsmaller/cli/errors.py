"""One line for each error: what, why, and what to do."""

from __future__ import annotations

import re
import sys

from pdfsmaller import errors
from pdfsmaller.cli.names import flag
from pdfsmaller.errors import ExitCode
from pdfsmaller.operations import OPERATIONS


class UsageError(Exception):
    """The arguments do not go together."""


#: Which option of the command raises a limit.
_LIMIT_OPTIONS = {
    "max_pages": "--max-pages",
    "memory_bytes": "--max-memory",
    "hard_seconds": "--timeout",
    "max_image_bytes": "--max-image-size",
}


def exit_code(error: Exception) -> ExitCode:
    """The exit code that stands for an error."""
    if isinstance(error, errors.PdfSmallerError):
        return error.exit_code
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    return ExitCode.FILE if isinstance(error, OSError) else ExitCode.UNEXPECTED


def describe(error: Exception, *, limits: bool = True) -> str:
    """An error in one line. ``limits``: the command at hand has options that raise limits."""
    if isinstance(error, errors.InvalidOption):
        return _with_flags(error.message, error.field, *error.allowed)
    if isinstance(error, (errors.PasswordRequired, errors.WrongPassword)):
        return f"{error.message} Use --password-file FILE (or - for standard input)."
    if limits and isinstance(error, errors.LimitExceeded) and error.limit in _LIMIT_OPTIONS:
        return f"{error.message} {_LIMIT_OPTIONS[error.limit]} raises the limit."
    if isinstance(error, errors.PdfSmallerError):
        return _with_flags(error.message)
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or error}."
    return str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}".rstrip(": ")


def _with_flags(message: str, field: str = "", *names: str) -> str:
    """A message that calls options as the command does: ``field``, and of all options those among ``names`` and those
    whose names no sentence has by chance.
    """
    known = {name for operation in OPERATIONS.values() for name in operation.options.names()}
    flags = {field, *(name for name in known if name in names or "_" in name)}
    return re.sub(r"(?<![-\w])\w+(?!\w)", lambda word: flag(word[0]) if word[0] in flags else word[0], message)


def code_of(error: Exception) -> str:
    """The stable code of an error, for JSON."""
    if isinstance(error, errors.PdfSmallerError):
        return error.code
    return "file_error" if isinstance(error, OSError) else "internal_error"


def error_json(error: Exception) -> dict[str, str]:
    """An error as JSON shows it."""
    return {"code": code_of(error), "message": describe(error)}


def complain(message: str) -> None:
    """One line on standard error."""
    print("pdfsmaller: " + " ".join(message.split()), file=sys.stderr)
