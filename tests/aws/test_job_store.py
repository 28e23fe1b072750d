"""What of the DynamoDB adapter no other store has, and that it says every change as ``Change`` means it."""

from __future__ import annotations

from typing import Any

import boto3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pdfsmaller.aws.job_store import DynamoJobStore
from pdfsmaller.jobs.change import After, Change, Demands
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.rows import Row
from pdfsmaller.jobs.states import Status
from tests.aws_stack import Stack

NOW = 1_764_250_000.5
statuses = st.sampled_from(list(Status))
times = st.sampled_from([0.0, 1.5, NOW - 1, NOW, NOW + 1])
codes = st.sampled_from(["a", "b"])
values = st.recursive(
    st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6).map(lambda number: round(number, 4)) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("abé ", min_size=1, max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
rows = st.fixed_dictionaries(
    {"status": statuses.map(str), "attempt": st.integers(0, 3), "due_at": times},
    optional={
        "lease_until": times,
        "error": st.fixed_dictionaries({"code": codes}),
        "options": values,
        "crashes": st.integers(0, 3),
    },
)
demands = st.builds(
    Demands,
    st.lists(statuses, min_size=1, max_size=3, unique=True).map(tuple),
    lease_over=st.booleans(),
    attempt=st.none() | st.integers(0, 3),
    attempt_below=st.none() | st.integers(0, 3),
    due_at=st.none() | times,
    error_code=st.none() | codes,
)
changes = st.builds(
    Change,
    demands,
    st.dictionaries(st.sampled_from(["stage", "progress", "result"]), values | times.map(After), min_size=1),
    adds=st.dictionaries(st.sampled_from(["attempt", "crashes"]), st.integers(1, 2)),
    removes=st.sets(st.sampled_from(["lease_until", "error", "options"])).map(tuple),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=rows, change=changes)
def test_a_change_does_what_it_is_defined_to(stack: Stack, row: Row, change: Change) -> None:
    store = DynamoJobStore(stack.settings.jobs_table, lambda: NOW)
    row = row | {"job_id": new_id()}
    assert store.create(row)
    assert store.change(row["job_id"], change) == change.applied_to(row, NOW)


def test_the_time_to_live_is_a_whole_number(stack: Stack) -> None:
    """DynamoDB passes over rows in which it is none."""

    def stored() -> dict[str, Any]:
        [item] = boto3.client("dynamodb").scan(TableName=stack.settings.jobs_table)["Items"]
        return dict(item["ttl"])

    job = Job(job_id=new_id(), status=Status.QUEUED, created_at=1.25, updated_at=1.25, due_at=1.25)
    assert stack.jobs.create(job)
    assert stored()["N"].isdigit()
    assert stack.jobs.cancel(job, kept_seconds=1.5)
    assert stored()["N"].isdigit()
