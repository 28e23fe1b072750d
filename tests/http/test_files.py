"""Forms and links of files in a folder, over HTTP on this host."""

from __future__ import annotations

import io
import itertools
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import new_id
from pdfsmaller.jobs.objects import UploadForm
from pdfsmaller.media import PDF
from pdfsmaller.services import uploads
from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import FolderRoom, made_room, served
from tests.http.talk import assert_problem

DATA = bytes(range(256)) * 40


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> FolderRoom:
    return made_room(tmp_path / "store", clock)


@pytest.fixture
def address(room: FolderRoom) -> Iterator[str]:
    with served(room.world) as address:
        yield address


@pytest.fixture
def client(room: FolderRoom) -> FlaskClient:
    return create_app(room.world).test_client()


def stored(room: FolderRoom) -> list[str]:
    return [item.key for item in room.storage.list(room.storage.uploads, "")]


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


class TestTheWholeWay:
    def test_a_file_goes_in_by_its_form_and_out_by_its_link(self, address: str, room: FolderRoom) -> None:
        pdf = documents.photo_jpeg()
        begun = requests.post(f"{address}/api/uploads", json={"name": "Größe.pdf", "size": len(pdf)}, timeout=30).json()
        [form] = begun["uploads"]
        assert form["url"] == f"{address}/files/uploads"
        assert requests.post(form["url"], data=form["fields"], files={"file": pdf}, timeout=30).status_code == 204
        self_link = begun["job"]["links"]["self"]
        assert requests.get(self_link, timeout=30).json()["status"] == "queued"
        assert requests.post(f"{self_link}/uploaded", timeout=30).json()["status"] == "queued"
        assert room.queue.depth()["waiting"] == 1
        assert room.work() == 0
        job = requests.get(self_link, timeout=30).json()
        assert job["status"] == "succeeded"
        downloaded = requests.get(job["links"]["download"], timeout=30)
        assert downloaded.content.startswith(b"%PDF-")
        assert len(downloaded.content) == job["result"]["bytes"] < len(pdf)
        assert requests.delete(self_link, timeout=30).status_code == 204
        assert [item for bucket in ("uploads", "results") for item in room.storage.list(bucket, "")] == []

    def test_a_big_result_is_a_redirect_to_a_link_that_needs_no_key(self, tmp_path: Path, clock: Clock) -> None:
        room = made_room(tmp_path / "store", clock, max_inline_result_size=1_000, api_keys_required=True)
        _, key = room.world.keys.create("me")
        with served(room.world) as address:
            headers = {"X-Api-Key": key}
            sent = requests.post(
                f"{address}/api/compress", files={"files": documents.photo_jpeg()}, headers=headers, timeout=30
            )
            assert room.work() == 0
            download = f"{sent.json()['links']['self']}/download"
            redirected = requests.get(download, headers=headers, allow_redirects=False, timeout=30)
            assert redirected.status_code == 303
            assert redirected.headers["Location"].startswith(f"{address}/files/results/")
            answer = requests.get(redirected.headers["Location"], timeout=30)
            assert answer.content.startswith(b"%PDF-")
            assert requests.get(download, timeout=30).status_code == 401

    def test_all_files_of_a_job_go_in_by_their_forms_in_any_order(self, address: str, room: FolderRoom) -> None:
        asked = {"operation": "merge", "files": [{"name": "a.pdf"}, {"name": "b.pdf"}, {"name": "c.pdf"}]}
        begun = requests.post(f"{address}/api/uploads", json=asked, timeout=30).json()
        pages = dict(enumerate((documents.text(1), documents.text(2), documents.text(3))))

        def send(index: int) -> None:
            form = begun["uploads"][index]
            files = {"file": pages[index]}
            assert requests.post(form["url"], data=form["fields"], files=files, timeout=30).status_code == 204

        threads = [threading.Thread(target=send, args=(index,)) for index in (2, 0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert room.queue.depth()["waiting"] == 1
        assert room.work() == 0
        job = requests.get(begun["job"]["links"]["self"], timeout=30).json()
        assert [source["pages"] for source in job["result"]["report"]["sources"]] == [1, 2, 3]

    def test_addresses_are_paths_for_a_host_that_is_not_known(self, client: FlaskClient) -> None:
        begun = client.post("/api/uploads", json={"name": "a.pdf"}, headers={"Host": "192.168.1.9:8000"}).get_json()
        assert begun["uploads"][0]["url"] == "/files/uploads"

    def test_a_form_that_comes_after_its_job_was_deleted_leaves_nothing(
        self, client: FlaskClient, room: FolderRoom
    ) -> None:
        begun = client.post("/api/uploads", json={"name": "a.pdf"}).get_json()
        client.delete(begun["job"]["links"]["self"])
        fields = begun["uploads"][0]["fields"]
        client.post("/files/uploads", data=fields | {"file": (io.BytesIO(b"%PDF-"), "a.pdf")})
        assert stored(room) == []


class TestParts:
    @pytest.fixture(autouse=True)
    def small_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploads, "PARTS_ABOVE_BYTES", 100_000)
        monkeypatch.setattr(uploads, "_PART_BYTES", 64_000)

    def begun(self, address: str, pdf: bytes) -> Any:
        """A job whose file comes in parts."""
        return requests.post(f"{address}/api/uploads", json={"name": "a.pdf", "size": len(pdf)}, timeout=30).json()

    def test_go_in_by_their_links_and_nothing_of_them_stays(
        self, address: str, room: FolderRoom, tmp_path: Path
    ) -> None:
        pdf = documents.photo_jpeg()
        begun = self.begun(address, pdf)
        several = begun["uploads"][0]["multipart"]
        assert several["parts"][0]["url"].startswith(f"{address}/files/uploads/")

        def send(part: dict[str, Any]) -> None:
            start = (part["number"] - 1) * several["part_bytes"]
            sent = requests.put(part["url"], data=pdf[start : start + part["bytes"]], timeout=30)
            assert (sent.status_code, sent.headers["ETag"].startswith('"')) == (200, True)

        threads = [threading.Thread(target=send, args=(part,)) for part in several["parts"] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert requests.post(several["complete_url"], timeout=30).json()["status"] == "queued"
        assert len(files(tmp_path)) == 2
        assert room.work() == 0
        assert requests.get(begun["job"]["links"]["self"], timeout=30).json()["status"] == "succeeded"

    @pytest.mark.parametrize("change", [-1, 1, -64_000])
    def test_refuse_another_length_before_it_is_read(self, address: str, tmp_path: Path, change: int) -> None:
        url = self.begun(address, documents.photo_jpeg())["uploads"][0]["multipart"]["parts"][0]["url"]
        before = sorted(files(tmp_path))
        for data in (b"x" * (64_000 + change), iter([b"x" * (64_000 + change)])):  # with a length, and without
            sent = requests.put(url, data=data, timeout=30)
            assert (sent.status_code, sent.json()["code"]) == (400, "wrong_part_size")
        assert sorted(files(tmp_path)) == before

    def test_one_that_breaks_off_is_none(self, address: str, room: FolderRoom, tmp_path: Path) -> None:
        begun = self.begun(address, documents.photo_jpeg())
        url = urlsplit(begun["uploads"][0]["multipart"]["parts"][0]["url"])
        before = sorted(files(tmp_path))
        with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
            head = f"PUT {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 64000\r\n\r\n"
            connection.sendall(head.encode() + b"x" * 30_000)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(100)
        job = room.submitting.job(begun["job"]["job_id"])
        assert room.storage.list_parts(input_key(job.job_id, 0), job.multiparts[0].upload_id) == []
        assert sorted(files(tmp_path)) == before

    def test_a_link_that_was_changed_or_is_none_is_refused(self, client: FlaskClient) -> None:
        for token in ("x", "a.b.c"):
            assert_problem(client.put(f"/files/uploads/{token}", data=b"x"), 403, "access_denied")

    def test_none_is_held_in_memory(self, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        size = 40_000_000
        monkeypatch.setattr(uploads, "_PART_BYTES", size)
        begun = client.post("/api/uploads", json={"name": "a.pdf", "size": 2 * size}).get_json()
        url = urlsplit(begun["uploads"][0]["multipart"]["parts"][0]["url"]).path
        with (tmp_path / "part").open("w+b") as body:
            body.truncate(size)
            tracemalloc.start()
            sent = client.put(url, input_stream=body, headers={"Content-Length": str(size)})
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert sent.status_code == 200
        assert most < 8_000_000


class TestForms:
    def form(self, room: FolderRoom, **given: Any) -> UploadForm:
        asked = {"max_bytes": 10, "expires_seconds": 60, "media_type": PDF} | given
        return room.storage.upload_form(input_key(new_id(), 0), **asked)

    def send(self, client: FlaskClient, fields: dict[str, Any], data: bytes = b"%PDF-", name: str = "file") -> Any:
        return client.post("/files/uploads", data=fields | {name: (io.BytesIO(data), "a.pdf")})

    @pytest.mark.parametrize("name", ["key", "Content-Type", "policy"])
    @pytest.mark.parametrize("change", ["changed", "missing", "of another", "one sign less"])
    def test_that_were_changed_are_refused(self, client: FlaskClient, room: FolderRoom, name: str, change: str) -> None:
        fields = dict(self.form(room).fields)
        other = self.form(room, media_type="image/png").fields[name]
        fields[name] = {"changed": f"{fields[name]}x", "of another": other, "one sign less": fields[name][:-1]}.get(
            change, ""
        )
        if change == "missing":
            del fields[name]
        assert_problem(self.send(client, fields), 403, "access_denied")
        assert stored(room) == []

    def test_signed_with_another_key_are_refused(self, client: FlaskClient, tmp_path: Path, clock: Clock) -> None:
        from pdfsmaller.server.folder.storage import FolderStorage

        other = FolderStorage(tmp_path / "other", "another key than the first", clock=clock)
        form = other.upload_form("jobs/a/in/0", max_bytes=10, expires_seconds=60, media_type=PDF)
        assert_problem(self.send(client, form.fields), 403, "access_denied")

    def test_nor_is_a_links_signature_one_for_a_form(self, client: FlaskClient, room: FolderRoom) -> None:
        link = room.storage.download_link("a", file_name="a", media_type=PDF, expires_seconds=60)
        fields = self.form(room).fields | {"policy": link.rpartition("/")[2]}
        assert_problem(self.send(client, fields), 403, "access_denied")

    def test_say_until_when_they_could_be_used(self, client: FlaskClient, room: FolderRoom, clock: Clock) -> None:
        form = self.form(room)
        clock.forward(61)
        assert "could be used until" in assert_problem(self.send(client, form.fields), 403, "access_denied")["detail"]
        assert stored(room) == []

    def test_refuse_what_is_empty_or_too_large(self, client: FlaskClient, room: FolderRoom, tmp_path: Path) -> None:
        form = self.form(room)
        assert_problem(self.send(client, form.fields, b""), 400, "empty_file")
        for size in (11, 5_000_000):
            answer = self.send(client, form.fields, bytes(size))
            assert "10 bytes" in assert_problem(answer, 413, "file_too_large")["detail"]
        assert files(tmp_path) == []
        assert self.send(client, form.fields, b"%PDF-" + bytes(5)).status_code == 204

    def test_take_a_file_of_the_largest_size_whatever_a_request_may_have(self, tmp_path: Path, clock: Clock) -> None:
        room = made_room(tmp_path / "store", clock, max_file_size=1_000, max_request_size=1_000)
        client = create_app(room.world).test_client()
        begun = client.post("/api/uploads", json={"name": "a.pdf"}).get_json()
        assert self.send(client, begun["uploads"][0]["fields"], bytes(1_000)).status_code == 204

    def test_name_the_field_that_the_file_belongs_in(self, client: FlaskClient, room: FolderRoom) -> None:
        answer = self.send(client, self.form(room).fields, name="upload")
        assert "'file'" in assert_problem(answer, 400, "bad_request")["detail"]

    @pytest.mark.parametrize(
        ("media_type", "body"),
        [
            ("application/pdf", b"%PDF-"),
            ("multipart/form-data", b"--x\r\n"),
            ("multipart/form-data; boundary=x", b""),
            ("multipart/form-data; boundary=x", b"--x--\r\n"),
            ("multipart/form-data; boundary=x", b"no boundary at all"),
            ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n'),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Type: a/b\r\n\r\nno name\r\n--x--"),
            ("multipart/form-data; boundary=\N{EURO SIGN}", b"--x\r\n"),
        ],
    )
    def test_that_are_none_are_refused(self, client: FlaskClient, media_type: str, body: bytes) -> None:
        answer = client.post("/files/uploads", data=body, headers={"Content-Type": media_type})
        assert_problem(answer, 400, "bad_request")

    def test_without_end_are_refused_before_they_are_read(self, client: FlaskClient) -> None:
        fields = {f"field-{number}": "x" * 10_000 for number in range(100)}
        assert "100,000" in assert_problem(self.send(client, fields), 400, "bad_request")["detail"]

    def test_that_break_off_leave_nothing(self, address: str, room: FolderRoom, tmp_path: Path) -> None:
        form = self.form(room, max_bytes=10_000_000)
        head, body = multipart(form.fields, bytes(5_000_000))
        where = urlsplit(address)
        with socket.create_connection((where.hostname, where.port), timeout=30) as peer:
            peer.sendall(head + body[:3_000_000])
            wait_for(lambda: any(path.stat().st_size > 1_000_000 for path in files(tmp_path)))
        wait_for(lambda: files(tmp_path) == [])
        assert stored(room) == []

    def test_whose_boundary_never_comes_leave_nothing(self, client: FlaskClient, room: FolderRoom) -> None:
        form = self.form(room, max_bytes=10_000_000)
        _, body = multipart(form.fields, bytes(1_000_000))
        answer = client.post("/files/uploads", data=body[:-50], content_type="multipart/form-data; boundary=limit")
        assert_problem(answer, 400, "bad_request")
        assert stored(room) == []

    @pytest.mark.parametrize("tail", [b"\r", b"\n", b"\r\n", b"\r\n--", b"\r\n--limi", b"\r\n--limit", b"--limit--"])
    def test_bring_every_byte_though_it_looks_like_an_end(
        self, client: FlaskClient, room: FolderRoom, tail: bytes
    ) -> None:
        form = self.form(room, max_bytes=10_000_000)
        data = (tail * 5 + b"x" + tail) if b"--limit" not in tail else b"x" + tail[:-1] * 50_000
        _, body = multipart(form.fields, data)
        answer = client.post("/files/uploads", data=body, content_type="multipart/form-data; boundary=limit")
        assert answer.status_code == 204
        assert room.storage.read("uploads", form.fields["key"]) == data

    def test_are_never_in_memory_as_a_whole(self, client: FlaskClient, room: FolderRoom) -> None:
        size = 60_000_000
        form = self.form(room, max_bytes=size)
        head, tail = multipart(form.fields, b"\0")[1].split(b"\0")

        class Body:
            def __init__(self) -> None:
                zeros = itertools.repeat(bytes(100_000), size // 100_000)
                self.parts = itertools.chain([head], zeros, [tail])

            def read(self, _size: int = -1) -> bytes:
                return next(self.parts, b"")

        tracemalloc.start()
        answer = client.post(
            "/files/uploads",
            environ_overrides={
                "CONTENT_TYPE": "multipart/form-data; boundary=limit",
                "wsgi.input": Body(),
                "wsgi.input_terminated": True,
            },
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == 204
        head_of = room.storage.head("uploads", form.fields["key"])
        assert head_of
        assert head_of.bytes == size
        assert most < 8_000_000

    def test_are_answered_also_where_much_of_them_is_not_wanted(self, address: str, room: FolderRoom) -> None:
        """The sender hears why, and not only that the connection broke."""
        form = self.form(room)
        answer = requests.post(
            f"{address}/files/uploads", data=form.fields, files={"file": bytes(20_000_000)}, timeout=30
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
        wrong = form.fields | {"key": "x"}
        answer = requests.post(f"{address}/files/uploads", data=wrong, files={"file": bytes(20_000_000)}, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (403, "access_denied")


def multipart(fields: dict[str, str], data: bytes) -> tuple[bytes, bytes]:
    """The head and the body of a request with a form, whose boundary is ``limit``."""
    parts = [f'--limit\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    start = '--limit\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    body = "".join(parts).encode() + start.encode() + data + b"\r\n--limit--\r\n"
    head = (
        "POST /files/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=limit\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def wait_for(what: Any) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


class TestLinks:
    @pytest.fixture
    def link(self, room: FolderRoom) -> str:
        room.storage.put_file(room.storage.results, "a", DATA, media_type=PDF)
        return room.storage.download_link("a", file_name="Größe.pdf", media_type=PDF, expires_seconds=60)

    def test_say_all_that_a_download_needs(self, client: FlaskClient, link: str) -> None:
        answer = client.get(link)
        assert (answer.status_code, answer.data) == (200, DATA)
        assert answer.headers["Content-Type"] == PDF
        assert answer.headers["Content-Length"] == str(len(DATA))
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["ETag"].strip('"')
        assert answer.last_modified
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Gr%C3%B6%C3%9Fe.pdf" in answer.headers["Content-Disposition"]

    def test_are_asked_without_the_body_too(self, client: FlaskClient, link: str) -> None:
        answer = client.head(link)
        assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", str(len(DATA)))

    @pytest.mark.parametrize(
        ("asked", "status", "part", "told"),
        [
            ("bytes=0-0", 206, DATA[:1], "bytes 0-0/10240"),
            ("bytes=100-299", 206, DATA[100:300], "bytes 100-299/10240"),
            ("bytes=10000-", 206, DATA[10_000:], "bytes 10000-10239/10240"),
            ("bytes=-3", 206, DATA[-3:], "bytes 10237-10239/10240"),
            ("bytes=10000-99999", 206, DATA[10_000:], "bytes 10000-10239/10240"),
            ("bytes=-99999", 206, DATA, "bytes 0-10239/10240"),
            ("bytes=0-1,5-6", 200, DATA, None),
            ("bytes=9-2", 200, DATA, None),
            ("bytes=x", 200, DATA, None),
            ("pages=1-2", 200, DATA, None),
        ],
    )
    def test_hand_out_a_range(
        self, client: FlaskClient, link: str, asked: str, status: int, part: bytes, told: str | None
    ) -> None:
        answer = client.get(link, headers={"Range": asked})
        assert (answer.status_code, answer.data, answer.headers.get("Content-Range")) == (status, part, told)
        assert answer.headers["Content-Length"] == str(len(part))

    def test_refuse_a_range_behind_the_end(self, client: FlaskClient, link: str) -> None:
        answer = client.get(link, headers={"Range": "bytes=10240-"})
        assert_problem(answer, 416, "requested_range_not_satisfiable")
        assert answer.headers["Content-Range"] == "bytes */10240"

    def test_go_on_with_the_same_file_only(self, client: FlaskClient, room: FolderRoom, link: str) -> None:
        etag = client.get(link).headers["ETag"]
        asked = {"Range": "bytes=10000-", "If-Range": etag}
        assert client.get(link, headers=asked).status_code == 206
        room.storage.put_file(room.storage.results, "a", DATA[::-1], media_type=PDF)
        answer = client.get(link, headers=asked)
        assert (answer.status_code, answer.data) == (200, DATA[::-1])

    def test_tell_who_has_the_file_already(self, client: FlaskClient, link: str) -> None:
        etag = client.get(link).headers["ETag"]
        answer = client.get(link, headers={"If-None-Match": etag})
        assert (answer.status_code, answer.data) == (304, b"")
        assert client.get(link, headers={"If-Match": '"other"'}).status_code == 412

    def test_that_were_changed_or_are_over_are_refused(
        self, client: FlaskClient, room: FolderRoom, link: str, clock: Clock
    ) -> None:
        for wrong in (f"{link}x", link[:-1], f"{link[:20]}A{link[21:]}", "/files/results/x", "/files/results/%ff"):
            assert_problem(client.get(wrong), 403, "access_denied")
        form = room.storage.upload_form("a", max_bytes=9, expires_seconds=60, media_type=PDF)
        assert_problem(client.get(f"/files/results/{form.fields['policy']}"), 403, "access_denied")
        clock.forward(61)
        assert "could be used until" in assert_problem(client.get(link), 403, "access_denied")["detail"]

    def test_of_a_file_that_is_gone_say_so(self, client: FlaskClient, room: FolderRoom, link: str) -> None:
        room.storage.delete(room.storage.results, "a")
        assert_problem(client.get(link), 404, "result_not_found")

    def test_leave_no_file_open(self, address: str, room: FolderRoom, link: str) -> None:
        descriptors = Path("/proc/self/fd")
        if not descriptors.is_dir():
            pytest.skip("the system does not show a process's open files")

        def opened() -> list[str]:
            found = [path.readlink() for path in descriptors.iterdir() if path.is_symlink()]
            return [str(path) for path in found if "/store/" in str(path)]

        url = f"{address}{link}"
        for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999-"}, {"If-Match": '"other"'}):
            requests.get(url, headers=headers, timeout=30)
            requests.head(url, headers=headers, timeout=30)
        wait_for(lambda: opened() == [])


class TestAFullStorage:
    def test_takes_no_new_job_and_lets_those_end_that_are_there(self, tmp_path: Path, clock: Clock) -> None:
        pdf = documents.photo_jpeg()
        room = made_room(tmp_path / "store", clock, max_bytes=len(pdf))
        client = create_app(room.world).test_client()
        begun = client.post("/api/compress", data={"files": (io.BytesIO(pdf), "a.pdf")}).get_json()
        reserved = client.post("/api/uploads", json={"name": "b.pdf"}).get_json()["uploads"][0]
        full = create_app(made_room(tmp_path / "store", clock, max_bytes=len(pdf)).world).test_client()
        refused = full.post("/api/compress", data={"files": (io.BytesIO(pdf), "a.pdf")})
        assert "90 %" in assert_problem(refused, 507, "storage_full")["detail"]
        assert_problem(full.post("/api/uploads", json={"name": "c.pdf"}), 507, "storage_full")
        fields = reserved["fields"] | {"file": (io.BytesIO(pdf), "b.pdf")}
        assert full.post("/files/uploads", data=fields).status_code == 204
        assert room.work() == 0
        assert client.get(begun["links"]["self"]).get_json()["status"] == "succeeded"


class TestThePagesPolicy:
    def test_lets_it_send_to_this_service_and_nowhere_else(self, client: FlaskClient) -> None:
        assert "connect-src 'self';" in client.get("/").headers["Content-Security-Policy"]


def test_a_world_whose_store_answers_for_itself_has_no_such_addresses(stack: Any) -> None:
    assert create_app(stack.world).test_client().get("/files/results/x").status_code == 404
