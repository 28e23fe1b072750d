"""Errors as JSON, from the engine's process to its parent: as they left, with all that they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pdfsmaller import errors

#: What comes over: what may be wrong with a request or a document, and a full disk. A process that a document took over
#: must not be able to raise anything else in its parent.
_ROOTS: tuple[type[errors.PdfSmallerError], ...] = (errors.RequestError, errors.DocumentError, errors.DiskFull)
#: What some of them take beside the message, by attribute.
_FIELDS: dict[type[errors.PdfSmallerError], tuple[str, ...]] = {
    errors.LimitExceeded: ("limit", "allowed"),
    errors.InvalidOption: ("field", "value", "allowed"),
}


def to_json(error: errors.PdfSmallerError) -> dict[str, Any]:
    """An error's code, message and fields."""
    fields = _FIELDS.get(type(error), ())
    return {"code": error.code, "message": error.message, **{name: getattr(error, name) for name in fields}}


def from_json(body: dict[str, Any]) -> errors.PdfSmallerError:
    """The error that ``to_json`` was given; ``EngineFailed`` for what is none of those that come over."""
    kind = _KINDS.get(str(body.get("code")), errors.EngineFailed)
    fields = {name: body.get(name) for name in _FIELDS.get(kind, ())}
    try:
        return kind(**fields, message=str(body.get("message")))
    except (TypeError, ValueError):
        return errors.EngineFailed(str(body.get("message")))


def _below(kind: type[errors.PdfSmallerError]) -> Iterator[type[errors.PdfSmallerError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


# A family and its first member may share a code: the member, which comes later, is meant.
_KINDS = {kind.code: kind for root in _ROOTS for kind in _below(root)}
