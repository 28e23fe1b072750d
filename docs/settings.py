"""Makes ``.env.example`` from the settings: ``python -m docs.settings``, or ``make docs``.

Names, defaults and explanations stand in ``pdfsmaller.settings``; here is only what they are laid out with, and the few
variables that are somebody else's (boto3's, the local runner's).
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from pdfsmaller.settings import Settings, Size

EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"

_WIDTH = 118
_TAKES_UNITS = get_args(Size)[1]
_HEAD = """\
# Every setting of PDF Smaller, with its default. Made by `make docs` from shared/pdfsmaller/settings.py.
# On AWS template.yaml sets them from its parameters; `make local` reads them from the environment or from a file called
# .env beside this one. Sizes take bytes or 500KB, 100MB (powers of 1,000).
"""
#: The headings, each by the first setting below it.
_HEADINGS = {
    "uploads_bucket": "Where things are",
    "database_url": "A server of one's own; AWS has none of these",
    "max_file_size": "What one request or document may cost",
    "max_file_age_hours": "How jobs live",
    "allowed_origins": "The HTTP side",
}
_BOTO3 = """\
# Endpoint of S3, SQS and DynamoDB. Read by boto3 itself; leave it out on AWS.
#AWS_ENDPOINT_URL=http://localhost:4566
#AWS_DEFAULT_REGION=us-east-1
"""
#: Their home is localstack/pdfsmaller_local/config.py.
_LOCAL = """\
#EMULATOR=localstack
#EMULATOR_PORT=4566
"""


def example() -> str:
    """The whole text of ``.env.example``."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        if name in _HEADINGS:
            parts.append(_heading(_HEADINGS[name]))
        if name == "uploads_bucket":
            parts.append(_BOTO3)
        explained = f"# {field.description}{_bounds(field)}"
        parts += [f"{line}\n" for line in textwrap.wrap(explained, _WIDTH, subsequent_indent="# ")]
        parts.append(f"{name.upper()}={as_text(field)}\n")
    return "".join([*parts, _heading("`make local` only"), _LOCAL])


def as_text(field: FieldInfo) -> str:
    """A setting's default as one writes it into the environment."""
    default: Any = field.default
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list):
        return ",".join(default)
    if _TAKES_UNITS in field.metadata:
        return _size(default)
    return f"{default:g}" if isinstance(default, float) else str("" if default is None else default)


def _bounds(field: FieldInfo) -> str:
    least = [item.ge for item in field.metadata if isinstance(item, Ge)]
    most = [item.le for item in field.metadata if isinstance(item, Le)]
    return f" From {least[0]} to {most[0]}." if least and most else ""


def _size(number: int) -> str:
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)):
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return str(number)


def _heading(title: str) -> str:
    return f"\n# --- {title} ".ljust(_WIDTH, "-") + "\n"


if __name__ == "__main__":
    EXAMPLE.write_text(example(), encoding="utf-8")
