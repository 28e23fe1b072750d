"""A real nginx with what ``deploy/nginx`` has, on ports of its own and for whoever runs the tests.

Of the site's file, which is there to be filled in, only what a server fills in is another here: names, ports, paths and
upstreams. The files that it includes are those that are shipped.
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "nginx"
PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
_PATIENCE_SECONDS = 30.0
_MAIN = """
daemon off;
worker_processes 2;
{user}
pid nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include site.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def site(folder: Path, *, ports: tuple[int, int], upstreams: Sequence[str], files: Path) -> str:
    """The shipped site, filled in: for ``localhost``, on these ports for http and https."""
    text = (SHIPPED / "pdfsmaller.conf").read_text()
    text = re.sub(r"listen \[::\]:.*\n", "", text)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{ports[0]};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{ports[1]} ")
    text = text.replace("pdf.example.org", "localhost").replace("/etc/letsencrypt/live/localhost", str(folder))
    text = text.replace("/var/log/nginx", str(folder)).replace("/var/www/letsencrypt", str(folder / "www"))
    text = text.replace("/var/lib/pdfsmaller/files/", f"{files}/")
    servers = "\n".join(f"server {one} max_fails=2 fail_timeout=5s;" for one in upstreams)
    return text.replace("server 127.0.0.1:8080 max_fails=2 fail_timeout=5s;", servers)


def certificate(folder: Path) -> Path:
    """Makes one that signs itself, for ``localhost`` and its address."""
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "privkey.pem"]
    made = ["openssl", "req", "-x509", "-days", "2", *subject, *key, "-out", folder / "fullchain.pem"]
    subprocess.run(made, check=True, capture_output=True)
    return folder / "fullchain.pem"


def below(site: str, files: Path) -> str:
    """The filled-in site as one of somebody else's, which has the service below ``/pdf/``."""
    ours = (SHIPPED / "subpath.conf").read_text().replace("/var/lib/pdfsmaller/files/", f"{files}/")
    head, _, tail = site.partition("    # MAX_REQUEST_SIZE and 1 MB")
    tail = tail[tail.index("    include pdfsmaller/acme.conf;") :]
    tail = tail.replace("include pdfsmaller/service.conf;", "location / { return 200 'theirs'; }")
    return head + tail.replace("    include pdfsmaller/locations.conf;", ours)


class _From(HTTPAdapter):
    def __init__(self, client: str) -> None:
        self._client = client
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._client, 0))


class Nginx:
    """One nginx, before services at ``upstreams`` (``host:port``) whose files are in ``files``.

    Attributes:
        url: its address for https.
        plain: its address for http.
        ca: the certificate that its own is checked by.
        log: what it says of requests.
        errors: what it says of itself.

    Args:
        more: what stands where other proxies before nginx are named.
        user: whom it works as where root starts it, and with which group; otherwise root too.
        is_below: whether the service is a part of another site.
        port: the one for https; any that is free by default.
    """

    def __init__(
        self,
        folder: Path,
        upstreams: Sequence[str],
        files: Path,
        *,
        more: str = "",
        user: str = "",
        is_below: bool = False,
        port: int = 0,
    ) -> None:
        assert PROGRAM
        self.folder = folder
        (folder / "www").mkdir(parents=True)
        self.ca = certificate(folder)
        ports = (free_port(), port or free_port())
        self.plain, self.url = f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"
        self.port = ports[1]
        self.log, self.errors = folder / "pdfsmaller.access.log", folder / "pdfsmaller.error.log"
        (folder / "pdfsmaller").symlink_to(SHIPPED / "pdfsmaller")
        filled = site(folder, ports=ports, upstreams=upstreams, files=files)
        if is_below:
            filled, self.url = below(filled, files), f"{self.url}/pdf"
        (folder / "site.conf").write_text(filled.replace("    # real_ip_header   X-Forwarded-For;\n", more))
        if os.geteuid() == 0:
            user = f"user {user or pwd.getpwuid(0).pw_name};"
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
        self.start()

    def start(self) -> None:
        """Begin, or begin again after ``kill``."""
        assert PROGRAM
        arguments = [PROGRAM, "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]
        self.process = subprocess.Popen(arguments, start_new_session=True)
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self._listens():
            assert self.process.poll() is None, (self.folder / "error.log").read_text()
            assert time.monotonic() < end, "nginx does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill all of its processes, as systemd does where the first one died."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _listens(self) -> bool:
        with socket.socket() as peer:
            return peer.connect_ex(("127.0.0.1", self.port)) == 0

    def session(self, client: str = "127.0.0.1") -> requests.Session:
        """Requests by https from this address of this host."""
        session = requests.Session()
        session.trust_env, session.verify = False, str(self.ca)
        session.mount("https://", _From(client))
        return session

    def connection(self, client: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """The same for what ``requests`` does not show: header lines that come twice, or bodies on their way."""
        context = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=_PATIENCE_SECONDS, context=context, source_address=(client, 0)
        )

    def logged(self) -> list[dict[str, Any]]:
        """The requests that it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def line(self, request_id: str) -> dict[str, Any]:
        """What it has logged of a request; it does so once the answer has gone."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            if found := [line for line in self.logged() if line["request_id"] == request_id]:
                return found[-1]
            time.sleep(0.02)
        raise AssertionError(f"nothing is logged of {request_id}")

    def signal(self, name: str) -> None:
        """``reload``, ``reopen`` …"""
        assert PROGRAM
        subprocess.run([PROGRAM, "-p", self.folder, "-c", self.folder / "nginx.conf", "-s", name], check=True)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
