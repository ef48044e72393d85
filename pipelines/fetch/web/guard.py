"""The wall between URLs and the network: every name and every connection passes here."""

import socket
from collections.abc import Callable

import ada_url
import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from pipelines.fetch.web.addresses import forbidden_reason, literal_address
from pipelines.fetch.web.errors import FetchError, ForbiddenAddressError
from schemas.rejections import RejectReason

AddressRule = Callable[[str], str | None]
"""Returns why an address may not be asked, None where it may."""

DNS_CACHE_S = 300
DEFAULT_PORTS = {"http": 80, "https": 443}


def any_address(address: str) -> str | None:
    """The rule of closed networks and tests: every address may be asked."""
    return None


def address_rule(*, allow_private: bool) -> AddressRule:
    """Returns the rule that a recipe asks for."""
    return any_address if allow_private else forbidden_reason


def checked_url(url: str, rule: AddressRule, ports: tuple[int, ...]) -> str:
    """Returns a URL as it will be asked: WHATWG form, without credentials and fragment.

    One parser reads the URL, and its host is what is dialled.

    Raises:
        FetchError: It is not http(s), or its port, host or literal address may not be asked.
    """
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        raise FetchError(RejectReason.BAD_URL, f"not a URL: {url[:200]!r}") from None
    scheme = parsed.protocol.rstrip(":")
    if scheme not in DEFAULT_PORTS:
        raise FetchError(RejectReason.UNSUPPORTED_SCHEME, f"{scheme}: is neither http nor https")
    parsed.username = parsed.password = parsed.hash = ""
    port = int(parsed.port or DEFAULT_PORTS[scheme])
    if ports and port not in ports:
        raise FetchError(RejectReason.BAD_URL, f"port {port} is not among {list(ports)}")
    _check_host(parsed.hostname, rule)
    return str(parsed.href)


def _check_host(host: str, rule: AddressRule) -> None:
    address = literal_address(host)
    if address is not None:
        why = rule(address)
        if why is not None:
            raise FetchError(RejectReason.FORBIDDEN_ADDRESS, f"{host}: {why}")
    elif rule is not any_address and "." not in host.rstrip("."):
        # A search domain of the machine would complete it to a name inside.
        raise FetchError(RejectReason.FORBIDDEN_ADDRESS, f"{host!r} has one label: no public name")


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses one if any of its addresses may not be asked."""

    def __init__(self, rule: AddressRule, inner: AbstractResolver | None = None) -> None:
        self._rule = rule
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses of a name.

        Raises:
            ForbiddenAddressError: One of them may not be asked.
        """
        results = await self._inner.resolve(host, port, family)
        for result in results:
            why = self._rule(result["host"])
            if why is not None:
                raise ForbiddenAddressError(f"{host} is {result['host']}: {why}")
        return results

    async def close(self) -> None:
        """Closes the resolver beneath."""
        await self._inner.close()


def guarded_connector(
    rule: AddressRule, connections: int, resolver: AbstractResolver | None = None
) -> aiohttp.TCPConnector:
    """Returns a connector that looks at the very address it is about to dial, whatever named it."""

    def make_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        why = rule(str(address[0]))
        if why is not None:
            raise ForbiddenAddressError(f"{address[0]}: {why}")
        return socket.socket(family=family, type=kind, proto=protocol)

    return aiohttp.TCPConnector(
        limit=connections,
        resolver=CheckedResolver(rule, resolver),
        ttl_dns_cache=DNS_CACHE_S,
        socket_factory=make_socket,
    )
