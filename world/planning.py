"""Decides what every page holds. ``plan_page`` depends on the seed and the page's number alone."""

import re
from dataclasses import dataclass, replace
from random import Random

from schemas.rejections import RejectReason
from world.articles import (
    Article,
    english_article,
    foreign_article,
    nearly_the_same,
    repetitive_article,
)
from world.captions import plain_caption, sentence, varied_caption
from world.pictures import Make, Source, extension_of, scene_of
from world.plan import CYCLE, Capture, Figure, Markup, PageKind, PagePlan
from world.scenes import other_scene
from world.seeds import keyed_random
from world.sites import Site, number_of_sites, site

SHARE_PERIOD = 240
"""Pages that share one picture: a multiple of the 30 kinds, and the number of pages a WARC holds."""

GALLERY_SIZE = 33

_SHARING = frozenset(
    {
        *(PageKind.ARTICLE, PageKind.EXACT_COPY, PageKind.RESIZED_COPY, PageKind.CAPTURED_TWICE),
        *(PageKind.WRONG_ALT, PageKind.TINY_AND_BANNED, PageKind.LATIN_HEADER, PageKind.BASE_HREF),
        *(PageKind.WINDOWS_META, PageKind.SRCSET, PageKind.LAZY, PageKind.PICTURE_ELEMENT),
    }
)
"""Kinds whose pages hold the shared picture: 13 of 30, so it always occurs more than 10 times."""

_NO_PICTURES = frozenset({PageKind.TEXT_ONLY, PageKind.NOT_FOUND, PageKind.PDF, PageKind.REDIRECT, PageKind.REPETITIVE})

