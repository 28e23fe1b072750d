"""The shipped configuration of nginx, in a real nginx before the real service."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from pdfsmaller.http.app import create_app
from pdfsmaller.operations import OPERATIONS
from pdfsmaller.processes import web, web_options
from pdfsmaller.settings import Settings
from tests import documents
from tests.aws_stack import Clock
from tests.deploy import nginx as shipped
from tests.deploy.conftest import BEHIND
from tests.deploy.nginx import Nginx
from tests.deploy.relay import Relay
from tests.folder_world import made_room
from tests.processes.served import Served
from tests.processes.test_page import CHROMIUM

Behind = tuple[Nginx, Served]
SECURITY_HEADERS = (
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "X-Permitted-Cross-Domain-Policies",
    "Content-Security-Policy",
)
ASKED_FOR_JSON = {"Accept": "application/json"}


def problem(answer: requests.Response | http.client.HTTPResponse) -> dict[str, Any]:
    """What an error says, which must be in the service's own form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = dict(json.loads(answer.content if isinstance(answer, requests.Response) else answer.read()))
    assert body["type"] == f"urn:pdfsmaller:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body


def kill_at_once(service: Served) -> None:
    """Kill every process of it, those that answer for gunicorn's arbiter as well: they would live on for a moment."""
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True).stdout.split()
    parents = dict(zip(map(int, found[::2]), map(int, found[1::2]), strict=True))
    below = {service.process.pid}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    for pid in below:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    service.process.wait()


