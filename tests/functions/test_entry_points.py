"""Every function through both of its doors: Lambda's handler and Functions Framework's target."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys

import pytest

from pdfsmaller.jobs.callback import Callback
from pdfsmaller.jobs.keys import result_key
from pdfsmaller.jobs.model import Drop, Job, JobResult, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF
from tests import documents
from tests.aws_stack import Stack
from tests.functions.calls import EVENTS, ROOT, Context, cloud_event, framework_client, function_url_event, sqs_event
from tests.services.webhooks.receiver import answers, receiving


class TestUpload:
    def test_lambda_takes_a_pdf_and_answers_with_a_job(self, deployed: Stack) -> None:
        from upload.main import lambda_handler

        boundary = "x"
        pdf = documents.text(1)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'.encode()
        body = head + pdf + f"\r\n--{boundary}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={boundary}", "content-length": str(len(body))}
        answer = lambda_handler(function_url_event("POST", "/api/compress", body, headers), Context())
        assert answer["statusCode"] == 202
        job = json.loads(answer["body"])
        assert job["inputs"] == [{"name": "a.pdf", "bytes": len(pdf)}]

    def test_lambda_answers_binary_as_base64(self, deployed: Stack) -> None:
        from upload.main import lambda_handler

        job_id = new_id()
        now = deployed.clock()
        key = result_key(job_id, 1, 0)
        only = JobResult("a.pdf", 7, PDF, key)
        job = Job(job_id, Status.SUCCEEDED, now, now, now, attempt=1, results=(only,), download=only)
        deployed.jobs.create(job)
        deployed.s3.put_object(Bucket=deployed.settings.results_bucket, Key=key, Body=b"%PDF-\xff\x00")
        answer = lambda_handler(function_url_event("GET", f"/api/jobs/{job_id}/download"), Context())
        assert answer["isBase64Encoded"]
        assert base64.b64decode(answer["body"]) == b"%PDF-\xff\x00"

    @pytest.mark.parametrize(
        ("proxies", "statuses"), [("", [201, 429, 429]), ("1", [201, 201, 429])], ids=["its own address", "CloudFront"]
    )
    def test_lambda_knows_who_calls(
        self, deployed: Stack, monkeypatch: pytest.MonkeyPatch, proxies: str, statuses: list[int]
    ) -> None:
        from upload.main import lambda_handler

        settings = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_DEFAULT": "1 per day", "TRUSTED_PROXIES": proxies}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        answers = []
        for client in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
            headers = {"x-forwarded-for": f"10.9.8.7, {client}, 203.0.113.7", "content-type": "application/json"}
            answers.append(
                lambda_handler(function_url_event("POST", "/api/uploads", b'{"name": "a.pdf"}', headers), Context())
            )
        assert [answer["statusCode"] for answer in answers] == statuses

    def test_functions_framework_routes_every_path(self, deployed: Stack) -> None:
        client = framework_client("upload")
        assert client.get("/health").status_code == 200
        assert client.get("/").mimetype == "text/html"
        response = client.post("/api/compress", data={"files": (io.BytesIO(documents.text(1)), "a.pdf")})
        assert response.status_code == 202
        assert client.delete(f"/api/jobs/{response.get_json()['job_id']}").status_code == 204

    def test_a_refused_body_is_read_to_its_end(self, deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        import upload.main
        from pdfsmaller.settings import get_settings

        monkeypatch.setenv("MAX_FILE_SIZE", "1KB")
        monkeypatch.setenv("MAX_REQUEST_SIZE", "1KB")
        get_settings.cache_clear()
        upload.main._app.cache_clear()
        body = io.BytesIO(b"x" * 3_000_000)
        response = framework_client("upload").post(
            "/api/compress", input_stream=body, content_length=3_000_000, content_type="multipart/form-data; boundary=b"
        )
        assert response.status_code == 413
        assert body.tell() == 3_000_000


class TestCompress:
    def test_lambda_names_only_what_failed(self, deployed: Stack) -> None:
        from compress.main import lambda_handler

        deployed.drop("inbox/a.pdf", documents.photo_jpeg())
        event = sqs_event(deployed, "poison", deployed.event("inbox/a.pdf"))
        answer = lambda_handler(event, Context())
        assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
        assert deployed.result_keys()[0] == "inbox/a.pdf"

    def test_lambda_tells_a_redriven_message_from_one_left_over(self, deployed: Stack) -> None:
        from compress.main import lambda_handler

        deployed.drop("inbox/a.pdf", documents.photo_jpeg())
        event = sqs_event(deployed, deployed.event("inbox/a.pdf"))
        [record] = event["Records"]
        drop = Drop(deployed.settings.uploads_bucket, "inbox/a.pdf", "0055AED6DCD90281E5")
        job_id = deployed.jobs.claim(drop.identity, new_id())
        now = deployed.clock()
        job = Job(job_id=job_id, status=Status.QUEUED, created_at=now, updated_at=now, due_at=now, drop=drop)
        deployed.jobs.create(job)
        deployed.jobs.fail(deployed.job(job_id), {"code": "too_many_attempts", "message": ""}, kept_seconds=60)
        assert lambda_handler(event, Context())["batchItemFailures"]
        assert deployed.job(job_id).status is Status.FAILED
        record["attributes"] = {"SentTimestamp": str(int(deployed.clock() * 1_000) + 1_000)}
        lambda_handler(event, Context())
        assert deployed.job(job_id).attempt == 1

    def test_functions_framework_reads_when_the_event_was_sent(self, deployed: Stack) -> None:
        deployed.drop("inbox/a.pdf", documents.photo_jpeg())
        data = cloud_event(json.loads(deployed.event("inbox/a.pdf")))
        data["headers"]["ce-time"] = "2018-04-05T17:31:00.123456789Z"
        assert framework_client("compress").post("/", **data).status_code == 200
        assert "inbox/a.pdf" in deployed.result_keys()

    def test_lambda_acknowledges_s3s_test_event(self, deployed: Stack) -> None:
        from compress.main import lambda_handler

        event = sqs_event(deployed, (EVENTS / "s3_test_event.json").read_text())
        assert lambda_handler(event, Context()) == {"batchItemFailures": []}

    def test_functions_framework_does_the_event(self, deployed: Stack) -> None:
        deployed.drop("inbox/a.pdf", documents.photo_jpeg())
        client = framework_client("compress")
        assert client.post("/", **cloud_event(json.loads(deployed.event("inbox/a.pdf")))).status_code == 200
        assert "inbox/a.pdf" in deployed.result_keys()

    def test_functions_framework_answers_500_for_the_sender_to_try_again(self, deployed: Stack) -> None:
        assert framework_client("compress").post("/", **cloud_event({"no": "event"})).status_code == 500


class TestCleanup:
    def test_lambda_returns_its_counts(self, deployed: Stack) -> None:
        from cleanup.main import lambda_handler

        assert lambda_handler(json.loads((EVENTS / "schedule.json").read_text()), Context())["expired"] == 0

    def test_lambda_stops_before_its_time_is_over(self, deployed: Stack) -> None:
        from cleanup.main import lambda_handler

        now = deployed.clock()
        for _ in range(2):
            deployed.jobs.create(
                Job(job_id=new_id(), status=Status.FAILED, created_at=now, updated_at=now, due_at=now - 1)
            )
        assert lambda_handler({}, Context(seconds=5)).get("out_of_time") == 1

    def test_functions_framework_runs_it(self, deployed: Stack) -> None:
        assert framework_client("cleanup").post("/", **cloud_event({})).status_code == 200


@pytest.mark.parametrize(
    ("function", "heavy"),
    [
        ("upload.main", ("pikepdf", "pyvips", "pypdfium2", "PIL", "functions_framework")),
        ("cleanup.main", ("pikepdf", "pyvips", "pypdfium2", "PIL", "flask", "functions_framework")),
        ("compress.main", ("pikepdf", "pyvips", "pypdfium2", "PIL", "flask", "functions_framework")),
        ("cleanup.callbacks", ("pikepdf", "pyvips", "pypdfium2", "PIL", "flask", "functions_framework")),
    ],
)
def test_a_function_starts_without_what_it_does_not_need(function: str, heavy: tuple[str, ...]) -> None:
    """Cold starts: the engine's libraries belong to the engine's process alone."""
    code = f"import sys, {function}; print([m for m in {heavy!r} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{ROOT / 'functions'}:{ROOT / 'shared'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "[]"


class TestCallbacks:
    def test_lambda_tells_and_names_what_comes_again(self, deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        from cleanup import callbacks

        monkeypatch.setenv("WEBHOOK_ALLOW_HTTP", "true")
        monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.1/32")
        with receiving(answers(500), answers(200)) as receiver:
            now = deployed.clock()
            for _ in range(2):
                job = Job(new_id(), Status.QUEUED, now, now, now, callback=Callback(receiver.url))
                deployed.jobs.create(job)
                deployed.world.ends.cancel(job, kept_seconds=60)
            bodies = [item["Body"] for item in deployed.waiting(deployed.settings.callback_queue_url)]
            event = sqs_event(deployed, "poison", *bodies, queue_url=deployed.settings.callback_queue_url)
            failed = callbacks.lambda_handler(event, Context())["batchItemFailures"]
        assert [item["itemIdentifier"] for item in failed] == [item["messageId"] for item in event["Records"][:2]]
        assert [received.told["type"] for received in receiver.received] == ["job.cancelled"] * 2
