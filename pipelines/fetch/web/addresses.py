"""Which internet addresses may be asked.

The tables are typed from the IANA registries of special-purpose addresses (RFC 6890 and its updates):
https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry, and of multicast. The
``is_global`` of Python's ``ipaddress`` differs between versions and lets translated forms of private addresses pass.
"""

import functools
import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL_V4 = (
    ("0.0.0.0/8", "this network, RFC 791"),
    ("10.0.0.0/8", "private use, RFC 1918"),
    ("100.64.0.0/10", "shared address space, RFC 6598"),
    ("127.0.0.0/8", "loopback, RFC 1122"),
    ("169.254.0.0/16", "link local, RFC 3927; metadata services of clouds"),
    ("172.16.0.0/12", "private use, RFC 1918"),
    ("192.0.0.0/24", "IETF protocol assignments, RFC 6890"),
    ("192.0.2.0/24", "documentation, RFC 5737"),
    ("192.31.196.0/24", "AS112, RFC 7535"),
    ("192.52.193.0/24", "AMT, RFC 7450"),
    ("192.88.99.0/24", "6to4 relay anycast, RFC 7526"),
    ("192.168.0.0/16", "private use, RFC 1918"),
    ("192.175.48.0/24", "AS112, RFC 7534"),
    ("198.18.0.0/15", "benchmarking, RFC 2544"),
    ("198.51.100.0/24", "documentation, RFC 5737"),
    ("203.0.113.0/24", "documentation, RFC 5737"),
    ("224.0.0.0/4", "multicast, RFC 5771"),
    ("240.0.0.0/4", "reserved, RFC 1112; limited broadcast, RFC 919"),
    ("168.63.129.16/32", "internal service of a cloud under a public number"),
)
_SPECIAL_V6 = (
    ("2001::/23", "IETF protocol assignments, RFC 2928; Teredo, RFC 4380"),
    ("2001:db8::/32", "documentation, RFC 3849"),
    ("2002::/16", "6to4, RFC 3056"),
    ("2620:4f:8000::/48", "AS112, RFC 7534"),
    ("3fff::/20", "documentation, RFC 9637"),
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
"""RFC 4291, section 2.4: all other IPv6 space is special, translated, link-local, multicast or not assigned."""

_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""Upper half of an ISATAP interface identifier (RFC 5214, section 6.1): the lower half is an IPv4 address."""


@functools.cache
def _networks(version: int) -> tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str], ...]:
    rows = _SPECIAL_V4 if version == 4 else _SPECIAL_V6
    return tuple((ipaddress.ip_network(network), why) for network, why in rows)


@functools.lru_cache(maxsize=65536)
def forbidden_reason(address: str) -> str | None:
    """Returns why an address may not be asked, None where it may.

    Args:
        address: As the socket interface writes it; a zone after ``%`` makes it link-local and so forbidden.
    """
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return "not an IP address"
    if number.version == 6 and number not in _GLOBAL_UNICAST_V6:
        return "outside the global unicast space of IPv6, RFC 4291"
    if number.version == 6 and int(number) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return "ISATAP, RFC 5214"
    return next((why for network, why in _networks(number.version) if number in network), None)


def literal_address(host: str) -> str | None:
    """Returns the address that a normalised URL host is, None where it is a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None