def finished(session: requests.Session, url: str, seconds: float = 60) -> dict[str, Any]:
    """The job at ``url`` once it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = dict(session.get(url, timeout=30).json())
        if job["status"] in ("succeeded", "failed"):
            return job
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def s_client(front: Nginx, *arguments: str) -> str:
    """What openssl says of a handshake."""
    asked = ["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-CAfile", str(front.ca), *arguments]
    done = subprocess.run(asked, input=b"", capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


# Encryption


def test_plain_http_is_asked_for_again_encrypted(behind: Behind) -> None:
    front, _ = behind
    for method in ("GET", "POST"):
        answer = requests.request(method, f"{front.plain}/api/jobs/x?a=1", allow_redirects=False, timeout=30)
        assert answer.status_code == 308  # the method stays
        assert answer.headers["Location"] == "https://localhost/api/jobs/x?a=1"
        assert answer.headers["Server"] == "nginx"


def test_certbot_is_answered_by_both_ports(behind: Behind) -> None:
    front, _ = behind
    folder = front.folder / "www/.well-known/acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof")
    assert requests.get(f"{front.plain}/.well-known/acme-challenge/token", timeout=30).text == "proof"
    assert front.session().get(f"{front.url}/.well-known/acme-challenge/token", timeout=30).text == "proof"
    assert requests.get(f"{front.plain}/.well-known/acme-challenge/other", timeout=30).status_code == 404


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_todays_versions_of_tls_are_spoken(behind: Behind, version: str) -> None:
    assert "Verify return code: 0 (ok)" in s_client(behind[0], version)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_of_tls_are_refused(behind: Behind, version: str) -> None:
    assert "alert protocol version" in s_client(behind[0], version, "-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(behind: Behind, cipher: str) -> None:
    assert "alert handshake failure" in s_client(behind[0], "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")


def test_a_session_is_taken_up_again_by_whichever_process_answers(behind: Behind, tmp_path: Path) -> None:
    kept = str(tmp_path / "session")
    assert "Reused" not in s_client(behind[0], "-tls1_2", "-sess_out", kept)
    for _ in range(4):  # nginx has two processes here
        assert "Reused, TLSv1.2" in s_client(behind[0], "-tls1_2", "-sess_in", kept)


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="the hook would ask this host's own systemd")
def test_certbots_hook_has_a_renewed_certificate_read(behind: Behind, begin_nginx: Callable[..., Nginx]) -> None:
    front = begin_nginx(behind[1])
    programs = front.folder / "bin"
    programs.mkdir()
    own = f"-p {front.folder} -c {front.folder}/nginx.conf -e {front.folder}/error.log"
    (programs / "nginx").write_text(f'#!/bin/sh\nexec {shipped.PROGRAM} {own} "$@"\n')
    (programs / "nginx").chmod(0o755)
    hook = [shipped.SHIPPED / "reload-hook.sh"]
    environ = {"PATH": f"{programs}:{os.environ['PATH']}"}

    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", front.port))

    before = shown()
    (front.folder / "fullchain.pem").write_text("broken")
    assert subprocess.run(hook, env=environ, capture_output=True).returncode != 0
    assert shown() == before
    shipped.certificate(front.folder)
    assert subprocess.run(hook, env=environ, capture_output=True).returncode == 0
    end = time.monotonic() + 30
    while (now := shown()) == before and time.monotonic() < end:
        time.sleep(0.1)
    assert now != before  # not asked once more: a process that is on its way out may still answer with the old one


def test_http_2_is_spoken(behind: Behind) -> None:
    front, _ = behind
    told = ["curl", "--silent", "--http2", "--cacert", str(front.ca), "--output", "/dev/null", "--write-out"]
    done = subprocess.run(
        [*told, "%{http_version} %{http_code}", f"{front.url}/health"], capture_output=True, text=True
    )
    assert done.stdout == "2 200"


# Headers


def header_lines(front: Nginx, path: str, method: str = "GET", **headers: str) -> list[tuple[str, str]]:
    connection = front.connection()
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheaders()


def assert_each_once(lines: list[tuple[str, str]]) -> None:
    names = [name.lower() for name, _ in lines]
    for name in SECURITY_HEADERS:
        assert names.count(name.lower()) == 1, (name, lines)
    assert ("Server", "nginx") in lines  # and no version


@pytest.mark.parametrize("path", ["/", "/health", "/api/jobs/unknown", "/assets/page.css", "/.env", "/stored/x"])
def test_security_headers_come_once_whoever_answers(behind: Behind, path: str) -> None:
    lines = header_lines(behind[0], path)
    assert_each_once(lines)
    assert dict(lines)["X-Request-Id"]


@pytest.mark.slow
def test_they_come_where_the_service_leaves_them_to_nginx(
    serve: Callable[..., Served], begin_nginx: Callable[..., Nginx]
) -> None:
    service = serve("--workers", 1, SECURITY_HEADERS_ENABLED="false", **BEHIND)
    front = begin_nginx(service)
    page = header_lines(front, "/")
    assert_each_once(page)
    assert "script-src 'self'" in dict(page)["Content-Security-Policy"]
    health = header_lines(front, "/health")
    assert_each_once(health)
    assert "script-src" not in dict(health)["Content-Security-Policy"]


def test_their_values_are_those_of_the_service(behind: Behind) -> None:
    ours, nginxs = dict(header_lines(behind[0], "/health")), dict(header_lines(behind[0], "/.env"))
    assert {name: nginxs[name] for name in SECURITY_HEADERS} == {name: ours[name] for name in SECURITY_HEADERS}


def test_a_request_is_known_by_one_id_everywhere(behind: Behind) -> None:
    front, _ = behind
    session = front.session()
    given = session.get(f"{front.url}/health", headers={"X-Request-Id": "abc-1"}, timeout=30)
    assert given.headers["X-Request-Id"] == "abc-1"
    made = session.get(f"{front.url}/health", headers={"X-Request-Id": 'a"b'}, timeout=30).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert front.line("abc-1")["path"] == front.line(made)["path"] == "/health"


def test_what_the_service_has_not_packed_is_packed(behind: Behind) -> None:
    front, _ = behind
    session = front.session()
    description = session.get(f"{front.url}/openapi.json", timeout=60)
    assert (description.headers["Content-Encoding"], description.headers["Vary"]) == ("gzip", "Accept-Encoding")
    plain = session.get(f"{front.url}/openapi.json", headers={"Accept-Encoding": "identity"}, timeout=60)
    assert plain.json() == description.json()
    page = session.get(front.url, stream=True, timeout=30)
    assert page.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(page.raw.read()).startswith(b"<!doctype html>")  # once, not twice


# What is refused


def test_a_body_that_is_too_large_is_refused_before_it_comes(behind: Behind) -> None:
    front, _ = behind
    for path in ("/api/compress", "/files/uploads", "/api/jobs/x/again"):
        connection = front.connection()
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", "501000001")
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        told = problem(answer)
        assert (told["code"], told["status"], told["instance"]) == ("file_too_large", 413, path)
        assert front.line(told["request_id"])["upstream"] == ""
        connection.close()


def test_the_limit_of_bodies_is_the_services_and_a_megabyte() -> None:
    [limit] = re.findall(r"client_max_body_size (\d+);", (shipped.SHIPPED / "pdfsmaller.conf").read_text())
    assert int(limit) == Settings().max_request_size + 1_000_000


@pytest.mark.parametrize(
    "path",
    ["/.env", "/.git/config", "/%2eenv", "/api/.env", "/a/b.env", "/pdfsmaller.log", "/x.conf", "/jobs.db", "/a//.b"],
)
def test_what_nobody_has_to_see_does_not_reach_the_service(behind: Behind, path: str) -> None:
    front, _ = behind
    answer = front.session().get(f"{front.url}{path}", timeout=30)
    assert answer.status_code == 403
    told = problem(answer)
    assert told["code"] == "forbidden"
    assert front.line(told["request_id"])["upstream"] == ""


@pytest.mark.parametrize("path", ["/files/results/a.db", "/files/results/.eJw", "/api/environment", "/docs"])
def test_what_only_looks_like_it_does(behind: Behind, path: str) -> None:
    front, _ = behind
    answer = front.session().get(f"{front.url}{path}", timeout=60)
    assert front.line(answer.headers["X-Request-Id"])["upstream"]


def test_paths_cannot_break_out_of_an_error(behind: Behind) -> None:
    front, _ = behind
    with ssl.create_default_context(cafile=str(front.ca)).wrap_socket(
        socket.create_connection(("127.0.0.1", front.port)), server_hostname="localhost"
    ) as peer:
        peer.sendall(b'GET /.a","code":"b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        answer = b"".join(iter(lambda: peer.recv(65_536), b""))
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (told["instance"], told["code"]) == ("/.a", "forbidden")
    assert front.line(told["request_id"])["path"] == '/.a","code":"b'


def test_metrics_are_for_this_host_alone(behind: Behind) -> None:
    front, _ = behind
    assert front.session().get(f"{front.url}/metrics", timeout=30).status_code == 200
    claims = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    for headers in ({}, claims):
        for path in ("/metrics", "//metrics", "/%6detrics", "/a/../metrics"):
            connection = front.connection("127.0.0.2")
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == 403, path
            assert problem(answer)["code"] == "forbidden"
            connection.close()


def test_how_the_service_is_inside_is_told_to_nobody_by_nginx(behind: Behind) -> None:
    front, service = behind
    told = front.session().get(f"{front.url}/health", headers={"X-Forwarded-For": "127.0.0.1"}, timeout=30).json()
    assert told["status"] in ("healthy", "degraded")
    assert "details" not in told
    assert "details" in requests.get(f"{service.url}/health", timeout=30).json()


@pytest.mark.slow
def test_a_service_that_is_down_is_told_of_in_its_own_form(
    serve: Callable[..., Served], begin_nginx: Callable[..., Nginx]
) -> None:
    service = serve("--workers", 1, **BEHIND)
    front = begin_nginx(service)
    kill_at_once(service)
    answer = front.session().get(f"{front.url}/api/jobs/x", timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (502, "5")
    assert problem(answer)["code"] == "bad_gateway"
    assert_each_once(list(answer.headers.items()))


# Limits


def burst(front: Nginx, client: str, count: int, request: bytes) -> list[bytes]:
    """The answers to ``count`` requests that end within a moment."""
    return bursts(front, client, count, request)[0]


def bursts(front: Nginx, client: str, count: int, *requests: bytes) -> list[list[bytes]]:
    """The same, for requests of several kinds one after the other."""
    context = ssl.create_default_context(cafile=str(front.ca))
    opened: list[list[ssl.SSLSocket]] = []
    for request in requests:
        opened.append([])
        for _ in range(count):
            plain = socket.create_connection(("127.0.0.1", front.port), timeout=60, source_address=(client, 0))
            peer = context.wrap_socket(plain, server_hostname="localhost")
            peer.sendall(request[:-1])
            opened[-1].append(peer)
    for request, peers in zip(requests, opened, strict=True):
        for peer in peers:
            peer.sendall(request[-1:])
    return [[_read(peer) for peer in peers] for peers in opened]


def _read(peer: ssl.SSLSocket) -> bytes:
    with peer:
        return b"".join(iter(lambda: peer.recv(65_536), b""))


def asked(line: str, body: bytes = b"") -> bytes:
    headers = f"Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{line} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_burst_of_new_jobs_is_slowed_down(behind: Behind) -> None:
    front, _ = behind
    answers = burst(front, "127.0.0.11", 60, asked("POST /api/archives", b'{"jobs": []}'))
    statuses = [status_of(answer) for answer in answers]
    refused = [answer for answer in answers if status_of(answer) == 429]
    assert 429 not in statuses[:21]
    assert 5 <= len(refused) <= 39  # a slow machine takes seconds to send sixty requests
    head, _, body = refused[0].partition(b"\r\n\r\n")
    assert b"\r\nRetry-After: 1\r\n" in head
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    told = json.loads(body)
    assert (told["code"], told["limit"]) == ("rate_limited", "10 per second")
    elsewhere = front.session("127.0.0.12").post(f"{front.url}/api/archives", json={"jobs": []}, timeout=30)
    assert elsewhere.status_code in (400, 422)  # others are not held to it
    time.sleep(1)
    again = front.session("127.0.0.11").post(f"{front.url}/api/archives", json={"jobs": []}, timeout=30)
    assert again.status_code in (400, 422)


@pytest.mark.parametrize(
    "line",
    ["GET /api/jobs/x", "GET /health/live", "POST /api/jobs/x/cancel", "DELETE /api/jobs/x", "GET /api/jobs"],
)
def test_nobody_is_slowed_down_who_asks_how_a_job_stands(behind: Behind, line: str) -> None:
    assert 429 not in map(status_of, burst(behind[0], "127.0.0.13", 60, asked(line)))


def test_exactly_what_makes_jobs_is_counted(behind: Behind, tmp_path: Path, clock: Clock) -> None:
    front, _ = behind
    app, client = create_app(made_room(tmp_path, clock).world), 20
    makes = {f"/api/{spec.route}" for spec in OPERATIONS.values()} | {"/api/uploads", "/api/archives"}
    makes |= {"/api/jobs/<job_id>/again", "/api/jobs/<job_id>/retry", "/api/batches/<batch_id>/archive"}
    rules = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    assert {("POST", rule) for rule in makes} <= rules
    for method, rule in sorted(rules):
        path = re.sub("<[^>]+>", "x", rule)
        if path.endswith("/events") or method == "OPTIONS":
            continue
        client += 1
        answer = front.session(f"127.0.0.{client}").request(
            method, f"{front.url}{path}", allow_redirects=False, timeout=60
        )
        line = front.line(answer.headers["X-Request-Id"])
        assert line["status"] == answer.status_code
        assert bool(line["limit"]) == (method == "POST" and rule in makes), (method, rule)


@pytest.mark.slow
def test_an_ipv6_network_is_limited_as_one(serve: Callable[..., Served], begin_nginx: Callable[..., Nginx]) -> None:
    realip = "set_real_ip_from 127.0.0.1; real_ip_header X-Client;\n"
    front = begin_nginx(serve("--workers", 1, **BEHIND), more=realip)

    clients = ("2001:db8:0:a::1", "2001:db8:0:a:ffff::2", "2001:db8:0:b::1")
    archives = [asked("POST /api/archives").replace(b"\r\n", f"\r\nX-Client: {it}\r\n".encode(), 1) for it in clients]
    first, same, other = (
        sum(status_of(answer) == 429 for answer in answers) for answers in bursts(front, "127.0.0.1", 30, *archives)
    )
    assert first + same > 2 * other + 10  # two of one /64 share what one of another has for himself
    assert other <= 9


def test_one_client_has_no_more_than_a_hundred_requests_under_way(behind: Behind) -> None:
    front, _ = behind
    context = ssl.create_default_context(cafile=str(front.ca))
    peers, answer = list[ssl.SSLSocket](), b""
    while not answer and len(peers) < 300:  # on a machine that stands still the first ones' time may be over
        plain = socket.create_connection(("127.0.0.1", front.port), timeout=60, source_address=("127.0.0.14", 0))
        peers.append(context.wrap_socket(plain, server_hostname="localhost"))
        peers[-1].sendall(asked("POST /api/jobs/x/cancel", b"{}")[:-1])  # a body that does not end
        peers[-1].settimeout(0.05 if len(peers) <= 100 else 1)
        with suppress(TimeoutError):
            answer = peers[-1].recv(65_536)
    try:
        assert len(peers) > 100
        assert status_of(answer) == 429
        assert front.session("127.0.0.15").get(f"{front.url}/health/live", timeout=30).status_code == 200
    finally:
        for peer in peers:
            peer.close()


@pytest.mark.slow
def test_nobody_chooses_the_address_that_he_is_known_by(
    serve: Callable[..., Served], begin_nginx: Callable[..., Nginx]
) -> None:
    front = begin_nginx(serve("--workers", 1, RATE_LIMIT_ENABLED="true", RATE_LIMIT_DEFAULT="2 per day", **BEHIND))
    for client in ("127.0.0.16", "127.0.0.17"):
        statuses = []
        for number in range(3):
            claims = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
            sent = front.session(client).post(f"{front.url}/api/uploads", json={"name": "a.pdf"}, headers=claims)
            statuses.append(sent.status_code)
        assert statuses == [201, 201, 429]


# Documents on their way


def test_a_job_goes_its_whole_way(behind: Behind) -> None:
    front, _ = behind
    session, pdf = front.session("127.0.0.18"), documents.photo_jpeg()
    begun = session.post(
        f"{front.url}/api/compress", files={"files": ("a.pdf", pdf)}, headers=ASKED_FOR_JSON, timeout=30
    )
    assert begun.status_code == 202
    assert begun.headers["Location"].startswith(front.url)  # links lead through nginx, encrypted
    job = finished(session, begun.headers["Location"])
    assert session.get(job["links"]["download"], timeout=30).content.startswith(b"%PDF-")


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A service that lets nginx send whatever it can, and takes large files."""
    if shipped.PROGRAM is None:
        pytest.skip("there is no nginx here (Debian: nginx-light)")
    folder = tmp_path_factory.mktemp("sending")
    more = {"MAX_INLINE_RESULT_SIZE": "1000", "MAX_FILE_SIZE": "400MB", "ALLOWED_ORIGINS": "https://a.example"}
    service = Served(folder / "data", "--workers", 1, **BEHIND, **more)
    front = Nginx(folder / "nginx", [service.url.removeprefix("http://")], service.data / "files")
    yield front, service
    front.stop()
    service.kill()


