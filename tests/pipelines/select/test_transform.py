"""The job on a small known run: exact pools, exact rejections, exact counts."""

import pathlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipelines.engines.settings import EngineSettings
from pipelines.interleave.text_statistics import describe
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import run_line
from pipelines.select.transform import JOB
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.images import FetchedUrl, ImagePair, StoredImage
from schemas.recipe import PairSettings, Recipe, ScoreSettings, TextRules, TextRuleTable, TextSettings
from schemas.rejections import Rejection, RejectReason
from schemas.samples import PoolImage, PoolSample, PoolText
from schemas.scores import ImageScore
from schemas.summary import UnitCounts
from schemas.texts import TextRow
from schemas.verdicts import DocumentFeatures, Verdict, paragraph_digest
from tests.pipelines.upstream import commit, picture, recipe, store

INPROC = EngineSettings(name="inproc")
SITE = "https://a.example"
GOOD = "The cat sat on the mat and looked at the dog for a while."
COOKIES = "We use cookies, please accept them all."


def document(name: str, *segments: TextSegment | ImageSegment, language: str = "en") -> Document:
    return Document(
        document_id=name,
        url=f"{SITE}/{name}",
        domain="a.example",
        title=None,
        language=language,
        language_score=0.99,
        archive="/data/crawl.warc",
        record_offset=int(name[1:]),
        record_length=10,
        crawl_time=None,
        segments=segments,
    )


def image(name: str, alt: str | None = None, caption: str | None = None) -> ImageSegment:
    return ImageSegment(url=f"{SITE}/{name}.png", alt=alt, caption=caption)


def text(*paragraphs: str) -> TextSegment:
    return TextSegment(text="\n\n".join(paragraphs))


def score(
    source: str,
    position: int,
    stored: StoredImage,
    *,
    alt: float | None = None,
    caption: float | None = None,
    near: float | None = None,
) -> ImageScore:
    occurrence = f"/data/crawl.warc:{source[1:]}" if source.startswith("d") else source
    return ImageScore(
        source=source,
        occurrence=occurrence,
        position=position,
        image_id=stored.image_id,
        alt=alt,
        caption=caption,
        near=near,
        best=max((value for value in (alt, caption, near) if value is not None), default=None),
    )


def verdict(kind: str, item: str, reason: RejectReason, position: int | None = None) -> Verdict:
    return Verdict(kind=kind, item=item, position=position, reason=reason, of="another", value=None, threshold=None)


def text_row(name: str, content: str) -> TextRow:
    statistics, paragraphs = describe(content, "en")
    return TextRow(
        text_id=name,
        text=content,
        url=None,
        language="en",
        language_score=0.9,
        archive="/data/t.txt",
        offset=0,
        statistics=statistics,
        paragraphs=paragraphs,
    )


DOCUMENTS = [
    [
        # Two good images; the near text of the first is worse than its alt text.
        document("d1", text(GOOD, COOKIES), image("red", alt="a red wall here"), text(GOOD), image("blue")),
        # An image of bad score, a small one, one that is not there, one with a banned word: a text is left.
        document("d2", image("blue", alt="nothing like it"), image("small"), image("gone"), image("ICON"), text(GOOD)),
    ],
    [
        document("d3", text(GOOD), image("red", alt="a red wall here")),  # repeats another document
        document("d4", text("Das ist ein Satz."), image("red"), language="de"),
        # A gallery: no text is left, but its captions are captions.
        document("d5", image("green", alt="one", caption="a green wall again"), text("Menu"), image("red", alt="red")),
    ],
]


def prepare(run: pathlib.Path, **changes: object) -> Recipe:
    rules = TextRuleTable(paragraph=TextRules(min_words=4), document=TextRules(min_words=5))
    settings = recipe(
        run,
        score=ScoreSettings(model="any", pretrained="any", min=0.2),
        text=TextSettings(languages=("en",), rules=rules),
        pairs=PairSettings(min_words=3),
    )
    settings = replace(settings, **changes)  # type: ignore[arg-type]
    colours = {"red": (200, 30, 20), "blue": (20, 30, 200), "green": (30, 160, 40), "ICON": (9, 9, 9)}
    images = [picture(colour) for colour in colours.values()] + [picture((1, 2, 3), 100, 100)]
    rows, written = store(settings, [[(data, "png") for data in images[:2]], [(data, "png") for data in images[2:]]])
    stored = dict(zip([*colours, "small"], [image for part in rows for image in part], strict=True))
    commit_upstream(settings, stored, written)
    return settings


