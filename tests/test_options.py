"""What callers may ask for, and how they are told what is wrong."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pdfsmaller.engine.options import PRESETS, CompressOptions
from pdfsmaller.engine.units import parse_size
from pdfsmaller.errors import InvalidOption


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500000", 500_000),
        ("500KB", 500_000),
        ("500 kb", 500_000),
        ("1.5MB", 1_500_000),
        (" 2GB ", 2_000_000_000),
        ("20000B", 20_000),
        (123_456, 123_456),
    ],
)
def test_sizes(text: Any, expected: int) -> None:
    assert parse_size(text) == expected
    assert CompressOptions.parse({"target_size": text}).target_size == expected


@pytest.mark.parametrize("text", ["", "big", "-5", "1e6", "5 TB", "1,5MB", "0x10", "NaN", "1MB2", "9" * 400])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(1_000, 10**12), st.sampled_from(["", "B", "KB", "MB", "gb"]))
def test_sizes_are_exact(count: int, unit: str) -> None:
    factor = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "gb": 10**9}[unit]
    assert parse_size(f"{count}{unit}") == pytest.approx(count * factor, rel=1e-12)


@pytest.mark.parametrize(
    ("fields", "dpi", "quality"),
    [
        ({}, 144, 75),
        ({"preset": "lossless"}, None, None),
        ({"preset": "printer"}, 300, 85),
        ({"preset": "ebook"}, 150, 72),
        ({"preset": "screen"}, 72, 60),
        ({"preset": "screen", "dpi": "100"}, 100, 60),
        ({"preset": "ebook", "image_quality": "40"}, 150, 40),
        ({"dpi": 200, "image_quality": 90}, 200, 90),
    ],
)
def test_presets_set_dpi_and_quality_and_explicit_values_override_them(
    fields: dict[str, Any], dpi: int | None, quality: int | None
) -> None:
    options = CompressOptions.parse(fields)
    assert (options.effective_dpi, options.effective_quality) == (dpi, quality)


def test_presets_get_smaller_in_order() -> None:
    order = [PRESETS[name] for name in ("printer", "ebook", "screen")]
    values = [(p.dpi, p.image_quality) for p in order]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("preset", "tiny"),
        ("dpi", "35"),
        ("dpi", 1201),
        ("dpi", "high"),
        ("image_quality", 9),
        ("image_quality", 101),
        ("color_mode", "sepia"),
        ("target_size", "999"),
        ("target_size", "small"),
        ("target_size", "1001GB"),
        ("target_size", "9" * 100),
        ("effort", "lots"),
        ("verify", "maybe"),
        ("linearize", "perhaps"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(field: str, value: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        CompressOptions.parse({field: value})
    error = caught.value
    assert (error.field, error.value, error.allowed) == (field, str(value), CompressOptions.allowed(field))
    assert field in error.message
    assert all(allowed in error.message for allowed in error.allowed)


def test_an_unknown_option_is_named_with_those_that_exist() -> None:
    with pytest.raises(InvalidOption) as caught:
        CompressOptions.parse({"quality": 5})
    assert caught.value.field == "quality"
    assert "image_quality" in caught.value.allowed


@pytest.mark.parametrize(
    ("field", "value"), [("dpi", 100), ("image_quality", 50), ("color_mode", "grayscale"), ("target_size", "1MB")]
)
def test_lossless_takes_nothing_that_loses(field: str, value: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        CompressOptions.parse({"preset": "lossless", field: value})
    assert caught.value.field == field
    CompressOptions.parse({"preset": "lossless", "color_mode": "no-change", "strip_metadata": True})


def test_empty_text_counts_as_not_given() -> None:
    assert CompressOptions.parse({"preset": "", "dpi": None, "target_size": ""}) == CompressOptions()


def test_options_are_frozen() -> None:
    options = CompressOptions()
    with pytest.raises(FrozenInstanceError):
        options.dpi = 100  # type: ignore[misc]


def test_a_password_is_never_shown() -> None:
    options = CompressOptions.parse({"password": "hunter2"})
    assert options.password is not None
    assert options.password == "hunter2"
    for shown in (repr(options), str(options), str(options.to_json())):
        assert "hunter2" not in shown
    with pytest.raises(InvalidOption) as caught:
        CompressOptions.parse({"password": 17})
    assert "17" not in f"{caught.value.message}{caught.value.value}"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*CompressOptions.names(), "other"]), st.one_of(st.text(), st.integers())))
def test_untrusted_fields_give_options_or_one_typed_error(fields: dict[str, Any]) -> None:
    with suppress(InvalidOption):
        assert isinstance(CompressOptions.parse(fields), CompressOptions)
