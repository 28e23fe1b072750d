"""Figures of the whole service, in a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from pdfsmaller.jobs.figures import Figure
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import figures

_ALL = select(figures).order_by(figures.c.name, figures.c.labels)


class SqlFigures:
    """``Figures`` in a database. A figure is added to by one statement, so that nobody reads what he is to write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = database.insert_or_update(figures, lambda new: {"value": figures.c.value + new.value})
        self._set = database.insert_or_update(figures, lambda new: {"value": new.value})

    def add(self, added: Iterable[Figure]) -> None:
        # In one order, whoever adds: of two that lock the same rows one waits, and none for the other.
        rows = sorted(map(_row, added), key=lambda row: (row["name"], row["labels"]))
        if rows:
            with self._database.writing(lasting=False) as connection:
                connection.execute(self._add, rows)

    def set(self, figure: Figure) -> None:
        with self._database.writing() as connection:
            connection.execute(self._set, _row(figure))

    def all(self) -> list[Figure]:
        with self._database.reading() as connection:
            return [Figure(row.name, row.value, json.loads(row.labels)) for row in connection.execute(_ALL)]


def _row(figure: Figure) -> dict[str, Any]:
    labels = json.dumps(dict(figure.labels), sort_keys=True, separators=(",", ":"))
    return {"name": figure.name, "labels": labels, "value": figure.value}