def commit_upstream(settings: Recipe, stored: dict[str, StoredImage], written: object) -> None:
    texts = [text_row("t1", f"{GOOD}\n\nMenu"), text_row("t2", "Too short.")]
    commit("interleave", settings, {"": DOCUMENTS, "texts": [texts]})
    fetches = [fetched(name, image.image_id) for name, image in stored.items()] + [fetched("gone", None)]
    pairs = [
        pair("p1", stored["green"], "a green wall"),
        pair("p2", stored["green"], "a green wall"),
        pair("p3", stored["red"], "what is this"),
        pair("p4", stored["blue"], " "),
    ]
    commit("fetch", settings, {"fetches": [fetches[:3], fetches[3:]], "pairs": [pairs]}, written)  # type: ignore[arg-type]
    features = [[features_of(d) for d in part] for part in DOCUMENTS]
    verdicts = [
        verdict("document", "/data/crawl.warc:3", RejectReason.NEAR_DUPLICATE),
        verdict("paragraph", paragraph_digest("a.example", COOKIES), RejectReason.REPEATED_IN_DOMAIN),
    ]
    commit("dedup", settings, {"": [verdicts], "features": features})
    red, blue, green = stored["red"], stored["blue"], stored["green"]
    scores = [
        [score("d1", 1, red, alt=0.3, near=0.1), score("d1", 3, blue), score("d2", 0, blue, alt=0.1)],
        [score("d5", 0, green, alt=0.25, caption=0.4), score("d5", 2, red, alt=0.5)],
        [score("p1", 0, green, caption=0.5), score("p2", 0, green, caption=0.5), score("p3", 0, red, caption=0.1)],
    ]
    commit("score", settings, {"": scores}, phase="places")


def features_of(document: Document) -> DocumentFeatures:
    texts = [p for _, segment in document.texts() for p in segment.text.split("\n\n")]
    return DocumentFeatures(
        occurrence=document.occurrence,
        document_id=document.document_id,
        crawl_time=None,
        domain=document.domain,
        n_images=0,
        image_set=None,
        signature=None,
        paragraphs=tuple(paragraph_digest(document.domain, paragraph) for paragraph in texts),
    )


def fetched(name: str, image_id: str | None) -> FetchedUrl:
    return FetchedUrl(
        url=f"{SITE}/{name}.png",
        image_id=image_id,
        reason=None if image_id else "not_found",
        status=None,
        final_url=None,
        n_bytes=1,
    )


def pair(name: str, stored: StoredImage, caption: str) -> ImagePair:
    return ImagePair(pair_id=name, image_id=stored.image_id, caption=caption, url=None, archive="/t.tar", key=name)


def shape(sample: PoolSample) -> list[str | None]:
    """Texts as they are, images as the last part of their URL, or their caption where they have none."""
    return [
        s.text if isinstance(s, PoolText) else (s.url or s.caption or "").removeprefix(f"{SITE}/")
        for s in sample.segments
    ]


def pool(settings: Recipe, kind: str) -> list[tuple[str, list[str | None]]]:
    samples = RunFolder(settings.run).read("select", PoolSample, kind)
    return sorted((sample.source_id, shape(sample)) for sample in samples)


def rejections(settings: Recipe) -> list[tuple[str, str, str]]:
    rows = RunFolder(settings.run).read("select", Rejection, "rejected")
    return sorted((row.kind, row.item.removeprefix("/data/crawl.warc:"), row.reason.value) for row in rows)


