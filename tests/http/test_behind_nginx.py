"""Downloads handed on to a real nginx before the service (``X_ACCEL_PREFIX``)."""

from __future__ import annotations

import http.client
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pdfsmaller.http.app import create_app
from pdfsmaller.media import PDF
from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import FolderRoom, made_room, served

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
DATA = bytes(range(256)) * 400
CONFIGURATION = """
daemon off;
{user}
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {address};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_request_buffering off;
        }}
        location /stored/ {{
            internal;
            alias {store}/;
            disable_symlinks on from={store};
        }}
    }}
}}
"""


@pytest.fixture
def room(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> FolderRoom:
    """Its parameters are further settings."""
    settings = {"x_accel_prefix": "/stored", "max_inline_result_size": 1_000} | getattr(request, "param", {})
    return made_room(tmp_path / "store", clock, **settings)


@pytest.fixture
def nginx(room: FolderRoom, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx that runs as the service's user."""
    if NGINX is None:
        pytest.skip("no nginx here (Debian's package is called nginx-light)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "nginx"
    folder.mkdir()
    with served(room.world) as address:
        configuration = folder / "nginx.conf"
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
        configuration.write_text(
            CONFIGURATION.format(user=user, folder=folder, port=port, address=address, store=tmp_path / "store")
        )
        process = subprocess.Popen([NGINX, "-p", folder, "-c", configuration, "-e", folder / "error.log"])
        try:
            wait_for_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
    assert "crit" not in (folder / "error.log").read_text()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "nginx does not start"
        with socket.socket() as peer:
            if peer.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")


def link(room: FolderRoom, key: str = "jobs/x/1/out.pdf") -> str:
    room.storage.put_file(room.storage.results, key, DATA, media_type=PDF)
    return room.storage.download_link(key, file_name="Größe; 1.pdf", media_type=PDF, expires_seconds=60)


def status_of_an_upload(address: str, client: str, forwarded_for: str) -> int:
    """What a client of this address gets that says it comes from elsewhere."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), source_address=(client, 0), timeout=30)
    headers = {"Content-Type": "application/json", "X-Forwarded-For": forwarded_for}
    connection.request("POST", "/api/uploads", b'{"name": "a.pdf"}', headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    "room",
    [{"rate_limit_enabled": True, "rate_limit_default": "2 per day", "trusted_proxies": "1"}],
    ids=["trusted"],
    indirect=True,
)
def test_each_client_has_its_own_limits_whatever_it_says_of_itself(nginx: str) -> None:
    for client in ("127.0.0.2", "127.0.0.3"):
        statuses = [status_of_an_upload(nginx, client, f"192.0.2.{n}") for n in range(3)]
        assert statuses == [201, 201, 429]


@pytest.mark.parametrize("room", [{"trusted_proxies": trusted} for trusted in ("", "1", "127.0.0.0/8")], indirect=True)
def test_nobody_sees_the_parts_through_a_proxy_on_the_same_host(nginx: str) -> None:
    told = requests.get(f"{nginx}/health", headers={"X-Forwarded-For": "127.0.0.1"}, timeout=30).json()
    assert (told["status"], "details" in told) == ("healthy", False)


@pytest.mark.parametrize("key", ["jobs/x/1/out.pdf", "inbox/a b+ü%20?#&.pdf", "inbox/" + "x" * 1_000])
def test_nginx_sends_the_file_and_says_what_the_service_says_of_it(nginx: str, room: FolderRoom, key: str) -> None:
    answer = requests.get(nginx + link(room, key), timeout=30)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Server"].startswith("nginx")
    assert answer.headers["Content-Type"] == PDF
    assert "Gr%C3%B6%C3%9Fe%3B%201.pdf" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "X-Accel-Redirect" not in answer.headers


def test_it_sees_to_ranges_conditions_and_heads(nginx: str, room: FolderRoom) -> None:
    url = nginx + link(room)
    whole = requests.head(url, timeout=30)
    assert whole.headers["Content-Length"] == str(len(DATA))
    part = requests.get(url, headers={"Range": "bytes=100-299", "If-Range": whole.headers["ETag"]}, timeout=30)
    assert (part.status_code, part.content) == (206, DATA[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(DATA)}"
    assert requests.get(url, headers={"Range": "bytes=999999-"}, timeout=30).status_code == 416
    assert requests.get(url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=30).status_code == 304


def test_nobody_gets_a_file_without_a_link(nginx: str, room: FolderRoom) -> None:
    opened = room.storage.open_link(link(room).rpartition("/")[2])
    assert opened
    opened.stream.close()
    assert requests.get(f"{nginx}/stored/{opened.path}", timeout=30).status_code == 404
    assert requests.get(f"{nginx}{link(room)}x", timeout=30).status_code == 403


def test_the_service_itself_sends_nothing_but_where_it_lies(room: FolderRoom, tmp_path: Path) -> None:
    answer = create_app(room.world).test_client().get(link(room))
    assert answer.data == b""
    where = answer.headers["X-Accel-Redirect"].removeprefix("/stored/")
    assert (tmp_path / "store" / where).read_bytes() == DATA


def test_a_job_goes_its_whole_way_through_nginx(nginx: str, room: FolderRoom) -> None:
    pdf = documents.photo_jpeg()
    begun = requests.post(f"{nginx}/api/uploads", json={"name": "a.pdf", "size": len(pdf)}, timeout=30).json()
    [form] = begun["uploads"]
    assert form["url"].startswith(nginx)
    assert requests.post(form["url"], data=form["fields"], files={"file": pdf}, timeout=30).status_code == 204
    assert room.work() == 0
    downloaded = requests.get(f"{begun['job']['links']['self']}/download", timeout=30)
    assert downloaded.history[0].status_code == 303
    assert downloaded.content.startswith(b"%PDF-")
    assert len(downloaded.content) < len(pdf)
