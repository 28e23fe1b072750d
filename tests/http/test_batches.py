"""``/api/batches``."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.http.talk import post


def test_several_files_answer_with_a_batch(client: FlaskClient, pdf: bytes) -> None:
    batch = post(client, pdf, pdf).get_json()
    assert len(batch["jobs"]) == 2
    assert {job["batch_id"] for job in batch["jobs"]} == {batch["batch_id"]}
    assert client.get(f"/api/batches/{batch['batch_id']}").get_json() == batch
    assert [batch[name] for name in ("done", "failed", "bytes_in", "bytes_out")] == [0, 0, 0, 0]
