"""The jobs of one API key, page by page, the newest first."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING

from pdfsmaller import errors
from pdfsmaller.jobs.model import is_id

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.rows import Place
    from pdfsmaller.services.caller import Caller
    from pdfsmaller.services.submit import SubmitService
    from pdfsmaller.services.world import World

LIMIT_DEFAULT, LIMIT_MAX = 50, 100
_CURSOR_MAX_CHARS = 200


def own_jobs(
    world: World, submitting: SubmitService, caller: Caller, cursor: str = "", limit: str = ""
) -> tuple[list[Job], str | None]:
    """One page of the caller's jobs, and the cursor of the next; None where there is no more.

    Args:
        cursor: what the page before ended with; untrusted, as ``limit`` is. It only says where to go on: whoever makes
            one up sees none but the caller's jobs.
        limit: the most jobs of a page; empty: ``LIMIT_DEFAULT``.

    Raises:
        Unauthorized: the caller has no API key.
        InvalidOption: cursor or limit is not one.
    """
    if caller.owner is None:
        raise errors.Unauthorized(
            "Jobs are listed for the API key that they were sent with, and this request has none. Without a key, keep "
            "the ids of your jobs."
        )
    most = _limit(limit)
    found = world.jobs.owned(caller.owner, _place(cursor) if cursor else None, most)
    following = _cursor((found[-1].created_at, found[-1].job_id)) if len(found) == most else None
    return [submitting.as_it_stands(job) for job in found], following


def _limit(text: str) -> int:
    if not text:
        return LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LIMIT_MAX):
        raise errors.InvalidOption("limit", text, [f"a whole number from 1 to {LIMIT_MAX}"])
    return int(text)


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    """Raises InvalidOption."""
    try:
        if len(cursor) > _CURSOR_MAX_CHARS:
            raise ValueError("too long")
        created_at, job_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = float(created_at), str(job_id)
    except (ValueError, TypeError, RecursionError, OverflowError, binascii.Error):
        place = math.nan, ""
    if not math.isfinite(place[0]) or not is_id(place[1]):
        raise errors.InvalidOption("cursor", cursor, ["what `next` of the page before was"])
    return place
