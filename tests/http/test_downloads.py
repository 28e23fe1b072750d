"""Downloads: links that need no key, ranges and conditions, names, how long there is something to download."""

from __future__ import annotations

import io
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from pdfsmaller.access.links import LINK_SECONDS, LinkTokens
from pdfsmaller.http.app import create_app
from pdfsmaller.http.held import Capacity
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import assert_problem, post, work

pytestmark = pytest.mark.usefixtures("warm_engine")


@pytest.fixture
def done(client: FlaskClient, stack: Stack, pdf: bytes) -> str:
    """The path of a finished job."""
    job_id = post(client, pdf).get_json()["job_id"]
    work(stack)
    return f"/api/jobs/{job_id}"


class TestParts:
    def test_an_answer_that_is_known_already_is_not_sent(self, client: FlaskClient, done: str) -> None:
        whole = client.get(f"{done}/download")
        etag = whole.headers["ETag"]
        assert etag.startswith('"')
        assert client.get(f"{done}/results/0").headers["ETag"] == etag, "it is the same file"
        again = client.get(f"{done}/download", headers={"If-None-Match": etag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert client.get(f"{done}/download", headers={"If-None-Match": '"other"'}).data == whole.data
        for garbage in ("\x01", "x" * 9_000, '"'):
            assert client.get(f"{done}/download", headers={"If-None-Match": garbage}).status_code == 200

    @pytest.mark.parametrize(
        ("asked", "part"),
        [("bytes=0-4", slice(0, 5)), ("bytes=5-", slice(5, None)), ("bytes=-7", slice(-7, None))],
    )
    def test_a_range_comes_alone(self, client: FlaskClient, done: str, asked: str, part: slice) -> None:
        whole = client.get(f"{done}/download")
        assert whole.headers["Accept-Ranges"] == "bytes"
        answer = client.get(f"{done}/download", headers={"Range": asked})
        assert answer.status_code == 206
        assert answer.data == whole.data[part]
        assert answer.headers["Content-Range"].endswith(f"/{len(whole.data)}")
        assert answer.headers["Content-Disposition"] == whole.headers["Content-Disposition"]

    def test_of_another_file_it_comes_whole(self, client: FlaskClient, done: str) -> None:
        answer = client.get(f"{done}/download", headers={"Range": "bytes=0-4", "If-Range": '"other"'})
        assert answer.status_code == 200

    def test_what_is_no_range_is_passed_over_and_what_is_not_there_said(self, client: FlaskClient, done: str) -> None:
        for asked in ("bytes=", "bytes=a-b", "bytes=9-5", "pages=1-2", "bytes=0-1,4-5", "x" * 9_000):
            assert client.get(f"{done}/download", headers={"Range": asked}).status_code == 200, asked
        assert client.get(f"{done}/download", headers={"Range": "bytes=99999999-"}).status_code == 416


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "\U0001f4c4\U0001f1e9\U0001f1ea Zeugnis – 文書.pdf",
            'say "hello"; a=b, c.pdf',
            "100% – 50%25.pdf",
            "x" * 300 + ".pdf",
            "\U0001f4c4" * 300 + ".pdf",
            "..\\..\\C:\\windows.pdf",
            "\u202efdp.exe.pdf",
        ],
    )
    def test_any_name_is_safe_in_its_header(self, client: FlaskClient, stack: Stack, pdf: bytes, name: str) -> None:
        sent = client.post(
            "/api/compress", data={"files": [(io.BytesIO(pdf), name)]}, headers={"Accept": "application/json"}
        )
        shown = sent.get_json()["inputs"][0]["name"]
        work(stack)
        header = client.get(f"/api/jobs/{sent.get_json()['job_id']}/download").headers["Content-Disposition"]
        assert header.isascii()
        assert len(header) < 4_000
        plain, extended = header.removeprefix("attachment; filename=").split("; filename*=UTF-8''")
        assert plain.count('"') == 2
        assert not set("%\\/;\r\n") & set(plain)
        assert unquote(extended) == f"{shown.removesuffix('.pdf')}-smaller.pdf"


class TestRetention:
    def test_every_answer_says_for_how_long(self, client: FlaskClient, stack: Stack, pdf: bytes) -> None:
        begun = post(client, pdf)
        assert begun.headers["X-Retention-Seconds"] == "86400"
        assert "Sunset" not in begun.headers
        work(stack)
        path = f"/api/jobs/{begun.get_json()['job_id']}"
        for answer in (client.get(path), client.get(f"{path}/download"), client.get(f"{path}/results/0")):
            assert answer.headers["X-Retention-Seconds"] == "86400"
            until = stack.job(begun.get_json()["job_id"]).expires_at
            assert until
            assert parsedate_to_datetime(answer.headers["Sunset"]).timestamp() == int(until)

    def test_of_a_batch_the_first_end_counts(self, client: FlaskClient, stack: Stack, pdf: bytes, clock: Clock) -> None:
        batch = post(client, pdf, pdf).get_json()
        first, second = (job["job_id"] for job in batch["jobs"])
        client.post(f"/api/jobs/{first}/cancel")
        clock.forward(600)
        client.post(f"/api/jobs/{second}/cancel")
        answer = client.get(f"/api/batches/{batch['batch_id']}")
        until = stack.job(first).expires_at
        assert until
        assert parsedate_to_datetime(answer.headers["Sunset"]).timestamp() == int(until)