def test_nginx_sends_files_with_ranges_and_keeps_their_links_to_itself(sending: Behind) -> None:
    front, service = sending
    session, pdf = front.session(), documents.photo_jpeg()
    begun = session.post(
        f"{front.url}/api/compress", files={"files": ("a.pdf", pdf)}, headers=ASKED_FOR_JSON, timeout=30
    )
    job = finished(session, begun.headers["Location"])
    link = session.get(job["links"]["download"], allow_redirects=False, timeout=30).headers["Location"]
    assert urlsplit(link).path.startswith("/files/results/")
    whole = session.get(link, headers={"Origin": "https://a.example"}, timeout=30)
    assert whole.content.startswith(b"%PDF-")
    assert whole.headers["Content-Type"] == "application/pdf"
    assert "attachment" in whole.headers["Content-Disposition"]
    assert whole.headers["Cache-Control"] == "no-store"
    assert whole.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert whole.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert_each_once(header_lines(front, urlsplit(link).path))
    part = session.get(link, headers={"Range": "bytes=10-19", "If-Range": whole.headers["ETag"]}, timeout=30)
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert session.get(link, headers={"If-None-Match": whole.headers["ETag"]}, timeout=30).status_code == 304
    beyond = session.get(link, headers={"Range": "bytes=99999999-"}, timeout=30)
    assert beyond.status_code == 416
    for file in (service.data / "files").rglob("*"):
        if file.is_file():
            path = file.relative_to(service.data / "files")
            assert session.get(f"{front.url}/stored/{path}", timeout=30).status_code == 404
    token = link.rpartition("/")[2]
    assert token not in front.log.read_text()
    assert front.line(whole.headers["X-Request-Id"])["path"] == "/files/results/*"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts an nginx that works as somebody else")
