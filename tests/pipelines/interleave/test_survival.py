"""What must survive on the way from a page to its document: one small page a construct, its whole document expected."""

import pytest

from pipelines.interleave.document import Parser
from tests.pipelines.interleave.pages import Short, document, shorten

A = "The first paragraph says what the page is about, in words enough to be one."
B = "The second paragraph goes on from there, and it too is long enough to stay."
SITE = "https://example.org"


def _article(middle: str) -> str:
    return (
        "<html><head><title>A page</title></head><body><nav><a href='/'>Home</a> <a href='/b'>Blog</a></nav>"
        f"<article><h1>A page</h1><p>{A}</p>{middle}<p>{B}</p></article><footer>Copyright 2024</footer></body></html>"
    )


def _image(path: str, **fields: object) -> dict[str, object]:
    return {"url": path if "://" in path else f"{SITE}{path}", **fields}


CONSTRUCTS: dict[str, tuple[str, list[Short]]] = {
    "figure with caption": (
        "<figure><img src='/f.jpg' alt='alt'><figcaption>What the <b>figure</b> shows.</figcaption></figure>",
        [A, _image("/f.jpg", alt="alt", caption="What the figure shows."), B],
    ),
    "picture with sources": (
        "<picture><source type='image/avif' srcset='/a.avif 900w'><source srcset='/s.webp 400w, /l.webp 800w'>"
        "<img src='/x.jpg' alt='alt'></picture>",
        [A, _image("/l.webp", alt="alt"), B],
    ),
    "srcset alone": ("<img srcset='/s.jpg 480w, /l.jpg 1200w, /m.jpg 800w'>", [A, _image("/l.jpg"), B]),
    "lazy data-src before a spacer": (
        "<img src='/spacer.gif' data-src='/real.jpg' alt='alt'>",
        [A, _image("/real.jpg", alt="alt"), B],
    ),
    "lazy data-srcset": (
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' data-srcset='/s.jpg 1x, /l.jpg 2x'>",
        [A, _image("/l.jpg"), B],
    ),
    "other lazy attribute": ("<img src='/blank.gif' data-hi-res='/big.jpg'>", [A, _image("/big.jpg"), B]),
    "lazy copy in noscript": (
        "<img src='/pixel.gif'><noscript><img src='/real.jpg' alt='alt'></noscript>",
        [A, _image("/real.jpg", alt="alt"), B],
    ),
    "the same image in noscript, once": (
        "<img data-src='/real.jpg' alt='lazy'><noscript><img src='/real.jpg' alt='copy'></noscript>",
        [A, _image("/real.jpg", alt="lazy"), B],
    ),
    "comma in a URL": (
        "<img srcset='https://cdn.example/c_fill,w_4/a.jpg 400w, https://cdn.example/c_fill,w_8/a.jpg 800w'>",
        [A, _image("https://cdn.example/c_fill,w_8/a.jpg"), B],
    ),
    "list": (
        "<ul><li>One thing</li><li>Another <i>thing</i></li></ul>",
        [f"{A}\n\n- One thing\n- Another thing\n\n{B}"],
    ),
    "nested list": (
        "<ol><li>One<ul><li>inner</li></ul></li><li>Two</li></ol>",
        [f"{A}\n\n- One\n- inner\n- Two\n\n{B}"],
    ),
    "table": (
        "<table><tr><th>Name<th>Age<tr><td>Ann<td>7<tr><td>Bob<td>9</table>",
        [f"{A}\n\nName\tAge\nAnn\t7\nBob\t9\n\n{B}"],
    ),
    "preformatted": (
        "<pre>def f(x):\n    return <b>x</b>\n\n\nf(1)</pre>",
        [f"{A}\n\ndef f(x):\n    return x\n\n\nf(1)\n\n{B}"],
    ),
    "block quote": (
        "<blockquote><p>Quoted words, of some length.</p></blockquote>",
        [f"{A}\n\nQuoted words, of some length.\n\n{B}"],
    ),
    "definition list": ("<dl><dt>Term</dt><dd>What it means.</dd></dl>", [f"{A}\n\nTerm\nWhat it means.\n\n{B}"]),
    "relative URL": ("<img src='../rel.jpg'>", [A, _image("/blog/rel.jpg"), B]),
    "protocol-relative URL": ("<img src='//cdn.example/a.jpg'>", [A, _image("https://cdn.example/a.jpg"), B]),
    "port in a URL": ("<img src='https://example.net:8443/a.jpg'>", [A, _image("https://example.net:8443/a.jpg"), B]),
    "IDN host": (
        "<img src='https://bücher.example/ü.jpg'>",
        [A, _image("https://xn--bcher-kva.example/%C3%BC.jpg"), B],
    ),
    "blanks in a URL": ("<img src=' a b.jpg\n'>", [A, _image("/blog/2024/a%20b.jpg"), B]),
    "line break": (
        "<p>Two lines<br>of <span>one</span> paragraph, and more of it.</p>",
        [f"{A}\n\nTwo lines\nof one paragraph, and more of it.\n\n{B}"],
    ),
    "two line breaks": (
        "<div>Old pages part their paragraphs<br><br>by two line breaks and nothing else.</div>",
        [f"{A}\n\nOld pages part their paragraphs\n\nby two line breaks and nothing else.\n\n{B}"],
    ),
    "inline markup": (
        "<p>un<b>believ</b>able, <em>and</em> <i>so</i>\n <a href='/x'>on</a>; x<sup>2</sup>, w<wbr>b: all kept.</p>",
        [f"{A}\n\nunbelievable, and so on; x2, wb: all kept.\n\n{B}"],
    ),
    "no-break space and soft hyphen": (
        "<p>10&nbsp;km of  road,\t un&shy;broken and straight on.</p>",
        [f"{A}\n\n10\u00a0km of road, unbroken and straight on.\n\n{B}"],
    ),
    "composed characters": (
        "<p>cafe\u0301 au lait, tre\u0300s bon, in two forms.</p>",
        [f"{A}\n\ncaf\u00e9 au lait, tr\u00e8s bon, in two forms.\n\n{B}"],
    ),
    "headings": (
        "<h2>A heading</h2><p>And text that stands under it.</p>",
        [f"{A}\n\nA heading\n\nAnd text that stands under it.\n\n{B}"],
    ),
    "image in a paragraph": (
        "<p>Words before the image <img src='/i.png'> and words that come after it.</p>",
        [f"{A}\n\nWords before the image", _image("/i.png"), f"and words that come after it.\n\n{B}"],
    ),
    "image in a link": (
        "<a href='/full.html'><img src='/t.jpg' width='300' height=200px></a>",
        [A, _image("/t.jpg", link=f"{SITE}/full.html", width_hint=300, height_hint=200), B],
    ),
    "alt, title and caption apart": (
        "<figure><img src='/f.jpg' alt='an alt' title='a title'><figcaption>a caption</figcaption></figure>",
        [A, _image("/f.jpg", alt="an alt", title="a title", caption="a caption"), B],
    ),
    "AMP image": (
        "<amp-img src='/amp.jpg' alt='alt' width=4 height=3></amp-img>",
        [A, _image("/amp.jpg", alt="alt", width_hint=4, height_hint=3), B],
    ),
    "object and embed of image type": (
        "<object type='image/png' data='/o.png'></object><embed type='image/png' src='/e.png'><embed src='/x.swf'>",
        [A, _image("/o.png"), _image("/e.png"), B],
    ),
    "image twice": (
        "<img src='/a.jpg' alt='first'><img src='/a.jpg' alt='second'>",
        [A, _image("/a.jpg", alt="first"), B],
    ),
    "custom element": (
        "<my-box><p>Text in an element that nobody knows.</p></my-box>",
        [f"{A}\n\nText in an element that nobody knows.\n\n{B}"],
    ),
    "hidden text": ("<p style='display: none'>Not to be seen by anyone, however long.</p>", [f"{A}\n\n{B}"]),
    "empty elements": ("<p> &nbsp; </p><div></div><ul><li></li></ul>", [f"{A}\n\n{B}"]),
    "script, style and template": (
        "<script>var a = '<p>no</p>';</script><style>p { color: red }</style><template><p>no</p></template>",
        [f"{A}\n\n{B}"],
    ),
}


@pytest.mark.parametrize("parser", ["lexbor", "bs4"])
@pytest.mark.parametrize("name", CONSTRUCTS)
def test_a_construct_survives(name: str, parser: Parser) -> None:
    middle, expected = CONSTRUCTS[name]

    assert shorten(document(_article(middle), parser)) == expected
