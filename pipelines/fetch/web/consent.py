"""Whether an image may be used: robots.txt before it is asked, its headers and the site's tdmrep.json after."""

import asyncio
from collections.abc import Sequence

import ada_url

from pipelines.fetch.web.client import Answer, GuardedClient
from pipelines.fetch.web.errors import FetchError
from pipelines.fetch.web.opt_out import (
    TdmRule,
    parse_tdmrep,
    signal_objection,
    tdm_file_reservation,
    tdm_header_reservation,
    usage_objection,
    x_robots_objection,
)
from pipelines.fetch.web.robots import RobotsRules, site_of
from schemas.recipe import FetchSettings
from schemas.rejections import RejectReason

MAX_TDMREP_BYTES = 1 << 20

_RESERVED = TdmRule(location="/", reservation=True)


class Consent:
    """Asks what sites say, in the order in which it can be known."""

    def __init__(self, client: GuardedClient, settings: FetchSettings) -> None:
        self._client = client
        self._settings = settings
        self._robots = RobotsRules(client, heeds_usage="noai" in settings.opt_out)
        self._tdm_files: dict[str, asyncio.Task[Sequence[TdmRule]]] = {}

    async def before(self, url: str) -> None:
        """Returns where a URL may be asked; called for every hop of a redirect.

        Raises:
            FetchError: It may not.
        """
        if self._settings.robots == "obey":
            await self._robots.check(url)

    async def after(self, answer: Answer) -> None:
        """Returns where what an answer holds may be used for training.

        Raises:
            FetchError: It may not.
        """
        objection = self._header_objection(answer)
        if objection is None and "tdmrep" in self._settings.opt_out:
            objection = await self._tdm_objection(answer)
        if objection is not None:
            raise FetchError(RejectReason.OPTED_OUT, objection, status=answer.status)

    def _header_objection(self, answer: Answer) -> str | None:
        asked, headers = self._settings.opt_out, answer.headers
        objection = None
        if "x-robots-tag" in asked:
            objection = x_robots_objection(headers.getall("X-Robots-Tag", []), self._robots.product)
        if objection is None and "noai" in asked:
            objection = usage_objection(headers.getall("Content-Usage", []))
            objection = objection or signal_objection(headers.getall("Content-Signal", []))
        return objection

    async def _tdm_objection(self, answer: Answer) -> str | None:
        # The header overrides the file, and its absence resets nothing (TDMRep, section 6).
        said = tdm_header_reservation(answer.headers.getall("tdm-reservation", []))
        if said is not None:
            return "tdm-reservation: 1" if said else None
        rules = await self._tdm_rules(site_of(answer.url))
        return "tdmrep.json reserves it" if tdm_file_reservation(rules, ada_url.URL(answer.url).pathname) else None

    async def _tdm_rules(self, site: str) -> Sequence[TdmRule]:
        if site not in self._tdm_files:
            self._tdm_files[site] = asyncio.create_task(self._fetch_tdmrep(site))
        return await asyncio.shield(self._tdm_files[site])

    async def _fetch_tdmrep(self, site: str) -> Sequence[TdmRule]:
        try:
            answer = await self._client.get(f"{site}/.well-known/tdmrep.json", max_bytes=MAX_TDMREP_BYTES)
        except FetchError as error:
            # A file that is there and cannot be taken whole is no permission; one that cannot be reached is no rule.
            return [_RESERVED] if error.reason is RejectReason.TOO_MANY_BYTES else []
        if answer.status != 200:
            return []
        rules = parse_tdmrep(answer.body)
        return [_RESERVED] if rules is None and _looks_like_json(answer.body) else rules or []


def _looks_like_json(body: bytes) -> bool:
    """Returns whether a file means to be JSON: many sites answer every path with a page."""
    return body.lstrip()[:1] in {b"[", b"{"}
