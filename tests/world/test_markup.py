"""A browser's reading of every kind of page gives back the plan: text, references, encodings."""

from urllib.parse import urljoin

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from world.markup import main_text, page_html
from world.plan import CYCLE, Figure, PageKind, PagePlan
from world.planning import plan_page
from world.sites import number_of_sites, site

SEED = 4
NUM_PAGES = 300


def page(kind: PageKind) -> PagePlan:
    return plan_page(SEED, NUM_PAGES, 60 + CYCLE.index(kind))


def parsed(plan: PagePlan) -> LexborHTMLParser:
    return LexborHTMLParser(page_html(plan, plan.captures[0]).decode(plan.encoding))


def figures(plan: PagePlan) -> list[Figure]:
    return [figure for _, figure in plan.figures]


def shown_address(image: LexborNode) -> str:
    """The address that a browser would load, scripts for lazy pictures included."""
    attributes = image.attributes
    if "srcset" in attributes and "src" not in attributes:
        return str(attributes["srcset"]).split()[0]
    return str(attributes.get("data-src") or attributes["src"])


def addresses(plan: PagePlan) -> list[str]:
    tree = parsed(plan)
    base = tree.css_first("base")
    start = urljoin(plan.url, str(base.attributes["href"])) if base else plan.url
    return [urljoin(start, shown_address(image)) for image in tree.css("article img")]


HTML_KINDS = [kind for kind in PageKind if kind not in (PageKind.PDF, PageKind.REDIRECT)]


@pytest.mark.parametrize("kind", HTML_KINDS)
def test_references_resolve_to_the_urls_of_the_plan(kind: PageKind) -> None:
    plan = page(kind)

    assert addresses(plan) == [figure.url for figure in figures(plan)]


@pytest.mark.parametrize("kind", HTML_KINDS)
def test_alt_texts_are_those_of_the_plan(kind: PageKind) -> None:
    plan = page(kind)
    images = parsed(plan).css("article img")

    assert [image.attributes.get("alt") for image in images] == [figure.alt for figure in figures(plan)]


@pytest.mark.parametrize("kind", HTML_KINDS)
@pytest.mark.parametrize("theme", range(4))
def test_the_article_holds_exactly_the_main_text(kind: PageKind, theme: int) -> None:
    plan = next(
        plan
        for plan in (plan_page(SEED, NUM_PAGES, turn * 30 + CYCLE.index(kind)) for turn in range(30))
        if plan.site.theme == theme
    )
    article = parsed(plan).css_first("article")
    assert article is not None

    parts = [node.text().strip() for node in article.css("h1, h2, p, figcaption")]
    assert [part for part in parts if part] == main_text(plan, plan.captures[0]).split("\n\n")


def test_encoded_pages_are_not_utf_8() -> None:
    for kind in (PageKind.LATIN_HEADER, PageKind.WINDOWS_META):
        plan = page(kind)

        with pytest.raises(UnicodeDecodeError):
            page_html(plan, plan.captures[0]).decode("utf-8")


def test_the_windows_page_declares_its_encoding_and_uses_it() -> None:
    plan = page(PageKind.WINDOWS_META)
    body = page_html(plan, plan.captures[0])

    assert b"charset=windows-1252" in body
    assert "€40" in body.decode("windows-1252")


def test_a_gallery_holds_more_than_thirty_pictures() -> None:
    assert len(page(PageKind.GALLERY).figures) > 30


def test_a_text_only_page_holds_none() -> None:
    assert page(PageKind.TEXT_ONLY).figures == ()


def test_pages_of_the_same_image_set_hold_the_same_pictures_and_other_texts() -> None:
    plan = page(PageKind.SAME_IMAGE_SET)
    original = plan_page(SEED, NUM_PAGES, plan.index - 1)

    assert [figure.url for figure in figures(plan)] == [figure.url for figure in figures(original)]
    assert plan.captures[0].paragraphs != original.captures[0].paragraphs
    assert plan.duplicate_of == original.url


def test_the_second_capture_is_later() -> None:
    first, second = page(PageKind.CAPTURED_TWICE).captures

    assert first.date < second.date


def test_wrong_texts_are_marked_on_every_photo() -> None:
    photos = [figure for figure in figures(page(PageKind.WRONG_ALT)) if figure.what == "photo"]

    assert photos
    assert all(figure.texts_are_true is False for figure in photos)


def test_urls_are_unique() -> None:
    urls = [plan_page(SEED, NUM_PAGES, index).url for index in range(NUM_PAGES)]

    assert len(set(urls)) == NUM_PAGES


@pytest.mark.parametrize(("pages", "sites"), [(30, 4), (300, 7), (3_000, 53), (100_000, 1_667)])
def test_sites_grow_with_the_pages(pages: int, sites: int) -> None:
    assert number_of_sites(pages) == sites


def test_hosts_are_reserved_names() -> None:
    for index in range(20):
        home = site(SEED, index)

        assert home.host.endswith(".example")
        assert home.image_host.endswith(".example")
