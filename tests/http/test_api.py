"""The HTTP API through Flask's own client, with moto behind it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.run_job import RunService
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack

pytestmark = pytest.mark.usefixtures("warm_engine")

KEYS = ["first" * 4, "second" * 4]


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.photo_jpeg()


def post(client: FlaskClient, *files: bytes, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    parts = [(io.BytesIO(data), f"file {n}.pdf") for n, data in enumerate(files)]
    return client.post("/api/compress", data={"files": parts, **fields}, headers=headers)


def work(stack: Stack) -> None:
    """Do every job whose input lies in the bucket, as the compress function would on S3's events."""
    service = RunService(stack.world)
    for key in stack.upload_keys():
        service.handle(Message(f"message-{key}", "", stack.event(key)))


def assert_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    body: dict[str, Any] = response.get_json(force=True)
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert "Traceback" not in response.text
    return body


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
            "job_id", "operation", "status", "stage", "progress", "attempts", "created_at", "updated_at", "expires_at",
            "inputs", "options", "result", "results", "warnings", "error", "batch_id", "links",
        }  # fmt: skip

    def test_several_files_answer_with_a_batch(self, client: FlaskClient, pdf: bytes) -> None:
        batch = post(client, pdf, pdf).get_json()
        assert len(batch["jobs"]) == 2
        assert {job["batch_id"] for job in batch["jobs"]} == {batch["batch_id"]}
        assert client.get(f"/api/batches/{batch['batch_id']}").get_json() == batch

    def test_the_whole_way_to_the_download(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        assert_problem(client.get(f"/api/jobs/{job_id}/download"), 409, "job_not_ready")
        work(stack)
        job = client.get(f"/api/jobs/{job_id}").get_json()
        assert job["status"] == "succeeded"
        result = job["result"]
        assert result["outcome"] == "compressed"
        assert result["ratio"] == pytest.approx(result["bytes"] / len(pdf), abs=1e-4)
        assert result["report"]["images"]["changed"] == 1
        response = client.get(result["download_url"])
        assert (response.status_code, response.mimetype) == (200, "application/pdf")
        assert len(response.data) == result["bytes"]
        assert "file 0-smaller.pdf" in response.headers["Content-Disposition"]

    def test_a_big_result_is_a_redirect_to_the_store(self, clock: Clock, pdf: bytes) -> None:
        with made_stack(clock, max_inline_result_size=1_000) as stack:
            client = create_app(stack.world).test_client()
            job_id = post(client, pdf).get_json()["job_id"]
            work(stack)
            response = client.get(f"/api/jobs/{job_id}/download")
            assert response.status_code == 303
            assert f"/{stack.settings.results_bucket}/jobs/{job_id}/1/out/0?" in response.headers["Location"]

    def test_a_password_never_shows(self, client: FlaskClient, stack: Stack) -> None:
        response = post(client, documents.encrypted_user(), password=documents.USER_PASSWORD)
        work(stack)
        job = client.get(response.headers["Location"])
        assert job.get_json()["status"] == "succeeded"
        assert documents.USER_PASSWORD not in response.text + job.text


class TestWaiting:
    @pytest.fixture
    def quick(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
        """A client whose jobs are done as soon as somebody waits for them."""
        client = create_app(stack.world).test_client()
        service = client.application.config["SERVICE"]
        real = service.wait
        monkeypatch.setattr(service, "wait", lambda jobs, seconds: (work(stack), real(jobs, seconds))[1])
        return client

    def test_gives_the_pdf_itself(self, quick: FlaskClient, pdf: bytes) -> None:
        response = post(quick, pdf, headers={"Prefer": "wait=20", "Accept": "*/*"})
        assert (response.status_code, response.mimetype) == (200, "application/pdf")
        assert response.headers["Preference-Applied"] == "wait"
        assert response.data.startswith(b"%PDF-")
        assert len(response.data) < len(pdf)

    def test_gives_json_to_who_asks_for_it(self, quick: FlaskClient, pdf: bytes) -> None:
        for accept in ("application/json", "application/json, text/plain, */*"):
            response = post(quick, pdf, headers={"Prefer": "wait=20", "Accept": accept})
            assert response.status_code == 200
            assert response.get_json()["status"] == "succeeded"

    def test_a_failed_job_is_422_with_its_own_code(self, quick: FlaskClient) -> None:
        response = post(quick, documents.encrypted_user(), headers={"Prefer": "wait=20"})
        body = assert_problem(response, 422, "password_required")
        assert body["job"]["status"] == "failed"

    def test_a_batch_is_200_once_all_are_done(self, quick: FlaskClient, pdf: bytes) -> None:
        response = post(quick, pdf, documents.encrypted_user(), headers={"Prefer": "wait=20"})
        assert response.status_code == 200
        assert [job["status"] for job in response.get_json()["jobs"]] == ["succeeded", "failed"]

    def test_time_up_is_still_202(self, client: FlaskClient, pdf: bytes) -> None:
        response = post(client, pdf, headers={"Prefer": "respond-async, wait=1"})
        assert response.status_code == 202
        assert response.headers["Preference-Applied"] == "wait"

    def test_a_preference_that_makes_no_sense_is_ignored(self, client: FlaskClient, pdf: bytes) -> None:
        response = post(client, pdf, headers={"Prefer": "wait=soon"})
        assert response.status_code == 202
        assert "Preference-Applied" not in response.headers


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

    @pytest.mark.parametrize("path", ["/api/jobs/{}", "/api/jobs/{}/download", "/api/batches/{}"])
    def test_an_unknown_id(self, client: FlaskClient, path: str) -> None:
        for unknown in ("0" * 32, "x", "a%20b", "batch%230"):
            response = client.get(path.format(unknown))
            assert response.status_code == 404
            assert response.mimetype == "application/problem+json"

    def test_rows_that_are_no_jobs_cannot_be_read_as_jobs(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        batch_id = post(client, pdf, pdf).get_json()["batch_id"]
        assert_problem(client.get(f"/api/jobs/batch%23{batch_id}"), 404, "job_not_found")
        assert_problem(client.delete(f"/api/jobs/batch%23{batch_id}"), 404, "job_not_found")

    def test_a_wrong_path_or_method(self, client: FlaskClient) -> None:
        assert_problem(client.get("/nowhere"), 404, "not_found")
        response = client.get("/api/compress")
        assert_problem(response, 405, "method_not_allowed")
        assert "POST" in response.headers["Allow"]

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

    def test_brackets_without_end(self, client: FlaskClient, pdf: bytes) -> None:
        body = client.post("/api/uploads", data="[" * 100_000, content_type="application/json")
        field = client.post("/api/merge-pdf", data={"files": (io.BytesIO(pdf), "a.pdf"), "pages": "[" * 50_000})
        assert_problem(body, 400, "bad_request")
        assert_problem(field, 422, "invalid_option")

    def test_an_unexpected_failure_without_its_inside(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        stack.s3.delete_bucket(Bucket=stack.settings.uploads_bucket)
        body = assert_problem(post(client, pdf), 500, "internal_error")
        assert stack.settings.uploads_bucket not in json.dumps(body)


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


class TestDeleting:
    def test_cancels_and_is_done_once(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        for _ in range(2):
            response = client.delete(f"/api/jobs/{job_id}")
            assert (response.status_code, response.data) == (204, b"")
        assert stack.job(job_id).status is Status.CANCELLED
        work(stack)
        assert_problem(client.get(f"/api/jobs/{job_id}/download"), 410, "job_cancelled")

    def test_a_finished_job_is_gone_with_its_files(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        work(stack)
        assert client.delete(f"/api/jobs/{job_id}").status_code == 204
        assert_problem(client.get(f"/api/jobs/{job_id}/download"), 410, "job_expired")
        assert stack.upload_keys() == stack.result_keys() == []


class TestAround:
    def test_the_page_and_its_parts(self, client: FlaskClient) -> None:
        page = client.get("/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for part in ("/assets/page.js", "/assets/page.css"):
            assert part in page.text
            assert client.get(part).status_code == 200

    @pytest.mark.parametrize("path", ["/health", "/api/health"])
    def test_health_tells_each_part(self, client: FlaskClient, path: str) -> None:
        response = client.get(path)
        assert response.status_code == 200
        parts = response.get_json()["details"]
        assert {name: part["status"] for name, part in parts.items()} == dict.fromkeys(
            ("uploads", "results", "jobs", "queue"), "up"
        )

    def test_health_is_503_when_a_part_is_down(self, client: FlaskClient, stack: Stack) -> None:
        stack.sqs.delete_queue(QueueUrl=stack.settings.compress_queue_url)
        response = client.get("/health")
        assert response.status_code == 503
        assert response.get_json()["details"]["queue"]["status"] == "down"

    def test_metrics_count_requests_by_route(self, client: FlaskClient) -> None:
        client.get(f"/api/jobs/{'0' * 32}")
        shown = client.get("/metrics").text
        assert 'pdfsmaller_http_requests_total{method="GET",route="/api/jobs/<job_id>",status="404"} 1.0' in shown
        assert 'pdfsmaller_queue_messages{state="waiting"} 0.0' in shown

    def test_openapi_is_valid_and_describes_every_api_route(self, client: FlaskClient) -> None:
        from openapi_spec_validator import validate

        described = client.get("/openapi.json").get_json()
        validate(described)
        for path, form, code in (
            ("/api/merge-pdf", "MergeForm", "not_a_pdf"),
            ("/api/image-to-pdf", "ImagesForm", "not_an_image"),
        ):
            post = described["paths"][path]["post"]
            assert post["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].endswith(form)
            assert code in post["responses"]["415"]["description"]
        fields = described["components"]["schemas"]["MergeForm"]["properties"]
        assert {"files", "pages", "outline", "on_error", "decrypt", "optimize", "preset"} <= set(fields)
        routes = {
            str(rule).replace("<", "{").replace(">", "}")
            for rule in client.application.url_map.iter_rules()
            if str(rule).startswith("/api/")
        }
        assert routes == set(described["paths"])

    def test_a_request_id_is_kept_and_a_forged_one_is_not(self, client: FlaskClient) -> None:
        assert client.get("/health", headers={"X-Request-Id": "abc-123"}).headers["X-Request-Id"] == "abc-123"
        assert client.get("/health", headers={"X-Request-Id": "a b<script>"}).headers["X-Request-Id"] != "a b<script>"

    def test_other_sites_may_call_only_when_allowed(self, clock: Clock) -> None:
        with made_stack(clock, allowed_origins=["https://a.example"]) as stack:
            client = create_app(stack.world).test_client()
            allowed = client.get("/health", headers={"Origin": "https://a.example"})
            assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example"
            other = client.get("/health", headers={"Origin": "https://b.example"})
            assert "Access-Control-Allow-Origin" not in other.headers

    def test_keys_are_demanded_where_there_are_some(self, clock: Clock, pdf: bytes) -> None:
        with made_stack(clock, api_keys=KEYS) as stack:
            client = create_app(stack.world).test_client()
            refused = post(client, pdf)
            assert_problem(refused, 401, "unauthorized")
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert_problem(post(client, pdf, headers={"X-Api-Key": "third" * 5}), 401, "unauthorized")
            assert post(client, pdf, headers={"X-Api-Key": KEYS[1]}).status_code == 202
            assert post(client, pdf, headers={"Authorization": f"Bearer {KEYS[0]}"}).status_code == 202
            assert client.get("/health").status_code == 200

    def test_who_has_no_key_gets_no_body_read(self, clock: Clock) -> None:
        with made_stack(clock, api_keys=KEYS) as stack:
            body = io.BytesIO(b"x" * 1_000_000)
            refused = (
                create_app(stack.world)
                .test_client()
                .post(
                    "/api/compress",
                    input_stream=body,
                    content_length=1_000_000,
                    content_type="multipart/form-data; boundary=b",
                )
            )
            assert refused.status_code == 401
            assert body.tell() == 0

    def test_the_page_asks_for_a_key_where_there_are_some(self, client: FlaskClient, clock: Clock) -> None:
        assert 'id="key"' not in client.get("/").text
        with made_stack(clock, api_keys=KEYS) as stack:
            assert 'id="key"' in create_app(stack.world).test_client().get("/").text

    def test_what_an_unknown_field_holds_is_not_shown(self, client: FlaskClient, pdf: bytes) -> None:
        """It may be a password under a mistyped name."""
        for refused in (
            post(client, pdf, pasword="hunter2-hunter2"),
            client.post("/api/uploads", json={"pasword": "hunter2-hunter2"}),
            client.post("/api/uploads", json={"name": "a.pdf", "options": {"pasword": "hunter2-hunter2"}}),
        ):
            assert_problem(refused, 422, "invalid_option")
            assert "hunter2" not in refused.text
            assert "pasword" in refused.text

    def test_links_carry_no_host_that_is_not_known(self, client: FlaskClient, pdf: bytes) -> None:
        for host, base in (
            ("evil.example", ""),
            ("localhost.evil.example", ""),
            ("localhost:8080", "http://localhost:8080"),
            ("abc.lambda-url.eu-west-1.on.aws", "http://abc.lambda-url.eu-west-1.on.aws"),
        ):
            response = post(client, pdf, headers={"Host": host})
            assert response.get_json()["links"]["self"].startswith(f"{base}/api/jobs/")
            assert response.headers["Location"].startswith(f"{base}/api/jobs/")
            assert base or host not in client.get("/openapi.json", headers={"Host": host}).text

    def test_the_page_may_load_only_what_is_ours(self, client: FlaskClient, stack: Stack) -> None:
        policy = client.get("/").headers["Content-Security-Policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules.pop("connect-src").startswith("'self' https://")
        assert rules == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }

    def test_browsers_keep_to_https_once_they_came_by_it(self, client: FlaskClient) -> None:
        assert "Strict-Transport-Security" not in client.get("/health").headers
        secure = client.get("/health", base_url="https://localhost").headers["Strict-Transport-Security"]
        assert secure == "max-age=31536000; includeSubDomains"

    def test_health_is_looked_at_once_in_a_while(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        from pdfsmaller.http import health

        looked = []
        real = health._looked
        monkeypatch.setattr(health, "_looked", lambda settings: looked.append(1) or real(settings))
        answers = {client.get(path).status_code for path in ("/health", "/api/health") for _ in range(20)}
        assert answers == {200}
        assert len(looked) == 1
        now = health.time.monotonic()
        monkeypatch.setattr(health.time, "monotonic", lambda: now + 60)
        assert client.get("/health").status_code == 200
        assert len(looked) == 2


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
