"""robots.txt (RFC 9309): fetched once for a site and day, parsed by protego, unreachable means disallowed."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import ada_url
from protego import Protego

from pipelines.fetch.web.client import GuardedClient
from pipelines.fetch.web.errors import FetchError
from pipelines.fetch.web.opt_out import signal_objection, usage_objection
from schemas.rejections import RejectReason

MAX_ROBOTS_BYTES = 500 * 1024
"""RFC 9309, section 2.5: at least 500 KiB must be read; what follows is not."""

MAX_AGE_S = 24 * 3600.0
"""RFC 9309, section 2.4: a copy should not be used longer."""

_OUR_FIELDS = {"content-usage": usage_objection, "content-signal": signal_objection}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """What a site's robots.txt says to us."""

    read_at_s: float
    parsed: Protego | None
    """None where the site is unreachable: everything is disallowed (section 2.3.1.4)."""

    problem: str = ""
    objection: str | None = None
    """A statement against training that holds for the whole site."""


class RobotsRules:
    """The rules of the sites that one client asks."""

    def __init__(self, client: GuardedClient, *, heeds_usage: bool) -> None:
        self._client = client
        self._heeds_usage = heeds_usage
        self._sites: dict[str, asyncio.Task[SiteRules]] = {}
        self.product = product_token(client.settings.user_agent)

    async def check(self, url: str) -> None:
        """Returns where a URL may be asked.

        Raises:
            FetchError: The site's robots.txt forbids it, cannot be reached, or objects to training.
        """
        rules = await self._rules(site_of(url))
        if rules.parsed is None:
            raise FetchError(RejectReason.FORBIDDEN_BY_ROBOTS, f"robots.txt cannot be reached: {rules.problem}")
        if not rules.parsed.can_fetch(url, self.product):
            raise FetchError(RejectReason.FORBIDDEN_BY_ROBOTS, "robots.txt disallows it")
        if rules.objection is not None and self._heeds_usage:
            raise FetchError(RejectReason.OPTED_OUT, f"robots.txt: {rules.objection}")

    async def _rules(self, site: str) -> SiteRules:
        task = self._sites.get(site)
        if task is None or (task.done() and self._is_old(task.result())):
            # One request however many URLs wait for it.
            task = self._sites[site] = asyncio.create_task(self._fetch(site))
        return await asyncio.shield(task)

    def _is_old(self, rules: SiteRules) -> bool:
        return self._client.settings.clock() - rules.read_at_s > MAX_AGE_S

    async def _fetch(self, site: str) -> SiteRules:
        now = self._client.settings.clock()
        try:
            answer = await self._client.get(f"{site}/robots.txt", max_bytes=MAX_ROBOTS_BYTES, keeps_prefix=True)
        except FetchError as error:
            return SiteRules(read_at_s=now, parsed=None, problem=error.detail)
        if answer.status == 429 or answer.status >= 500:
            return SiteRules(read_at_s=now, parsed=None, problem=f"status {answer.status}")
        text = robots_text(answer.body) if answer.status == 200 else ""
        parsed = Protego.parse(text)
        delay = parsed.crawl_delay(self.product)
        if delay is not None:
            self._client.gate(site + "/").slow_down(float(delay))
        return SiteRules(read_at_s=now, parsed=parsed, objection=site_objection(text, self.product))


def site_of(url: str) -> str:
    """Returns scheme, host and port of a URL: what one robots.txt speaks for."""
    return str(ada_url.URL(url).origin)


def product_token(user_agent: str) -> str:
    """Returns the product token of a user agent (RFC 9110, section 10.1.5): what robots.txt names us by."""
    return user_agent.split("/", maxsplit=1)[0].split(maxsplit=1)[0]


def robots_text(body: bytes) -> str:
    """Returns robots.txt as text: without a byte order mark, which would hide its first line, and lines with NUL."""
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return "\n".join(line for line in text.splitlines() if "\0" not in line)


def site_objection(text: str, product: str) -> str | None:
    """Returns a Content-Usage or Content-Signal line that forbids training, in the group that is ours.

    Ours is the group that names our product, else that of ``*``. A rule with a path counts where the path is all.
    """
    ours: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for agents, name, value in _group_lines(text):
        if product.lower() in agents:
            ours.append((name, value))
        elif "*" in agents:
            others.append((name, value))
    has_own_group = any(product.lower() in agents for agents, _, _ in _group_lines(text))
    for name, value in ours if has_own_group else others:
        objection = _OUR_FIELDS[name]([value]) if name in _OUR_FIELDS else None
        if objection is not None:
            return objection
    return None


def _group_lines(text: str) -> Iterator[tuple[frozenset[str], str, str]]:
    """Yields ``(user agents of the group, name, value)`` for every rule of robots.txt (RFC 9309, section 2.2)."""
    agents: list[str] = []
    is_header = False
    for line in text.splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            continue
        if name == "user-agent":
            agents = [*agents, value.lower()] if is_header else [value.lower()]
            is_header = True
            continue
        is_header = False
        if agents:
            if name in _OUR_FIELDS and value.startswith("/"):
                path, _, rest = value.partition(" ")
                value = rest.strip() if path == "/" else ""
            yield frozenset(agents), name, value
