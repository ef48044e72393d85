"""Which parts of a page are its content: by hand-made pages, and by labelled ones."""

import json

import pytest

from benchmarks.extraction import ours, read_pages, score
from pipelines.interleave.explain import explain_page
from tests.corpus import corpus_path
from tests.pipelines.interleave.pages import document, shorten

A = "The first paragraph says what the page is about, in words enough to be counted as one of its own."
B = "The second paragraph goes on from there, and it too is long enough to stay in the document as it is."
POST = "I had the same trouble with the pump last year, and what helped in the end was a new seal from the dealer"


def text_of(body: str) -> str:
    return "\n\n".join(segment for segment in shorten(document(body)) if isinstance(segment, str))


def article(around: str) -> str:
    return f"<title>A page of words</title><div class=site>{around}</div>".replace("@", f"<p>{A}</p><p>{B}</p>")


@pytest.mark.parametrize(
    "boilerplate",
    [
        "<nav><p>{0}</p></nav>",
        "<footer><p>{0}</p></footer>",
        "<aside><p>{0}</p></aside>",
        "<div role=navigation>{0}</div>",
        "<div class='cookie-banner'>{0}</div>",
        "<div id=comments><p>{0}</p></div>",
        "<div class='share-bar'>{0}</div>",
        "<div class='relatedArticles'>{0}</div>",
        "<div hidden>{0}</div>",
        "<div style='display:none'>{0}</div>",
        "<ul><li><a href=/a>{0}</a></li><li><a href=/b>One more</a></li></ul>",
        "<p>Share</p><p>Advertisement</p>",
    ],
)
def test_what_no_reader_came_for_is_left_out(boilerplate: str) -> None:
    noise = boilerplate.format("Words that stand on every page of the site and belong to none of them, at length.")

    assert text_of(article(f"{noise}<article>@</article>{noise}")) == f"{A}\n\n{B}"


def test_a_name_that_would_cost_the_page_is_overruled() -> None:
    assert text_of(article("<div class='has-sidebar related-layout sidebar'>@</div>")) == f"{A}\n\n{B}"


def test_a_page_of_short_texts_is_not_weighed_by_its_long_footer() -> None:
    footer = "Copyright 2012, 2013, 2014, 2015, 2016, 2017, 2018, 2019 by the authors. Made with a generator of pages."
    code = "<pre>image = face()</pre><pre>show(image)</pre>"
    body = f"<div class=body><p>{A[:70]}.</p>{code}<p>{B[:70]}.</p></div><div class=footer>{footer}</div>"

    assert text_of(body) == f"{A[:70]}.\n\nimage = face()\n\nshow(image)\n\n{B[:70]}."


def test_all_posts_of_a_forum_thread_are_kept_with_short_ones_between() -> None:
    posts = [f"{POST}, which was number {n}." if n % 3 else f"Thanks, number {n} worked for me." for n in range(9)]
    thread = "".join(
        f"<div class='post'><div class='user'>ann{n}</div><div class='body'>{text}</div></div>"
        for n, text in enumerate(posts)
    )

    found = text_of(f"<div id=thread>{thread}</div>")

    assert all(text in found for text in posts)


def test_a_page_of_comments_alone_is_not_emptied() -> None:
    comments = "".join(f"<div class='comment'><p>{POST}, said number {n}.</p></div>" for n in range(6))

    assert text_of(f"<div class='comments'>{comments}</div>").count("I had the same trouble") == 6


def test_a_page_of_thumbnails_is_its_thumbnails_and_not_its_one_line_of_text() -> None:
    thumbnails = "".join(f"<li><a href='/{n}'><img src='/{n}.jpg' alt='View {n}'> View {n}</a></li>" for n in range(8))
    gallery = f"<div class=page><ul class=gallery>{thumbnails}</ul><div class=bottom><p>{A}</p></div></div>"

    assert len(list(document(gallery).images())) == 8
    assert not list(
        document(
            article(f"<div class=strip><ul>{thumbnails}</ul></div><article>@{5 * f'<p>{A}</p>'}</article>")
        ).images()
    )


def test_teasers_with_linked_titles_go_where_there_is_a_text() -> None:
    teasers = "".join(
        f"<div class='card'><h3><a href='/{n}'>Another story that you could read, part {n}</a></h3>"
        f"<p>{POST}, it says in teaser number {n}.</p></div>"
        for n in range(4)
    )

    assert text_of(article(f"<main>@{teasers}</main>")) == f"{A}\n\n{B}"


def test_what_follows_a_heading_of_other_pages_goes() -> None:
    more = f"<h3>You might also like</h3><p>{POST}, and more of the kind.</p>"

    assert text_of(article(f"<article>@<p>{A} Again.</p>{more}</article>")) == f"{A}\n\n{B}\n\n{A} Again."


def test_title_and_byline_before_the_text_are_left_to_their_fields() -> None:
    found = document(article("<article><h1>A page of words</h1><p>By Ann Other, 1 May 2024</p>@</article>"))

    assert shorten(found) == [f"{A}\n\n{B}"]
    assert found.title == "A page of words"


def test_every_text_of_a_page_is_explained() -> None:
    page = article("<nav>Home and more</nav><article>@<p>Share</p></article><div class=cookie>We use cookies</div>")

    explained = explain_page(page.encode(), None)

    assert [(text.text, text.fate) for text in explained] == [
        ("Home and more", "navigation"),
        (A, "kept"),
        (B, "kept"),
        ("Share", "related"),
        ("We use cookies", "dialog"),
    ]
    assert explained[1].path == "p < article < div.site < body"


def test_labelled_articles_are_found_at_least_as_well_as_the_best_service_does() -> None:
    pages = read_pages(corpus_path("extraction"))

    precision, recall, f1 = score(pages, [ours(page).text for page in pages])

    # The best commercial service publishes an F1 of .970 on the whole of this benchmark.
    assert f1 >= 0.97
    assert min(precision, recall) >= 0.97


def test_every_image_file_of_the_corpus_is_in_a_document_or_a_rejection() -> None:
    from pipelines.interleave.document import extract_content

    index = corpus_path("web", "pages.jsonl")
    images = [json.loads(line) for line in corpus_path("web", "images.jsonl").read_text().splitlines()]
    found: set[str] = set()
    for line in index.read_text().splitlines():
        row = json.loads(line)
        content = extract_content((index.parent.parent / row["path"]).read_bytes(), None, row["url"])
        found.update(image.url for image in content.images.kept.values())
        found.update(rejection.item for rejection in content.images.rejections)

    assert [image["url"] for image in images if image["n_refs"] and image["url"] not in found] == []