_MARKUPS = {
    PageKind.SRCSET: Markup.SRCSET,
    PageKind.LAZY: Markup.LAZY,
    PageKind.PICTURE_ELEMENT: Markup.PICTURE,
    PageKind.PROTOCOL_RELATIVE: Markup.PROTOCOL_RELATIVE,
    PageKind.BASE_HREF: Markup.PATH_RELATIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flaw:
    """A kind of image that no pool should hold."""

    what: str
    make: Make | None
    reason: RejectReason


_FLAWS: dict[PageKind, tuple[_Flaw, ...]] = {
    PageKind.TINY_AND_BANNED: (
        _Flaw(what="tiny", make=Make.TINY, reason=RejectReason.TOO_SMALL),
        _Flaw(what="banned_word", make=Make.DRAWN, reason=RejectReason.BANNED_URL_WORD),
    ),
    PageKind.HUGE_AND_WIDE: (
        _Flaw(what="huge", make=Make.HUGE, reason=RejectReason.TOO_LARGE),
        _Flaw(what="wide", make=Make.WIDE, reason=RejectReason.BAD_ASPECT),
        _Flaw(what="bomb", make=Make.BOMB, reason=RejectReason.TOO_MANY_PIXELS),
    ),
    PageKind.BROKEN_IMAGES: (
        _Flaw(what="truncated", make=Make.TRUNCATED, reason=RejectReason.BROKEN_IMAGE),
        _Flaw(what="not_an_image", make=Make.NOT_AN_IMAGE, reason=RejectReason.NOT_AN_IMAGE),
        _Flaw(what="empty", make=Make.EMPTY, reason=RejectReason.EMPTY_FILE),
        _Flaw(what="dead_link", make=None, reason=RejectReason.NOT_FOUND),
    ),
    PageKind.GIF_IMAGE: (_Flaw(what="gif", make=Make.GIF, reason=RejectReason.FORMAT_NOT_ALLOWED),),
}

_VISIBLE = frozenset({Make.DRAWN, Make.TINY, Make.WIDE, Make.GIF, Make.TRUNCATED})

_NOT_IN_SLUG = re.compile("[^a-z0-9 ]")

_BANNED_WORDS = ("logo", "button", "icon", "plugin", "widget")

_PAGE_REASONS = {
    PageKind.NEAR_DUPLICATE: RejectReason.NEAR_DUPLICATE,
    PageKind.GALLERY: RejectReason.TOO_MANY_IMAGES,
    PageKind.FRENCH: RejectReason.WRONG_LANGUAGE,
    PageKind.GERMAN: RejectReason.WRONG_LANGUAGE,
    PageKind.NOT_FOUND: RejectReason.STATUS_NOT_OK,
    PageKind.REDIRECT: RejectReason.STATUS_NOT_OK,
    PageKind.PDF: RejectReason.NOT_HTML,
    PageKind.THIN: RejectReason.TOO_FEW_WORDS,
    PageKind.REPETITIVE: RejectReason.WORD_REPETITION,
}

_ENCODINGS = {PageKind.LATIN_HEADER: "iso-8859-1", PageKind.WINDOWS_META: "windows-1252"}

_ACCENTED = {
    PageKind.LATIN_HEADER: (
        "The café behind the old façade was kept by Señor Muñoz and his fiancée, and all of us"
        " thought that it was the best place in the town."
    ),
    PageKind.WINDOWS_META: (
        "“We don’t know who it was,” she said – and with that the naïve plan of the café’s owner"
        " was at an end, though he had paid €40 for it…"
    ),
}
"""Last paragraphs whose bytes differ from UTF-8, and for ``windows-1252`` from ISO 8859-1 too."""

_STATUS = {PageKind.NOT_FOUND: 404, PageKind.REDIRECT: 301}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What all parts of a page need to be drawn."""

    seed: int
    num_pages: int
    index: int
    kind: PageKind
    home: Site
    rng: Random


def plan_page(seed: int, num_pages: int, index: int) -> PagePlan:
    """Returns page ``index`` of a world of ``num_pages`` pages."""
    kind = CYCLE[index % len(CYCLE)]
    if kind is PageKind.NEAR_DUPLICATE:
        return _reprint(seed, num_pages, index)
    rng = keyed_random(seed, "page", index)
    home = site(seed, index % number_of_sites(num_pages))
    draft = _Draft(seed=seed, num_pages=num_pages, index=index, kind=kind, home=home, rng=rng)
    article = _article(rng, kind)
    figures = _figures(draft, num_paragraphs=len(article.paragraphs))
    plan = PagePlan(
        index=index,
        url=page_url(home, kind, index, article.title),
        site=home,
        kind=kind,
        title=article.title,
        language=article.language,
        captures=_captures(index, kind, article, rng),
        figures=figures,
        notice=home.notice if kind in _SHARING or kind is PageKind.TEXT_ONLY else None,
        encoding=_ENCODINGS.get(kind, "utf-8"),
        status=_STATUS.get(kind, 200),
        reason=_PAGE_REASONS.get(kind),
    )
    if kind is PageKind.SAME_IMAGE_SET:
        return _with_figures_of(plan_page(seed, num_pages, index - 1), plan)
    return plan


def page_url(home: Site, kind: PageKind, index: int, title: str) -> str:
    """Returns an address in the manner of the site's theme."""
    slug = "-".join(_NOT_IN_SLUG.sub("", title.lower()).split())
    if kind is PageKind.PDF:
        return f"https://{home.host}/files/{slug}-{index}.pdf"
    return (
        f"https://{home.host}/{slug}-{index}.html",
        f"https://{home.host}/articles/{index}/{slug}",
        f"https://{home.host}/{2019 + index % 5}/{1 + index % 12:02d}/{slug}-{index}/",
        f"http://{home.host}/~notes/page{index}.htm",
    )[home.theme]


def capture_date(index: int, *, later: bool = False) -> str:
    """Returns the time of a capture: pages a minute apart from March 2024, second captures in May."""
    day, minute = divmod(index, 1440)
    month = 5 if later else 3
    return f"2024-{month:02d}-{1 + day % 28:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z"


def shared_figure(seed: int, index: int) -> Figure:
    """The picture that the pages of one period have in common."""
    source = Source(owner="shared", index=index // SHARE_PERIOD, slot=0)
    scene = scene_of(seed, source)
    return Figure(
        url=f"https://cdn.shared-pictures.example/p/{source.index}.{extension_of(seed, source)}",
        source=source,
        what="shared_photo",
        shows=plain_caption(scene),
        alt=plain_caption(scene),
        texts_are_true=True,
        reason=RejectReason.TOO_MANY_OCCURRENCES,
    )


def _article(rng: Random, kind: PageKind) -> Article:
    if kind in (PageKind.FRENCH, PageKind.GERMAN):
        return foreign_article(rng, "fr" if kind is PageKind.FRENCH else "de")
    if kind is PageKind.REPETITIVE:
        return repetitive_article(rng)
    if kind is PageKind.THIN:
        return Article(title="Coming soon", paragraphs=("More to come here.",), language="en")
    article = english_article(rng, num_paragraphs=rng.randint(4, 9))
    if kind in _ACCENTED:
        accented = (*article.paragraphs, _ACCENTED[kind])
        return replace(article, paragraphs=accented)
    return article


def _captures(index: int, kind: PageKind, article: Article, rng: Random) -> tuple[Capture, ...]:
    first = Capture(date=capture_date(index), paragraphs=article.paragraphs)
    if kind is not PageKind.CAPTURED_TWICE:
        return (first,)
    again = nearly_the_same(article, rng).paragraphs
    return (first, Capture(date=capture_date(index, later=True), paragraphs=again))


def _figures(draft: _Draft, *, num_paragraphs: int) -> tuple[tuple[int, Figure], ...]:
    """The page's images in reading order, each after a number of paragraphs."""
    kind = draft.kind
    if kind in _NO_PICTURES:
        return ()
    number = {PageKind.GALLERY: GALLERY_SIZE, PageKind.THIN: 1}.get(kind)
    number = number or draft.rng.choice((1, 2, 2, 3))
    figures = [_photo(draft, slot) for slot in range(number)]
    for slot, flaw in enumerate(_FLAWS.get(kind, ()), start=number):
        figures.append(_flawed(draft, slot, flaw))
    figures += _copies(draft)
    if kind is PageKind.REPEATED_IMAGE:
        figures.append(_again(figures[0]))
    if kind in _SHARING:
        figures.append(shared_figure(draft.seed, draft.index))
    places = sorted(draft.rng.randint(1, num_paragraphs) for _ in figures)
    return tuple(zip(places, figures, strict=True))


def _photo(draft: _Draft, slot: int) -> Figure:
    """A good picture with true texts, and now and then with wrong texts or without an alt text."""
    rng, kind = draft.rng, draft.kind
    make = Make.SMALL if kind is PageKind.GALLERY else Make.DRAWN
    source = Source(owner="page", index=draft.index, slot=slot, make=make)
    drawn = rng.random()
    wrong = kind is PageKind.WRONG_ALT or (drawn < 0.12 and kind is not PageKind.MISSING_ALT)
    bare = kind is PageKind.MISSING_ALT or 0.12 <= drawn < 0.2
    scene = scene_of(draft.seed, source)
    told = other_scene(rng, scene) if wrong else scene
    figure = Figure(
        url=_image_url(draft, source, "photo"),
        source=source,
        what="photo",
        shows=plain_caption(scene),
        alt=None if bare else varied_caption(told, rng),
        title=varied_caption(told, rng) if rng.random() < 0.1 else None,
        caption=_figure_caption(varied_caption(told, rng), rng) if rng.random() < 0.4 else None,
        near=sentence(told, rng) if kind is not PageKind.GALLERY and rng.random() < 0.5 else None,
        markup=_MARKUPS.get(kind, rng.choice((Markup.PLAIN, Markup.PLAIN, Markup.ROOT_RELATIVE))),
    )
    told_at_all = any((figure.alt, figure.title, figure.caption, figure.near))
    return replace(
        figure,
        markup=_possible_markup(figure, draft.home),
        texts_are_true=not wrong if told_at_all else None,
        reason=RejectReason.LOW_SCORE if wrong else None,
    )


def _possible_markup(figure: Figure, home: Site) -> Markup:
    """A root-relative address needs an image on the page's own host."""
    other_host = home.image_host != home.host
    if figure.markup is Markup.ROOT_RELATIVE and other_host:
        return Markup.PLAIN
    return figure.markup


def _figure_caption(text: str, rng: Random) -> str:
    text = text[0].upper() + text[1:]
    return rng.choice((f"{text}.", f"{text}", f"Figure {rng.randint(1, 9)}. {text}."))


def _flawed(draft: _Draft, slot: int, flaw: _Flaw) -> Figure:
    """An image that must be left out, though its alt text is as good as any."""
    source = Source(owner="page", index=draft.index, slot=slot, make=flaw.make or Make.DRAWN)
    scene = scene_of(draft.seed, source)
    banned = flaw.reason is RejectReason.BANNED_URL_WORD
    name = f"{draft.rng.choice(_BANNED_WORDS)}-large" if banned else "photo"
    return Figure(
        url=_image_url(draft, source, name),
        source=None if flaw.make is None else source,
        what=flaw.what,
        shows=plain_caption(scene) if flaw.make in _VISIBLE else None,
        alt=varied_caption(scene, draft.rng),
        texts_are_true=True if flaw.make in _VISIBLE else None,
        reason=flaw.reason,
    )


def _copies(draft: _Draft) -> list[Figure]:
    """A copy of the first picture of an earlier page, under an address of this site."""
    back = {PageKind.EXACT_COPY: 1, PageKind.RESIZED_COPY: 2}.get(draft.kind)
    if back is None:
        return []
    original = plan_page(draft.seed, draft.num_pages, draft.index - back).figures[0][1]
    source = Source(owner="page", index=draft.index - back, slot=0)
    how = "exact" if draft.kind is PageKind.EXACT_COPY else "resized"
    if how == "resized":
        source = replace(source, make=Make.RESIZED)
    extension = extension_of(draft.seed, source)
    return [
        replace(
            original,
            url=f"https://{draft.home.image_host}/copies/{how}-{draft.index}.{extension}",
            source=source,
            near=None,
            markup=Markup.PLAIN,
            duplicate_of=original.url,
            duplicate_how=how,
        )
    ]


def _again(figure: Figure) -> Figure:
    """The same address a second time on its page."""
    return replace(
        figure,
        near=None,
        duplicate_of=figure.url,
        duplicate_how="same_url",
        reason=RejectReason.REPEATED_IN_PAGE,
    )


def _image_url(draft: _Draft, source: Source, name: str) -> str:
    extension = extension_of(draft.seed, source)
    return f"https://{draft.home.image_host}/images/{source.index}/{name}-{source.slot}.{extension}"


def _reprint(seed: int, num_pages: int, index: int) -> PagePlan:
    """Nearly the page three numbers before, at another address, with the same images."""
    original = plan_page(seed, num_pages, index - 3)
    rng = keyed_random(seed, "page", index)
    article = Article(title=original.title, paragraphs=original.captures[0].paragraphs, language="en")
    article = nearly_the_same(article, rng)
    return replace(
        original,
        index=index,
        url=page_url(original.site, PageKind.NEAR_DUPLICATE, index, article.title),
        kind=PageKind.NEAR_DUPLICATE,
        title=article.title,
        captures=(Capture(date=capture_date(index), paragraphs=article.paragraphs),),
        duplicate_of=original.url,
        duplicate_how="near",
        reason=RejectReason.NEAR_DUPLICATE,
    )


def _with_figures_of(original: PagePlan, plan: PagePlan) -> PagePlan:
    """Another text around exactly the images of ``original``."""
    last = len(plan.captures[0].paragraphs)
    figures = tuple(
        (min(place, last), replace(figure, near=None, markup=Markup.PLAIN)) for place, figure in original.figures
    )
    return replace(
        plan,
        figures=figures,
        duplicate_of=original.url,
        duplicate_how="image_set",
        reason=RejectReason.DUPLICATE_IMAGE_SET,
    )
