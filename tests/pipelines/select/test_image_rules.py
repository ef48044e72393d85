from dataclasses import replace

import pytest

from pipelines.joins.images import LocatedImage, UrlOutcome
from pipelines.select.image_rules import PlaceFacts, place_problem, stored_problem, url_problem
from pipelines.select.problems import Problem
from schemas.documents import ImageSegment
from schemas.images import ImagePointer, StoredImage
from schemas.recipe import ImageSettings, ScoreSettings
from schemas.rejections import RejectReason
from schemas.scores import ImageScore
from schemas.verdicts import Verdict

IMAGES = ImageSettings(min_side=150, max_side=20_000, max_aspect=2.0)
STORED = StoredImage(
    image_id="ff",
    pointer=ImagePointer(file="t.tar", offset=0, length=1),
    format="jpeg",
    width=300,
    height=150,
    phash=None,
    n_frames=1,
    exif_orientation=1,
)
SCORE = ImageScore(source="d", occurrence="a:1", position=0, image_id="ff", alt=0.2, caption=None, near=0.1, best=0.2)
FACTS = PlaceFacts(image=LocatedImage(stored=STORED, part=0, row=0), fetched=None, verdict=None, score=SCORE)
SEGMENT = ImageSegment(url="https://a.example/1.jpg", alt="x")


def problem(facts: PlaceFacts, score: ScoreSettings, segment: ImageSegment = SEGMENT) -> Problem | None:
    return place_problem(segment, facts, IMAGES, score)


@pytest.mark.parametrize(
    ("width", "height", "reason", "value", "threshold"),
    [
        (149, 150, RejectReason.TOO_SMALL, 149, 150),
        (150, 149, RejectReason.TOO_SMALL, 149, 150),
        (20_001, 15_000, RejectReason.TOO_LARGE, 20_001, 20_000),
        (301, 150, RejectReason.BAD_ASPECT, 2.0067, 2.0),
        (150, 301, RejectReason.BAD_ASPECT, 2.0067, 2.0),
    ],
)
def test_a_size_past_a_threshold_is_left_out(
    width: int, height: int, reason: RejectReason, value: float, threshold: float
) -> None:
    found = stored_problem(replace(STORED, width=width, height=height), IMAGES)

    assert found is not None
    assert (found.reason, found.value, found.threshold) == (reason, value, threshold)


@pytest.mark.parametrize(("width", "height"), [(150, 150), (300, 150), (150, 300), (20_000, 10_000)])
def test_a_size_at_a_threshold_stays(width: int, height: int) -> None:
    assert stored_problem(replace(STORED, width=width, height=height), IMAGES) is None


def test_banned_words_are_found_in_any_case_and_anywhere() -> None:
    found = url_problem("https://a.example/Site-LOGO.png", IMAGES)

    assert found == Problem(reason=RejectReason.BANNED_URL_WORD, detail="logo")
    assert url_problem("https://a.example/log.png", IMAGES) is None


def test_the_first_rule_in_order_is_the_reason() -> None:
    scoring = ScoreSettings(min=0.3)
    verdict = Verdict(
        kind="image",
        item="ff",
        position=None,
        reason=RejectReason.TOO_MANY_OCCURRENCES,
        of=None,
        value=11,
        threshold=10,
    )
    gone = UrlOutcome(image_id=None, reason="timeout")
    small = LocatedImage(stored=replace(STORED, width=10), part=0, row=0)
    banned = ImageSegment(url="https://a.example/icon.jpg")
    worst = PlaceFacts(image=small, fetched=gone, verdict=verdict, score=SCORE)

    reasons = [
        problem(replace(worst, image=None), scoring, banned),
        problem(worst, scoring, banned),
        problem(replace(worst, verdict=None), scoring, banned),
        problem(replace(FACTS, score=SCORE), scoring, banned),
        problem(FACTS, scoring),
        problem(FACTS, ScoreSettings(min=0.2)),
    ]

    assert [found.reason.value if found else None for found in reasons] == [
        "timeout",
        "too_many_occurrences",
        "too_small",
        "banned_url_word",
        "low_score",
        None,
    ]


def test_an_image_without_any_text_stays_at_its_place() -> None:
    silent = replace(SCORE, alt=None, near=None, best=None)

    assert problem(replace(FACTS, score=silent), ScoreSettings(min=0.9)) is None


def test_only_the_texts_that_are_asked_for_count() -> None:
    found = problem(FACTS, ScoreSettings(min=0.15, texts=("near",)))

    assert found == Problem(reason=RejectReason.LOW_SCORE, value=0.1, threshold=0.15)


def test_an_image_that_the_model_could_not_look_at_is_broken() -> None:
    found = problem(replace(FACTS, score=None), ScoreSettings())

    assert found is not None
    assert found.reason is RejectReason.BROKEN_IMAGE
    assert problem(replace(FACTS, score=None), ScoreSettings(model=None, pretrained=None)) is None
