"""URLs by the WHATWG rules (https://url.spec.whatwg.org/), by ada."""

import re
from functools import lru_cache

import ada_url
import tldextract

from schemas.digests import document_id

MAX_URL_LENGTH = 8192
"""Longer ones are refused: no server and no browser takes them, and a page can hold thousands."""

_NORMAL = re.compile(
    r"https?://(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)++[a-z]{2,}+(?:/(?!\.)[A-Za-z0-9_.~!+=@,:-]*+)++"
    r"(?:\?[A-Za-z0-9_.~!+=@,:/&;%-]*+)?+",
    re.ASCII,
)
"""URLs in which nothing is to be normalised: a host of plain labels, the last no number, none coded in Punycode (it has
two hyphens in a row); a path and a query of characters that are never coded, no path segment beginning with a dot."""

_MAX_NORMAL = 250
"""Characters of such a URL, and so of its host, which may have 253."""

_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


class UrlError(ValueError):
    """Not a URL that can be used."""


def resolve(reference: str, base: str) -> str:
    """Returns the absolute, normalised URL of a reference, without its fragment.

    Raises:
        UrlError: It is not a URL, or is longer than ``MAX_URL_LENGTH``.
    """
    if len(reference) <= _MAX_NORMAL and _NORMAL.fullmatch(reference):
        return reference
    if len(reference) > MAX_URL_LENGTH:
        raise UrlError(f"a URL of {len(reference)} characters")
    try:
        href: str = ada_url.join_url(base, reference)
    except (ValueError, UnicodeError) as error:
        raise UrlError(f"not a URL: {reference[:80]!r}") from error
    if len(href) > 3 * MAX_URL_LENGTH:
        raise UrlError(f"a URL of {len(href)} characters")
    return href.partition("#")[0]


def normalise_page_url(url: str) -> str:
    """Returns a page's URL as documents carry it.

    Raises:
        UrlError: It is no http or https URL.
    """
    if len(url) > MAX_URL_LENGTH:
        raise UrlError(f"a URL of {len(url)} characters")
    try:
        href: str = ada_url.normalize_url(url)
    except (ValueError, UnicodeError) as error:
        raise UrlError(f"not a URL: {url[:80]!r}") from error
    if not href.startswith(("http://", "https://")):
        raise UrlError(f"not an http URL: {url[:80]!r}")
    return href.partition("#")[0]


@lru_cache(maxsize=65536)
def registrable_domain(host: str) -> str:
    """Returns the registrable domain of a host (public suffix list), or the host where it has none."""
    found = _SUFFIXES(host)
    return str(found.top_domain_under_public_suffix) or host


def host_of(url: str) -> str:
    """Returns the host of a normalised http URL, without port."""
    authority = url.split("/", 3)[2].rpartition("@")[2]
    return authority if authority.endswith("]") else authority.partition(":")[0]


def page_id(url: str) -> str:
    """Returns the document id of a normalised page URL."""
    return document_id(url)
