"""Damage: what a broken document may raise, and how that is borne without hiding the engine's own mistakes.

A document is data of any type anywhere: a name where a number belongs, an index beyond its array, a stream that cannot
be inflated. The part that meets such a thing leaves alone what it was about, and goes on. ``tolerate`` is how:

    with tolerate("page_content") as attempt:
        read(page)
    if attempt.failed:
        complete = False

What was tolerated is logged with its traceback, and counted by its reason for the report (``counted``).

A ``TypeError``, ``AttributeError``, ``NameError`` or ``AssertionError`` that is raised in this package is a mistake of
the engine, unless pikepdf raises it about an object's type. A mistake must not cost a user the document, so it is
tolerated too, but logged as an error; with ``set_strict``, as in tests, it comes through.
"""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Self

import pikepdf

from pdfsmaller.engine.disk import cannot_write
from pdfsmaller.engine.memory import ran_out_of_memory

logger = logging.getLogger(__name__)

#: What a damaged document may raise; zlib's and struct's errors derive from Exception alone.
DAMAGE = (
    pikepdf.PdfError,
    RuntimeError,
    ValueError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)
_MISTAKES = (TypeError, AttributeError, NameError, AssertionError)
#: What an object says that is of another type than it is used as, or a dictionary of a key that it lacks.
_SAID_BY_PIKEPDF = re.compile(
    r"Object is not numeric"
    r"|Expected \w+, got \w+$"
    r"|pikepdf\.Object is not "
    r"|length not defined for object"
    r"|\w+(?:\(\))? not available on this type"
    r"|Testing `str in pikepdf\.Array`"
    r"|Can't hash (?:mutable|indirect) object"
    r"|/\S+$"
)
#: How the log line of a mistake starts.
MISTAKE = "A mistake of the engine was tolerated"

_PACKAGE = __name__.partition(".")[0]
_strict = False
_counts: ContextVar[Counter[str] | None] = ContextVar("damage", default=None)


def set_strict(strict: bool) -> None:
    """Whether mistakes of the engine come through, as they do in tests, or are tolerated like damage."""
    global _strict
    _strict = strict


def is_mistake(exc: BaseException) -> bool:
    """Whether an exception is the engine's own mistake."""
    return isinstance(exc, _MISTAKES) and _raised_in(exc, _PACKAGE) and not _SAID_BY_PIKEPDF.match(str(exc))


def comes_through(exc: BaseException) -> bool:
    """Whether an exception is a mistake that is not to be tolerated."""
    return _strict and is_mistake(exc)


def _raised_in(exc: BaseException, package: str) -> bool:
    """Whether the innermost Python code that an exception comes from is of a package."""
    traceback = exc.__traceback__
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == package


def _is_tolerable(exc: BaseException, also: tuple[type[Exception], ...]) -> bool:
    return isinstance(exc, (*DAMAGE, *_MISTAKES, *also)) and not (comes_through(exc) or cannot_write(exc))


class tolerate:
    """A context that damage ends early, and nothing else does.

    Args:
        reason: what was left alone, as a stable name for logs and the report.
        also: further exceptions that mean damage here, such as a codec's own.

    Attributes:
        failed: whether the context ended early.

    Raises:
        MemoryError: memory ran out, whatever the exception was that said so.
    """

    __slots__ = ("also", "failed", "reason")

    def __init__(self, reason: str, *also: type[Exception]) -> None:
        self.reason, self.also = reason, also
        self.failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, exc: BaseException | None, traceback: TracebackType | None) -> bool:
        if exc is None:
            return False
        if ran_out_of_memory(exc):
            if isinstance(exc, MemoryError):
                return False
            raise MemoryError from exc
        if not _is_tolerable(exc, self.also):
            return False
        self.failed = True
        note(self.reason, exc)
        return True


@contextmanager
def raised_as(error: Exception, *also: type[Exception]) -> Iterator[None]:
    """A context in which damage is raised as an error with a type of its own.

    Args:
        also: further exceptions that mean damage here.

    Raises:
        MemoryError: memory ran out, whatever the exception was that said so.
    """
    try:
        yield
    except Exception as exc:
        if ran_out_of_memory(exc):
            raise MemoryError from exc
        if isinstance(exc, type(error)) or not _is_tolerable(exc, also):
            raise
        _log(str(error), exc)
        raise error from exc


def note(reason: str, exc: BaseException) -> None:
    """Log and count something that was left alone."""
    _log(reason, exc)
    counts = _counts.get()
    if counts is not None:
        counts[reason] += 1


def _log(reason: str, exc: BaseException) -> None:
    if is_mistake(exc):
        logger.error("%s: %s", MISTAKE, reason, exc_info=exc)
    else:
        logger.debug("left alone: %s", reason, exc_info=exc)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """What this thread leaves alone in here: how often, by reason. Those further out see nothing of it."""
    counts: Counter[str] = Counter()
    token = _counts.set(counts)
    try:
        yield counts
    finally:
        _counts.reset(token)
