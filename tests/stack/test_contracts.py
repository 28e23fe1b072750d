"""The contracts of job store, queue and storage, kept by the AWS adapters on an emulator."""

from __future__ import annotations

import os

import pytest

from tests.aws_stack import Stack
from tests.contracts.harness import AwsHarness, Harness
from tests.contracts.test_access import TestCounters, TestKeys
from tests.contracts.test_job_store import (
    TestChanges,
    TestClaimsAndBatches,
    TestDue,
    TestForgetting,
    TestHalfWay,
    TestOwned,
    TestRaces,
    TestRows,
)
from tests.contracts.test_line import TestLine, TestPuttingBack, line
from tests.contracts.test_queue import TestDeadLetters, TestDelivery
from tests.contracts.test_storage import (
    TestCopies,
    TestEntityTags,
    TestForms,
    TestJobsFiles,
    TestLinks,
    TestListing,
    TestObjects,
    TestParts,
    TestUnfinishedUploads,
    test_probing_finds_both_buckets,
)

__all__ = [
    "TestChanges",
    "TestClaimsAndBatches",
    "TestCopies",
    "TestCounters",
    "TestDeadLetters",
    "TestDelivery",
    "TestDue",
    "TestEntityTags",
    "TestForgetting",
    "TestForms",
    "TestHalfWay",
    "TestJobsFiles",
    "TestKeys",
    "TestLine",
    "TestLinks",
    "TestListing",
    "TestObjects",
    "TestOwned",
    "TestParts",
    "TestPuttingBack",
    "TestRaces",
    "TestRows",
    "TestUnfinishedUploads",
    "line",
    "test_probing_finds_both_buckets",
]


@pytest.fixture
def harness(stack: Stack) -> Harness:
    # LocalStack hands out what an expired link names, and takes a part of another length than was signed.
    links = (os.environ.get("EMULATOR") or "localstack") != "localstack"
    return AwsHarness(stack, enforces_forms=True, enforces_links=links)
