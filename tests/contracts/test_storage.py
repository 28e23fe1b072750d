"""What every ``Storage`` promises (``pdfsmaller.jobs.ports``)."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsmaller.jobs import files
from pdfsmaller.jobs.keys import input_key, report_key, result_key
from pdfsmaller.jobs.model import new_id
from pdfsmaller.jobs.ports import Storage
from pdfsmaller.media import JSON, PDF
from tests.contracts.harness import AwsHarness, FolderHarness, Harness, MemoryHarness
from tests.folder_world import served

DATA = bytes(range(256)) * 40


@pytest.fixture(params=["memory", "moto", "folder"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        yield MemoryHarness()
    elif request.param == "folder":
        folder = FolderHarness(request.getfixturevalue("tmp_path") / "store")
        with served(folder.room.world) as folder.address:
            yield folder
    else:
        yield AwsHarness(request.getfixturevalue("stack"), enforces_forms=False, enforces_links=False)


def put(storage: Storage, key: str, data: bytes = DATA, *, bucket: str | None = None) -> str:
    storage.put_file(bucket or storage.uploads, key, data, media_type=PDF)
    return key


def keys(storage: Storage, bucket: str, prefix: str = "") -> list[str]:
    return [item.key for item in storage.list(bucket, prefix)]


def enforced(harness: Harness) -> Storage:
    """The storage, where somebody looks at what a form allows."""
    if not harness.enforces_forms:
        pytest.skip("nobody holds forms to what they allow here")
    return harness.storage


class TestObjects:
    def test_come_back_as_they_were_written(self, harness: Harness, tmp_path: Path) -> None:
        storage, target = harness.storage, tmp_path / "out"
        before = time.time()
        storage.put_file(storage.results, "a/b", io.BytesIO(DATA), media_type=JSON, metadata={"job-id": "x", "n": "1"})
        assert storage.read(storage.results, "a/b") == DATA
        assert storage.download(storage.results, "a/b", target)
        assert target.read_bytes() == DATA
        info = storage.head(storage.results, "a/b")
        assert info
        assert (info.key, info.bytes, info.metadata) == ("a/b", len(DATA), {"job-id": "x", "n": "1"})
        assert before - 2 <= info.modified <= time.time() + 2

    def test_of_several_megabytes_too_and_of_none(self, harness: Harness, tmp_path: Path) -> None:
        storage, large = harness.storage, DATA * 600
        for name, data in (("large", large), ("empty", b"")):
            put(storage, name, data)
            assert storage.download(storage.uploads, name, tmp_path / name)
            assert (tmp_path / name).read_bytes() == data

    def test_one_that_is_not_there_is_none_and_no_error(self, harness: Harness, tmp_path: Path) -> None:
        storage = harness.storage
        assert storage.head(storage.uploads, "nope") is None
        assert storage.read(storage.results, "nope") is None
        assert not storage.download(storage.uploads, "nope", tmp_path / "x")
        assert keys(storage, storage.uploads, "nope") == []
        storage.delete(storage.uploads, "nope")

    def test_the_first_bytes_can_be_read_alone(self, harness: Harness) -> None:
        storage = harness.storage
        for name, data in (("large", DATA * 600), ("short", b"abc"), ("empty", b"")):
            put(storage, name, data)
            assert storage.read(storage.uploads, name, first=5) == data[:5]
        assert storage.read(storage.uploads, "nope", first=5) is None

    def test_the_two_buckets_are_apart(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "a")
        assert storage.read(storage.results, "a") is None
        storage.delete(storage.results, "a")
        assert keys(storage, storage.uploads) == ["a"]

    def test_writing_again_replaces_and_deleting_deletes(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "a", b"one")
        put(storage, "a", b"two")
        assert storage.read(storage.uploads, "a") == b"two"
        storage.delete(storage.uploads, "a")
        assert storage.read(storage.uploads, "a") is None

    @pytest.mark.parametrize(
        "key",
        [
            "inbox/2024 Q1/Bericht +ü.pdf",
            "inbox/文書/é e\u0301 \U0001f4c4.pdf",
            "inbox/a%20b&c=d?e#f;g'h\"i<j>|k\\l*m.pdf",
            "inbox/..a/...b/c..pdf",
            "inbox/.hidden",
            "inbox/UPPER/lower.PDF",
            "inbox/" + "x" * 1_018,
            "inbox/" + "日" * 339,
            "inbox/" + "/".join(["deep"] * 100),
        ],
    )
    def test_any_name_will_do(self, harness: Harness, key: str, tmp_path: Path) -> None:
        storage = harness.storage
        put(storage, key, bucket=storage.results)
        assert storage.read(storage.results, key) == DATA
        assert storage.download(storage.results, key, tmp_path / "x")
        info = storage.head(storage.results, key)
        assert info
        assert info.key == key
        assert keys(storage, storage.results, key) == [key]
        assert storage.copy(storage.results, key, storage.results, "copied")
        assert storage.read(storage.results, "copied") == DATA
        storage.delete(storage.results, key)
        assert keys(storage, storage.results) == ["copied"]

    def test_a_key_and_one_that_goes_on_from_it_are_two(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "inbox/a.pdf", b"file")
        put(storage, "inbox/a.pdf/part", b"below")
        assert storage.read(storage.uploads, "inbox/a.pdf") == b"file"
        storage.delete(storage.uploads, "inbox/a.pdf")
        assert storage.read(storage.uploads, "inbox/a.pdf/part") == b"below"


class TestEntityTags:
    def test_change_with_the_bytes_and_are_told_alike(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "a", b"one")
        one = storage.head(storage.uploads, "a")
        [listed] = storage.list(storage.uploads, "a")
        put(storage, "a", b"two")
        two = storage.head(storage.uploads, "a")
        assert one
        assert two
        assert one.etag == listed.etag != two.etag
        assert '"' not in one.etag

    def test_one_replaced_since_is_not_downloaded(self, harness: Harness, tmp_path: Path) -> None:
        storage = harness.storage
        put(storage, "a", b"one")
        seen = storage.head(storage.uploads, "a")
        assert seen
        assert storage.download(storage.uploads, "a", tmp_path / "x", etag=seen.etag)
        put(storage, "a", b"two")
        assert not storage.download(storage.uploads, "a", tmp_path / "x", etag=seen.etag)


class TestListing:
    def test_takes_all_with_a_prefix_in_their_order(self, harness: Harness) -> None:
        storage = harness.storage
        made = [put(storage, f"p/{name}") for name in ("b", "a", "a/b", "Z", "ü", "a-", "10", "9")]
        put(storage, "q/a")
        assert keys(storage, storage.uploads, "p/") == sorted(made, key=str.encode)
        assert keys(storage, storage.uploads, "p/a") == ["p/a", "p/a-", "p/a/b"]
        assert [item.bytes for item in storage.list(storage.uploads, "q/")] == [len(DATA)]

    def test_more_than_a_page(self, harness: Harness) -> None:
        storage = harness.storage
        for number in range(1_005):
            put(storage, f"p/{number:04}", b"x")
        assert keys(storage, storage.uploads, "p/") == [f"p/{number:04}" for number in range(1_005)]

    def test_may_go_on_while_what_is_listed_is_deleted(self, harness: Harness) -> None:
        storage = harness.storage
        for number in range(5):
            put(storage, f"p/{number}")
        for item in storage.list(storage.uploads, "p/"):
            storage.delete(storage.uploads, item.key)
        assert keys(storage, storage.uploads) == []


class TestCopies:
    def test_keep_bytes_type_and_metadata(self, harness: Harness) -> None:
        storage = harness.storage
        storage.put_file(storage.results, "a", DATA, media_type=JSON, metadata={"job-id": "x"})
        assert storage.copy(storage.results, "a", storage.results, "b ü")
        info = storage.head(storage.results, "b ü")
        assert info
        assert info.metadata == {"job-id": "x"}
        assert storage.read(storage.results, "b ü") == DATA

    def test_lead_from_either_bucket_to_either(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "in ü", b"in")
        put(storage, "out", b"out", bucket=storage.results)
        assert storage.copy(storage.uploads, "in ü", storage.uploads, input_key(new_id(), 0))
        key = input_key(new_id(), 0)
        assert storage.copy(storage.results, "out", storage.uploads, key)
        assert storage.read(storage.uploads, key) == b"out"
        assert storage.copy(storage.uploads, "in ü", storage.results, "x")
        assert storage.read(storage.results, "x") == b"in"

    def test_take_a_former_objects_place_and_are_on_their_own(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "a", b"one")
        put(storage, "b", b"former")
        assert storage.copy(storage.uploads, "a", storage.uploads, "b")
        put(storage, "a", b"two")
        assert storage.read(storage.uploads, "b") == b"one"
        storage.delete(storage.uploads, "a")
        assert storage.read(storage.uploads, "b") == b"one"

    def test_of_what_is_gone_are_not_made(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, "b", b"former")
        assert not storage.copy(storage.uploads, "nope", storage.uploads, "b")
        assert not storage.copy(storage.results, "b", storage.uploads, "c")
        assert storage.read(storage.uploads, "b") == b"former"
        assert keys(storage, storage.uploads) == ["b"]


class TestForms:
    KEY = f"jobs/{new_id()}/in/0"

    def test_take_the_file_once_it_comes(self, harness: Harness) -> None:
        form = harness.storage.upload_form(self.KEY, max_bytes=10, expires_seconds=60, media_type=PDF)
        assert form.url.startswith(harness.storage.public_origin)
        assert harness.send_form(form, b"%PDF-1.7 1") < 300
        assert harness.storage.read(harness.storage.uploads, self.KEY) == b"%PDF-1.7 1"
        assert harness.send_form(form, b"again") < 300
        assert harness.storage.read(harness.storage.uploads, self.KEY) == b"again"

    @pytest.mark.parametrize("data", [b"", b"x" * 11])
    def test_refuse_what_is_too_small_or_too_large(self, harness: Harness, data: bytes) -> None:
        form = enforced(harness).upload_form(self.KEY, max_bytes=10, expires_seconds=60, media_type=PDF)
        assert harness.send_form(form, data) >= 400
        assert harness.storage.head(harness.storage.uploads, self.KEY) is None

    def test_refuse_another_key(self, harness: Harness) -> None:
        form = enforced(harness).upload_form(self.KEY, max_bytes=10, expires_seconds=60, media_type=PDF)
        other = f"jobs/{new_id()}/in/0"
        assert harness.send_form(form, b"x", key=other) >= 400
        assert harness.storage.head(harness.storage.uploads, other) is None

    def test_refuse_everything_after_their_time(self, harness: Harness) -> None:
        form = enforced(harness).upload_form(self.KEY, max_bytes=10, expires_seconds=1, media_type=PDF)
        harness.pass_queue_time(2)
        assert harness.send_form(form, b"x") >= 400
        assert harness.storage.head(harness.storage.uploads, self.KEY) is None


class TestLinks:
    def link(self, harness: Harness, key: str = "jobs/x/1/out.pdf", expires_seconds: int = 60) -> str:
        put(harness.storage, key, bucket=harness.storage.results)
        return harness.storage.download_link(
            key, file_name="Größe; 1.pdf", media_type=PDF, expires_seconds=expires_seconds
        )

    def test_download_under_a_name(self, harness: Harness) -> None:
        for key in ("jobs/x/1/out.pdf", "inbox/a b+ü%20.pdf"):
            url = self.link(harness, key)
            assert url.startswith(harness.storage.public_origin)
            answer = harness.open_link(url)
            assert (answer.status, answer.body) == (200, DATA)
            assert answer.headers["content-type"] == PDF
            assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe%3B%201.pdf" in answer.headers["content-disposition"]

    @pytest.mark.parametrize(
        ("asked", "part"),
        [("bytes=0-0", DATA[:1]), ("bytes=100-299", DATA[100:300]), ("bytes=9000-", DATA[9000:])],
    )
    def test_download_a_range(self, harness: Harness, asked: str, part: bytes) -> None:
        answer = harness.open_link(self.link(harness), asked)
        assert (answer.status, answer.body) == (206, part)

    def test_do_nothing_after_their_time(self, harness: Harness) -> None:
        if not harness.enforces_links:
            pytest.skip("nobody holds links to their time here")
        url = self.link(harness, expires_seconds=1)
        harness.pass_queue_time(2)
        assert harness.open_link(url).status >= 400


class TestParts:
    KEY = f"jobs/{new_id()}/in/0"
    PART = 5 * 1_048_576
    #: The last part is shorter.
    DATA = (b"a" * PART, b"b" * PART, b"c" * 1_000)

    def begin(self, harness: Harness) -> str:
        return harness.storage.begin_multipart(self.KEY, part_bytes=self.PART, media_type=PDF)

    def link(self, harness: Harness, upload_id: str, number: int, *, expires_seconds: int = 60) -> str:
        size = len(self.DATA[number - 1])
        url = harness.storage.part_link(self.KEY, upload_id, number, size=size, expires_seconds=expires_seconds)
        assert url.startswith(harness.storage.public_origin)
        return url

    def send(self, harness: Harness, upload_id: str, *numbers: int) -> None:
        for number in numbers:
            sent = harness.send_part(self.link(harness, upload_id, number), self.DATA[number - 1])
            assert sent.status == 200
            parts = harness.storage.list_parts(self.KEY, upload_id)
            assert parts
            [etag] = [part.etag for part in parts if part.number == number]
            assert sent.headers["etag"] == f'"{etag}"'

    def came(self, harness: Harness, upload_id: str) -> list[tuple[int, int]]:
        return [(part.number, part.bytes) for part in harness.storage.list_parts(self.KEY, upload_id) or ()]

    def test_come_in_any_order_and_make_one_object(self, harness: Harness) -> None:
        storage, upload_id = harness.storage, self.begin(harness)
        assert storage.list_parts(self.KEY, upload_id) == []
        self.send(harness, upload_id, 3, 1)
        assert self.came(harness, upload_id) == [(1, self.PART), (3, 1_000)]
        self.send(harness, upload_id, 2)
        assert storage.head(storage.uploads, self.KEY) is None
        assert keys(storage, storage.uploads) == []
        parts = storage.list_parts(self.KEY, upload_id)
        assert parts
        assert storage.complete_multipart(self.KEY, upload_id, parts)
        assert storage.read(storage.uploads, self.KEY) == b"".join(self.DATA)
        assert keys(storage, storage.uploads) == [self.KEY]

    def test_one_sent_again_takes_the_formers_place(self, harness: Harness) -> None:
        storage, upload_id = harness.storage, self.begin(harness)
        self.send(harness, upload_id, 1)
        former = storage.list_parts(self.KEY, upload_id)
        assert harness.send_part(self.link(harness, upload_id, 1), b"x" * self.PART).status == 200
        now = storage.list_parts(self.KEY, upload_id)
        assert former
        assert now
        assert [part.number for part in now] == [1]
        assert now[0].etag != former[0].etag
        assert not storage.complete_multipart(self.KEY, upload_id, former)
        assert storage.head(storage.uploads, self.KEY) is None
        assert storage.complete_multipart(self.KEY, upload_id, now)
        assert storage.read(storage.uploads, self.KEY) == b"x" * self.PART

    def test_a_former_object_stays_until_the_end(self, harness: Harness) -> None:
        storage = harness.storage
        put(storage, self.KEY, b"former")
        upload_id = self.begin(harness)
        self.send(harness, upload_id, 1)
        assert storage.read(storage.uploads, self.KEY) == b"former"
        assert storage.complete_multipart(self.KEY, upload_id, storage.list_parts(self.KEY, upload_id) or [])
        assert storage.read(storage.uploads, self.KEY) == self.DATA[0]
        storage.delete(storage.uploads, self.KEY)
        assert keys(storage, storage.uploads) == []

    @pytest.mark.parametrize("how", ["completed", "given up", "never begun"])
    def test_an_upload_that_is_over_takes_none(self, harness: Harness, how: str) -> None:
        storage, upload_id = harness.storage, self.begin(harness)
        self.send(harness, upload_id, 1)
        parts, link = storage.list_parts(self.KEY, upload_id), self.link(harness, upload_id, 1)
        assert parts
        if how == "completed":
            assert storage.complete_multipart(self.KEY, upload_id, parts)
        elif how == "given up":
            storage.abort_multipart(self.KEY, upload_id)
        else:
            upload_id = "0" * 32
            link = self.link(harness, upload_id, 1)
        assert storage.list_parts(self.KEY, upload_id) is None
        storage.abort_multipart(self.KEY, upload_id)
        if harness.enforces_forms:  # moto knows no upload that is over
            assert harness.send_part(link, self.DATA[0]).status >= 400
            if how != "completed":  # some stores remember for a while, and say that all is well
                assert not storage.complete_multipart(self.KEY, upload_id, parts)
        there = storage.head(storage.uploads, self.KEY)
        assert (there is not None) == (how == "completed")

    def test_two_uploads_of_one_key_are_apart(self, harness: Harness) -> None:
        storage, one, two = harness.storage, self.begin(harness), self.begin(harness)
        self.send(harness, one, 1)
        self.send(harness, two, 3)
        assert self.came(harness, one) == [(1, self.PART)]
        storage.abort_multipart(self.KEY, two)
        assert self.came(harness, one) == [(1, self.PART)]

    @pytest.mark.parametrize("data", [b"", b"x" * 999, b"x" * 1_001])
    def test_refuse_another_size_and_keep_what_came(self, harness: Harness, data: bytes) -> None:
        if not harness.enforces_links:
            pytest.skip("nobody holds links to the length that was signed here")
        upload_id = self.begin(harness)
        self.send(harness, upload_id, 3)
        former = harness.storage.list_parts(self.KEY, upload_id)
        assert harness.send_part(self.link(harness, upload_id, 3), data).status >= 400
        assert harness.storage.list_parts(self.KEY, upload_id) == former

    def test_take_nothing_after_their_time(self, harness: Harness) -> None:
        if not harness.enforces_links:
            pytest.skip("nobody holds links to their time here")
        upload_id = self.begin(harness)
        link = self.link(harness, upload_id, 1, expires_seconds=1)
        harness.pass_queue_time(2)
        assert harness.send_part(link, self.DATA[0]).status >= 400
        assert harness.storage.list_parts(self.KEY, upload_id) == []

    def test_stale_ones_go_with_what_came(self, harness: Harness) -> None:
        storage, upload_id = harness.storage, self.begin(harness)
        self.send(harness, upload_id, 1)
        assert list(storage.abort_unfinished(storage.uploads, time.time() + 3_600)) == [True]
        assert storage.list_parts(self.KEY, upload_id) is None
        assert list(storage.abort_unfinished(storage.uploads, time.time() + 3_600)) == []


class TestUnfinishedUploads:
    def test_stale_ones_go_and_fresh_ones_stay(self, harness: Harness) -> None:
        storage, now = harness.storage, time.time()
        harness.begin_upload(storage.uploads, "inbox/big.pdf")
        assert list(storage.abort_unfinished(storage.results, now + 3_600)) == []
        # moto says of every upload that it began in 2010
        assert list(storage.abort_unfinished(storage.uploads, 946_684_800.0)) == [False]
        assert list(storage.abort_unfinished(storage.uploads, now + 3_600)) == [True]
        assert list(storage.abort_unfinished(storage.uploads, now + 3_600)) == []


class TestJobsFiles:
    """What jobs do above the port (``pdfsmaller.jobs.files``)."""

    def test_deleting_a_job_takes_all_of_it_and_nothing_else(self, harness: Harness) -> None:
        storage, job_id = harness.storage, new_id()
        for number in range(3):
            put(storage, input_key(job_id, number))
        assert files.inputs_arrived(storage, job_id) == 3
        other = result_key(f"{job_id[:-1]}{'0' if job_id[-1] != '0' else '1'}", 1, 0)
        for key in (result_key(job_id, 1, 0), report_key(job_id, 1), result_key(job_id, 11, 0), other):
            put(storage, key, bucket=storage.results)
        assert files.delete_attempt(storage, job_id, 1) == 2
        assert files.delete_job(storage, job_id) == 4
        assert keys(storage, storage.results) == [other]


def test_probing_finds_both_buckets(harness: Harness) -> None:
    for bucket in (harness.storage.uploads, harness.storage.results):
        harness.storage.probe(bucket)
