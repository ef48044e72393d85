"""HTML of a page plan, in four manners of the web, with menus and notices around the text."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from world.plan import Capture, Figure, Markup, PageKind, PagePlan

_MENU = ("Home", "Stories", "Places", "People", "Archive", "About us", "Contact")

_RELATED = (
    "Ten walks for a Sunday",
    "The bread of the month",
    "Letters from our readers",
    "Where the boats go in winter",
)

_PLACEHOLDER = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""The usual 1 x 1 GIF that stands where a script will put the picture."""

_COOKIES = "We use cookies to make this site work. By using it you accept our policy."
_SHARE = ("Share", "Tweet", "Pin it", "Print", "Send by mail")
_FOOTER = "All rights reserved. Privacy policy. Terms of use. Imprint."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Theme:
    """Elements around the parts of a page; each is an opening tag without its brackets."""

    header: str
    menu: str
    main: str
    aside: str
    footer: str
    cookies: str
    share: str
    comments: str
    has_figures: bool = True


_THEMES = (
    _Theme(
        header="header",
        menu="nav",
        main="main",
        aside="aside",
        footer="footer",
        cookies='div class="cookie-banner"',
        share='ul class="share-buttons"',
        comments='section id="comments"',
    ),
    _Theme(
        header='div id="header"',
        menu='div class="navbar menu"',
        main='div id="content"',
        aside='div class="sidebar related"',
        footer='div id="footer"',
        cookies='div id="cookie-consent"',
        share='div class="social-share"',
        comments='div id="respond"',
    ),
    _Theme(
        header='header class="site-header"',
        menu='nav class="main-navigation"',
        main='div class="entry-content"',
        aside='aside class="widget-area"',
        footer='footer class="site-footer"',
        cookies='div class="gdpr-notice" role="dialog"',
        share='div class="sharedaddy"',
        comments='div class="comments-area"',
    ),
    _Theme(
        header='div class="header"',
        menu='div class="navigation"',
        main='div class="text"',
        aside='div class="menu"',
        footer='div class="footer"',
        cookies='div class="cookies"',
        share='div class="share"',
        comments='div class="comments"',
        has_figures=False,
    ),
)


def page_html(plan: PagePlan, capture: Capture) -> bytes:
    """Returns the page as one server answer, in the encoding of ``plan``."""
    theme = _THEMES[plan.site.theme]
    article = _element("article", f"<h1>{escape(plan.title)}</h1>\n{_body(plan, capture, theme)}")
    parts = (
        _header(plan, theme),
        _element(theme.main, f"{article}\n{_bar(theme.share, _SHARE)}"),
        _aside(plan, theme),
        _comments(theme),
        _element(theme.footer, f"<p>{escape(plan.site.name)}. {_FOOTER}</p>"),
        _element(theme.cookies, f"<p>{_COOKIES}</p><button>Accept</button>"),
    )
    page = (
        f'<!DOCTYPE html>\n<html lang="{plan.language}">\n<head>\n{_head(plan)}</head>\n<body>\n'
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )
    return page.encode(plan.encoding, "xmlcharrefreplace")


