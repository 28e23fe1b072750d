"""Prometheus' rules and Alertmanager's routes, by their own programs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULE_TESTS = sorted(FOLDER.glob("*.test.yml"))


def ran(program: str, *arguments: object, cwd: Path | None = None) -> str:
    """What the program says; it must be content. Without it the test is skipped."""
    if shutil.which(program) is None:
        package = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}[program]
        pytest.skip(f"no {program} here (Debian's package is called {package})")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "pdfsmaller.token").write_text("secret")
    said = ran("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert f"SUCCESS: {len(list(rules()))} rules found" in said


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.name)
def test_alerts_fire_when_they_should(path: Path) -> None:
    assert "SUCCESS" in ran("promtool", "test", "rules", path)


def test_each_alert_is_shown_to_fire_and_to_be_silent() -> None:
    fires, silent = set(), set()
    for test in (test for path in RULE_TESTS for test in yaml.safe_load(path.read_text())["tests"]):
        for case in test["promql_expr_test"]:
            if samples := case.get("exp_samples"):
                fires |= {name for sample in samples for name in re.findall(r'alertname="(\w+)"', sample["labels"])}
            else:
                silent |= set(re.findall(r'alertname=~?"([\w|.*]+)"', case["expr"]))
    names = {alert["alert"] for alert in alerts()}
    assert fires == names
    assert {name for name in names if not any(re.fullmatch(pattern, name) for pattern in silent)} == {"Watchdog"}


def test_each_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("critical", "warning", "none"), alert["alert"]
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}, alert["alert"]


def test_what_to_do_stands_in_the_guide() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", guide, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for alert in alerts():
        file, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert (file, anchor in anchors) == ("docs/deploy.md", True), f"{alert['alert']}: {anchor}"


def test_figures_of_the_whole_service_are_never_added_up_over_hosts() -> None:
    """Every host tells the same ones: their sum would count each once for each host."""
    of_hosts = r"(http_\w+|node_\w+|pg_\w+|pdfsmaller:[\w:]+)"
    for rule in rules():
        for summed in re.findall(r"\bsum(?: by \([\w, ]*\))?\s*\(\s*(?:rate\(|increase\()?\s*([\w:]+)", rule["expr"]):
            assert re.fullmatch(of_hosts, summed), rule


def test_alertmanager_takes_the_configuration() -> None:
    assert "SUCCESS" in ran("amtool", "check-config", FOLDER / "alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "PdfsmallerDown", "severity": "critical"}, "on-call"),
        ({"alertname": "PdfsmallerSlow", "severity": "warning"}, "mail"),
        ({"alertname": "Watchdog", "severity": "none"}, "watchdog"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["severity"],
)
def test_an_alert_goes_to_whom_it_concerns(labels: dict[str, str], receiver: str) -> None:
    words = [f"{name}={value}" for name, value in labels.items()]
    said = ran("amtool", "config", "routes", "test", f"--config.file={FOLDER / 'alertmanager.yml'}", *words)
    assert said.splitlines()[0] == receiver


def test_inhibitions_name_alerts_that_there_are() -> None:
    names = {alert["alert"] for alert in alerts()}
    for rule in yaml.safe_load((FOLDER / "alertmanager.yml").read_text())["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            assert set(re.findall(r'"(.+)"', matcher)[0].split("|")) <= names
