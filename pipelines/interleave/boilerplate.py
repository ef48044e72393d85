"""Which elements hold no content of the page, told by their tag, role, class and id."""

import re
from enum import StrEnum
from itertools import chain
from operator import add


class Boilerplate(StrEnum):
    """Why a part of a page is not its content."""

    NAVIGATION = "navigation"
    HEADER = "header"
    FOOTER = "footer"
    ASIDE = "aside"
    FORM = "form"
    HIDDEN = "hidden"
    SHARE = "share"
    COMMENTS = "comments"
    RELATED = "related"
    ADVERTISEMENT = "advertisement"
    META = "meta"
    DIALOG = "dialog"
    CAPTION = "caption"


_BY_TAG = {
    "nav": Boilerplate.NAVIGATION,
    "menu": Boilerplate.NAVIGATION,
    "header": Boilerplate.HEADER,
    "footer": Boilerplate.FOOTER,
    "aside": Boilerplate.ASIDE,
    "button": Boilerplate.FORM,
    "noscript": Boilerplate.HIDDEN,
    "iframe": Boilerplate.HIDDEN,
    "figcaption": Boilerplate.CAPTION,
    "video": Boilerplate.HIDDEN,
    "audio": Boilerplate.HIDDEN,
    "search": Boilerplate.FORM,
}
TELLING_TAGS = frozenset(_BY_TAG)
"""Elements that say by their tag alone that they are not content."""

_BY_ROLE = {
    "navigation": Boilerplate.NAVIGATION,
    "menu": Boilerplate.NAVIGATION,
    "menubar": Boilerplate.NAVIGATION,
    "banner": Boilerplate.HEADER,
    "contentinfo": Boilerplate.FOOTER,
    "complementary": Boilerplate.ASIDE,
    "search": Boilerplate.FORM,
    "dialog": Boilerplate.DIALOG,
    "alertdialog": Boilerplate.DIALOG,
    "alert": Boilerplate.DIALOG,
}
_WORDS: dict[str, Boilerplate] = {
    word: reason
    for reason, words in {
        Boilerplate.NAVIGATION: "nav navbar navigation menu submenu breadcrumb breadcrumbs crumbs pagination pager toc"
        " sitemap topbar toolbar skip jump subnav",
        Boilerplate.HEADER: "masthead siteheader pageheader",
        Boilerplate.FOOTER: "footer colophon foot copyright rodape pied",
        Boilerplate.ASIDE: "sidebar rail aside",
        Boilerplate.SHARE: "share sharing shares social socials sharedaddy addthis sharethis addtoany follow followus",
        Boilerplate.COMMENTS: "comment comments commentlist disqus respond livefyre",
        Boilerplate.RELATED: "related recommended recommendation recommendations recirc recirculation outbrain taboola"
        " trending popular mostread promo promos teaser teasers newsletter newsletters subscribe subscription signup"
        " readmore upnext suggestions breaking ticker mostviewed mostpopular",
        Boilerplate.ADVERTISEMENT: "ad ads advert adverts advertisement advertising adsbygoogle sponsor sponsored"
        " sponsors dfp adslot adunit",
        Boilerplate.META: "byline author authors timestamp dateline tags taglist categories postmeta postinfo"
        " postinfos bio avatar avatars signature signatures sig userinfo usertitle userextras userdetails postprofile"
        " posthead postfoot postcontrols memberinfo votecell votecount votelinks",
        Boilerplate.DIALOG: "cookie cookies consent gdpr modal popup lightbox",
        Boilerplate.CAPTION: "caption credit captions wp-caption-text",
    }.items()
    for word in words.split()
}
_CONTENT_NAMES = frozenset(
    (
        "article",
        "article-body",
        "article-content",
        "articleBody",
        "articlebody",
        "article__body",
        "article-text",
        "body-text",
        "content",
        "content-body",
        "entry",
        "entry-content",
        "hentry",
        "main",
        "main-content",
        "mainContent",
        "page-content",
        "post",
        "post-body",
        "post-content",
        "postcontent",
        "post-text",
        "story",
        "story-body",
        "story-content",
        "text",
    )
)
_WIDGET_NAMES = frozenset(("side", "side-bar", "sidebar-widget", "widget", "widget-area", "widgetarea", "widgets"))
_PANEL_NAMES = frozenset(
    (
        "message-user",
        "message-cell--user",
        "online-list",
        "post-user",
        "post_user",
        "poster",
        "poster_info",
        "stat-block",
        "thread_info",
        "user-details",
        "user-info",
        "user_details",
        "user_info",
    )
)
"""What forums put beside each post of its writer, and below a thread."""

_STATES = (
    "author-",
    "category-",
    "has-",
    "is-",
    "js-",
    "no-",
    "not-",
    "single-",
    "tag-",
    "with-",
    "without-",
    "format-",
    "status-",
)
_EMBEDS = frozenset(("embed", "embedded"))
_HIDDEN_NAMES = frozenset(
    (
        "hide",
        "hidden",
        "sr-only",
        "visually-hidden",
        "visuallyhidden",
        "screen-reader-text",
        "d-none",
        "invisible",
        "noprint",
        "print-only",
        "printonly",
    )
)
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]+|[A-Z]+")
_SEEN: dict[str, Boilerplate | None] = {}
MAX_SEEN = 1 << 15
"""Names whose verdict is remembered: a site repeats its names on every page."""

_CONTENT_TAGS = frozenset(("article", "main", "body"))
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def is_hidden(attributes: dict[str, str | None]) -> bool:
    """Returns whether an element is not displayed."""
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    return style is not None and _HIDDEN_STYLE.search(style) is not None


def classify(tag: str, attributes: dict[str, str | None]) -> Boilerplate | None:
    """Returns why an element is not content, or None where nothing says so."""
    by_tag = _BY_TAG.get(tag)
    if by_tag is not None or not attributes:
        return by_tag
    names, identifier = attributes.get("class"), attributes.get("id")
    if len(attributes) > (names is not None) + (identifier is not None):
        by_state = _classify_state(attributes)
        if by_state is not None:
            return by_state
    if (names is None and identifier is None) or tag in _CONTENT_TAGS:
        return None
    key = f"{names} {identifier}"
    if key not in _SEEN:
        if len(_SEEN) >= MAX_SEEN:
            _SEEN.clear()
        _SEEN[key] = _classify_names(f"{names or ''} {identifier or ''}")
    return _SEEN[key]


def _classify_state(attributes: dict[str, str | None]) -> Boilerplate | None:
    if is_hidden(attributes) or attributes.get("aria-hidden") == "true":
        return Boilerplate.HIDDEN
    role = attributes.get("role")
    return _BY_ROLE.get(role) if role else None


def _classify_names(names: str) -> Boilerplate | None:
    classes = names.split()
    if not _HIDDEN_NAMES.isdisjoint(classes):
        return Boilerplate.HIDDEN
    if not _CONTENT_NAMES.isdisjoint(classes):
        return None
    if not _WIDGET_NAMES.isdisjoint(classes):
        return Boilerplate.ASIDE
    if not _PANEL_NAMES.isdisjoint(classes):
        return Boilerplate.META
    for name in classes:
        if name.startswith(_STATES):
            continue
        words = [word.lower() for word in _WORD.findall(name)]
        # Some write as two words what others write as one.
        for word in chain(words, map(add, words, words[1:])):
            reason = _WORDS.get(word)
            if reason is not None and not (reason is Boilerplate.SHARE and not _EMBEDS.isdisjoint(words)):
                return reason
    return None
