"""Who waits for a job's end, how long, and what comes then."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from tests import documents
from tests.aws_stack import Stack
from tests.http.talk import assert_problem, post, work

pytestmark = pytest.mark.usefixtures("warm_engine")


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
        response = post(quick, pdf, documents.encrypted_user(), b"GIF89a", headers={"Prefer": "wait=20"})
        assert response.status_code == 200
        batch = response.get_json()
        assert [job["status"] for job in batch["jobs"]] == ["succeeded", "failed", "failed"]
        assert batch["jobs"][2]["error"]["code"] == "not_a_pdf"
        assert (batch["done"], batch["failed"], batch["bytes_in"]) == (1, 2, len(pdf))
        assert batch["bytes_out"] == batch["jobs"][0]["result"]["bytes"]

    def test_time_up_is_still_202(self, client: FlaskClient, pdf: bytes) -> None:
        response = post(client, pdf, headers={"Prefer": "respond-async, wait=1"})
        assert response.status_code == 202
        assert response.headers["Preference-Applied"] == "wait"

    def test_a_preference_that_makes_no_sense_is_ignored(self, client: FlaskClient, pdf: bytes) -> None:
        response = post(client, pdf, headers={"Prefer": "wait=soon"})
        assert response.status_code == 202
        assert "Preference-Applied" not in response.headers