@pytest.mark.skipif(shipped.PROGRAM is None, reason="there is no nginx here (Debian: nginx-light)")
def test_a_user_of_the_services_group_can_send_them() -> None:
    with tempfile.TemporaryDirectory() as made:  # pytest keeps its own folders from everybody
        folder = Path(made)
        service = Served(folder / "data", "--workers", 1, MAX_INLINE_RESULT_SIZE="1000", **BEHIND)
        for above in (folder, service.data):  # as /var/lib/pdfsmaller is
            above.chmod(0o710)
        files = service.data / "files"
        front = Nginx(folder / "nginx", [service.url.removeprefix("http://")], files, user="nobody root")
        try:
            session, pdf = front.session(), documents.photo_jpeg()
            begun = session.post(
                f"{front.url}/api/compress", files={"files": ("a.pdf", pdf)}, headers=ASKED_FOR_JSON, timeout=30
            )
            job = finished(session, begun.headers["Location"])
            assert session.get(job["links"]["download"], timeout=30).content.startswith(b"%PDF-")
        finally:
            front.stop()
            service.kill()
        [readable] = [file for file in files.rglob("*") if file.is_file() and file.stat().st_mode & 0o077]
        assert readable.stat().st_mode & 0o777 == 0o640
        assert files / "results" in readable.parents


