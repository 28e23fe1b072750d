"""Which operation and options a watched file gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pdfsmaller.errors import InvalidOption
from pdfsmaller.services.watch.wishes import OPTIONS_MAX_BYTES, wished

PDF, JPEG = b"%PDF-1.7\n", b"\xff\xd8\xff\xe0"


def given(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("name", "head", "options", "operation", "fields"),
    [
        ("a.pdf", PDF, None, "compress", {}),
        ("a.jpg", JPEG, None, "image-to-pdf", {}),
        ("a.txt", b"text", None, "compress", {}),
        ("screen/a.pdf", PDF, None, "compress", {"preset": "screen"}),
        ("clients/x/printer/screen/a.pdf", PDF, None, "compress", {"preset": "printer"}),
        ("Screen/screen", PDF, None, "compress", {}),
        ("scan/a.jpg", JPEG, None, "image-to-pdf", {"preset": "scan"}),
        ("screen/a.pdf", PDF, given(preset="ebook", dpi=100), "compress", {"preset": "ebook", "dpi": 100}),
        ("screen/a.pdf", PDF, given(operation="split"), "split", {"preset": "screen"}),
        ("a.pdf", PDF, b"\xef\xbb\xbf{}", "compress", {}),
    ],
)
def test_is_said_by_file_folder_or_kind(
    name: str, head: bytes, options: bytes | None, operation: str, fields: dict[str, Any]
) -> None:
    spec, wanted = wished(name, head, options)
    assert (spec.name, {name: value for name, value in wanted.items() if value is not None}) == (operation, fields)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (b"", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b'"text"', "not an object"),
        (b" " * (OPTIONS_MAX_BYTES + 1), "65,536 bytes"),
        (given(operation="merge"), "operation cannot be 'merge'"),
        (given(operation=[]), "operation"),
        (given(password="geheim"), "password is not taken"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(options: bytes, said: str) -> None:
    with pytest.raises(InvalidOption, match=said) as caught:
        wished("a.pdf", PDF, options)
    assert "geheim" not in caught.value.message


def test_a_dry_run_is_refused() -> None:
    with pytest.raises(InvalidOption, match="dry_run"):
        wished("a.pdf", b"%PDF-1.7\n", b'{"dry_run": true}')
