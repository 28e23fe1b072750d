"""``/api/jobs/{id}/again`` over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.aws_stack import Stack
from tests.http.talk import assert_problem, post, work

pytestmark = pytest.mark.usefixtures("warm_engine")


def test_changing_ones_mind_costs_no_upload(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    first = post(client, pdf, preset="lossless").get_json()
    assert first["links"]["again"].endswith(f"/api/jobs/{first['job_id']}/again")
    work(stack)
    answer = client.post(
        first["links"]["again"], json={"options": {"preset": "screen"}}, headers={"Prefer": "respond-async"}
    )
    second: dict[str, Any] = answer.get_json()
    assert (answer.status_code, second["options"]) == (202, {"preset": "screen"})
    assert answer.headers["Location"] == second["links"]["self"] != first["links"]["self"]
    work(stack)
    done = client.get(answer.headers["Location"]).get_json()
    assert done["result"]["bytes"] < client.get(first["links"]["self"]).get_json()["result"]["bytes"]


def test_it_needs_no_body(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    first = post(client, pdf, preset="screen").get_json()
    answer = client.post(first["links"]["again"], headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.get_json()["options"]) == (202, {})


def test_a_page_is_pictured_before_and_after(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    first = post(client, pdf).get_json()
    work(stack)
    for reference in ({"input": 0}, {"result": 0}):
        asked = {"operation": "preview", "options": {"width": 64}, "inputs": [reference]}
        made = client.post(first["links"]["again"], json=asked, headers={"Prefer": "respond-async"}).get_json()
        work(stack)
        shown = client.get(made["links"]["self"]).get_json()
        assert [file["media_type"] for file in shown["results"]] == ["image/webp"]


def test_what_is_wrong_is_said(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    job = post(client, pdf).get_json()
    url = job["links"]["again"]
    assert_problem(client.post(url, data="no json"), 400, "bad_request")
    assert assert_problem(client.post(url, json={"preset": "screen"}), 422, "invalid_option")["field"] == "preset"
    assert_problem(client.post(url, json={"inputs": [{"input": 7}]}), 404, "input_not_found")
    assert_problem(client.post(url, json={"inputs": [{"result": 0}]}), 409, "job_not_ready")
    assert_problem(client.post(f"/api/jobs/{'0' * 32}/again"), 404, "job_not_found")
    client.delete(job["links"]["self"])
    assert_problem(client.post(url), 410, "job_cancelled")
    assert "again" not in client.get(job["links"]["self"]).get_json()["links"]


def test_a_job_without_its_files_has_no_such_link(client: FlaskClient) -> None:
    job = client.post("/api/uploads", json={"name": "a.pdf"}).get_json()["job"]
    assert "again" not in job["links"]


def test_a_failed_job_can_be_tried_once_more(client: FlaskClient, stack: Stack) -> None:
    job = post(client, b"%PDF-1.7 and nothing else").get_json()
    assert "retry" not in job["links"]
    assert_problem(client.post(f"{job['links']['self']}/retry"), 409, "job_not_failed")
    work(stack)
    failed = client.get(job["links"]["self"]).get_json()
    assert failed["status"] == "failed"
    answer = client.post(failed["links"]["retry"], headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.get_json()["status"], answer.get_json()["error"]) == (202, "queued", None)
    assert len(stack.announced()) == 1


def test_the_whole_report_is_a_file_of_its_own(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    job = post(client, pdf).get_json()
    assert "report" not in job["links"]
    assert_problem(client.get(f"{job['links']['self']}/report"), 409, "job_not_ready")
    work(stack)
    done = client.get(job["links"]["self"]).get_json()
    answer = client.get(done["links"]["report"])
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    whole = answer.get_json()
    assert {name: whole[name] for name in done["result"]["report"]} == done["result"]["report"]
    assert "warnings" in whole


def test_a_dry_run_tells_what_presets_would_give(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    job = post(client, pdf, dry_run="true").get_json()
    work(stack)
    done = client.get(job["links"]["self"]).get_json()
    assert (done["status"], done["result"]["outcome"], done["result"]["report"]["dry_run"]) == (
        "succeeded",
        "dry_run",
        True,
    )
    assert [item["preset"] for item in done["result"]["report"]["presets"]] == [
        "lossless",
        "printer",
        "ebook",
        "screen",
        "scan",
    ]
    answer = client.get(done["links"]["download"])
    assert answer.mimetype == "application/json"
    assert answer.get_json()["presets"] == done["result"]["report"]["presets"]
    real = client.post(done["links"]["again"], json={"options": {"preset": "screen"}}).get_json()
    assert real["options"] == {"preset": "screen"}


def test_a_dropped_file_is_no_dry_run(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    stack.drop("inbox/a.pdf", pdf, {"dry_run": "true"})
    work(stack)
    told = stack.result("errors/a.pdf.json")["Body"].read()
    assert b"dry_run" in told
    assert "inbox/a.pdf" not in stack.result_keys()
