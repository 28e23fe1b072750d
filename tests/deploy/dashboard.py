"""The Grafana dashboard as its tests read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
#: What Grafana fills in before it asks Prometheus.
_FILLED_IN = {"__rate_interval": "1m", "__range": "1h", "__interval": "15s", "price": "0.05"}


def dashboard() -> dict[str, Any]:
    return dict(json.loads((FOLDER / "pdfsmaller.json").read_text(encoding="utf-8")))


def panels() -> Iterator[dict[str, Any]]:
    """All that show something."""
    yield from (panel for panel in dashboard()["panels"] if panel["type"] != "row")


def queries() -> Iterator[tuple[str, str]]:
    """Each query with its panel's title, as Prometheus gets it.

    Raises:
        KeyError: a variable that nobody fills in.
    """
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$\{?(\w+)\}?", lambda found: _FILLED_IN[found[1]], target["expr"])
