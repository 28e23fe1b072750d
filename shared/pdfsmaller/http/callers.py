"""Whose request it is: found out once, before anything else, and asked for by every route that makes or finds a job."""

from __future__ import annotations

import hashlib
import hmac

from flask import g, request

from pdfsmaller.errors import Unauthorized
from pdfsmaller.services.caller import Caller


def identify(api_keys: list[str]) -> None:
    """Note who sends the present request.

    Args:
        api_keys: the keys of which one is demanded; none: anybody may ask.

    Raises:
        Unauthorized: a key is demanded, and none came that is known.
    """
    g.caller = Caller(_owner(api_keys) if api_keys else None, request.remote_addr or "")


def caller() -> Caller:
    """Who sends the present request."""
    found: Caller = g.caller
    return found


def _owner(api_keys: list[str]) -> str:
    given = request.headers.get("X-Api-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    # Every key is compared, in constant time, so that the answer's time tells nothing.
    if not any([hmac.compare_digest(given.encode(), key.encode()) for key in api_keys]):
        raise Unauthorized("Send one of this service's API keys as 'X-Api-Key' or 'Authorization: Bearer'.")
    return hashlib.sha256(given.encode()).hexdigest()[:32]
