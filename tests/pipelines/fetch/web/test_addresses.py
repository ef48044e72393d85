"""Which addresses may be asked, against the registries."""

import ipaddress
import random

import pytest

from pipelines.fetch.web.addresses import forbidden_reason, literal_address

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001:0:4136:e378:8000:63bf:3f57:fdf2",
    "2001:2::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2600::200:5efe:7f00:1",
    "2600::5efe:7f00:1",
    "2620:4f:8000::1",
    "4000::1",
    "localhost",
    "1.2.3",
]

ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "168.63.129.15",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "3ffe::1",
    "2620:4f:8001::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_addresses_are_forbidden(address: str) -> None:
    assert forbidden_reason(address) is not None


@pytest.mark.parametrize("address", ALLOWED)
def test_their_neighbours_outside_are_not(address: str) -> None:
    assert forbidden_reason(address) is None


def test_nothing_that_python_calls_special_is_allowed() -> None:
    rng = random.Random(1)
    numbers: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [
        ipaddress.IPv4Address(rng.getrandbits(32)) for _ in range(20_000)
    ]
    numbers += [ipaddress.IPv6Address(rng.getrandbits(128)) for _ in range(5_000)]
    numbers += [ipaddress.IPv6Address((0x2001 << 112) | rng.getrandbits(112)) for _ in range(5_000)]

    wrong = [str(number) for number in numbers if not number.is_global and forbidden_reason(str(number)) is None]

    assert wrong == []


def test_a_literal_is_told_from_a_name() -> None:
    assert literal_address("[2001:db8::1]") == "2001:db8::1"
    assert literal_address("127.0.0.1") == "127.0.0.1"
    assert literal_address("a.example") is None
