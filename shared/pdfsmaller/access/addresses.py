"""Whose address a request comes from, when proxies stand before the service.

``X-Forwarded-For`` is what its sender writes: what stands in it counts only as far as proxies of our own have written
it. Each adds at the end whom it was asked by, so it is read from there.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

#: What one customer of a provider has of IPv6: whoever has one address of it has them all.
_IPV6_PREFIX = 64
#: Some proxies add the port: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``.
_WITH_PORT = re.compile(r"(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F:.]+)\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies that are believed: those in ``networks``, or the last ``count`` before the service."""

    networks: tuple[IpNetwork, ...] = ()
    count: int = 0

    @classmethod
    def parse(cls, text: str) -> TrustedProxies:
        """From networks and addresses, comma-separated, or a number of proxies; empty: none is believed.

        Raises:
            ValueError.
        """
        if re.fullmatch(r"\d{1,2}", text.strip(), re.ASCII):
            return cls(count=int(text))
        parts = [part.strip() for part in text.split(",") if part.strip()]
        try:
            return cls(networks=tuple(ipaddress.ip_network(part) for part in parts))
        except ValueError as exc:
            raise ValueError(
                f"should be a number of proxies, or networks such as 10.0.0.0/8, comma-separated ({exc})"
            ) from None

    def client(self, peer: str, forwarded_for: str) -> str:
        """The address of whoever asks, as far as it can be believed.

        Args:
            peer: who is connected to us.
            forwarded_for: ``X-Forwarded-For``, empty where there is none. Everybody can send what he likes there.
        """
        hops = [hop.strip() for hop in forwarded_for.split(",")] if forwarded_for else []
        if hops and hops[-1] == peer:  # Lambda names the peer there, too
            hops.pop()
        client = peer
        for number, hop in enumerate(reversed(hops), 1):
            if not (number <= self.count if self.count else self.believes(client)):
                break
            address = _parse(hop)
            if address is None:
                break
            client = str(address)
        return client

    def believes(self, peer: str) -> bool:
        """Whether what this peer says of others is believed."""
        address = _parse(peer)
        if address is None:  # a socket of this machine
            return bool(self.networks or self.count) and not peer
        return self.count > 0 or self._has(address)

    def is_near(self, peer: str) -> bool:
        """Whether a peer is on this host, or in one of the networks: how many proxies there are says nothing of it."""
        address = _parse(peer)
        return address is not None and (address.is_loopback or self._has(address))

    def _has(self, address: IpAddress) -> bool:
        return any(address in network for network in self.networks)


def network(address: str) -> str:
    """What limits go by: an IPv4 address, the /64 of an IPv6 address; any other text as it is."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed or address)


def _parse(text: str) -> IpAddress | None:
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # without a zone, which may be any text
    return address
