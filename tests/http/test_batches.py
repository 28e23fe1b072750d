"""``/api/batches``."""

from __future__ import annotations

import io
import zipfile

import pytest
from flask.testing import FlaskClient

from tests.aws_stack import Stack
from tests.http.talk import assert_problem, post, when_waiting, work

pytestmark = pytest.mark.usefixtures("warm_engine")

#: For who does not wait.
JSON = {"Accept": "application/json"}


def test_several_files_answer_with_a_batch(client: FlaskClient, pdf: bytes) -> None:
    batch = post(client, pdf, pdf).get_json()
    assert len(batch["jobs"]) == 2
    assert {job["batch_id"] for job in batch["jobs"]} == {batch["batch_id"]}
    assert client.get(f"/api/batches/{batch['batch_id']}").get_json() == batch
    assert [batch[name] for name in ("done", "failed", "bytes_in", "bytes_out")] == [0, 0, 0, 0]


class TestArchives:
    def test_a_batch_comes_as_one_zip(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        batch = post(client, pdf, pdf, b"GIF89a", headers=JSON).get_json()
        assert "archive" not in batch["links"]
        assert_problem(client.post(f"{batch['links']['self']}/archive", headers=JSON), 409, "nothing_to_archive")
        work(stack)
        archive = client.get(batch["links"]["self"]).get_json()["links"]["archive"]
        begun = client.post(archive, headers=JSON)
        assert begun.status_code == 202
        assert begun.headers["Location"] == begun.get_json()["links"]["self"]
        work(stack)
        job = client.get(begun.headers["Location"]).get_json()
        assert (job["operation"], job["status"], job["warnings"][0]["code"]) == ("archive", "succeeded", "left_out")
        sent = client.get(job["links"]["download"])
        assert (sent.mimetype, "results.zip" in sent.headers["Content-Disposition"]) == ("application/zip", True)
        with zipfile.ZipFile(io.BytesIO(sent.data)) as held:
            assert held.namelist() == ["file 0-smaller.pdf", "file 1-smaller.pdf"]
        assert client.post(archive, headers=JSON).get_json()["job_id"] == job["job_id"]

    def test_any_jobs_do_too(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        ids = [post(client, pdf, headers=JSON).get_json()["job_id"] for _ in range(2)]
        work(stack)
        assert client.post("/api/archives", json={"jobs": ids}, headers=JSON).status_code == 202
        assert_problem(client.post("/api/archives", json={"jobs": [*ids, "0" * 32]}), 404, "job_not_found")
        assert_problem(client.post("/api/archives", json={"jobs": []}), 422, "invalid_option")
        assert_problem(client.post("/api/archives", json={"files": []}), 422, "invalid_option")
        assert_problem(client.post("/api/archives", data="x"), 400, "bad_request")
        assert_problem(client.post(f"/api/batches/{'0' * 32}/archive"), 404, "job_not_found")

    def test_nobody_asks_for_one_as_for_an_operation(self, client: FlaskClient) -> None:
        asked = client.post("/api/uploads", json={"operation": "archive", "name": "a.json", "size": 5})
        assert_problem(asked, 422, "invalid_option")

    def test_who_waits_for_one_gets_the_zip_itself(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        batch = post(client, pdf, pdf, headers=JSON).get_json()
        work(stack)
        when_waiting(client.application, lambda: work(stack))
        sent = client.post(f"/api/batches/{batch['batch_id']}/archive", headers={"Prefer": "wait=20"})
        assert (sent.status_code, sent.mimetype) == (200, "application/zip")
        assert zipfile.is_zipfile(io.BytesIO(sent.data))
