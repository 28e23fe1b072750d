"""The one job state machine.

::

    awaiting_upload ─► queued ─► running ─► succeeded ─┐
          │              │ ▲        │ │                │
          │              │ └────────┘ ├───► failed ────┼─► expired
          └──────────────┴────────────┴───► cancelled ─┘

A running job goes back to queued when its attempt failed for a passing reason, and from running to running when a
worker died and the next takes over. A failed job goes back to queued only after its dead message was redriven, or when
its owner has it tried again. A new job whose very work was done before for its owner has succeeded at once.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Nothing more will be done for the job."""
        return self in FINAL


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})
#: The states in which no file of a job is kept.
DELETED = frozenset({Status.CANCELLED, Status.EXPIRED})

#: From which states each state may be reached.
SOURCES: dict[Status, tuple[Status, ...]] = {
    Status.AWAITING_UPLOAD: (),
    Status.QUEUED: (Status.AWAITING_UPLOAD, Status.RUNNING, Status.FAILED),
    Status.RUNNING: (Status.AWAITING_UPLOAD, Status.QUEUED, Status.RUNNING),
    Status.SUCCEEDED: (Status.AWAITING_UPLOAD, Status.RUNNING),
    Status.FAILED: (Status.AWAITING_UPLOAD, Status.QUEUED, Status.RUNNING),
    Status.CANCELLED: (Status.AWAITING_UPLOAD, Status.QUEUED, Status.RUNNING),
    Status.EXPIRED: (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED),
}
