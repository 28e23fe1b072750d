"""What AWS's answers say: the codes of errors, entity tags."""

from __future__ import annotations

from typing import Any


def error_code(exc: Any) -> str:
    """Of a botocore ``ClientError``, such as ``NoSuchKey``."""
    return str(exc.response["Error"]["Code"])


def is_condition_refused(exc: Any) -> bool:
    """Whether DynamoDB has not written since the row was not as it should be."""
    return error_code(exc) == "ConditionalCheckFailedException"


def unquoted(etag: str) -> str:
    """An entity tag as S3 has it, which puts it between quotes here and not there (in an inventory)."""
    return etag.strip('"')


def quoted(etag: str) -> str:
    """An entity tag as HTTP has it."""
    return f'"{etag}"'
