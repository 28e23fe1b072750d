"""What each function is allowed in template.yaml, beside what it was seen to call: no less, and no more.

The functions do what they do at their services' doors; every call that leaves for AWS is written down with what it
reaches. That the grants suffice on a store which enforces them is for the tests of the whole stack.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from cfnlint.decode.cfn_yaml import load as load_template

from pdfsmaller import events, sandbox
from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.callback import Callback
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.webhooks.deliver import CallbackService
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.functions.calls import ROOT

Grant = tuple[str, str]

#: The IAM actions of calls that are not called alike.
_ACTIONS = {
    "HeadObject": ["GetObject"],
    "ListObjectsV2": ["ListBucket"],
    "ListMultipartUploads": ["ListBucketMultipartUploads"],
    "CopyObject": ["PutObject"],
    "CreateMultipartUpload": ["PutObject"],
    "CompleteMultipartUpload": ["PutObject"],
    "ListParts": ["ListMultipartUploadParts"],
}
#: What Lambda itself does in the function's name: it polls the queue.
_POLLS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_POLLING = {(f"sqs:{action}", "CompressQueue") for action in _POLLS}
_CALLBACK = Callback("https://receiver.example/hook")


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return dict(load_template(str(ROOT / "template.yaml"))["Resources"])


def granted(resources: dict[str, Any], function: str) -> set[Grant]:
    """(action, what it reaches): a bucket's part as ``uploads/jobs``, a queue, the table or its index."""
    found: set[Grant] = set()
    for policy in resources[f"{function}Role"]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions, targets = statement["Action"], statement["Resource"]
            for target in targets if isinstance(targets, list) else [targets]:
                text = str(target.get("Fn::Sub") or target["Fn::GetAtt"][0])
                for action in [actions] if isinstance(actions, str) else actions:
                    found.add((action, _place(text)))
    return {grant for grant in found if not grant[0].startswith("logs:")}


def _place(text: str) -> str:
    name = text.replace("${", "").replace(".Arn}", "").removesuffix("/*")
    return name.replace("UploadsBucket", "uploads").replace("ResultsBucket", "results")