@pytest.fixture
def keyed(clock: Clock) -> Iterator[Stack]:
    with made_stack(clock, api_keys_required=True) as stack:
        yield stack


class TestTokens:
    @pytest.fixture
    def client(self, keyed: Stack, clock: Clock) -> FlaskClient:
        app = create_app(keyed.world, Capacity(streams=10))
        app.config["LINK_TOKENS"] = LinkTokens(keyed.settings.secret_key, clock)
        return app.test_client()

    @pytest.fixture
    def key(self, keyed: Stack) -> dict[str, str]:
        return {"X-Api-Key": keyed.world.keys.create("me")[1]}

    @pytest.fixture
    def job(self, client: FlaskClient, keyed: Stack, key: dict[str, str], pdf: bytes) -> dict[str, object]:
        job_id = post(client, pdf, headers=key).get_json()["job_id"]
        work(keyed)
        return dict(client.get(f"/api/jobs/{job_id}", headers=key).get_json())

    def test_a_browser_follows_a_job_s_links_without_a_key(
        self, client: FlaskClient, job: dict[str, dict[str, str]]
    ) -> None:
        links = [job["links"]["download"], job["result"]["download_url"], job["results"][0]["download_url"]]  # type: ignore[index]
        for link in links:
            assert "?token=" in link
            assert client.get(link).data.startswith(b"%PDF-")
            assert_problem(client.get(link.partition("?")[0]), 401, "unauthorized")
        assert "token" not in job["links"]["self"]

    def test_one_is_for_one_job_and_one_purpose(
        self, client: FlaskClient, keyed: Stack, job: dict[str, dict[str, str]], key: dict[str, str], pdf: bytes
    ) -> None:
        base, token = job["links"]["download"].split("/download?token=")
        other = post(client, pdf, headers=key).get_json()["links"]["self"]
        for path in (f"{base}/results/0", f"{other}/download", f"{other}/events"):
            assert_problem(client.get(f"{path}?token={token}"), 403, "access_denied")
        others = [("GET", base), ("DELETE", base), ("POST", f"{base}/again"), ("POST", f"{base}/cancel")]
        for method, path in [*others, ("GET", "/api/jobs")]:
            assert client.open(f"{path}?token={token}", method=method).status_code in (401, 404, 405), path
        assert client.get(f"{base}/download?token={token}").status_code == 200

    def test_one_is_good_for_ten_minutes(
        self, client: FlaskClient, job: dict[str, dict[str, str]], clock: Clock
    ) -> None:
        clock.forward(LINK_SECONDS - 5)
        assert client.get(job["links"]["download"]).status_code == 200
        clock.forward(10)
        assert (
            "Ask for the job again"
            in assert_problem(client.get(job["links"]["download"]), 403, "access_denied")["detail"]
        )

    def test_a_forged_one_is_refused(self, client: FlaskClient, job: dict[str, dict[str, str]], clock: Clock) -> None:
        base, token = job["links"]["download"].split("?token=")
        job_id = str(job["job_id"])
        others = LinkTokens("another secret key of 20", clock).make(job_id, "download", None)
        for forged in (token[:-1] + "x", token + "x", "x", "a.b", "." * 50, "x" * 10_000, others, "\u00e9", "W10.x"):
            refused = client.get(base, query_string={"token": forged})
            assert_problem(refused, 403, "access_denied")
            assert forged[:30] not in refused.text or len(forged) < 6

    def test_a_key_counts_more(self, client: FlaskClient, job: dict[str, dict[str, str]], keyed: Stack) -> None:
        stranger = {"X-Api-Key": keyed.world.keys.create("stranger")[1]}
        assert_problem(client.get(job["links"]["download"], headers=stranger), 404, "job_not_found")

    def test_events_have_one_until_the_job_has_ended(
        self, client: FlaskClient, key: dict[str, str], pdf: bytes
    ) -> None:
        begun = post(client, pdf, headers=key).get_json()
        assert "/events?token=" in begun["links"]["events"]
        client.post(begun["links"]["self"] + "/cancel", headers=key)
        answer = client.get(begun["links"]["events"])
        assert answer.status_code == 200
        assert b"event: job" in answer.data

    def test_there_are_none_where_nobody_needs_them(self, stack: Stack, pdf: bytes) -> None:
        client = create_app(stack.world).test_client()
        job_id = post(client, pdf).get_json()["job_id"]
        work(stack)
        assert "token" not in client.get(f"/api/jobs/{job_id}").text
        assert client.get(f"/api/jobs/{job_id}/download?token=x").status_code == 403
