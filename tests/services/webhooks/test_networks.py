"""No request goes to what is not surely public."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsmaller.services.webhooks.networks import may_be_reached

REFUSED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2001::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
]
TAKEN = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.255.255.255", "2606:4700::1111"]


@pytest.mark.parametrize("text", REFUSED)
def test_addresses_of_hosts_networks_and_clouds_are_refused(text: str) -> None:
    assert not may_be_reached(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", TAKEN)
def test_public_ones_are_taken(text: str) -> None:
    assert may_be_reached(ipaddress.ip_address(text))


@given(st.ip_addresses())
def test_nothing_is_taken_that_python_does_not_know_to_be_public(address: ipaddress.IPv4Address) -> None:
    assert address.is_global or not may_be_reached(address)


def test_an_operator_can_allow_a_network_and_nothing_beside_it() -> None:
    allowed = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/64")]
    assert may_be_reached(ipaddress.ip_address("10.1.2.3"), allowed)
    assert may_be_reached(ipaddress.ip_address("fd00:1::9"), allowed)
    assert not may_be_reached(ipaddress.ip_address("10.2.2.3"), allowed)
    assert not may_be_reached(ipaddress.ip_address("::ffff:10.1.2.3"), allowed)
