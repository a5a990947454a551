"""Recognize addresses of this machine."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address


@lru_cache(maxsize=256)  # the construction of a client reads it twice
def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself, so that data sent there does not leave it.

    Args:
        host: a name, or an IP address without brackets. A zone (`%eth0`) does not matter.
    """
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
