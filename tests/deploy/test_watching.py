"""A real Prometheus and a real Alertmanager over the real service, with the files of ``deploy``: only addresses and
times are the test's own.
"""

from __future__ import annotations

import http.server
import json
import re
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests import documents
from tests.deploy.dashboard import queries
from tests.processes import served
from tests.processes.served import Served

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
#: What exporters, Alertmanager and Prometheus itself tell.
_OTHERS = re.compile(r"(node|pg|nginx|probe|alertmanager)_\w+|up|ALERTS|pdfsmaller:[\w:]+")
#: These come only once something bad has happened, which the test does not wait for.
_RARE = {"http_held_seconds_count"}


def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here (Debian's package is called {package})")
    return found


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What it gives once that is something."""
    ends_at = time.monotonic() + seconds
    while True:
        try:
            if found := what():
                return found
        except requests.ConnectionError:
            pass
        assert time.monotonic() < ends_at, "it did not come to that"
        time.sleep(0.2)


@contextmanager
def running(log: Path, *command: object) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen([*map(str, command)], stdout=output, stderr=output, cwd=log.parent)
    try:
        yield
        assert process.poll() is None, log.read_text()[-3_000:]
    finally:
        process.terminate()
        process.wait(30)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes in what Alertmanager tells a webhook."""

    told: list[dict[str, Any]]

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.append({"path": self.path} | message)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where a webhook is, and what it was told."""
    told: list[dict[str, Any]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Receiver,), {"told": told}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", told
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def token() -> str:
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, token: str) -> Iterator[Served]:
    """A service that has had one job of each end, a run of cleanup and a backup."""
    one = Served(tmp_path_factory.mktemp("service") / "data", "--workers", 1, METRICS_TOKEN=token)
    try:
        jobs = [one.post(documents.photo_jpeg())["job_id"], one.post(b"%PDF-1.7 and nothing else")["job_id"]]
        ends = [one.finished(job)["status"] for job in jobs]
        assert ends == ["succeeded", "failed"], ends
        backup = served.run("admin", "backup", "--data", one.data)
        assert backup.returncode == 0, backup.stdout + backup.stderr
        requests.get(f"{one.url}/", timeout=30)
        yield one
    finally:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture(scope="module")
def alertmanager(receiver: tuple[str, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With deploy's routes; its mails go nowhere, and it waits for nothing before it tells."""
    binary = program("prometheus-alertmanager", "prometheus-alertmanager")
    room = tmp_path_factory.mktemp("alertmanager")
    text = (FOLDER / "alertmanager.yml").read_text()
    (room / "password").write_text("x")
    for there, here in {
        "smtp.example.org:587": "127.0.0.1:9",
        "/etc/prometheus/smtp-password": str(room / "password"),
        "127.0.0.1:9099": receiver[0],
    }.items():
        assert there in text
        text = text.replace(there, here)
    (room / "alertmanager.yml").write_text(re.sub(r"group_wait: \d+s", "group_wait: 1s", text))
    at = address()
    arguments = [f"--config.file={room}/alertmanager.yml", f"--storage.path={room}/data", f"--web.listen-address={at}"]
    with running(room / "log", binary, *arguments, "--cluster.listen-address="):
        until(lambda: requests.get(f"http://{at}/-/ready", timeout=5).ok)
        yield at


@pytest.fixture(scope="module")
def prometheus(
    service: Served, alertmanager: str, token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """With deploy's scrapes and rules, every second; what an alert lasts for before it fires is a second too."""
    binary = program("prometheus", "prometheus")
    room, at = tmp_path_factory.mktemp("prometheus"), address()
    (room / "pdfsmaller.token").write_text(token)
    given = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    given["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    given["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    here = {"pdfsmaller": service.url.removeprefix("http://"), "alertmanager": alertmanager, "prometheus": at}
    given["scrape_configs"] = [one for one in given["scrape_configs"] if one["job_name"] in here]
    for one in given["scrape_configs"]:
        one["static_configs"][0]["targets"] = [here[one["job_name"]]]
    (room / "prometheus.yml").write_text(yaml.safe_dump(given))
    rules = (FOLDER / "alerts.yml").read_text()
    (room / "alerts.yml").write_text(re.sub(r"(?m)^        for: \w+$", "        for: 1s", rules))
    arguments = [
        f"--config.file={room}/prometheus.yml",
        f"--storage.tsdb.path={room}/data",
        f"--web.listen-address={at}",
    ]
    with running(room / "log", binary, *arguments):
        until(lambda: requests.get(f"http://{at}/-/ready", timeout=5).ok)
        until(lambda: value(at, 'up{job="pdfsmaller"}') == 1)
        yield at


def asked(prometheus: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query; it must be one that it understands."""
    answer = requests.get(f"http://{prometheus}/api/v1/query", params={"query": query}, timeout=30).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    result = answer["data"]["result"]
    return [dict(one) for one in result] if answer["data"]["resultType"] == "vector" else [{"value": result}]


def value(prometheus: str, query: str) -> float | None:
    """The value of a query that gives one, or None where it gives nothing."""
    found = asked(prometheus, query)
    return float(found[0]["value"][1]) if found else None


def names(query: str) -> set[str]:
    """The series that a query is about."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]', "", query)
    bare = re.sub(r"\b(by|on|without|ignoring) \([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    words = set(re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])", bare))
    return words - {"or", "and", "unless", "by", "on", "offset", "sum", "max", "count", "h", "m", "s"}


def queries_of_rules() -> list[str]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def exposed(service: Served, token: str) -> set[str]:
    """The names of what the service tells, as they stand in queries."""
    answer = requests.get(f"{service.url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return set(re.findall(r"^(\w+)[ {]", answer.text, re.MULTILINE))


def test_a_query_is_about_these_series() -> None:
    query = 'time() - max by (le) (rate(a_total{b!~"c|d", e="f"}[5m])) > 2 or on () (g:h == 1 unless on () i) '
    assert names(query + "and j offset 1h") == {"a_total", "g:h", "i", "j"}


def test_alerts_and_dashboard_ask_for_what_the_service_tells(service: Served, token: str) -> None:
    asked_for = {name for query in [*queries_of_rules(), *(query for _, query in queries())] for name in names(query)}
    ours = {name for name in asked_for if not _OTHERS.fullmatch(name)}
    assert len(ours) > 20
    assert ours - exposed(service, token) - _RARE == set()


def test_exporters_tell_what_is_asked_of_them() -> None:
    """Debian's node exporter, for itself; the others' names are those of their documentation."""
    binary, at = program("prometheus-node-exporter", "prometheus-node-exporter"), address()
    process = subprocess.Popen(
        [binary, f"--web.listen-address={at}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        text = until(lambda: requests.get(f"http://{at}/metrics", timeout=10)).text
    finally:
        process.terminate()
        process.wait(30)
    told = set(re.findall(r"^(\w+)[ {]", text, re.MULTILINE))
    asked_for = {name for query in [*queries_of_rules(), *(query for _, query in queries())] for name in names(query)}
    assert {name for name in asked_for if name.startswith("node_")} - told == set()


def test_nobody_reads_the_figures_without_the_token(service: Served) -> None:
    assert requests.get(f"{service.url}/metrics", timeout=30).status_code == 401


def test_a_healthy_service_fires_nothing_but_the_watchdog(prometheus: str) -> None:
    until(lambda: value(prometheus, "max(cleanup_last_run_timestamp_seconds)"))
    until(lambda: asked(prometheus, 'ALERTS{alertname="Watchdog", alertstate="firing"}'))
    time.sleep(3)  # three times what an alert lasts for here
    assert asked(prometheus, 'ALERTS{alertname!="Watchdog", alertstate="firing"}') == []
    assert value(prometheus, "max(workers_alive)") == 1
    assert value(prometheus, 'sum(max by (outcome) (jobs_ended_total{outcome="failed"}))') == 1


def test_rules_are_evaluated_without_an_error(prometheus: str) -> None:
    groups = requests.get(f"http://{prometheus}/api/v1/rules", timeout=30).json()["data"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert len(found) == len(queries_of_rules())
    until(lambda: value(prometheus, "min(prometheus_rule_group_last_evaluation_timestamp_seconds)"))
    assert {rule["name"]: rule["lastError"] for rule in found if rule.get("lastError")} == {}


def test_every_panel_of_the_dashboard_can_be_asked(prometheus: str) -> None:
    """And shows something, but for what is missing here: other exporters, and what rates need two values of."""
    time.sleep(2)
    empty = {title for title, query in queries() if not asked(prometheus, query)}
    assert empty <= {
        "Connections to PostgreSQL",
        "Disks of the hosts",
        "Processors of the hosts",
        "Memory of the hosts",
        "Certificate valid for",
        "Requests that are held",
        "Cost of 1,000 jobs",
        "Failed requests",
        "Efficiency",
        "Oldest job waits",
        "Age of the oldest message",
    }, empty


def test_what_is_wrong_reaches_whom_it_concerns(
    prometheus: str, service: Served, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    """The last one that needs the service."""
    assert service.stop() == 0

    def calls() -> list[dict[str, Any]]:
        return [call for call in receiver[1] if call["groupLabels"].get("alertname") == "PdfsmallerDown"]

    call = until(calls)[0]
    assert (call["path"], call["status"], call["receiver"]) == ("/alerts", "firing", "on-call")
    assert call["commonLabels"]["environment"] == "production"
    assert call["commonAnnotations"]["runbook"] == "docs/deploy.md#it-does-not-start"
    until(lambda: [call for call in receiver[1] if (call["path"], call["receiver"]) == ("/watchdog", "watchdog")])


def test_what_follows_from_something_worse_is_not_told_beside_it(
    alertmanager: str, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    same = {"service": "pdfsmaller", "environment": "staging", "severity": "critical"}
    told = [
        {"labels": same | {"alertname": name}}
        for name in ("PostgresDown", "PdfsmallerStoreDown", "PdfsmallerErrorRate")
    ]
    other = {"labels": same | {"alertname": "PdfsmallerStoreDown", "environment": "production"}}
    assert requests.post(f"http://{alertmanager}/api/v2/alerts", json=[*told, other], timeout=30).ok

    def states() -> dict[tuple[str, str], str]:
        found = requests.get(f"http://{alertmanager}/api/v2/alerts", timeout=30).json()
        return {(one["labels"]["environment"], one["labels"]["alertname"]): one["status"]["state"] for one in found}

    until(lambda: states().get(("staging", "PdfsmallerStoreDown")) == "suppressed")
    assert states()["staging", "PdfsmallerErrorRate"] == "suppressed"
    assert states()["staging", "PostgresDown"] == "active"
    assert states()["production", "PdfsmallerStoreDown"] == "active"
