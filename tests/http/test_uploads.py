"""Files that go straight to the store: ``/api/uploads``."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
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
