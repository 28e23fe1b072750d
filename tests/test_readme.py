"""The README says what the code does, where it is made from the code."""

from __future__ import annotations

import re

from docs.options import README, filled
from pdfsmaller.operations import OPERATIONS


def test_the_tables_of_options_are_those_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert filled(text) == text, "run: make docs"


def test_every_operation_has_a_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert re.findall(r"<!-- options of ([\w-]+) -->", text) == list(OPERATIONS)
