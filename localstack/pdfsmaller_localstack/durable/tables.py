"""The items of DynamoDB tables."""

from __future__ import annotations

from typing import Any

from pdfsmaller_localstack import durable, dynamodb

_files = durable.Files("tables")


def save() -> None:
    with dynamodb.LOCK:
        _files.write(
            {
                f"{account}.{region}.{table.name}": (table.hash_key_attr, table.range_key_attr, dict(table.items))
                for account, region, table in dynamodb.tables()
            }
        )


def after(operation: str, context: Any) -> None:
    """Put back what a table of this name held, right after it is made. The lock is held."""
    if operation != "CreateTable":
        return
    for account, region, table in dynamodb.tables():
        if (account, region, table.name) == (context.account_id, context.region, context.service_request["TableName"]):
            held = _files.read(f"{account}.{region}.{table.name}")
            if held and held[:2] == (table.hash_key_attr, table.range_key_attr):
                table.items.update(held[2])