def test_events_come_one_by_one(sending: Behind) -> None:
    front, _ = sending
    session, pdf = front.session(), documents.photo_jpeg()
    begun = session.post(f"{front.url}/api/uploads", json={"name": "a.pdf", "size": len(pdf)}, timeout=30).json()
    stream = session.get(begun["job"]["links"]["events"], stream=True, timeout=30)
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert "Content-Encoding" not in stream.headers
    lines = stream.iter_lines(chunk_size=1)
    told = (json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: "))
    assert next(told)["status"] == "awaiting_upload"  # while there is nothing else to come
    [form] = begun["uploads"]
    sent = front.session().post(form["url"], data=form["fields"], files={"file": pdf}, timeout=30)
    assert sent.status_code == 204
    statuses = [job["status"] for job in told]
    assert statuses[-1] == "succeeded"
    assert len(statuses) >= 2


@pytest.mark.slow
def test_a_large_upload_is_on_no_disk_but_the_services(sending: Behind) -> None:
    front, service = sending
    size, piece = 300_000_000, b"%PDF-1.7\n" + bytes(999_991)
    begun = front.session().post(f"{front.url}/api/uploads", json={"name": "a.pdf"}, timeout=30).json()
    [form] = begun["uploads"]
    boundary = "boundary"
    head = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form["fields"].items()
    )
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'.encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    connection = front.connection()
    connection.putrequest("POST", urlsplit(form["url"]).path)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders()
    connection.send(head)
    for number in range(300):
        connection.send(piece)
        if number % 100 == 50:
            service.until(lambda so_far=number: stored(service) > so_far * 900_000)  # it is there before it has ended
            assert not [file for file in (front.folder / "body").rglob("*") if file.is_file()]
    connection.send(tail)
    assert connection.getresponse().status == 204
    assert "buffered to a temporary file" not in front.errors.read_text()
    # A large body that does not go straight to the store is: nginx says so.
    front.session().post(f"{front.url}/api/jobs/x/again", data=bytes(900_000), timeout=30)
    assert "buffered to a temporary file" in front.errors.read_text()


