import numpy as np

from pipelines.joins.places import Place
from pipelines.score.cosine import distinct_texts, score_place
from schemas.documents import ImageSegment
from schemas.scores import ImageScore


def place(alt: str | None = None, caption: str | None = None, near: str | None = None) -> Place:
    image = ImageSegment(url="https://a.example/1.png", alt=alt, caption=caption, near=near)
    return Place(document_id="d", occurrence="a:1", position=2, image=image)


def test_scores_are_cosines_and_the_best_is_the_largest() -> None:
    vectors = {"up": np.array([0.0, 2.0]), "right": np.array([1.0, 0.0])}

    score = score_place(place(alt="up", near="right"), "ff", np.array([3.0, 4.0]), vectors, ("alt", "caption", "near"))

    # (3, 4) has length 5: its cosines with the axes are 3/5 and 4/5.
    assert score == ImageScore(
        source="d", occurrence="a:1", position=2, image_id="ff", alt=0.8, caption=None, near=0.6, best=0.8
    )


def test_texts_that_are_not_asked_for_or_blank_have_no_score() -> None:
    vectors = {"up": np.array([0.0, 1.0])}

    score = score_place(place(alt=" ", near="up"), "ff", np.array([0.0, 1.0]), vectors, ("alt", "caption"))

    assert (score.alt, score.caption, score.near, score.best) == (None, None, None, None)


def test_each_text_is_embedded_once_in_order_of_appearance() -> None:
    places = [place(alt="b", caption="a"), place(alt="a", caption="c", near="d")]

    assert distinct_texts(places, ("alt", "caption")) == ["b", "a", "c"]
