"""``/api/jobs``: asking for a job, fetching what it made, ending it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.states import Status
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import assert_problem, post, work

pytestmark = pytest.mark.usefixtures("warm_engine")


class TestAsking:
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


class TestFetching:
    def test_the_whole_way_to_the_download(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        assert_problem(client.get(f"/api/jobs/{job_id}/download"), 409, "job_not_ready")
        work(stack)
        job = client.get(f"/api/jobs/{job_id}").get_json()
        assert job["status"] == "succeeded"
        assert (job["pages_done"], job["pages"], job["eta_seconds"]) == (1, 1, None)
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


def test_the_list_is_that_of_an_api_key(clock: Clock, pdf: bytes) -> None:
    with made_stack(clock) as stack:
        client = create_app(stack.world).test_client()
        one, two = ({"X-Api-Key": stack.world.keys.create(name)[1]} for name in ("one", "two"))
        made = [post(client, pdf, headers=one).get_json()["job_id"] for _ in range(3)]
        first = client.get("/api/jobs?limit=2", headers=one).get_json()
        second = client.get("/api/jobs", query_string={"cursor": first["next"]}, headers=one).get_json()
        assert {job["job_id"] for job in first["jobs"] + second["jobs"]} == set(made)
        assert (len(first["jobs"]), len(second["jobs"]), second["next"]) == (2, 1, None)
        assert client.get("/api/jobs", headers=two).get_json() == {"jobs": [], "next": None}
        refused = client.get("/api/jobs?limit=0", headers=one)
        assert assert_problem(refused, 422, "invalid_option")["field"] == "limit"


def test_without_api_keys_there_is_no_list(client: FlaskClient) -> None:
    assert_problem(client.get("/api/jobs"), 401, "unauthorized")


class TestCancelling:
    def test_answers_with_the_job_whose_files_are_gone_and_is_done_once(
        self, client: FlaskClient, stack: Stack, pdf: bytes
    ) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        for _ in range(2):
            response = client.post(f"/api/jobs/{job_id}/cancel")
            assert (response.status_code, response.get_json()["status"]) == (200, "cancelled")
        assert stack.upload_keys() == []
        work(stack)
        assert_problem(client.get(f"/api/jobs/{job_id}/download"), 410, "job_cancelled")

    def test_a_job_that_has_ended_otherwise_cannot_be_cancelled_and_keeps_its_files(
        self, client: FlaskClient, stack: Stack, pdf: bytes
    ) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        work(stack)
        assert "DELETE" in assert_problem(client.post(f"/api/jobs/{job_id}/cancel"), 409, "job_ended")["detail"]
        assert client.get(f"/api/jobs/{job_id}/download").status_code == 200
        client.delete(f"/api/jobs/{job_id}")
        assert_problem(client.post(f"/api/jobs/{job_id}/cancel"), 409, "job_ended")

    def test_an_unknown_job_cannot(self, client: FlaskClient) -> None:
        assert_problem(client.post(f"/api/jobs/{'0' * 32}/cancel"), 404, "job_not_found")
