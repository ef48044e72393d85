"""Pages that are many parts rather than one text: their whole documents, by both engines."""

import pytest

from pipelines.interleave.document import Parser
from tests.pipelines.interleave.pages import Short, document, shorten

FRAME = (
    "<title>Pumps</title><header><h2>Seals</h2><ul><li><a href=/a>Home</a><li><a href=/b>Shop</a></ul></header>"
    "<main>@</main><footer><p>Pumps and Seals is a company of its own, and has been one for years now.</p></footer>"
)
MENU = "<ul><li><a href=/r>Red</a></li><li><a href=/g>Green</a></li><li><a href=/u>Blue</a></li></ul>"
P = "A paragraph of a text says what the text is about, in words enough to be counted as one of its own."
engines = pytest.mark.parametrize("parser", ["lexbor", "bs4"])


def card(n: int) -> str:
    return (
        f"<div class=card><a href=/p{n}><img src=/p{n}.jpg alt='Pump {n}'></a>"
        f"<h3><a href=/p{n}>Pump number {n} of the large series</a></h3><p>Moves {n}0 litres a minute.</p></div>"
    )


@engines
def test_cards_are_the_content_where_nothing_else_is(parser: Parser) -> None:
    cards = "".join(map(card, range(1, 7)))

    found = document(FRAME.replace("@", f"<h1>Pumps</h1>{MENU}<div class=grid>{cards}</div>"), parser)

    expected: list[Short] = ["Pumps"]
    for n in range(1, 7):
        link = f"https://example.org/p{n}"
        expected.append({"url": f"{link}.jpg", "alt": f"Pump {n}", "link": link})
        expected.append(f"Pump number {n} of the large series\n\nMoves {n}0 litres a minute.")
    assert shorten(found) == expected


@engines
def test_cards_beside_a_text_are_teasers(parser: Parser) -> None:
    text = f"<article><p>{P}</p><p>{P}</p><p>{P}</p></article>"

    found = document(FRAME.replace("@", text + "".join(map(card, range(1, 7)))), parser)

    assert shorten(found) == [f"{P}\n\n{P}\n\n{P}"]


@engines
def test_cards_below_a_text_that_says_by_its_type_that_it_is_an_article_are_teasers(parser: Parser) -> None:
    text = f"<div itemscope itemtype='https://schema.org/NewsArticle'><p>{P}</p></div>"

    found = document(FRAME.replace("@", text + "".join(map(card, range(1, 7)))), parser)

    assert shorten(found) == [P]


@engines
def test_all_sections_are_kept_with_the_headers_that_head_them(parser: Parser) -> None:
    sections = "".join(
        f"<section><header><h2>Service {n}</h2></header><p>We repair pumps of kind {n}.</p>"
        f"<div><p>Our workshop for kind {n} is open every day of the week.</p></div></section>"
        for n in range(10, 20)
    )

    found = document(FRAME.replace("@", sections), parser)

    assert shorten(found) == [
        "\n\n".join(
            f"Service {n}\n\nWe repair pumps of kind {n}.\n\nOur workshop for kind {n} is open every day of the week."
            for n in range(10, 20)
        )
    ]


@engines
def test_a_short_text_with_next_to_nothing_around_it_stays_a_text(parser: Parser) -> None:
    found = document(FRAME.replace("@", f"<h1>Pumps</h1><p>{P}</p><p>{P}</p><div>Subscribe</div>"), parser)

    assert shorten(found) == [f"{P}\n\n{P}"]


@engines
def test_a_list_of_links_to_discussions_is_its_parts_and_a_discussion_is_not(parser: Parser) -> None:
    row = "<div class=row><h3>{0}</h3><div class=by>{1}</div></div>"
    titles = [f"How to seal a pump of the series {n}" for n in range(12)]
    links = "".join(row.format(f"<a href=/t/{n}>{title}</a>", f"ann{n}") for n, title in enumerate(titles))
    posts = "".join(row.format(title, f"ann{n}") for n, title in enumerate(titles))
    said = f"<div class=post><p>{P}</p><p>{P}</p></div>"

    listed, thread = (
        document(FRAME.replace("@", said + rows), parser, "https://forum.example.org/") for rows in (links, posts)
    )

    assert shorten(listed) == ["\n\n".join([P, P, *(f"{title}\n\nann{n}" for n, title in enumerate(titles))])]
    assert shorten(thread) == [f"{P}\n\n{P}"]
