"""The whole job on documents and images whose repetitions are known."""

import json
import pathlib
from dataclasses import replace

import pytest

from pipelines.dedup.transform import JOB
from pipelines.engines.settings import EngineSettings
from pipelines.fetch.transform import JOB as FETCH
from pipelines.runs.folder import RunFolder
from pipelines.runs.job import Job
from pipelines.runs.runner import run_line
from schemas.digests import image_id
from schemas.documents import Document
from schemas.recipe import (
    DedupSettings,
    FetchSettings,
    FolderSource,
    ImageDedup,
    InputSettings,
    ParagraphDedup,
    Recipe,
)
from schemas.rejections import Rejection
from schemas.summary import UnitCounts
from schemas.verdicts import Verdict, paragraph_digest
from tests.pipelines.fetch.images import encode, noise
from tests.pipelines.fetch.line import INPROC, document, documents_job, files

HOST = "https://site.example/"
PICTURES = {"a.png": noise(96, 96, 1), "b.png": noise(96, 96, 2), "c.png": noise(96, 96, 3)}


@pytest.fixture
def web(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "web/site.example"
    folder.mkdir(parents=True)
    for name, image in PICTURES.items():
        (folder / name).write_bytes(encode(image))
    (folder / "same-bytes-as-a.png").write_bytes(encode(PICTURES["a.png"]))
    (folder / "small-b.png").write_bytes(encode(PICTURES["b.png"].resize((48, 48))))
    return tmp_path


def recipe(web: pathlib.Path, run: str = "run", settings: DedupSettings | None = None) -> Recipe:
    return Recipe(
        version=1,
        run=str(web / run),
        input=InputSettings(pages=("x",)),
        fetch=FetchSettings(source=FolderSource(folder=str(web / "web"))),
        dedup=settings or DedupSettings(images=ImageDedup(max_occurrences=3)),
    )


def run_dedup(documents: list[list[Document]], recipe: Recipe, engine: EngineSettings = INPROC) -> RunFolder:
    jobs: list[Job] = [documents_job(documents), FETCH, JOB]
    run_line(recipe, jobs, engine)
    return RunFolder(recipe.run)


def verdicts(folder: RunFolder, kind: str) -> list[tuple[str, int | None, str, str | None, float | None]]:
    return sorted(
        (row.item, row.position, row.reason.value, row.of, row.value)
        for row in folder.read("dedup", Verdict)
        if row.kind == kind
    )


def pages(*images: tuple[str, ...]) -> list[Document]:
    """Returns a document for each tuple of image names; no two have a text in common."""
    return [
        document(f"{HOST}{number}", [*(HOST + name for name in names), f"Page {number}."], offset=number)
        for number, names in enumerate(images)
    ]


def test_an_image_whose_content_occurs_too_often_is_left_out_everywhere(web: pathlib.Path) -> None:
    documents = pages(("a.png", "b.png"), ("a.png",), ("same-bytes-as-a.png", "c.png"), ("same-bytes-as-a.png",))

    folder = run_dedup([documents[:2], documents[2:]], recipe(web))

    content = image_id(encode(PICTURES["a.png"]))
    assert verdicts(folder, "image") == [(content, None, "too_many_occurrences", None, 4.0)]
    assert folder.committed("dedup").main() == UnitCounts(n_in=6, n_out=2, rejected={"too_many_occurrences": 4})


def test_near_duplicates_count_together_within_the_radius(web: pathlib.Path) -> None:
    documents = [pages(("b.png",), ("b.png", "c.png"), ("small-b.png",), ("small-b.png",))]

    near = run_dedup(documents, recipe(web))
    exact = run_dedup(
        documents, recipe(web, "exact", DedupSettings(images=ImageDedup(max_occurrences=3, hamming_radius=None)))
    )

    contents = [image_id(encode(PICTURES["b.png"])), image_id(encode(PICTURES["b.png"].resize((48, 48))))]
    assert verdicts(near, "image") == [(name, None, "too_many_occurrences", None, 4.0) for name in sorted(contents)]
    assert verdicts(exact, "image") == []


def test_a_url_that_was_never_fetched_is_counted_by_its_name(web: pathlib.Path) -> None:
    folder = run_dedup([pages(*[("gone.png", f"x{number}.png") for number in range(4)])], recipe(web))

    assert verdicts(folder, "image") == [(HOST + "gone.png", None, "too_many_occurrences", None, 4.0)]


def test_a_content_stays_at_its_first_place_in_a_page(web: pathlib.Path) -> None:
    names = ("b.png", "a.png", "same-bytes-as-a.png", "b.png")
    page = document(HOST, [*(HOST + name for name in names), "Words."], offset=7)

    folder = run_dedup([[page]], recipe(web))

    capture = "pages.warc.gz:7"
    assert verdicts(folder, "place") == [
        (capture, 2, "repeated_in_page", f"{capture}#1", None),
        (capture, 3, "repeated_in_page", f"{capture}#0", None),
    ]
    assert folder.committed("dedup").main() == UnitCounts(n_in=4, n_out=2, rejected={"repeated_in_page": 2})


def test_of_captures_of_one_url_the_latest_stays_and_ties_go_to_the_smallest_name(web: pathlib.Path) -> None:
    times = [(1, "2024-01-01T00:00:00Z"), (2, "2024-05-01T00:00:00Z"), (3, "2024-05-01T00:00:00Z"), (4, None)]
    captures = [document(HOST, [f"Text {offset}."], offset=offset, time=time) for offset, time in times]

    folder = run_dedup([captures[:2], captures[2:]], recipe(web))

    best = "pages.warc.gz:2"
    assert verdicts(folder, "document") == [
        (f"pages.warc.gz:{offset}", None, "duplicate_url", best, None) for offset in (1, 3, 4)
    ]
    assert folder.committed("dedup").counts["document"] == UnitCounts(n_in=4, n_out=1, rejected={"duplicate_url": 3})


def test_documents_with_the_same_set_of_images_keep_the_latest(web: pathlib.Path) -> None:
    older = document(HOST + "1", [HOST + "a.png", HOST + "b.png", "One."], offset=1, time="2023")
    newer = document(HOST + "2", [HOST + "b.png", HOST + "same-bytes-as-a.png", "Two."], offset=2, time="2024")
    without = [document(f"{HOST}{n}", [f"No image {n}."], offset=n) for n in (3, 4)]

    folder = run_dedup([[older, newer, *without]], recipe(web))

    assert verdicts(folder, "document") == [("pages.warc.gz:1", None, "duplicate_image_set", "pages.warc.gz:2", None)]


def test_of_near_duplicate_texts_the_latest_stays(web: pathlib.Path) -> None:
    words = [f"word{number}" for number in range(200)]
    changed = [*words[:-1], "other"]
    first = document(HOST + "1", [" ".join(words)], offset=1)
    second = document(HOST + "2", [" ".join(changed)], offset=2)
    unlike = document(HOST + "3", [" ".join(reversed(words))], offset=3)

    folder = run_dedup([[first], [second, unlike]], recipe(web))

    (found,) = verdicts(folder, "document")
    assert found[:4] == ("pages.warc.gz:2", None, "near_duplicate", "pages.warc.gz:1")
    # 195 of 197 shingles are shared: Jaccard 0.99.
    assert found[4] is not None
    assert found[4] > 0.95


def test_a_paragraph_that_a_domain_repeats_is_left_out_and_counted(web: pathlib.Path) -> None:
    texts = [f"Story {number} of its own.\n\nSubscribe  to our letter." for number in range(3)]
    documents = [document(f"{HOST}{number}", [text], offset=number) for number, text in enumerate(texts)]
    elsewhere = document("https://other.example/", ["Subscribe to our letter."], offset=9)

    folder = run_dedup([[*documents, elsewhere]], recipe(web))

    digest = paragraph_digest("site.example", "subscribe to our letter.")
    assert verdicts(folder, "paragraph") == [(digest, None, "repeated_in_domain", None, 3.0)]
    counts = folder.committed("dedup").counts["paragraph"]
    assert counts == UnitCounts(n_in=7, n_out=4, rejected={"repeated_in_domain": 3})


def test_every_rejected_place_has_a_row(web: pathlib.Path) -> None:
    folder = run_dedup([pages(*[("a.png",)] * 4)], recipe(web))

    rows = [row for row in folder.read("dedup", Rejection, "rejected") if row.kind == "image"]
    assert [(row.item, row.value, row.threshold) for row in rows] == [(HOST + "a.png", 4.0, 3.0)] * 4


def test_the_split_into_parts_and_their_order_change_no_verdict(web: pathlib.Path) -> None:
    documents = pages(("a.png", "b.png"), ("a.png",), ("a.png", "c.png", "c.png"), ("a.png",), ("gone.png",))
    one = run_dedup([documents], recipe(web, "one"))
    many = run_dedup([[item] for item in reversed(documents)], recipe(web, "many"))

    kinds = ("image", "place", "document", "paragraph")
    assert [verdicts(one, kind) for kind in kinds] == [verdicts(many, kind) for kind in kinds]
    assert one.committed("dedup").counts == many.committed("dedup").counts


def test_repeated_bundles_give_the_same_bytes(web: pathlib.Path) -> None:
    documents = [pages(("a.png", "b.png"), ("a.png", "a.png")), pages(("c.png",))]
    run_dedup(documents, recipe(web, "one"))
    twice = EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=2",))
    run_dedup(documents, recipe(web, "two"), twice)

    assert files(web / "one/dedup") == files(web / "two/dedup")


def test_evaluation_images_and_texts_are_left_out(web: pathlib.Path) -> None:
    held_out = web / "eval"
    held_out.mkdir()
    smaller = PICTURES["a.png"].resize((64, 64))
    (held_out / "question-7.jpg").write_bytes(encode(smaller, "JPEG", quality=70))
    words = "what is the large red thing on the left of the small green thing"
    (held_out / "questions.jsonl").write_text(json.dumps({"id": 7, "question": words.capitalize() + "?"}) + "\n")
    settings = DedupSettings(decontaminate=(str(held_out),))
    documents = [
        document(HOST + "1", [HOST + "same-bytes-as-a.png", HOST + "b.png", "Words."], offset=1),
        document(HOST + "2", [f"He asked: {words.upper()}, and went.", HOST + "c.png"], offset=2),
        document(HOST + "3", ["What is the large red thing on the left?"], offset=3),
    ]

    folder = run_dedup([documents], recipe(web, "clean", settings))

    content = image_id(encode(PICTURES["a.png"]))
    assert verdicts(folder, "image") == [(content, None, "contaminated", "question-7.jpg", None)]
    assert verdicts(folder, "document") == [("pages.warc.gz:2", None, "contaminated", "questions.jsonl:0", None)]
    assert folder.committed("dedup").main() == UnitCounts(n_in=3, n_out=2, rejected={"contaminated": 1})


def test_everything_switched_off_gives_no_verdict(web: pathlib.Path) -> None:
    from schemas.recipe import DocumentDedup

    off = DedupSettings(
        images=ImageDedup(max_occurrences=1_000, hamming_radius=None),
        documents=DocumentDedup(url="keep_all", image_set=False, minhash_jaccard=None),
        paragraphs=ParagraphDedup(max_per_domain=None),
    )
    captures = [replace(item, document_id="same") for item in pages(("a.png",), ("a.png",), ("a.png",))]

    folder = run_dedup([captures], recipe(web, "off", off))

    assert list(folder.read("dedup", Verdict)) == []
    assert folder.committed("dedup").counts["document"] == UnitCounts(n_in=3, n_out=3)
