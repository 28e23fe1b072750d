"""Whose request it is: found out once, before anything else, and asked for by every route that makes or finds a job."""

from __future__ import annotations

import re
from functools import partial

from flask import Flask, Response, current_app, g, request

from pdfsmaller.access.addresses import network
from pdfsmaller.access.door import Door, nobody
from pdfsmaller.access.keys import PREFIX, ApiKey
from pdfsmaller.access.rates import Limiter, Rate, Standing, parse_rates, refusal
from pdfsmaller.errors import RateLimited, StoreUnavailable, Unauthorized
from pdfsmaller.http import answers, links
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.world import World

_BEARER = re.compile(r"bearer +(.*)", re.IGNORECASE)


def install(app: Flask, world: World) -> None:
    """Have callers of ``app`` known."""
    app.config |= {"DOOR": Door(world.keys), "LIMITER": Limiter(world.counters)}
    app.after_request(_show_limits)


def identify(*, is_open: bool) -> None:
    """Note who sends the present request.

    Args:
        is_open: whether anybody may send it, whatever comes along.

    Raises:
        Unauthorized: a key is needed and none came, or one that is not in use.
        AccessDenied: a link's token is not for this request, or its time is over.
        RateLimited: too many from this address were not.
    """
    address = request.remote_addr or ""
    given = "" if is_open else _given()
    if not given and not is_open and links.came():
        g.caller = Caller(links.owner(), address)
        return
    if not given and not is_open and answers.settings().api_keys_required:
        raise nobody()
    door: Door = current_app.config["DOOR"]
    key = door.let_in(given, address) if given else None
    g.caller = Caller(key.key_id if key else None, address, partial(_charge, key, address), g.trace_id)


def caller() -> Caller:
    """Who sends the present request."""
    found: Caller = g.caller
    return found


def has_key() -> bool:
    """Whether a valid API key came with a request that needs none. Guessing is stopped as elsewhere."""
    given = _given()
    door: Door = current_app.config["DOOR"]
    try:
        return bool(given) and bool(door.let_in(given, caller().address))
    except (Unauthorized, RateLimited, StoreUnavailable):
        return False


def _given() -> str:
    """The key that came along; empty where none did. Where none is needed, what else may come there is passed over:
    it is for somebody before us.
    """
    bearer = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    given = request.headers.get("X-Api-Key") or (bearer[1] if bearer else "")
    return given if answers.settings().api_keys_required or given.startswith(PREFIX) else ""


# Limits


def _charge(key: ApiKey | None, address: str, jobs: int) -> None:
    """Count jobs that are about to be made against their maker's limits.

    Raises:
        RateLimited.
    """
    rates = _rates(key)
    if not rates:
        return
    limiter: Limiter = current_app.config["LIMITER"]
    taken = limiter.take(f"key {key.key_id}" if key else f"address {network(address)}", rates, jobs)
    g.standings = taken.standings
    if taken.refused_by:
        raise refusal(taken, jobs)


def _rates(key: ApiKey | None) -> tuple[Rate, ...]:
    if key and key.rate_limit:
        return parse_rates(key.rate_limit)
    settings = answers.settings()
    return parse_rates(settings.rate_limit_default) if settings.rate_limit_enabled else ()


def _show_limits(response: Response) -> Response:
    """How the limits stand that the request counted against (draft-ietf-httpapi-ratelimit-headers)."""
    standings: tuple[Standing, ...] = g.get("standings", ())
    if standings:
        response.headers["RateLimit-Policy"] = ", ".join(
            f'"{one.rate}";q={one.rate.amount};w={one.rate.seconds}' for one in standings
        )
        response.headers["RateLimit"] = ", ".join(f'"{one.rate}";r={one.left};t={one.seconds}' for one in standings)
    return response
