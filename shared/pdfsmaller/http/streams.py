"""``/api/jobs/{id}/events`` and ``/api/batches/{id}/events``: a job's JSON at each change, as server-sent events.

A stream ends when its jobs have, or after some minutes, or when the server does; an ``EventSource`` then connects anew,
is told how the jobs stand, and goes on. One that has heard of the last end already is answered 204, which keeps it from
connecting again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Blueprint, Response, request, stream_with_context

from pdfsmaller import errors
from pdfsmaller.http import answers
from pdfsmaller.http.callers import caller
from pdfsmaller.http.held import held, hold
from pdfsmaller.jobs.model import Job

blueprint = Blueprint("streams", __name__, url_prefix="/api")

#: Signed links in what is sent are good for as long.
_MAX_SECONDS = 600.0
#: Silence after which something is sent, so that nobody between takes the connection for dead.
_KEEP_ALIVE_SECONDS = 15.0
#: After how long a client connects anew.
_RETRY_MILLISECONDS = 2_000


@blueprint.get("/jobs/<job_id>/events")
def job_events(job_id: str) -> Response:
    """How a job stands, at each change."""
    return _streamed([answers.service().job(job_id, caller=caller())])


@blueprint.get("/batches/<batch_id>/events")
def batch_events(batch_id: str) -> Response:
    """How the jobs of a batch stand, each at each of its changes."""
    return _streamed(answers.service().batch(batch_id, caller=caller()))


def _streamed(jobs: list[Job]) -> Response:
    places = held().streams
    if not held().offers_streams:
        raise errors.NoStreams(
            "This deployment sends no event streams. Ask for the job itself, with 'Prefer: wait=N' to wait for its end."
        )
    if _has_heard_all(jobs):
        return Response(status=204)
    if not places.take():
        raise errors.TooManyStreams(
            "As many event streams are open as this server bears. Try again later, or ask for the job itself."
        )
    hold("stream")
    response = Response(stream_with_context(_events(jobs)), mimetype="text/event-stream")
    response.call_on_close(places.give_back)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx passes each event on as it comes
    return response


def _events(jobs: list[Job]) -> Iterator[str]:
    until = time.monotonic() + _MAX_SECONDS
    yield f"retry: {_RETRY_MILLISECONDS}\n\n"
    with held().followers.following(jobs) as follower:
        for job in jobs:
            yield _event(job)
        while follower.unfinished and not follower.over and (left := until - time.monotonic()) > 0:
            try:
                news = follower.news(min(left, _KEEP_ALIVE_SECONDS))
            except errors.StoreUnavailable:
                return  # the client connects anew, and is told then
            for job in news:
                yield _event(job)
            if not news:
                yield ": still there\n\n"


def _event(job: Job) -> str:
    return f"id: {_id(job)}\nevent: job\ndata: {answers.job_view(job).model_dump_json()}\n\n"


def _id(job: Job) -> str:
    """When the job changed, in milliseconds: the last end of several has the greatest."""
    return str(round(job.updated_at * 1_000))


def _has_heard_all(jobs: list[Job]) -> bool:
    """Whether every job has ended, and the client knows it of the last one."""
    last = max(_id(job) for job in jobs)
    return all(job.status.is_final for job in jobs) and request.headers.get("Last-Event-ID") == last
