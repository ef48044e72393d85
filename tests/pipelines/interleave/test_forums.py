"""Threads keep every post in its order, and nothing of what forum programs put around them."""

import pytest

from pipelines.interleave.document import extract_content
from tests.pipelines.interleave.forum_pages import FORUMS, NOISE, POSTS, Forum

OPENING = (
    "The pump in our garden leaks at the shaft, and the dealer says that it cannot be repaired any more these days."
)


@pytest.mark.parametrize("forum", FORUMS, ids=lambda forum: forum.name)
def test_all_posts_of_a_thread_are_kept_in_order_and_nothing_else(forum: Forum) -> None:
    content = extract_content(forum.make(), None, forum.url)

    places = [content.text.find(post) for post in POSTS]
    assert -1 not in places
    assert places == sorted(places)
    assert NOISE not in content.text
    assert "Senior" not in content.text
    assert not content.images.kept


def with_comments(url: str) -> str:
    comments = "".join(f"<div class=comment><p>{post}</p></div>" for post in POSTS)
    page = f"<main><div class=entry><p>{OPENING}</p></div><div class=comments>{comments}</div></main>"
    return extract_content(page.encode(), None, url).text


def test_comments_stay_where_the_page_is_a_discussion_and_go_where_it_is_an_article() -> None:
    assert with_comments("https://example.org/2013/03/the-pump.html") == OPENING
    assert POSTS[-1] in with_comments("https://forum.example.org/thread/the-pump")
