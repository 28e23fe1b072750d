"""Whom ``X-Forwarded-For`` is believed, and what counts as one address."""

from __future__ import annotations

import pytest

from pdfsmaller.access.addresses import TrustedProxies, network

CLIENT, PROXY, EDGE = "203.0.113.7", "10.0.0.1", "198.51.100.5"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded_for", "client"),
    [
        ("", CLIENT, "", CLIENT),
        ("", CLIENT, "1.2.3.4", CLIENT),  # nobody is believed
        ("10.0.0.0/8", PROXY, "", PROXY),
        ("10.0.0.0/8", PROXY, CLIENT, CLIENT),
        ("10.0.0.0/8", PROXY, f"1.2.3.4, {CLIENT}", CLIENT),  # the client wrote the first
        ("10.0.0.0/8", CLIENT, "1.2.3.4", CLIENT),  # he came past the proxy
        ("10.0.0.0/8, 198.51.100.0/24", PROXY, f"1.2.3.4, {CLIENT}, {EDGE}", CLIENT),
        ("10.0.0.0/8", PROXY, f"{CLIENT}:4711", CLIENT),
        ("2001:db8::/32", "2001:db8::1", "[2001:db9::7]:4711", "2001:db9::7"),
        ("2001:db8::/32", "2001:db8::1", "::ffff:203.0.113.7", CLIENT),
        ("10.0.0.0/8", "::ffff:10.0.0.1", CLIENT, CLIENT),
        ("1", PROXY, CLIENT, CLIENT),
        ("1", PROXY, f"1.2.3.4,{CLIENT}", CLIENT),
        ("2", PROXY, f"1.2.3.4, {CLIENT}, {EDGE}", CLIENT),
        ("2", PROXY, CLIENT, CLIENT),  # one was left out
        ("1", EDGE, f"{CLIENT}, {EDGE}", CLIENT),  # as Lambda has it
        ("1", "", CLIENT, CLIENT),  # by a socket of this machine
        ("10.0.0.0/8", "", CLIENT, CLIENT),
        ("", "", CLIENT, ""),
        ("0", PROXY, CLIENT, PROXY),
        ("10.0.0.0/8", PROXY, "unknown", PROXY),
        ("10.0.0.0/8", PROXY, f"{CLIENT}, <script>", PROXY),
        ("10.0.0.0/8", PROXY, "," * 10_000, PROXY),
        ("1", PROXY, "fe80::1%" + "x" * 5_000, "fe80::1"),
    ],
)
def test_only_proxies_of_our_own_are_believed(trusted: str, peer: str, forwarded_for: str, client: str) -> None:
    assert TrustedProxies.parse(trusted).client(peer, forwarded_for) == client


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "1.2.3", "-1", "100.5", "10.0.0.0/8;1"])
def test_what_is_neither_a_number_nor_networks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="networks such as"):
        TrustedProxies.parse(text)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_what_limits_go_by(address: str, counted: str) -> None:
    assert network(address) == counted
