"""``?token=`` in a job's links: what a browser follows by itself needs no key then (``access.links``)."""

from __future__ import annotations

import re

from flask import Flask, current_app, request

from pdfsmaller.access.links import LinkTokens
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.view import JobView
from pdfsmaller.settings import Settings

#: The ends of a job's links that carry one: files, and the events of a job that has not ended.
_PURPOSE = re.compile(r"download|events|results/[0-9]{1,6}", re.ASCII)
#: The same, as routes are written.
ENDS = ("download", "events", "results/{index}")


def install(app: Flask, settings: Settings) -> None:
    """Have ``app`` make tokens and take them, where it has a key to sign with."""
    app.config["LINK_TOKENS"] = LinkTokens(settings.secret_key) if settings.secret_key else None


def sign(shown: JobView, job: Job, *, required: bool) -> JobView:
    """A job as it is shown, with tokens in its links where nobody would be let in without.

    Args:
        required: whether the service asks for keys; a job that has an owner is asked for in any case.
    """
    tokens = _tokens()
    if tokens is None or not (required or job.owner):
        return shown
    own, url = tokens, shown.links["self"]

    def signed(link: str) -> str:
        return f"{link}?token={own.make(job.job_id, link.removeprefix(f'{url}/'), job.owner)}"

    for name in shown.links.keys() & {"download", "events"}:
        shown.links[name] = signed(shown.links[name])
    if shown.result:
        shown.result.download_url = signed(shown.result.download_url)
    for file in shown.results:
        file.download_url = signed(file.download_url)
    return shown


def came() -> bool:
    """Whether the present request is one of those that a token is for, and has one."""
    return bool(request.args.get("token")) and _tokens() is not None and _purpose() is not None


def owner() -> str | None:
    """Whose job the token of the present request is for. Raises AccessDenied where it is not for this request."""
    tokens, purpose = _tokens(), _purpose()
    assert tokens
    assert purpose
    return tokens.owner(request.args["token"], (request.view_args or {})["job_id"], purpose)


def _tokens() -> LinkTokens | None:
    found: LinkTokens | None = current_app.config["LINK_TOKENS"]
    return found


def _purpose() -> str | None:
    """What the present request asks of a job, where a token may be for that."""
    job_id = (request.view_args or {}).get("job_id")
    if request.method not in ("GET", "HEAD") or not job_id:
        return None
    match = _PURPOSE.fullmatch(request.path.removeprefix(f"/api/jobs/{job_id}/"))
    return match[0] if match else None
