"""A whole running stack, and the moves that tests make with it: over HTTP, buckets and queues, as any client would."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_plus

import pikepdf
import requests
from botocore.exceptions import ClientError
from PIL import Image, ImageChops

from tests import documents

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "localstack") not in sys.path:
    sys.path.insert(0, str(ROOT / "localstack"))

T = TypeVar("T")

#: Template parameters that make waiting short. On AWS, deploy the stack under test with the same ones.
QUICK = {
    "CompressTimeout": "60",
    "EngineTimeoutSeconds": "45",
    # Below the 6 × CompressTimeout that production has, so that a killed worker's message comes back soon.
    "VisibilityTimeout": "10",
    "MaxReceiveCount": "4",
    "RetryDelaySeconds": "1",
    "LeaseSeconds": "6",
    "HeartbeatSeconds": "1",
    "UploadExpiresSeconds": "45",
    "CleanupRate": "rate(1 minute)",
    "MaxFileSize": "30MB",
    "MaxRequestSize": "60MB",
    "MaxFiles": "3",
    "LogLevel": "DEBUG",
    # The receivers of callbacks are on this machine.
    "WebhookAllowHttp": "true",
    "WebhookAllowedNetworks": "127.0.0.1/32",
}

FINAL = ("succeeded", "failed", "cancelled", "expired")


class Live:
    """One running stack.

    Attributes:
        url: the service's address, without a slash at its end.
        clients: ``clients("s3")`` is a boto3 client.
        outputs: the CloudFormation stack's outputs.
        processes: where the emulator's own processes can be seen (and killed); None on AWS.
    """

    def __init__(self, url: str, clients: Callable[[str], Any], outputs: dict[str, str], marker: str | None) -> None:
        self.url = url
        self.clients = clients
        self.outputs = outputs
        self.marker = marker
        self.s3, self.sqs = clients("s3"), clients("sqs")
        self.uploads, self.results = outputs["UploadsBucketName"], outputs["ResultsBucketName"]

    # HTTP

    def post(self, pdf: bytes, *, wait: int | None = None, name: str = "a.pdf", **options: str) -> requests.Response:
        """POST one file; ``wait`` is for ``Prefer``. Without it the answer is the job."""
        headers = {"Prefer": f"wait={wait}"} if wait else None
        return self.post_files([(name, pdf)], headers=headers, **options)

    def post_files(
        self,
        files: list[tuple[str, bytes]],
        *,
        path: str = "compress",
        headers: dict[str, str] | None = None,
        **options: str | list[str],
    ) -> requests.Response:
        """POST files; without ``headers`` the answer is the job."""
        headers = headers or {"Accept": "application/json"}
        parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
        return requests.post(f"{self.url}/api/{path}", files=parts, data=options, headers=headers, timeout=90)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=90, **kwargs)

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"/api/jobs/{job_id}")
        answer.raise_for_status()
        return dict(answer.json())

    def finished(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """The job once it has ended."""
        return self.until(lambda: job if (job := self.job(job_id))["status"] in FINAL else None, seconds, job_id)

    def running(self, job_id: str, seconds: float = 20) -> dict[str, Any]:
        """The job once a worker has it."""
        job = self.until(lambda: job if (job := self.job(job_id))["status"] != "queued" else None, seconds, job_id)
        assert job["status"] == "running", job
        return job

    def reserve(self, **body: Any) -> dict[str, Any]:
        """A job that waits for its upload, with its presigned POST."""
        answer = requests.post(f"{self.url}/api/uploads", json={"operation": "compress", **body}, timeout=30)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def send_form(self, upload: dict[str, Any], pdf: bytes, **changed: str) -> requests.Response:
        """Fill in a presigned POST as a browser would."""
        fields = {**upload["fields"], **changed}
        return requests.post(upload["url"], data=fields, files={"file": ("a.pdf", pdf)}, timeout=60)

    # Buckets and queues

    def drop(self, key: str, pdf: bytes, **metadata: str) -> None:
        self.s3.put_object(Bucket=self.uploads, Key=key, Body=pdf, Metadata=metadata)

    def result(self, key: str) -> dict[str, Any] | None:
        """An object of the results bucket, or None while it is not there."""
        try:
            return dict(self.s3.get_object(Bucket=self.results, Key=key))
        except ClientError as exc:
            if exc.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def error(self, key: str) -> dict[str, Any] | None:
        """The object that says why a drop failed, or None while it is not there."""
        return self.result(f"errors/{key.removeprefix('inbox/')}.json")

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.results, Prefix=prefix).get("Contents", [])
        return sorted(item["Key"] for item in found)

    def announce(self, key: str, sequencer: str = "0055AED6DCD90281E5", times: int = 1) -> None:
        """Send the event that S3 sends for a created object."""
        s3 = {"bucket": {"name": self.uploads}, "object": {"key": quote_plus(key), "sequencer": sequencer}}
        body = json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]})
        for _ in range(times):
            self.send(body)

    def send(self, body: str) -> str:
        sent = self.sqs.send_message(QueueUrl=self.outputs["CompressQueueUrl"], MessageBody=body)
        return str(sent["MessageId"])

    def depth(self, queue: str) -> int:
        """How many messages a queue holds, hidden ones too. ``queue`` is the output's name."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    # Waiting

    def until(self, look: Callable[[], T | None], seconds: float, what: object = "") -> T:
        """Look again and again until there is something to see."""
        deadline = time.monotonic() + seconds
        while True:
            if found := look():
                return found
            assert time.monotonic() < deadline, f"nothing after {seconds} s: {what}"
            time.sleep(0.1)

    # Processes

    def kill(self, what: str) -> list[int]:
        """kill -9 every process of this emulator whose command has ``what`` in it; their numbers."""
        assert self.marker
        killed = []
        for pid, environ_and_command in processes():
            if self.marker in environ_and_command and what in environ_and_command:
                os.kill(pid, 9)
                killed.append(pid)
        return killed


def processes() -> list[tuple[int, str]]:
    """Every process: its number, and its command with the environment it was started with."""
    # BSD's form of options: `e` adds the environment, on Linux and macOS alike.
    shown = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    found = []
    for line in shown.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        found.append((int(pid), command))
    return found


def slow_pdf(images: int = 10) -> bytes:
    """A document that keeps the engine busy for some seconds: large photos, no two alike."""
    photo = documents.photo(2400, 1800)
    with pikepdf.new() as pdf:
        for index in range(images):
            data = documents.jpeg(ImageChops.offset(photo, 37 * index, 11 * index), 90)
            page = pdf.add_blank_page(page_size=(576, 432))
            image = pdf.make_stream(
                data,
                Type=pikepdf.Name.XObject,
                Subtype=pikepdf.Name.Image,
                Width=photo.width,
                Height=photo.height,
                ColorSpace=pikepdf.Name.DeviceRGB,
                BitsPerComponent=8,
                Filter=pikepdf.Name.DCTDecode,
            )
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
            page.Contents = pdf.make_stream(b"q 576 0 0 432 0 0 cm /Im0 Do Q")
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


def page_count(pdf: bytes, password: str = "") -> int:
    """Pages of a PDF; raises where it does not open."""
    with pikepdf.open(io.BytesIO(pdf), password=password) as opened:
        return len(opened.pages)


def image_size(pdf: bytes) -> tuple[int, int]:
    """Width and height of the first page's first image."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        image: Image.Image = pikepdf.PdfImage(next(iter(opened.pages[0].get_images().values()))).as_pil_image()
        return image.size
