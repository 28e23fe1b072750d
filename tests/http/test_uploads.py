"""Files that go straight to the store: ``/api/uploads``."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.keys import input_key
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import assert_problem, work

pytestmark = pytest.mark.usefixtures("warm_engine")


class TestUploads:
    def test_several_files_get_a_form_each(self, client: FlaskClient, stack: Stack) -> None:
        import requests

        request = {"operation": "merge", "files": [{"name": "a.pdf", "size": 5_000}, {"name": "b.pdf"}]}
        body = client.post("/api/uploads", json=request).get_json()
        assert [item["name"] for item in body["job"]["inputs"]] == ["a.pdf", "b.pdf"]
        for form, pages in reversed(list(zip(body["uploads"], (1, 2), strict=True))):
            files = {"file": documents.text(pages)}
            assert requests.post(form["url"], data=form["fields"], files=files, timeout=20).ok
        work(stack)
        job = client.get(body["job"]["links"]["self"]).get_json()
        assert [source["pages"] for source in job["result"]["report"]["sources"]] == [1, 2]

    def test_a_form_that_takes_the_file_and_starts_the_job(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        import requests

        request = {"operation": "compress", "options": {"preset": "screen"}, "name": "big.pdf", "size": len(pdf)}
        response = client.post("/api/uploads", json=request)
        assert response.status_code == 201
        body = response.get_json()
        assert body["job"]["status"] == "awaiting_upload"
        [form] = body["uploads"]
        sent = requests.post(form["url"], data=form["fields"], files={"file": pdf}, timeout=20)
        assert sent.ok
        work(stack)
        assert client.get(response.headers["Location"]).get_json()["status"] == "succeeded"

    def test_saying_that_the_file_was_sent_begins_the_job_once_it_is_there(
        self, client: FlaskClient, stack: Stack, pdf: bytes
    ) -> None:
        import requests

        body = client.post("/api/uploads", json={"name": "a.pdf"}).get_json()
        uploaded, [form] = body["job"]["links"]["uploaded"], body["uploads"]
        said = client.post(uploaded)
        assert (said.status_code, said.get_json()["status"]) == (200, "awaiting_upload")
        assert requests.post(form["url"], data=form["fields"], files={"file": pdf}, timeout=20).ok
        for _ in range(2):
            begun = client.post(uploaded).get_json()
            assert begun["status"] == "queued"
            assert "uploaded" not in begun["links"]
        assert_problem(client.post(f"/api/jobs/{'0' * 32}/uploaded"), 404, "job_not_found")

    def test_an_unknown_field_is_named(self, client: FlaskClient) -> None:
        assert (
            assert_problem(client.post("/api/uploads", json={"url": "http://x"}), 422, "invalid_option")["field"]
            == "url"
        )


class TestLargeFiles:
    SIZE = 50_000_001

    def test_come_in_parts_by_links_of_their_own(self, client: FlaskClient, stack: Stack) -> None:
        import requests

        body = client.post("/api/uploads", json={"name": "large.pdf", "size": self.SIZE}).get_json()
        [upload] = body["uploads"]
        assert (upload["url"], upload["fields"]) == (None, {})
        several = upload["multipart"]
        self_link = body["job"]["links"]["self"]
        assert several["complete_url"] == f"{self_link}/uploads/0/complete"
        assert sum(part["bytes"] for part in several["parts"]) == self.SIZE
        data = documents.text(1).ljust(self.SIZE, b"%")
        for part in reversed(several["parts"][1:]):
            start = (part["number"] - 1) * several["part_bytes"]
            sent = requests.put(part["url"], data=data[start : start + part["bytes"]], timeout=60)
            assert (sent.status_code, bool(sent.headers["ETag"])) == (200, True)
        missing = assert_problem(client.post(several["complete_url"]), 409, "parts_missing")
        assert missing["missing"] == [1]
        state = client.get(f"{self_link}/uploads/0").get_json()["upload"]["multipart"]
        assert [part["arrived"] for part in state["parts"]] == [False] + [True] * (len(several["parts"]) - 1)
        assert requests.put(state["parts"][0]["url"], data=data[: several["part_bytes"]], timeout=60).ok
        for _ in range(2):
            assert client.post(several["complete_url"], json={"parts": []}).get_json()["status"] == "queued"
        key = input_key(body["job"]["job_id"], 0)
        assert stack.s3.head_object(Bucket=stack.settings.uploads_bucket, Key=key)["ContentLength"] == self.SIZE
        assert_problem(client.get(f"{self_link}/uploads/0"), 409, "upload_closed")

    def test_links_of_another_job_or_input_are_not_to_be_had(self, client: FlaskClient) -> None:
        body = client.post("/api/uploads", json={"name": "large.pdf", "size": self.SIZE}).get_json()
        self_link = body["job"]["links"]["self"]
        for index in ("1", "-1", "x", "9999"):
            assert_problem(client.get(f"{self_link}/uploads/{index}"), 404, "input_not_found")
            assert_problem(client.post(f"{self_link}/uploads/{index}/complete"), 404, "input_not_found")
        assert_problem(client.post(f"/api/jobs/{'0' * 32}/uploads/0/complete"), 404, "job_not_found")

    def test_are_refused_over_the_limit_before_they_are_sent(self, client: FlaskClient) -> None:
        refused = client.post("/api/uploads", json={"name": "huge.pdf", "size": 3_000_000_000})
        assert "MAX_FILE_SIZE" in assert_problem(refused, 413, "file_too_large")["detail"]


class TestBatches:
    def test_several_files_are_a_job_each(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        import requests

        files = [{"name": "a.pdf", "size": len(pdf)}, {"name": "huge.pdf", "size": 3_000_000_000}, {"name": "c.pdf"}]
        begun = client.post("/api/uploads", json={"files": files}, headers={"Idempotency-Key": "k"})
        body = begun.get_json()
        assert begun.status_code == 201
        assert begun.headers["Location"].endswith(f"/api/batches/{body['batch_id']}")
        assert [job["status"] for job in body["jobs"]] == ["awaiting_upload", "failed", "awaiting_upload"]
        assert body["uploads"][1] is None
        for form in (body["uploads"][0], body["uploads"][2]):
            assert requests.post(form["url"], data=form["fields"], files={"file": pdf}, timeout=20).ok
        work(stack)
        batch = client.get(begun.headers["Location"]).get_json()
        assert (batch["done"], batch["failed"]) == (2, 1)
        again = client.post("/api/uploads", json={"files": files}, headers={"Idempotency-Key": "k"}).get_json()
        assert [job["job_id"] for job in again["jobs"]] == [job["job_id"] for job in body["jobs"]]
        assert again["uploads"] == [None] * 3

    def test_a_count_will_do(self, client: FlaskClient) -> None:
        body = client.post("/api/uploads", json={"count": 2}).get_json()
        assert [item["bytes"] for job in body["jobs"] for item in job["inputs"]] == [100_000_000] * 2
        assert all(form["fields"]["key"].startswith("jobs/") for form in body["uploads"])


class TestUndeclaredSizes:
    def most(self, client: FlaskClient, **request: Any) -> list[int]:
        """The most bytes that each presigned form takes."""
        answer = client.post("/api/uploads", json=request)
        assert answer.status_code == 201, answer.text
        return [item["bytes"] for item in answer.get_json()["job"]["inputs"]]

    def test_share_what_a_request_may_have(self, clock: Clock) -> None:
        with made_stack(clock, max_file_size=1_500_000, max_request_size=2_000_000) as stack:
            client = create_app(stack.world).test_client()
            assert self.most(client, operation="merge", count=100) == [20_000] * 100
            assert self.most(client, operation="merge", count=1) == [1_500_000]
            files = [{"name": "a.pdf", "size": 1_000_000}, {"name": "b.pdf"}, {"name": "c.pdf"}]
            assert self.most(client, operation="merge", files=files) == [1_000_000, 500_000, 500_000]

    def test_get_none_where_the_declared_ones_take_all(self, clock: Clock) -> None:
        with made_stack(clock, max_file_size=1_000_000, max_request_size=2_000_000) as stack:
            files = [*({"name": f"{n}.pdf", "size": 1_000_000} for n in range(2)), {"name": "c.pdf"}]
            answer = (
                create_app(stack.world).test_client().post("/api/uploads", json={"operation": "merge", "files": files})
            )
            assert_problem(answer, 413, "file_too_large")


class TestRefusing:
    def test_a_broken_body(self, client: FlaskClient) -> None:
        assert_problem(client.post("/api/uploads", data="{", content_type="application/json"), 400, "bad_request")
        assert_problem(client.post("/api/uploads", data="[]", content_type="application/json"), 400, "bad_request")
        broken = client.post("/api/compress", data=b"--x\r\nbroken", content_type="multipart/form-data; boundary=x")
        assert_problem(broken, 400, "bad_request")

    def test_json_without_end(self, client: FlaskClient) -> None:
        endless = client.post("/api/uploads", json={"options": {"pages": "1," * 600_000}})
        assert "1,000,000" in assert_problem(endless, 413, "file_too_large")["detail"]

    @pytest.mark.parametrize(
        "options",
        [{"password": "\ud800"}, {"pages": ["\ud800"]}, {"\ud800": 1}, {"dpi": "\ud800"}],
    )
    def test_text_that_is_none(self, client: FlaskClient, options: dict[str, Any]) -> None:
        response = client.post("/api/uploads", json={"operation": "merge", "name": "\ud800", "options": options})
        assert_problem(response, 422, "invalid_option")