@contextmanager
def recorded(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Grant]]:
    """What is called meanwhile, in the same form."""
    seen: set[Grant] = set()
    buckets = {stack.settings.uploads_bucket: "uploads", stack.settings.results_bucket: "results"}
    queues = {
        stack.settings.compress_queue_url: "CompressQueue",
        stack.settings.dead_letter_queue_url: "DeadLetterQueue",
        stack.settings.callback_queue_url: "CallbackQueue",
    }
    real = BaseClient._make_api_call

    def reach(service: str, operation: str, given: dict[str, Any]) -> Iterator[Grant]:
        if service == "sqs":
            yield f"sqs:{operation.removesuffix('Batch')}", queues[given["QueueUrl"]]
        elif service == "dynamodb":
            yield (
                f"dynamodb:{operation}",
                "JobsTable" + (f"/index/{index}" if (index := given.get("IndexName")) else ""),
            )
        else:
            place = buckets[given["Bucket"]]
            for action in _ACTIONS.get(operation, [operation]):
                yield f"s3:{action}", place if "Key" not in given else f"{place}/{given['Key'].split('/')[0]}"
            if source := given.get("CopySource"):
                yield "s3:GetObject", f"{buckets[source['Bucket']]}/{source['Key'].split('/')[0]}"

    def call(client: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        seen.update(reach(client.meta.service_model.service_name, operation, given))
        return real(client, operation, given)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        yield seen


@pytest.fixture
def stack(clock: Clock) -> Iterator[Stack]:
    with made_stack(clock, drop_max_age_hours=1.0, max_inline_result_size=100) as stack:
        yield stack


def drop(stack: Stack, data: bytes, key: str) -> str:
    """Drop a file and do its job; the job's id."""
    stack.drop(key, data)
    RunService(stack.world).handle(stack.message(key))
    [job] = [job for job in map(stack.job, _jobs(stack)) if job.drop and job.drop.key == key]
    return job.job_id


def _jobs(stack: Stack) -> list[str]:
    rows = boto3.client("dynamodb").scan(TableName=stack.settings.jobs_table)["Items"]
    return [row["job_id"]["S"] for row in rows if "inputs" in row]


def test_upload(stack: Stack, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = documents.photo_jpeg()
    dropped = [drop(stack, pdf, "inbox/a.pdf"), drop(stack, b"%PDF-1.4 broken", "inbox/broken.pdf")]
    client = create_app(stack.world).test_client()
    me = {"X-Api-Key": stack.world.keys.create("me")[1]}
    mine = client.post("/api/compress", data={"files": (io.BytesIO(pdf), "a.pdf")}, headers=me).get_json()["job_id"]
    RunService(stack.world).handle(stack.message(input_key(mine, 0)))
    with recorded(stack, monkeypatch) as calls:
        same = client.post("/api/compress", data={"files": (io.BytesIO(pdf), "a.pdf")}, headers=me).get_json()
        assert same["reused"]
        batch = client.post("/api/compress", data={"files": [(io.BytesIO(pdf), "a.pdf"), (io.BytesIO(pdf), "b.pdf")]})
        assert client.get(f"/api/batches/{batch.get_json()['batch_id']}").status_code == 200
        key = {"Idempotency-Key": "key"}
        assert client.post("/api/uploads", json={"options": {"dpi": 1}}, headers=key).status_code == 422
        for path in ("/health", "/metrics"):
            assert client.get(path).status_code == 200
        assert client.post("/api/uploads", json={"name": "c.pdf"}).status_code == 201
        large = client.post("/api/uploads", json={"name": "c.pdf", "size": 60_000_000}).get_json()["job"]["links"][
            "self"
        ]
        assert client.post(f"{large}/uploads/0/complete").status_code == 409
        assert client.delete(large).status_code == 204
        told = client.post("/api/uploads", json={"name": "d.pdf", "callback_url": _CALLBACK.url}).get_json()["job"]
        assert client.delete(f"/api/jobs/{told['job_id']}").status_code == 204
        assert stack.world.jobs.owned("nobody", None, 10) == []
    job = batch.get_json()["jobs"][0]["job_id"]
    RunService(stack.world).handle(stack.message(input_key(job, 0)))
    with recorded(stack, monkeypatch) as more:
        service = SubmitService(stack.world)
        assert service.read_result(
            service.download(job)
        )  # the URL that a larger one is sent by asks for the same right
        for source in (job, dropped[0]):
            assert client.post(f"/api/jobs/{source}/again", json={}).status_code == 202
        assert client.post(f"/api/jobs/{dropped[1]}/retry").status_code == 202
        for ended in (job, *dropped):
            assert client.delete(f"/api/jobs/{ended}").status_code == 204
    assert calls | more == granted(resources, "Upload")


def test_compress(stack: Stack, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    service, pdf = RunService(replace(stack.world, line=None)), documents.photo_jpeg()
    submitting = SubmitService(stack.world)
    stack.drop("inbox/a.pdf", pdf)
    stack.drop("inbox/b.pdf", pdf)
    stack.drop("inbox/broken.pdf", b"%PDF-1.4 broken")
    files, me = [[IncomingFile("a.pdf", io.BytesIO(pdf))] for _ in range(4)], Caller("me", "192.0.2.1")
    jobs = [submitting.submit_files(each, {}, caller=me, callback=_CALLBACK)[0] for each in files]
    keys = [input_key(job.job_id, 0) for job in jobs]
    messages = [
        stack.message(key)
        for key in (keys[0], keys[3], "inbox/a.pdf", "inbox/broken.pdf", keys[1], "inbox/b.pdf", keys[2])
    ]
    succeed = Jobs.succeed

    def cancelled_before(jobs: Jobs, job: Job, *args: Any, **kwargs: Any) -> Any:
        jobs.cancel(job, kept_seconds=60)
        return succeed(jobs, job, *args, **kwargs)

    def failing(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError

    with recorded(stack, monkeypatch) as calls:
        for message in messages[:4]:
            service.handle(message)
        monkeypatch.setattr(Jobs, "succeed", cancelled_before)
        for message in messages[4:6]:
            service.handle(message)
        monkeypatch.setattr(sandbox, "run", failing)
        with pytest.raises(ConnectionError):
            service.handle(messages[6])
    submitting.submit_files([IncomingFile("a.pdf", io.BytesIO(pdf))], {}, caller=Caller(None, "192.0.2.7"))
    again, service = [stack.message(keys[2]) for _ in range(2)], RunService(stack.world)
    with recorded(stack, monkeypatch) as more:
        with pytest.raises(ConnectionError):
            service.handle(again[0])
        service.handle(again[1])  # it is the other caller's turn
    assert stack.job(jobs[2].job_id).attempt == 2
    assert calls | more | _POLLING == granted(resources, "Compress")


def _kill_every_attempt(stack: Stack, key: str) -> None:
    stack.drop(key, documents.text())
    service, message = RunService(stack.world), stack.message(key)
    created = events.parse(message.body)[0]
    job = service._job_for(created)
    assert job
    for _ in range(stack.settings.max_receive_count):
        assert stack.jobs.start(job.job_id, message.message_id, 60)
        stack.clock.forward(70)


def test_cleanup(stack: Stack, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = documents.photo_jpeg()
    drop(stack, pdf, "inbox/a.pdf")
    drop(stack, b"%PDF-1.4 broken", "inbox/broken.pdf")
    submitting = SubmitService(stack.world)
    files = [[IncomingFile("a.pdf", io.BytesIO(pdf))] for _ in range(2)]
    done, waiting = (submitting.submit_files(each, {}, callback=_CALLBACK)[0] for each in files)
    RunService(stack.world).handle(stack.message(input_key(done.job_id, 0)))
    late, _ = submitting.reserve_upload({"name": "late.pdf"})
    stack.sqs.send_message(
        QueueUrl=stack.settings.dead_letter_queue_url, MessageBody=stack.event(input_key(waiting.job_id, 0))
    )
    _kill_every_attempt(stack, "inbox/deadly.pdf")
    for bucket in (stack.settings.uploads_bucket, stack.settings.results_bucket):
        for prefix in ("jobs", "inbox"):
            stack.s3.create_multipart_upload(Bucket=bucket, Key=f"{prefix}/stale")
    stack.clock.forward(48 * 3_600)
    with recorded(stack, monkeypatch) as calls:
        counts = CleanupService(stack.world).run()
    assert counts["errors"] == 0
    assert stack.job(late.job_id).status is Status.FAILED
    assert calls == granted(resources, "Cleanup")


def test_callbacks(stack: Stack, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"}, callback=Callback("https://nobody.invalid/"))
    stack.world.ends.cancel(job, kept_seconds=60)
    answer = stack.sqs.receive_message(QueueUrl=stack.settings.callback_queue_url)
    [message] = [Message(item["MessageId"], item["ReceiptHandle"], item["Body"]) for item in answer["Messages"]]
    with recorded(stack, monkeypatch) as calls:
        assert not CallbackService(stack.world).handle(message)
    assert [attempt.status for attempt in stack.job(job.job_id).callback_attempts] == [None]
    assert calls | {(f"sqs:{action}", "CallbackQueue") for action in _POLLS} == granted(resources, "Callback")
