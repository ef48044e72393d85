"""Pages made to hurt: what is in them, and what must become of them."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from schemas.rejections import RejectReason

MAX_PAGE_BYTES = 20_000_000


@dataclass(frozen=True)
class HostilePage:
    """A page by name; ``verdict`` is ``"ok"`` (a document that holds ``kept``) or the reasons that are right."""

    name: str
    make: Callable[[], bytes]
    verdict: str | tuple[RejectReason, ...]
    kept: tuple[str, ...] = ()


def _page(body: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>t</title></head><body>{body}</body></html>".encode()


def _around(middle: str) -> bytes:
    return _page(f"<p>The text before the hostile part.</p>{middle}<p>The text after the hostile part.</p>")


BEFORE = "The text before the hostile part."
AFTER = "The text after the hostile part."
DEEP = (RejectReason.TOO_DEEP,)
COMPLEX = (RejectReason.TOO_COMPLEX,)
LARGE = (RejectReason.PAGE_TOO_LARGE,)
NOT_HTML = (RejectReason.NOT_HTML,)

_ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><html><body><p>Kept text &b;</p>'
_XXE = '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]><html><body><p>Kept text &x;</p></body></html>'
_XINCLUDE = '<p>Kept text here.</p><xi:include href="file:///etc/hostname" parse="text"></xi:include>'


def _random_bytes() -> bytes:
    return random.Random(7).randbytes(1_000_000)


def _many_scripts() -> str:
    starts = [0x41, 0x391, 0x410, 0x531, 0x5D0, 0x627, 0x904, 0x985, 0xA05, 0xB05, 0xC05, 0xD05, 0xE01, 0x10D0, 0x4E00]
    return " ".join(chr(start + i) * 5 for i in range(14) for start in starts)


PAGES = (
    HostilePage("deep.3k", lambda: b"<div>" * 3_000 + b"x", DEEP),
    HostilePage("deep.30k", lambda: b"<div>" * 30_000 + b"x", DEEP),
    HostilePage("deep.span", lambda: b"<span>" * 100_000 + b"x", DEEP),
    HostilePage("deep.b", lambda: b"<b>" * 100_000 + b"x", DEEP),
    HostilePage("fmt", lambda: b"<b><p>" * 5_000 + b"x", DEEP),
    HostilePage("aaa", lambda: b"<a><div>" * 5_000 + b"x", DEEP),
    HostilePage("foster", lambda: b"<table><font>" * 2_000 + b"x", DEEP),
    HostilePage("table.deep", lambda: b"<table><tr><td>" * 20_000 + b"x", DEEP),
    HostilePage("list.deep", lambda: b"<ul><li>" * 20_000 + b"x", DEEP),
    HostilePage(
        "attrs.20k", lambda: _page("<p " + " ".join(f"a{i}=''" for i in range(20_000)) + ">x</p>"), "ok", ("x",)
    ),
    HostilePage("attrs.30k", lambda: _page("<p " + " ".join(f"a{i}=''" for i in range(30_000)) + ">x</p>"), COMPLEX),
    HostilePage(
        "attrs.after.gt",
        lambda: _page("<p x='>' " + " ".join(f"a{i}=''" for i in range(30_000)) + ">x</p>"),
        COMPLEX,
    ),
    HostilePage(
        "attrs.between.tags",
        lambda: _page("<p " + " ".join(f'a{i}="<p>"' for i in range(30_000)) + ">x</p>"),
        COMPLEX,
    ),
    HostilePage("attrs.open.quotes", lambda: _page("<p a=' <p b=\" " + "c=x <p a=y " * 30_000), "ok"),
    HostilePage("attrs.dup", lambda: _around("<p " + "a=b " * 100_000 + ">in it</p>"), COMPLEX),
    HostilePage(
        "attrs.many.tags", lambda: _page(("<p " + " ".join(f"a{i:x}" for i in range(1_500)) + ">") * 500), COMPLEX
    ),
    HostilePage("attr.noquote", lambda: _page(f'<p>{BEFORE}</p><img src="x' + "y" * 1_000_000), "ok", (BEFORE,)),
    HostilePage(
        "attrs.in.script",
        lambda: _page("<script>if (a <b " + "|| c = '' " * 10_000 + f") f()</script><p>{BEFORE}</p>"),
        "ok",
        (BEFORE,),
    ),
    HostilePage(
        "svg.paths", lambda: _page("<svg>" + "<path d=''/>" * 10_000 + f"</svg><p>{BEFORE}</p>"), "ok", (BEFORE,)
    ),
    HostilePage("deep.and.searched", lambda: _page("<div>" * 14_000 + "</p>" * 6_000), DEEP),
    HostilePage("lt", lambda: b"<" * 2_000_000, "ok"),
    HostilePage("amp", lambda: b"&" * 2_000_000, "ok"),
    HostilePage("comment.open", lambda: b"<!--" * 400_000, COMPLEX),
    HostilePage("cdata.open", lambda: b"<![CDATA[" * 200_000, COMPLEX),
    HostilePage("doctype", lambda: b"<!DOCTYPE " * 200_000, COMPLEX),
    HostilePage("script.open", lambda: _page(f"<p>{BEFORE}</p><script>" + "x" * 5_000_000), LARGE),
    HostilePage("style.open", lambda: _page(f"<p>{BEFORE}</p><style>p{{}}"), "ok", (BEFORE,)),
    HostilePage("textarea.open", lambda: _page(f"<p>{BEFORE}</p><textarea>abc"), "ok", (BEFORE,)),
    HostilePage("plaintext", lambda: _page(f"<p>{BEFORE}</p><plaintext><p>{AFTER}"), "ok", (BEFORE, AFTER)),
    HostilePage("template", lambda: _around("<svg><template></svg>"), "ok", (BEFORE, AFTER)),
    HostilePage(
        "math", lambda: _around("<math><mtext><table><mglyph><style>x</style></table></math>"), "ok", (BEFORE,)
    ),
    HostilePage("frameset", lambda: _around("<frameset><frame src=a></frameset>"), "ok", (BEFORE, AFTER)),
    HostilePage("head.none", f"<p>{BEFORE}</p><p>{AFTER}".encode, "ok", (BEFORE, AFTER)),
    HostilePage("two.body", lambda: _around("<body class=b id=c>"), "ok", (BEFORE, AFTER)),
    HostilePage("base.long", lambda: _around("<base href='http://" + "a" * 1_000_000 + "'>"), "ok", (BEFORE, AFTER)),
    HostilePage("nul", lambda: b"<p>a\0b</p>" * 100_000, "ok", ("ab",)),
    HostilePage(
        "surrogate", lambda: _around("<p>&#xD800;&#xDFFF; are replaced here.</p>"), "ok", ("\ufffd\ufffd are",)
    ),
    HostilePage("entities.10M", lambda: b"&lt;" * 2_500_000, "ok"),
    HostilePage("entity.xml", _ENTITIES.encode, "ok", ("Kept text &b;",)),
    HostilePage("xxe", _XXE.encode, "ok", ("Kept text &x;",)),
    HostilePage("xinclude", lambda: _page(_XINCLUDE), "ok", ("Kept text here.",)),
    HostilePage("imgs.1M", lambda: b"<img src=a>" * 1_000_000, COMPLEX),
    HostilePage("imgs.6k", lambda: b"<img src=a>" * 6_000, COMPLEX),
    HostilePage("picture.deep", lambda: b"<picture>" * 10_000, DEEP),
    HostilePage("alt.5MB", lambda: _page("<img src=a alt='" + "x" * 5_000_000 + "'>"), LARGE),
    HostilePage(
        "iframe.srcdoc", lambda: _around("<iframe srcdoc='" + "&amp;" * 50 + "lt;p'></iframe>"), "ok", (AFTER,)
    ),
    HostilePage("regex.dots", lambda: _around("<p>" + "." * 1_000_000 + "</p>"), "ok", (BEFORE, AFTER)),
    HostilePage("regex.letters", lambda: _around("<p>" + "a" * 1_000_000 + "!</p>"), "ok", (BEFORE, AFTER)),
    HostilePage("words", lambda: b"<p>" + b"a" * 5_000_000, LARGE),
    HostilePage("lines", lambda: b"<p>a" + b"\n" * 5_000_000, LARGE),
    HostilePage("para.200k", lambda: b"<p>a</p>" * 200_000, COMPLEX),
    HostilePage("lang.mix", lambda: _page(f"<p>{_many_scripts()}</p>"), "ok", ("AAAAA",)),
    HostilePage("emoji.zwj", lambda: _around("<p>" + "\U0001f468\u200d\U0001f469" * 100_000 + "</p>"), "ok", (AFTER,)),
    HostilePage("combining", lambda: _around("<p>e" + "\u0301" * 100_000 + "</p>"), "ok", (AFTER,)),
    HostilePage("bin", _random_bytes, NOT_HTML),
    HostilePage("pdf", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>" * 100, NOT_HTML),
    HostilePage(
        "formatting.bomb",
        lambda: "".join(f"<font color=c{i}><p>x" for i in range(4_000)).encode(),
        (RejectReason.TOO_DEEP, RejectReason.TOO_COMPLEX),
    ),
    HostilePage(
        "formatting.closed",
        lambda: _page(
            "<p>" + "".join(f"<font color=c{i}>" for i in range(500)) + "</p>" + "<p>x</p>" * 4_000 + "</font>" * 500
        ),
        COMPLEX,
    ),
    HostilePage("options.200k", lambda: b"<select>" + b"<option>a" * 200_000, "ok"),
)
