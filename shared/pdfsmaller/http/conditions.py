"""Conditional requests, and those for a part of a file (RFC 9110, 13 and 14)."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from werkzeug.http import parse_range_header


def meet(response: Response, size: int) -> Response:
    """The answer that holds a whole file of so many bytes, or what was asked for of it: 304, 206, 416.

    Its entity tag, and when it was modified where that is known, must be set.
    """
    asked = _with_one_range(size)
    return response.make_conditional(asked, accept_ranges=True, complete_length=size)  # type: ignore[return-value]


def _with_one_range(size: int) -> dict[str, Any]:
    """The request for a file of so many bytes, with one range from its beginning, or none.

    Several, and what is no range, may be passed over (RFC 9110, 14.2); the last bytes are all where there are fewer.
    """
    environ = dict(request.environ)
    asked = parse_range_header(environ.get("HTTP_RANGE"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        environ.pop("HTTP_RANGE", None)
    elif asked.ranges[0][0] < 0:
        environ["HTTP_RANGE"] = f"bytes={max(0, size + asked.ranges[0][0])}-"
    return environ
