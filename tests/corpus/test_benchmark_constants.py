"""The benchmark of constants changes the one that it is told, wherever it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.constants import patched
from benchmarks.constants.__main__ import Made, in_words

_SHOW = """
from benchmarks.constants import patched
patched.install("pdfsmaller.engine.images.goal.MIN_GAIN", 0.5)
from pdfsmaller.engine.images import goal
from pdfsmaller.engine.images.goal import MIN_GAIN
print(MIN_GAIN, goal.Goal.__dataclass_fields__["min_gain"].default, goal.SMALL_PAGE)
"""


def test_names_imported_elsewhere_and_defaults_follow_and_others_stay() -> None:
    shown = subprocess.run([sys.executable, "-c", _SHOW], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["0.5", "0.5", "600.0"]


def test_the_value_in_the_code_is_read_also_of_two_in_one_line() -> None:
    assert patched.value_in("A = 1\nB, C = 0.95, 2\n", "C") == 2
    with pytest.raises(ValueError, match="no number is given to D"):
        patched.value_in("D = min(1, 2)\n", "D")


def test_a_module_that_is_loaded_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="loaded already"):
        patched.install(f"{__name__}._SHOW", 1)


def test_figures_are_over_the_documents_that_change() -> None:
    rows = [Made("same.pdf", value, 100, 70, 1.0, 1.0, 1.0) for value in (1.0, 2.0)] + [
        Made("other.pdf", 1.0, 100, 50, 0.9, 0.8, 1.0),
        Made("other.pdf", 2.0, 100, 40, 0.8, 0.7, 3.0),
    ]
    page = in_words(rows, (1.0, 2.0), 1.0, "command")
    assert "1 of 2 documents change" in page
    assert "| **1** | 0.5000 | 50 | 0.9000 | 0.8000 | 1.00 |" in page
    assert "| 2 | 0.4000 | 40 | 0.8000 | 0.7000 | 3.00 |" in page
    assert "| other.pdf | 50 (0.9000) | 40 (0.8000) |" in page
