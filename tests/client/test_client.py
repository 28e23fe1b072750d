"""The client against the real service: jobs begin, end and are handed out, and errors are the service's own."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pdfsmaller.cli.app import run
from pdfsmaller.client import Client, RemoteError, ServiceUnreachable
from pdfsmaller.errors import ExitCode
from pdfsmaller.jobs.states import Status
from tests import documents
from tests.processes.served import Served


def test_a_document_becomes_smaller_elsewhere(client: Client, here: Path) -> None:
    source = documents.write(here / "photo.pdf", documents.photo_jpeg())
    (job,) = client.submit("compress", [source], preset="screen")
    done = client.wait(job, 60)
    assert client.download(done, here / "out.pdf").stat().st_size < source.stat().st_size
    assert done.status is Status.SUCCEEDED
    assert done.result
    assert done.options == {"preset": "screen"}
    assert [path.name for path in here.iterdir() if path.name.startswith(".")] == []


def test_several_files_are_one_job_where_the_operation_takes_all_of_them(client: Client, here: Path) -> None:
    files = [documents.write(here / f"{n}.pdf", documents.text(pages=n)) for n in (1, 2)]
    (job,) = client.submit("merge", files, pages=["", "1"])
    client.download(client.wait(job, 60), here / "both.pdf")
    with pikepdf.open(here / "both.pdf") as both:
        assert len(both.pages) == 2


def test_several_files_are_a_job_each_where_it_takes_one(client: Client, here: Path) -> None:
    files = [documents.write(here / f"{n}.pdf", documents.text(pages=n)) for n in (1, 2)]
    jobs = client.submit("compress", files)
    assert [client.wait(job, 60).inputs[0].name for job in jobs] == ["1.pdf", "2.pdf"]
    assert jobs[0].batch_id
    assert [job.job_id for job in client.batch(jobs[0].batch_id).jobs] == [job.job_id for job in jobs]


def test_a_large_file_goes_straight_to_the_store(client: Client, here: Path) -> None:
    source = documents.write(here / "large.pdf", documents.photo_flate(1_700, 1_000))
    assert source.stat().st_size > 4_000_000
    (job,) = client.submit("compress", [source], preset="screen")
    assert client.download(client.wait(job, 60), here / "out.pdf").stat().st_size < source.stat().st_size / 4


def test_a_very_large_file_goes_in_parts(client: Client, here: Path) -> None:
    source = here / "very large.pdf"
    source.write_bytes(documents.text(1).ljust(50_000_001, b"%"))
    (job,) = client.submit("compress", [source])
    done = client.wait(job, 120)
    assert done.result
    assert done.result.bytes < 100_000


def test_several_large_files_are_a_batch(client: Client, here: Path) -> None:
    large = documents.photo_flate(1_700, 1_000)
    jobs = client.submit("compress", [documents.write(here / f"{n}.pdf", large) for n in (1, 2)], preset="screen")
    assert len({job.batch_id for job in jobs} - {None}) == 1
    assert [client.wait(job, 60).inputs[0].name for job in jobs] == ["1.pdf", "2.pdf"]


def test_a_refusal_is_the_service_s_own_error(client: Client, here: Path) -> None:
    source = here / "a.pdf"
    source.write_bytes(b"no PDF at all")
    with pytest.raises(RemoteError) as refused:
        client.submit("compress", [source])
    assert (refused.value.code, refused.value.status) == ("not_a_pdf", 415)
    assert refused.value.exit_code is ExitCode.UNREADABLE
    assert refused.value.request_id


def test_a_job_that_fails_says_why(client: Client, here: Path) -> None:
    source = here / "broken.pdf"
    source.write_bytes(b"%PDF-1.7\nnothing else")
    (job,) = client.submit("compress", [source])
    with pytest.raises(RemoteError) as failed:
        client.wait(job, 60)
    assert failed.value.code == "unreadable_pdf"


def test_a_deleted_job_has_nothing_to_download(client: Client, here: Path) -> None:
    (job,) = client.submit("compress", [documents.write(here / "a.pdf", documents.text())])
    client.wait(job, 60)
    client.delete(job)
    with pytest.raises(RemoteError) as gone:
        client.download(job, here / "out.pdf")
    assert gone.value.status == 410
    assert [path.name for path in here.iterdir()] == ["a.pdf"]


def test_a_job_nobody_knows_is_no_stack_trace(client: Client) -> None:
    with pytest.raises(RemoteError) as unknown:
        client.job("../../etc/passwd")
    assert unknown.value.status == 404


def test_a_service_that_is_not_there_is_said_so() -> None:
    with Client("http://127.0.0.1:9", patience_seconds=0) as client, pytest.raises(ServiceUnreachable):
        client.health()


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://localhost", "nonsense"])
def test_what_is_no_address_is_said_so(address: str) -> None:
    with Client(address, patience_seconds=0) as client, pytest.raises(ServiceUnreachable, match="http"):
        client.health()


@contextmanager
def _answering(*answers: tuple[int, dict[str, str], Any]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server with these answers, one after the other; its address, and the headers of what it was asked."""
    waiting, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(dict(self.headers))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = waiting.pop(0)
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_busy_service_is_asked_again_for_the_same_job(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdfsmaller.client.transport._FIRST_PAUSE_SECONDS", 0.01)
    busy = (429, {"Retry-After": "0"}, {"code": "rate_limited", "detail": "Later."})
    refused = (422, {}, {"code": "invalid_option", "detail": "No."})
    source = documents.write(here / "a.pdf", documents.text())
    with (
        _answering(busy, busy, refused) as (address, asked),
        Client(address) as client,
        pytest.raises(RemoteError, match="No"),
    ):
        client.submit("compress", [source])
    assert len({request["Idempotency-Key"] for request in asked}) == 1
    assert len(asked) == 3


def test_patience_ends(here: Path) -> None:
    busy = (503, {"Retry-After": "30"}, {"code": "store_unavailable", "detail": "Away."})
    with (
        _answering(busy) as (address, _),
        Client(address, patience_seconds=5) as client,
        pytest.raises(RemoteError) as away,
    ):
        client.health()
    assert (away.value.code, away.value.retry_after) == ("store_unavailable", 30)


def test_a_service_that_takes_no_jobs_says_how_it_is() -> None:
    body = {"status": "unhealthy", "failing": ["queue"]}
    unhealthy = (503, {"Content-Type": "application/json"}, body)
    with _answering(unhealthy) as (address, _), Client(address) as client:
        assert client.health() == body
    with _answering(unhealthy) as (address, _):
        assert run(["remote", "health", "--server", address]) == 1


@pytest.mark.parametrize("body", [None, [], "text", {"code": None}])
def test_an_error_without_a_problem_is_one_all_the_same(body: Any) -> None:
    with _answering((400, {}, body)) as (address, _), Client(address) as client, pytest.raises(RemoteError) as error:
        client.health()
    assert (error.value.code, error.value.status) == ("remote_error", 400)


def test_the_key_goes_to_the_service_alone(here: Path) -> None:
    with _answering((204, {}, None)) as (store, of_store):
        led = (303, {"Location": f"{store}/result"}, None)
        with _answering(led) as (address, of_service), Client(address, api_key="secret") as client:
            client.download("0" * 32, here / "out")
    assert of_service[0]["Authorization"] == "Bearer secret"
    assert "Authorization" not in of_store[0]


def test_the_readme_s_example_runs(served: Served, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(from pdfsmaller\.client.*?)```", readme, re.DOTALL)
    documents.write(here / "in.pdf", documents.photo_jpeg())
    monkeypatch.chdir(here)
    exec(example.replace("http://localhost:8080", served.url), {})
    assert (here / "out.pdf").stat().st_size < (here / "in.pdf").stat().st_size
