"""The dashboard by Grafana's own model of one. No Grafana runs here: its packages are not to be had by Debian, PyPI or
npm. What its queries are is shown to a real Prometheus in ``test_watching``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.deploy.dashboard import FOLDER, dashboard, panels, queries


def test_grafana_reads_all_of_it() -> None:
    """Its model keeps each field; one that it does not know, or in the wrong place, would be lost."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    given = dashboard()
    kept = json.loads(json.dumps(Dashboard.from_json(given), cls=JSONEncoder))
    assert list(lost(given, kept)) == []


def lost(given: Any, kept: Any, at: str = "") -> list[str]:
    """Where ``kept`` does not have what is given; it may have defaults beside."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [where for key, value in given.items() for where in lost(value, kept.get(key), f"{at}.{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        pairs = enumerate(zip(given, kept, strict=True))
        return [where for number, pair in pairs for where in lost(*pair, f"{at}[{number}]")]
    return [] if given == kept else [at]


def test_a_field_that_grafana_does_not_know_is_found() -> None:
    assert lost({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}) == []
    assert lost({"a": [{"b": 1, "x": 0}]}, {"a": [{"b": 1}]}) == [".a[0].x"]


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        fields = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert fields & taken == set(), panel["title"]
        assert max(x for x, _ in fields) < 24
        taken |= fields
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_panel_asks_the_prometheus_that_is_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels():
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [chosen] * (
            1 + len(panel["targets"])
        )


@pytest.mark.parametrize(
    "what",
    [
        "http_requests_total",
        "http_request_duration_seconds_bucket",
        "active_compression_jobs",
        "compression_ratio",
        "file_size_processed_bytes_total",
        "queue_messages",
        "jobs_failed_total",
        "* 0.05",  # the price of an hour, which is a variable
        "workers_alive",
        "cleanup_done_total",
        "storage_used_ratio",
        "backup_last_success_timestamp_seconds",
    ],
)
def test_it_shows_what_an_operator_asks_for(what: str) -> None:
    assert [title for title, query in queries() if what in query]


def test_what_provisions_it_names_the_same_things() -> None:
    [source] = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((FOLDER / "provisioning/dashboards/pdfsmaller.yml").read_text())["providers"]
    [chosen] = [one for one in dashboard()["templating"]["list"] if one["type"] == "datasource"]
    assert source["type"] == chosen["query"]
    assert provider["type"] == "file"
    prometheus = yaml.safe_load((FOLDER.parent / "prometheus/prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
