"""Values from outside, read as their types say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from pdfsmaller.engine.values import read


@dataclass(frozen=True)
class _Part:
    name: str
    pages: int = 0


@dataclass(frozen=True)
class _Whole:
    parts: list[_Part]
    seconds: dict[str, float] = field(default_factory=dict)
    first: _Part | None = None


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (bool, "TRUE", True),
        (bool, "off", False),
        (bool, 1, True),
        (int, " 7 ", 7),
        (int, "10.0", 10),
        (int, 3.0, 3),
        (int, "-12", -12),
        (float, "1.5", 1.5),
        (float, 2, 2.0),
        (str, "", ""),
        (int | None, None, None),
        (int | None, "5", 5),
        (Literal["a", "b"], "b", "b"),
        (Literal["a", "b"] | None, None, None),
        (list[str], ("x", "y"), ["x", "y"]),
        (tuple[int, ...], ["1", 2], (1, 2)),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (_Whole, {"parts": [{"name": "a", "pages": "2"}], "more": 1}, _Whole([_Part("a", 2)])),
        (_Whole, {"parts": [], "first": {"name": "b"}, "seconds": {"x": 1}}, _Whole([], {"x": 1.0}, _Part("b"))),
    ],
)
def test_what_is_written_in_several_ways_is_read_as_its_type(kind: Any, value: Any, expected: Any) -> None:
    result = read(kind, value)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(bool, value) for value in ("maybe", 2, 0.5, None, [], "", float("nan"))],
        *[(int, value) for value in ("1.5", "1e3", "", "٣", "9" * 5_000, 1.5, float("inf"), float("nan"), None, [])],
        *[(float, value) for value in ("much", None, [], 10**400)],
        *[(str, value) for value in (1, None, b"a", ["a"])],
        *[(Literal["a"], value) for value in ("b", None, 1, ["a"], {})],
        *[(list[str], value) for value in ("abc", {}, None, [1])],
        *[(dict[str, int], value) for value in ([], {"a": "b"}, {1: 1}, None)],
        *[(_Whole, value) for value in ([], None, {}, {"parts": [{}]}, {"parts": [{"name": 1}]}, {"parts": {}})],
        *[(int | None, value) for value in ("", "x")],
    ],
)
def test_what_is_of_another_kind_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(kind, value)
