import random

from pipelines.select.page_captions import ChosenText, Contender, choose_text, losers
from pipelines.select.problems import Problem
from schemas.documents import ImageSegment
from schemas.recipe import PairSettings, ScoreSettings
from schemas.rejections import RejectReason
from schemas.scores import ImageScore

SCORING = ScoreSettings(min=0.2)
PAIRS = PairSettings(min_words=3)


def image(alt: str | None = None, caption: str | None = None, near: str | None = None) -> ImageSegment:
    return ImageSegment(url="https://a.example/1.jpg", alt=alt, caption=caption, near=near)


def score(alt: float | None = None, caption: float | None = None) -> ImageScore:
    return ImageScore(
        source="d", occurrence="a:1", position=0, image_id="ff", alt=alt, caption=caption, near=0.9, best=0.9
    )


def contender(key: str, score: float | None = None, *, is_pair: bool = False, text: str = "") -> Contender:
    return Contender(image_id="ff", key=key, is_pair=is_pair, text_digest=text or key, score=score, source=0, row=0)


def lost(*contenders: Contender) -> dict[str, str]:
    return {out.key: kept.key for out, kept in losers(contenders)}


def test_the_text_of_the_higher_score_is_the_caption() -> None:
    segment = image(alt="a  red\nwall here", caption="the wall of Maren")

    assert choose_text(segment, score(0.3, 0.4), PAIRS, SCORING) == ChosenText(text="the wall of Maren", score=0.4)
    assert choose_text(segment, score(0.4, 0.4), PAIRS, SCORING) == ChosenText(text="a red wall here", score=0.4)


def test_a_text_that_is_too_short_is_no_caption_however_well_it_scores() -> None:
    segment = image(alt="red wall", caption="the wall of Maren")

    assert choose_text(segment, score(0.9, 0.25), PAIRS, SCORING) == ChosenText(text="the wall of Maren", score=0.25)


def test_an_image_without_a_caption_has_a_reason() -> None:
    assert choose_text(image(near="text beside it"), score(), PAIRS, SCORING) == Problem(
        reason=RejectReason.NO_CAPTION, detail="no alt text and no caption"
    )
    assert choose_text(image(alt="red wall"), score(0.9), PAIRS, SCORING) == Problem(
        reason=RejectReason.TOO_FEW_WORDS, value=2.0, threshold=3.0
    )
    assert choose_text(image(alt="a red wall"), score(0.19), PAIRS, SCORING) == Problem(
        reason=RejectReason.LOW_SCORE, value=0.19, threshold=0.2
    )
    assert choose_text(image(alt="a red wall"), score(), PAIRS, SCORING) == Problem(
        reason=RejectReason.NO_SCORE, detail="alt was not scored"
    )


def test_without_scoring_alt_text_comes_first() -> None:
    off = ScoreSettings(model=None, pretrained=None)

    chosen = choose_text(image(alt="a red wall", caption="the wall of Maren"), None, PAIRS, off)

    assert chosen == ChosenText(text="a red wall", score=None)


def test_an_image_of_pages_stays_once_with_its_best_score() -> None:
    assert lost(contender("a", 0.3), contender("b", 0.5), contender("c", 0.5)) == {"a": "b", "c": "b"}


def test_pairs_stay_with_every_caption_and_push_pages_out() -> None:
    pairs = [contender("p1", 0.3, is_pair=True, text="x"), contender("p2", 0.2, is_pair=True, text="y")]

    assert lost(*pairs, contender("a", 0.9)) == {"a": "p1"}


def test_a_pair_that_is_given_twice_stays_once() -> None:
    pairs = [contender("p2", is_pair=True, text="x"), contender("p1", is_pair=True, text="x")]

    assert lost(*pairs) == {"p2": "p1"}


def test_the_choice_does_not_depend_on_the_order_of_arrival() -> None:
    contenders = [contender(str(n), n % 3 / 10, is_pair=n % 4 == 0, text=str(n % 5)) for n in range(20)]
    shuffled = list(contenders)
    random.Random(3).shuffle(shuffled)

    assert lost(*shuffled) == lost(*contenders)
