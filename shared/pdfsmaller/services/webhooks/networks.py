"""Which addresses a callback may be sent to: public ones, and those that the operator names.

A caller chooses where this service sends requests, so nothing may be reached that the caller could not reach itself:
the host, its network, a cloud's metadata. What is not surely public is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Of IPv4 everything is public but these.
_NOT_PUBLIC_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",
            "100.64.0.0/10",  # behind a carrier's NAT; a cloud's metadata (100.100.100.200)
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host, from within
            "169.254.0.0/16",  # link-local; most clouds' metadata (169.254.169.254)
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocols' own; a cloud's metadata (192.0.0.192)
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
#: Of IPv6 only this is public …
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
#: … without these. Local, link-local, multicast and metadata (fd00:ec2::254) addresses are outside of it, and so are
#: those that stand for IPv4 ones: mapped (::ffff:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48).
_NOT_PUBLIC_6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocols' own: Teredo (which stands for IPv4 addresses), ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which stands for IPv4 addresses
            "3fff::/20",  # documentation
        ),
    )
)


def may_be_reached(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a callback may be sent to an address.

    Args:
        allowed: what the operator allows beside public addresses (WEBHOOK_ALLOWED_NETWORKS).
    """
    if any(address in network for network in allowed):
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)
