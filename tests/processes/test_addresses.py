from __future__ import annotations

import pytest

from pdfsmaller.processes import addresses


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("localhost", "localhost:80")]
)
def test_addresses(host: str, address: str) -> None:
    assert addresses.address(host, 80) == address


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://127.0.0.1:80"),
        ("", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("10.0.0.5", "http://10.0.0.5:80"),
    ],
)
def test_what_listens_everywhere_is_reached_by_loopback(host: str, url: str) -> None:
    assert addresses.own_url(host, 80) == url


@pytest.mark.parametrize(
    ("host", "is_loopback"), [("127.0.0.2", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a", False)]
)
def test_who_reaches_loopback(host: str, is_loopback: bool) -> None:
    assert addresses.is_loopback(host) is is_loopback