def stored(service: Served) -> int:
    return sum(file.stat().st_size for file in (service.data / "files").rglob("*") if file.is_file())


def test_a_body_that_comes_byte_by_byte_takes_no_thread_of_the_service(
    behind: Behind, begin_nginx: Callable[..., Nginx]
) -> None:
    _, service = behind
    relay = Relay(service.url.removeprefix("http://"))
    front = begin_nginx(service, upstreams=[relay.address])
    connection, body = front.connection(), b'{"jobs": []}'
    connection.putrequest("POST", "/api/archives")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    for byte in body[:-1]:
        connection.send(bytes([byte]))
        time.sleep(0.02)
    assert relay.connections == 0
    connection.send(body[-1:])
    assert connection.getresponse().status in (400, 422)
    assert relay.requests == ["POST /api/archives"]
    relay.close()


# Below a path of another site


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A service that is one path of a site."""
    if shipped.PROGRAM is None:
        pytest.skip("there is no nginx here (Debian: nginx-light)")
    folder, port = tmp_path_factory.mktemp("below"), shipped.free_port()
    more = {"MAX_INLINE_RESULT_SIZE": "1000", "PUBLIC_BASE_URL": f"https://127.0.0.1:{port}/pdf"}
    service = Served(folder / "data", "--workers", 1, **BEHIND, **more)
    upstream = service.url.removeprefix("http://")
    front = Nginx(folder / "nginx", [upstream], service.data / "files", is_below=True, port=port)
    yield front, service
    front.stop()
    service.kill()


@pytest.mark.slow
def test_below_a_path_all_goes_its_way(below: Behind) -> None:
    front, _ = below
    site, session, pdf = front.url.removesuffix("/pdf"), front.session(), documents.photo_jpeg()
    assert session.get(f"{site}/api/health", timeout=30).text == "theirs"
    assert session.get(front.url, allow_redirects=False, timeout=30).headers["Location"].endswith("/pdf/")
    page = session.get(f"{front.url}/", timeout=30)
    linked = re.findall(r'(?:href|src)="([^"#{]+)"', page.text)
    assert len(linked) > 10
    for link in linked:
        assert session.get(urljoin(page.url, link), timeout=60).text != "theirs", link
    begun = session.post(f"{front.url}/api/uploads", json={"name": "a.pdf", "size": len(pdf)}, timeout=30).json()
    [form] = begun["uploads"]
    assert form["url"].startswith(f"{front.url}/files/")
    events = session.get(begun["job"]["links"]["events"], stream=True, timeout=30)
    lines = events.iter_lines(chunk_size=1)
    assert next(line for line in lines if line.startswith(b"data: "))
    sent = front.session().post(form["url"], data=form["fields"], files={"file": pdf}, timeout=30)
    assert sent.status_code == 204
    assert json.loads([line for line in lines if line.startswith(b"data: ")][-1][6:])["status"] == "succeeded"
    job = session.get(begun["job"]["links"]["self"], timeout=30).json()
    download = session.get(job["links"]["download"], timeout=30)
    assert download.content.startswith(b"%PDF-")
    assert urlsplit(download.url).path.startswith("/pdf/files/results/")  # nginx has sent it
    assert_each_once(list(download.headers.items()))


@pytest.mark.slow
def test_below_a_path_the_same_is_refused(below: Behind) -> None:
    front, _ = below
    for path in ("/.env", "/api/a.db"):
        answer = front.session().get(f"{front.url}{path}", timeout=30)
        assert_each_once(list(answer.headers.items()))
        told = problem(answer)
        assert (told["code"], told["instance"]) == ("forbidden", f"/pdf{path}")
    token = problem(front.session().get(f"{front.url}/files/results/.eJw", timeout=30))
    assert token["code"] == "access_denied"  # the service's to say
    assert front.session().get(f"{front.url}/metrics", timeout=30).status_code == 200
    assert front.session("127.0.0.2").get(f"{front.url}/metrics", timeout=30).status_code == 403
    answers = burst(front, "127.0.0.44", 60, asked("POST /pdf/api/archives", b'{"jobs": []}'))
    assert 5 <= sum(status_of(answer) == 429 for answer in answers) <= 39
    assert 429 not in map(status_of, burst(front, "127.0.0.45", 40, asked("GET /pdf/api/jobs/x")))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian's package is called chromium)")
def test_below_a_path_the_page_works(below: Behind, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    front, _ = below
    file = tmp_path / "a.pdf"
    file.write_bytes(documents.photo_jpeg())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(ignore_https_errors=True).new_page()
        asked_for: list[str] = []
        page.on("request", lambda request: asked_for.append(urlsplit(request.url).path))
        page.goto(f"{front.url}/")
        page.set_input_files("#files", file)
        page.locator("a.download").wait_for(timeout=60_000)
        with page.expect_download() as download:
            page.click("a.download")
        assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
        browser.close()
    assert [path for path in asked_for if not path.startswith("/pdf/")] == []


# Several services


def test_connections_to_the_service_are_used_again(behind: Behind, begin_nginx: Callable[..., Nginx]) -> None:
    _, service = behind
    relay = Relay(service.url.removeprefix("http://"))
    front = begin_nginx(service, upstreams=[relay.address])
    session = front.session()
    for _ in range(20):
        assert session.get(f"{front.url}/health/live", timeout=30).status_code == 200
    assert len(relay.requests) == 20
    assert relay.connections == 1
    relay.close()


def test_they_are_let_go_before_the_service_does() -> None:
    text = (shipped.SHIPPED / "pdfsmaller/upstream.conf").read_text()
    [kept] = re.findall(r"^keepalive_timeout (\d+)s;", text, re.MULTILINE)
    assert int(kept) < min(web_options.options(Settings())["keepalive"], web._KEEP_ALIVE_SECONDS)


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("POST", 1)])
def test_only_what_is_safe_is_asked_of_another(
    behind: Behind, begin_nginx: Callable[..., Nginx], method: str, times: int
) -> None:
    _, service = behind
    relays = [Relay(service.url.removeprefix("http://")) for _ in range(2)]
    front = begin_nginx(service, upstreams=[relay.address for relay in relays])
    for relay in relays:
        relay.is_broken = True  # it does what it is asked, and its answer is lost
    answer = front.session().request(method, f"{front.url}/api/uploads", json={"name": "a.pdf"}, timeout=30)
    assert answer.status_code == 502
    assert "Idempotency-Key" in problem(answer)["detail"]
    assert sum(len(relay.requests) for relay in relays) == times
    for relay in relays:
        relay.close()


def test_a_host_that_is_not_there_costs_nobody_anything(behind: Behind, begin_nginx: Callable[..., Nginx]) -> None:
    _, service = behind
    gone = f"127.0.0.1:{shipped.free_port()}"
    front = begin_nginx(service, upstreams=[gone, service.url.removeprefix("http://")])
    session = front.session("127.0.0.19")
    for _ in range(10):
        assert session.post(f"{front.url}/api/uploads", json={"name": "a.pdf"}, timeout=30).status_code == 201


@pytest.mark.slow
def test_one_of_two_hosts_is_killed_and_nobody_notices(
    serve: Callable[..., Served], begin_nginx: Callable[..., Nginx], tmp_path: Path
) -> None:
    shared = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.db'}",
        "STORAGE_URL": str(tmp_path / "files"),
        "SECRET_KEY": "a key for tests only",
        "LEASE_SECONDS": "6",  # so soon a job goes on elsewhere
        "HEARTBEAT_SECONDS": "1",
    }
    services = [serve("--workers", 1, folder=f"host{number}", **BEHIND, **shared) for number in range(2)]
    front = begin_nginx(*services, files=tmp_path / "files")
    session, pdf, jobs = front.session("127.0.0.40"), documents.photo_jpeg(), set[str]()
    waiting = session.post(f"{front.url}/api/uploads", json={"name": "a.pdf"}, timeout=30).json()["job"]
    asked_for, failures, over = list[float](), list[object](), threading.Event()
    # What a host had begun to say when it died, nobody can finish: who was hearing it asks again, once.
    broken_off = list[str]()

    def poll(client: str, prefer: str) -> None:
        session = front.session(client)
        while not over.is_set():
            begun = time.monotonic()
            try:
                answer = session.get(waiting["links"]["self"], headers={"Prefer": prefer}, timeout=60)
            except requests.exceptions.ChunkedEncodingError:
                (failures if client in broken_off else broken_off).append(client)
            except requests.RequestException as exc:
                failures.append(exc)
            else:
                asked_for.append(time.monotonic() - begun)
                if answer.status_code != 200:
                    failures.append(answer.text)
            over.wait(0.05)

    preferences = ["wait=2", "wait=1", "wait=0", "wait=0"]
    pollers = [threading.Thread(target=poll, args=(f"127.0.0.{30 + n}", it)) for n, it in enumerate(preferences)]
    for poller in pollers:
        poller.start()
    for number in range(24):
        if number == 8:
            kill_at_once(services[0])
        headers = ASKED_FOR_JSON | {"Idempotency-Key": f"key {number}"}
        for _ in range(5):
            answer = session.post(
                f"{front.url}/api/compress", files={"files": ("a.pdf", pdf)}, headers=headers, timeout=60
            )
            if answer.status_code == 202:
                break
            assert answer.status_code in (409, 429, 502)  # it may have come through: sent again, it makes no other
            time.sleep(1)
        jobs.add(answer.json()["job_id"])
    deadline = time.monotonic() + 60
    while len(asked_for) <= 50 and not failures and time.monotonic() < deadline:  # the jobs may have been too quick
        time.sleep(0.1)
    over.set()
    for poller in pollers:
        poller.join()
    assert not failures
    assert len(asked_for) > 50
    assert max(asked_for) > 1  # some were waiting when their host died
    assert len(jobs) == 24
    for job in jobs:
        assert finished(session, f"{front.url}/api/jobs/{job}")["status"] == "succeeded"
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as database:
        [(rows,)] = database.execute("SELECT count(*) FROM jobs")
    assert rows == 24 + 1  # and none was made twice


def test_debians_own_configuration_takes_it_as_it_is(tmp_path: Path) -> None:
    debian = Path("/etc/nginx")
    if shipped.PROGRAM is None or not (debian / "conf.d").is_dir():
        pytest.skip("there is no nginx of Debian's here (nginx-light)")
    folder = tmp_path / "nginx"
    shutil.copytree(debian, folder, ignore=shutil.ignore_patterns("sites-enabled", "modules-enabled"))
    (folder / "sites-enabled").mkdir()
    (folder / "modules-enabled").mkdir()
    shutil.copytree(shipped.SHIPPED / "pdfsmaller", folder / "pdfsmaller")
    shipped.certificate(folder)
    ports = (shipped.free_port(), shipped.free_port())
    filled = shipped.site(folder, ports=ports, upstreams=["127.0.0.1:8080"], files=tmp_path)
    (folder / "conf.d/pdfsmaller.conf").write_text(filled)
    main = folder / "nginx.conf"
    text = main.read_text().replace("/etc/nginx/", f"{folder}/").replace("/var/log/nginx", str(folder))
    text = re.sub("(?m)^user .*\n", "", text)  # which only root may heed
    main.write_text(text.replace("/run/nginx.pid", f"{folder}/nginx.pid"))
    done = subprocess.run([shipped.PROGRAM, "-t", "-c", main, "-e", folder / "e.log"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