def main_text(plan: PagePlan, capture: Capture) -> str:
    """Returns the title and the paragraphs that an extractor should find, blank lines between."""
    texts = [plan.title]
    for part in _flow(plan, capture):
        text = part.caption if isinstance(part, Figure) else part.text
        if text:
            texts.append(text)
    return "\n\n".join(texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    text: str
    tag: str = "p"


def _flow(plan: PagePlan, capture: Capture) -> Iterator[_Text | Figure]:
    """The article in reading order. Each near text opens the paragraph after its image."""
    paragraphs = list(capture.paragraphs)
    last = len(paragraphs)
    for place, figure in plan.figures:
        if figure.near and place < last:
            paragraphs[place] = f"{figure.near} {paragraphs[place]}"
        elif figure.near:
            paragraphs.append(figure.near)
    if plan.notice:
        paragraphs.append(plan.notice)
    for number in range(max(len(paragraphs), last + 1)):
        yield from (figure for place, figure in plan.figures if place == number)
        if number < len(paragraphs):
            yield _Text(text=paragraphs[number])
        if number == 2 and last > 5:
            yield _Text(text="What came after", tag="h2")


def _head(plan: PagePlan) -> str:
    lines = []
    if plan.kind is PageKind.WINDOWS_META:
        lines.append('<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">')
    elif plan.kind is not PageKind.LATIN_HEADER:
        lines.append('<meta charset="utf-8">')
    lines.append(f"<title>{escape(plan.title)} - {escape(plan.site.name)}</title>")
    if plan.kind is PageKind.BASE_HREF:
        lines.append(f'<base href="https://{plan.site.image_host}/images/">')
    lines.append('<link rel="stylesheet" href="/style.css">')
    lines.append("<script>var page = {loaded: true, images: '<img src=x>'};</script>")
    return "\n".join(lines) + "\n"


def _header(plan: PagePlan, theme: _Theme) -> str:
    logo = f'<a href="/"><img src="/assets/logo.png" alt="{escape(plan.site.name)}"></a>'
    return _element(theme.header, f"{logo}\n{_bar(theme.menu, _MENU)}")


def _bar(tag: str, names: tuple[str, ...]) -> str:
    links = "".join(f'<li><a href="/{name.lower().replace(" ", "-")}/">{name}</a></li>' for name in names)
    return _element(tag, links if tag.startswith("ul") else f"<ul>{links}</ul>")


def _aside(plan: PagePlan, theme: _Theme) -> str:
    links = "".join(
        f'<li><a href="/read/{(plan.index + number) % 97}/">{name}</a></li>' for number, name in enumerate(_RELATED)
    )
    return _element(theme.aside, f"<h3>Read more</h3><ul>{links}</ul>")


def _comments(theme: _Theme) -> str:
    form = '<form><textarea name="comment"></textarea><input type="submit" value="Send"></form>'
    return _element(theme.comments, f"<h3>Leave a reply</h3>{form}")


def _body(plan: PagePlan, capture: Capture, theme: _Theme) -> str:
    lines = []
    for number, part in enumerate(_flow(plan, capture)):
        if isinstance(part, Figure):
            lines.append(_figure(part, plan, theme))
        else:
            line = f"<{part.tag}>{_inline(part.text, plan.index + number)}</{part.tag}>"
            quoted = part.tag == "p" and (plan.index + number) % 11 == 0
            lines.append(f"<blockquote>{line}</blockquote>" if quoted else line)
    return "\n".join(lines)


_INLINE = (
    ("", ""),
    ('<a href="/read/{}/">', "</a>"),
    ("<em>", "</em>"),
    ("<strong>", "</strong>"),
)


def _inline(text: str, turn: int) -> str:
    """Escapes a text and marks one of its words, as links and emphasis do, by turns."""
    parts = escape(text, quote=False).split(" ")
    before, after = _INLINE[turn % len(_INLINE)]
    place = turn % len(parts)
    parts[place] = f"{before.format(turn)}{parts[place]}{after}"
    return " ".join(parts)


def _figure(figure: Figure, plan: PagePlan, theme: _Theme) -> str:
    image = _image(figure, plan)
    if not figure.caption:
        return f"<p>{image}</p>"
    caption = escape(figure.caption, quote=False)
    if theme.has_figures:
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    return f'<div class="photo">{image}<p class="caption">{caption}</p></div>'


def _image(figure: Figure, plan: PagePlan) -> str:
    """The ``img`` element, or what stands in its place."""
    url = escape(_reference(figure, plan))
    texts = "" if figure.alt is None else f' alt="{escape(figure.alt)}"'
    texts += "" if figure.title is None else f' title="{escape(figure.title)}"'
    if figure.markup is Markup.SRCSET:
        return f'<img srcset="{url} 1x, {url} 2x" sizes="100vw"{texts}>'
    if figure.markup is Markup.LAZY:
        return f'<img class="lazy" src="{_PLACEHOLDER}" data-src="{url}"{texts}>'
    if figure.markup is Markup.PICTURE:
        return f'<picture><source srcset="{url}"><img src="{url}"{texts}></picture>'
    return f'<img src="{url}"{texts}>'


def _reference(figure: Figure, plan: PagePlan) -> str:
    """The address as the page writes it."""
    parts = urlsplit(figure.url)
    if figure.markup is Markup.PROTOCOL_RELATIVE:
        return f"//{parts.netloc}{parts.path}"
    if figure.markup is Markup.ROOT_RELATIVE:
        return parts.path
    if figure.markup is Markup.PATH_RELATIVE and parts.path.startswith("/images/"):
        return parts.path.removeprefix("/images/")
    return figure.url


def _element(tag: str, inner: str) -> str:
    return f"<{tag}>\n{inner}\n</{tag.split(' ', maxsplit=1)[0]}>"
