"""A backfill of buckets, in moto: by listing and by inventory, with SQS and DynamoDB; and into one's own server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from pdfsmaller import wire
from pdfsmaller.aws.collections import S3Collection
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.jobs.keys import job_of_input
from pdfsmaller.services.backfill.folder import FolderCollection
from pdfsmaller.services.backfill.ledger import Ledger, State
from pdfsmaller.services.backfill.plan import Plan
from pdfsmaller.services.backfill.service import BackfillService
from pdfsmaller.services.run_job import RunService
from tests import documents
from tests.aws.inventories import packed, row, write
from tests.aws_stack import Clock, Stack
from tests.folder_world import made_room
from tests.services.backfill.filled import files

OPTIONS = CompressOptions.parse({"preset": "ebook"})


@pytest.fixture(scope="module")
def photo() -> bytes:
    return documents.photo_jpeg(500, 400)


@pytest.fixture
def s3(stack: Stack) -> Any:
    client = boto3.client("s3")
    for bucket in ("theirs", "lists", "smaller"):
        client.create_bucket(Bucket=bucket)
    return client


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


def run(service: BackfillService, ledger: Ledger, work: Callable[[], object]) -> None:
    service.enter()
    for _ in range(20):
        service.step()
        work()
        if not ledger.has(State.WAITING, State.TAKEN):
            return
    raise AssertionError("the backfill does not end")


def on(stack: Stack, plan: Plan, ledger: Ledger) -> None:
    """Do a backfill on AWS: an event follows each object that comes into the bucket of uploads."""
    service = BackfillService(stack.world, plan, ledger, copies=True, rate=1e6, at_once=4)
    done: set[str] = set()

    def work() -> None:
        for key in stack.upload_keys():
            if job_of_input(key) and key not in done:
                done.add(key)
                RunService(stack.world).handle(stack.message(key))

    run(service, ledger, work)


def ends(ledger: Ledger) -> dict[tuple[str, str], int]:
    return {(str(count.state), count.code): count.items for count in ledger.counts()}


def body(s3: Any, bucket: str, key: str) -> bytes:
    data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


def test_objects_are_copied_by_the_store_and_results_lie_beside(
    stack: Stack, s3: Any, ledger: Ledger, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def brought(*_: object) -> bool:
        raise AssertionError("an object came by here")

    s3.put_object(Bucket="theirs", Key="docs/a b+c.pdf", Body=photo)
    s3.put_object(Bucket="theirs", Key="docs/signed.pdf", Body=documents.signed())
    s3.put_object(Bucket="theirs", Key="docs2/other.pdf", Body=photo)
    monkeypatch.setattr(S3Collection, "fetch", brought)
    on(stack, Plan(S3Collection("theirs", "docs/"), OPTIONS, to=S3Collection("smaller", "2026/")), ledger)
    assert ends(ledger) == {("done", ""): 1, ("skipped", "signed"): 1}
    assert stack.keys("smaller") == ["2026/a b+c.pdf"]
    assert len(body(s3, "smaller", "2026/a b+c.pdf")) < len(photo)
    assert body(s3, "theirs", "docs/a b+c.pdf") == photo
    assert (stack.upload_keys(), stack.result_keys()) == ([], [])


def test_an_inventorys_objects_are_replaced_and_kept(stack: Stack, s3: Any, ledger: Ledger, photo: bytes) -> None:
    etag = s3.put_object(Bucket="theirs", Key="x/a.pdf", Body=photo, ContentType="application/pdf")["ETag"].strip('"')
    s3.put_object(Bucket="theirs", Key="x/changed.pdf", Body=documents.photo_jpeg(520, 400))
    listed = [
        row("theirs", "x/a.pdf", len(photo), etag),
        row("theirs", "x/changed.pdf", 5, "0" * 32),  # as it was when S3 wrote the inventory
        row("theirs", "x/gone.pdf", 5, "0" * 32),
    ]
    address = write("lists", "theirs", [packed(listed)])
    plan = Plan(wire.collection(address), OPTIONS, keep=S3Collection("theirs", "originals/"))
    on(stack, plan, ledger)
    assert ends(ledger) == {
        ("done", ""): 2,
        ("skipped", "already_compressed"): 2,
        ("skipped", "changed"): 1,
        ("skipped", "gone"): 1,
    }
    assert stack.keys("theirs") == [
        "originals/x/a.pdf", "originals/x/changed.pdf", "x/a.pdf", "x/changed.pdf",
    ]  # fmt: skip
    assert body(s3, "theirs", "originals/x/a.pdf") == photo
    assert len(body(s3, "theirs", "x/a.pdf")) < len(photo)
    # The next inventory, or a listing, has what was made: it is nothing to do.
    now = [row("theirs", name.name, name.bytes, name.version) for name in S3Collection("theirs").list()]
    later = Plan(wire.collection(write("lists", "theirs", [packed(now)])), OPTIONS, keep=plan.keep)
    before = ends(ledger)
    on(stack, later, ledger)
    on(stack, Plan(S3Collection("theirs"), OPTIONS, keep=plan.keep), ledger)
    assert ends(ledger) == before


def test_an_object_that_is_archived_waits_for_its_owner(stack: Stack, s3: Any, ledger: Ledger, photo: bytes) -> None:
    s3.put_object(Bucket="theirs", Key="a.pdf", Body=photo, StorageClass="GLACIER")
    on(stack, Plan(S3Collection("theirs"), OPTIONS, to=S3Collection("smaller")), ledger)
    assert ends(ledger) == {("failed", "original_unavailable"): 1}


def test_a_bucket_goes_into_a_server_of_ones_own(
    s3: Any, ledger: Ledger, photo: bytes, clock: Clock, tmp_path: Path
) -> None:
    s3.put_object(Bucket="theirs", Key="docs/a.pdf", Body=photo)
    s3.put_object(Bucket="theirs", Key="docs/../../out.pdf", Body=photo)
    room = made_room(tmp_path / "files", clock)
    plan = Plan(S3Collection("theirs", "docs/"), OPTIONS, to=FolderCollection(tmp_path / "to"))
    service = BackfillService(room.world, plan, ledger, copies=False, rate=1e6, at_once=4)
    run(service, ledger, room.work)
    assert ends(ledger) == {("done", ""): 1, ("failed", "result_name_taken"): 1}
    assert files(tmp_path / "to") == ["a.pdf"]
    assert not (tmp_path / "out.pdf").exists()