def files(run: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((run / "select").rglob("*")):
        if path.is_file():
            yield path.relative_to(run).as_posix(), path.read_bytes()


def test_pools_hold_what_meets_all_thresholds(tmp_path: pathlib.Path) -> None:
    settings = prepare(tmp_path)

    run_line(settings, [JOB], INPROC)

    assert pool(settings, "interleaved") == [("d1", [GOOD, "red.png", GOOD, "blue.png"])]
    assert pool(settings, "text") == [("d2", [GOOD]), ("t1", [GOOD])]
    assert pool(settings, "caption") == [
        ("d1", ["red.png", "a red wall here"]),
        ("p2", ["a green wall", "a green wall"]),
    ]


def test_everything_else_has_a_reason(tmp_path: pathlib.Path) -> None:
    settings = prepare(tmp_path)

    run_line(settings, [JOB], INPROC)

    assert rejections(settings) == [
        ("document", "3", "near_duplicate"),
        ("document", "4", "wrong_language"),
        ("document", "5", "no_text_left"),
        ("image", "2#0", "low_score"),
        ("image", "2#1", "too_small"),
        ("image", "2#2", "not_found"),
        ("image", "2#3", "banned_url_word"),
        ("image", "3#1", "page_rejected"),
        ("image", "4#1", "page_rejected"),
        ("image", "5#0", "page_rejected"),
        ("image", "5#2", "page_rejected"),
        ("page_caption", "1#3", "no_caption"),
        ("page_caption", "5#0", "duplicate_image"),
        ("page_caption", "5#2", "too_few_words"),
        ("pair", "p1", "duplicate_image"),
        ("pair", "p3", "low_score"),
        ("pair", "p4", "no_caption"),
        ("paragraph", "1#0:1", "repeated_in_domain"),
        ("paragraph", "5#1:0", "too_few_words"),
        ("paragraph", "t1:0:1", "too_few_words"),
        ("paragraph", "t2:0:0", "too_few_words"),
        ("text", "t2", "no_text_left"),
    ]
    assert RunFolder(settings.run).committed("select").counts == {
        "candidate": UnitCounts(
            n_in=11,
            n_out=4,
            rejected={
                "duplicate_image": 1,
                "low_score": 1,
                "near_duplicate": 1,
                "no_caption": 1,
                "no_text_left": 2,
                "wrong_language": 1,
            },
        ),
        "image": UnitCounts(
            n_in=10,
            n_out=2,
            rejected={"banned_url_word": 1, "low_score": 1, "not_found": 1, "page_rejected": 4, "too_small": 1},
        ),
        "page_caption": UnitCounts(
            n_in=4, n_out=1, rejected={"duplicate_image": 1, "no_caption": 1, "too_few_words": 1}
        ),
        "paragraph": UnitCounts(n_in=8, n_out=4, rejected={"repeated_in_domain": 1, "too_few_words": 3}),
    }
    assert RunFolder(settings.run).committed("select").totals == {"caption": 2, "interleaved": 1, "text": 2}


def test_samples_say_where_they_came_from(tmp_path: pathlib.Path) -> None:
    settings = prepare(tmp_path)

    run_line(settings, [JOB], INPROC)

    (sample,) = RunFolder(settings.run).read("select", PoolSample, "interleaved")
    image = sample.images()[0]
    assert isinstance(image, PoolImage)
    assert (sample.url, sample.domain, sample.archive, sample.record_offset) == (
        f"{SITE}/d1",
        "a.example",
        "/data/crawl.warc",
        1,
    )
    assert (image.alt, image.score, image.width, image.height) == ("a red wall here", 0.3, 200, 160)


def test_without_scoring_no_score_is_asked_for(tmp_path: pathlib.Path) -> None:
    settings = prepare(tmp_path, score=ScoreSettings(model=None, pretrained=None))

    run_line(settings, [JOB], INPROC)

    assert pool(settings, "interleaved") == [
        ("d1", [GOOD, "red.png", GOOD, "blue.png"]),
        ("d2", ["blue.png", GOOD]),
    ]
    assert [source for source, _ in pool(settings, "caption")] == ["d2", "p2", "p3"]


def test_repeated_bundles_do_not_show_in_the_bytes(tmp_path: pathlib.Path) -> None:
    repeat = EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=2",))
    for name, engine in (("one", INPROC), ("two", repeat)):
        run_line(prepare(tmp_path / name), [JOB], engine)

    assert dict(files(tmp_path / "one")) == dict(files(tmp_path / "two"))


def test_a_run_of_texts_alone_fills_the_text_pool(tmp_path: pathlib.Path) -> None:
    settings = recipe(tmp_path, text=TextSettings(rules="none"))
    commit("interleave", settings, {"texts": [[text_row("t1", GOOD)]]})
    for job in ("fetch", "dedup", "score"):
        commit(job, settings, {})

    run_line(settings, [JOB], INPROC)

    assert pool(settings, "text") == [("t1", [GOOD])]
    assert RunFolder(settings.run).committed("select").main() == UnitCounts(n_in=1, n_out=1)


def test_a_run_of_nothing_is_whole(tmp_path: pathlib.Path) -> None:
    settings = recipe(tmp_path)
    for job in ("interleave", "fetch", "dedup", "score"):
        commit(job, settings, {})

    run_line(settings, [JOB], INPROC)

    assert RunFolder(settings.run).committed("select").main() == UnitCounts()


@pytest.mark.slow
def test_worker_processes_do_not_show_in_the_bytes(tmp_path: pathlib.Path) -> None:
    for name, engine in (("one", INPROC), ("two", EngineSettings(name="local", workers=2))):
        run_line(prepare(tmp_path / name), [JOB], engine)

    assert dict(files(tmp_path / "one")) == dict(files(tmp_path / "two"))
