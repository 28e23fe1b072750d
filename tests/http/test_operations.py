"""The operations' routes, through Flask's own client, with moto behind it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pdfsmaller.http.app import create_app
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import assert_problem, post, work

pytestmark = pytest.mark.usefixtures("warm_engine")


class TestCompress:
    def test_answers_202_with_the_job_and_where_it_is(self, client: FlaskClient, pdf: bytes) -> None:
        response = post(client, pdf, preset="ebook", dpi="100")
        assert response.status_code == 202
        job = response.get_json()
        assert response.headers["Location"] == job["links"]["self"] == f"http://localhost/api/jobs/{job['job_id']}"
        assert job["status"] == "queued"
        assert job["inputs"] == [{"name": "file 0.pdf", "bytes": len(pdf)}]
        assert job["options"] == {"preset": "ebook", "dpi": 100}
        assert set(job) == {
            "job_id", "operation", "status", "stage", "progress", "eta_seconds", "pages_done", "pages", "attempts",
            "created_at", "updated_at", "expires_at", "inputs", "options", "result", "results", "warnings", "error",
            "batch_id", "callback", "links", "reused",
        }  # fmt: skip

    def test_a_password_never_shows(self, client: FlaskClient, stack: Stack) -> None:
        response = post(client, documents.encrypted_user(), password=documents.USER_PASSWORD)
        work(stack)
        job = client.get(response.headers["Location"])
        assert job.get_json()["status"] == "succeeded"
        assert documents.USER_PASSWORD not in response.text + job.text


class TestRefusing:
    def test_what_is_not_a_pdf(self, client: FlaskClient) -> None:
        assert "file 0.pdf" in assert_problem(post(client, b"GIF89a"), 415, "not_a_pdf")["detail"]

    def test_an_empty_file(self, client: FlaskClient) -> None:
        assert_problem(post(client, b""), 400, "empty_file")

    def test_no_file_at_all(self, client: FlaskClient) -> None:
        assert_problem(client.post("/api/compress", data={}), 400, "bad_request")
        wrong_field = client.post("/api/compress", data={"file": (io.BytesIO(b"%PDF-"), "a.pdf")})
        assert "'files'" in assert_problem(wrong_field, 400, "bad_request")["detail"]

    def test_a_file_over_the_limit_naming_it(self, clock: Clock, pdf: bytes) -> None:
        with made_stack(clock, max_file_size=1_000) as stack:
            body = assert_problem(post(create_app(stack.world).test_client(), pdf), 413, "file_too_large")
            assert "MAX_FILE_SIZE" in body["detail"]
            assert "1,000" in body["detail"]

    def test_a_request_over_the_limit_naming_it(self, clock: Clock, pdf: bytes) -> None:
        with made_stack(clock, max_file_size=1_000, max_request_size=1_000) as stack:
            body = assert_problem(post(create_app(stack.world).test_client(), pdf), 413, "file_too_large")
            assert "MAX_REQUEST_SIZE" in body["detail"]

    def test_too_many_files_naming_the_limit(self, clock: Clock, pdf: bytes) -> None:
        with made_stack(clock, max_files=1) as stack:
            body = assert_problem(post(create_app(stack.world).test_client(), pdf, pdf), 422, "too_many_files")
            assert "MAX_FILES" in body["detail"]

    @pytest.mark.parametrize(
        ("field", "value", "allowed"),
        [
            ("preset", "tiny", "ebook"),
            ("dpi", "9000", "a whole number from 36 to 1200"),
            ("color_mode", "blue", "grayscale"),
            ("target_size", "small", "500KB"),
            ("linearize", "perhaps", "true"),
        ],
    )
    def test_a_bad_option_naming_field_value_and_allowed(
        self, client: FlaskClient, pdf: bytes, field: str, value: str, allowed: str
    ) -> None:
        body = assert_problem(post(client, pdf, **{field: value}), 422, "invalid_option")
        assert (body["field"], body["value"]) == (field, value)
        assert any(allowed in choice for choice in body["allowed"])

    def test_brackets_without_end(self, client: FlaskClient, pdf: bytes) -> None:
        body = client.post("/api/uploads", data="[" * 100_000, content_type="application/json")
        field = client.post("/api/merge-pdf", data={"files": (io.BytesIO(pdf), "a.pdf"), "pages": "[" * 50_000})
        assert_problem(body, 400, "bad_request")
        assert_problem(field, 422, "invalid_option")


class TestSeveralIntoOne:
    @staticmethod
    def send(client: FlaskClient, path: str, files: list[tuple[bytes, str]], **fields: Any) -> TestResponse:
        parts = [(io.BytesIO(data), name) for data, name in files]
        return client.post(f"/api/{path}", data={"files": parts, **fields})

    def test_merging_is_one_job_with_its_files_in_order(self, client: FlaskClient, stack: Stack) -> None:
        files = [(documents.text(n), f"{n}.pdf") for n in (3, 1, 2)]
        response = self.send(client, "merge-pdf", files, pages=["1-2", "", "-1"], outline="none")
        assert response.status_code == 202
        job = response.get_json()
        assert (job["operation"], job["batch_id"]) == ("merge", None)
        assert [item["name"] for item in job["inputs"]] == ["3.pdf", "1.pdf", "2.pdf"]
        assert job["options"] == {"pages": ["1-2", "", "-1"], "outline": "none"}
        work(stack)
        job = client.get(job["links"]["self"]).get_json()
        assert (job["status"], job["attempts"]) == ("succeeded", 1)
        assert job["result"]["report"]["pages"] == 4
        answer = client.get(job["result"]["download_url"])
        assert 'filename="merged.pdf"' in answer.headers["Content-Disposition"]

    def test_ranges_may_be_a_json_array(self, client: FlaskClient) -> None:
        files = [(documents.text(1), "a.pdf"), (documents.text(1), "b.pdf")]
        assert self.send(client, "merge-pdf", files, pages='["1", ""]').get_json()["options"] == {"pages": ["1", ""]}
        body = assert_problem(self.send(client, "merge-pdf", files, pages="1"), 422, "invalid_option")
        assert body["field"] == "pages"

    def test_passwords_may_come_several_times_and_never_show(self, client: FlaskClient, stack: Stack) -> None:
        files = [(documents.text(1), "a.pdf"), (documents.encrypted_user(), "b.pdf")]
        response = self.send(client, "merge-pdf", files, password=["first guess", documents.USER_PASSWORD])
        work(stack)
        job = client.get(response.headers["Location"])
        assert job.get_json()["status"] == "succeeded"
        assert not {documents.USER_PASSWORD, "guess"} & set(response.text.split() + job.text.split())
        assert documents.USER_PASSWORD not in response.text + job.text

    def test_images_become_one_job(self, client: FlaskClient, stack: Stack) -> None:
        photo = documents.jpeg(documents.photo(60, 40))
        response = self.send(client, "image-to-pdf", [(photo, "a.jpg"), (photo, "b")], page_size="A4")
        assert response.status_code == 202
        work(stack)
        job = client.get(response.headers["Location"]).get_json()
        assert (job["operation"], job["status"], job["result"]["outcome"]) == ("image-to-pdf", "succeeded", "converted")
        answer = client.get(job["result"]["download_url"])
        assert 'filename="a.pdf"' in answer.headers["Content-Disposition"]

    def test_the_wrong_kind_is_415_naming_the_file(self, client: FlaskClient) -> None:
        photo, pdf = documents.jpeg(documents.photo(60, 40)), documents.text(1)
        body = assert_problem(self.send(client, "merge-pdf", [(pdf, "a.pdf"), (photo, "b.pdf")]), 415, "not_a_pdf")
        assert "b.pdf" in body["detail"]
        body = assert_problem(self.send(client, "image-to-pdf", [(pdf, "a.jpg")]), 415, "not_an_image")
        assert "a.jpg" in body["detail"]

    def test_an_option_of_the_other_operation_is_refused(self, client: FlaskClient) -> None:
        body = assert_problem(
            self.send(client, "merge-pdf", [(documents.text(1), "a.pdf")], page_size="A4"), 422, "invalid_option"
        )
        assert body["field"] == "page_size"
        assert "outline" in body["allowed"]

    def test_a_hundred_files_with_ranges_and_passwords_and_not_one_more(self, client: FlaskClient) -> None:
        pdf = documents.text(1)
        fields = {"pages": ["1"] * 100, "password": ["x"] * 100}
        files = [(pdf, f"{n}.pdf") for n in range(100)]
        assert self.send(client, "merge-pdf", files, **fields).get_json()["options"] == {"pages": ["1"] * 100}
        assert_problem(self.send(client, "merge-pdf", [*files, (pdf, "more.pdf")]), 422, "too_many_files")
        assert_problem(client.post("/api/merge-pdf", data={}), 400, "bad_request")
