"""Splitting on the real queue, workers and buckets: several results of one job."""

from __future__ import annotations

import io
import json
import zipfile

from tests import documents
from tests.stack.live import Live, page_count


def test_parts_come_as_a_zip_and_one_by_one(live: Live) -> None:
    answer = live.post_files(
        [("Buch.pdf", documents.text(5))], path="split-pdf", headers={"Prefer": "wait=60"}, every="2"
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip"), answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["Buch-1.pdf", "Buch-2.pdf", "Buch-3.pdf"]
        assert [page_count(archive.read(name)) for name in archive.namelist()] == [2, 2, 1]
        job = live.job(answer.headers["X-Job-Id"])
        assert (job["operation"], job["status"], job["result"]["outcome"]) == ("split", "succeeded", "split")
        for index, result in enumerate(job["results"]):
            part = live.get(f"/api/jobs/{job['job_id']}/results/{index}")
            assert part.content == archive.read(result["name"])
            assert len(part.content) == result["bytes"]
            assert result["name"] in part.headers["Content-Disposition"]
    assert live.get(f"/api/jobs/{job['job_id']}/results/3").json()["code"] == "result_not_found"


def test_a_dropped_pdfs_parts_appear_under_its_name_and_those_of_the_last_drop_alone(live: Live) -> None:
    key = "inbox/Bücher/a b.pdf"
    live.drop(key, documents.text(5), operation="split", every="1")
    live.until(lambda: len(live.keys(f"{key}/")) == 5 or None, 60, key)
    live.drop(key, documents.text(4), operation="split", every="2")
    wanted = [f"{key}/a b-{number}.pdf" for number in (1, 2)]
    live.until(lambda: live.keys(f"{key}/") == wanted or None, 60, key)
    results = [live.result(part) for part in wanted]
    assert [page_count(result["Body"].read()) for result in results if result] == [2, 2]


def test_a_drop_that_cannot_be_cut_so_is_explained(live: Live) -> None:
    live.drop("inbox/plain.pdf", documents.text(2), operation="split", outline_level="2")
    why = live.until(lambda: live.error("inbox/plain.pdf"), 60)
    assert json.loads(why["Body"].read())["error"]["code"] == "invalid_outline_level"
