"""One document at a time: what is left of it, in which order, and what is said of the rest."""

from pipelines.joins.images import ImageFacts, LocatedImage, UrlOutcome
from pipelines.select.document import DocumentSelection, select_document
from pipelines.select.facts import SourceFacts
from pipelines.select.settings import SelectSettings
from schemas.documents import Document, ImageSegment, Segment, TextSegment
from schemas.images import ImagePointer, StoredImage
from schemas.recipe import ImageSettings, PairSettings, ScoreSettings, TextRules, TextRuleTable, TextSettings
from schemas.rejections import Rejection
from schemas.samples import PoolImage, PoolSample, PoolText, SampleKind

SETTINGS = SelectSettings(
    text=TextSettings(rules=TextRuleTable(paragraph=TextRules(min_words=2), document=TextRules(min_words=4))),
    images=ImageSettings(min_side=100),
    score=ScoreSettings(model=None, pretrained=None),
    pairs=PairSettings(min_words=2),
)


def image(name: str, alt: str | None = None) -> ImageSegment:
    return ImageSegment(url=f"https://a.example/{name}.png", alt=alt)


def facts(**sides: int) -> SourceFacts:
    """Facts of square images by name and side in pixels."""
    fetches, images = {}, {}
    for row, (name, side) in enumerate(sides.items()):
        pointer = ImagePointer(file="t.tar", offset=row, length=1)
        stored = StoredImage(
            image_id=name,
            pointer=pointer,
            format="png",
            width=side,
            height=side,
            phash=None,
            n_frames=1,
            exif_orientation=1,
        )
        fetches[f"https://a.example/{name}.png"] = UrlOutcome(image_id=name, reason=None)
        images[name] = LocatedImage(stored=stored, part=0, row=row)
    return SourceFacts(images=ImageFacts(fetches=fetches, images=images))


def select(*segments: Segment, known: SourceFacts, archive: str = "/data/a.warc") -> DocumentSelection:
    document = Document(
        document_id="d",
        url="https://a.example/",
        domain="a.example",
        title=None,
        language="en",
        language_score=1.0,
        archive=archive,
        record_offset=7,
        record_length=1,
        crawl_time=None,
        segments=segments,
    )
    return select_document(document, known, SETTINGS)


def sample(selection: DocumentSelection) -> PoolSample:
    assert isinstance(selection.outcome, PoolSample)
    return selection.outcome


def shape(selection: DocumentSelection) -> list[str]:
    return [s.text if isinstance(s, PoolText) else s.image_id for s in sample(selection).segments]


def test_texts_around_an_image_that_goes_become_one() -> None:
    selection = select(
        TextSegment(text="one two"),
        image("small"),
        TextSegment(text="three four"),
        image("good"),
        TextSegment(text="five six"),
        known=facts(small=99, good=100),
    )

    assert shape(selection) == ["one two\n\nthree four", "good", "five six"]
    assert [(r.item, r.reason.value, r.value, r.threshold, r.parent) for r in selection.rejected_images] == [
        ("/data/a.warc:7#1", "too_small", 99, 100, "d")
    ]


def test_images_around_a_text_that_goes_stay_in_order() -> None:
    selection = select(
        image("b"),
        TextSegment(text="Menu"),
        image("a"),
        TextSegment(text="one two three four"),
        known=facts(a=100, b=100),
    )

    assert shape(selection) == ["b", "a", "one two three four"]
    assert [(r.item, r.reason.value) for r in selection.rejected_paragraphs] == [
        ("/data/a.warc:7#1:0", "too_few_words")
    ]
    assert selection.n_paragraphs == 2


def test_a_document_whose_images_all_go_is_a_text() -> None:
    selection = select(TextSegment(text="one two three four"), image("small"), known=facts(small=1))

    assert sample(selection).kind is SampleKind.TEXT


def test_the_text_that_is_left_is_judged_without_what_went() -> None:
    selection = select(TextSegment(text="one two three\n\nfour"), image("good", alt="a wall"), known=facts(good=100))

    # Four words came, but one went with its paragraph: three are too few.
    assert isinstance(selection.outcome, Rejection)
    assert (selection.outcome.reason.value, selection.outcome.value) == ("too_few_words", 3)
    assert [(r.reason.value, r.detail) for r in selection.rejected_images] == [("page_rejected", "too_few_words")]
    assert [candidate.sample.segments[1] for candidate in selection.captions] == [PoolText(text="a wall")]


def test_an_image_that_the_store_lacks_says_why() -> None:
    known = SourceFacts(
        images=ImageFacts(fetches={"https://a.example/late.png": UrlOutcome(image_id=None, reason="timeout")})
    )

    selection = select(TextSegment(text="one two three four"), image("late"), image("unknown"), known=known)

    assert [r.reason.value for r in selection.rejected_images] == ["timeout", "not_found"]


def test_a_caption_sample_is_an_image_and_its_text() -> None:
    selection = select(TextSegment(text="x"), image("good", alt=" a  wall "), known=facts(good=100))

    (candidate,) = selection.captions
    picture, text = candidate.sample.segments
    assert isinstance(picture, PoolImage)
    assert (picture.image_id, text) == ("good", PoolText(text="a wall"))
    assert candidate.sample.kind is SampleKind.CAPTION


def test_keys_differ_by_kind_and_do_not_depend_on_the_folder_of_the_input() -> None:
    segments = (TextSegment(text="one two three four"), image("good", alt="a wall"))

    here, there = (select(*segments, known=facts(good=100), archive=a) for a in ("/data/a.warc", "s3://b/c/a.warc"))

    assert sample(here).key == sample(there).key
    assert here.captions[0].key == there.captions[0].key != sample(here).key
    assert len(sample(here).key) == 32
