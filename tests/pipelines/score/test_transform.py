"""The job on known pages and pairs: what it writes, counts and repeats."""

import pathlib
from collections.abc import Iterator
from dataclasses import replace

import apache_beam as beam
import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from pipelines.engines.settings import EngineSettings
from pipelines.imaging.models import MERGES_FILE
from pipelines.runs.folder import RunFolder
from pipelines.runs.runner import run_line
from pipelines.score.transform import JOB
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.images import FetchedUrl, ImagePair
from schemas.recipe import Recipe, ScoreSettings
from schemas.rejections import Rejection, RejectReason
from schemas.scores import ImageEmbedding, ImageScore
from schemas.summary import UnitCounts
from tests.pipelines.toy_models import write_toy_clip
from tests.pipelines.upstream import commit, context_of, picture, recipe, store

RED, BLUE, GREEN = (200, 30, 20), (20, 30, 200), (30, 160, 40)
INPROC = EngineSettings(name="inproc")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_toy_clip(tmp_path_factory.mktemp("models") / "toy-clip")


def document(name: str, *segments: TextSegment | ImageSegment) -> Document:
    return Document(
        document_id=name,
        url=f"https://a.example/{name}",
        domain="a.example",
        title=None,
        language="en",
        language_score=0.99,
        archive="crawl.warc",
        record_offset=int(name[1:]),
        record_length=10,
        crawl_time=None,
        segments=segments,
    )


def image(name: str, alt: str | None = None, caption: str | None = None, near: str | None = None) -> ImageSegment:
    return ImageSegment(url=f"https://a.example/{name}", alt=alt, caption=caption, near=near)


def prepare(run: pathlib.Path, model: str | None) -> Recipe:
    """Two parts of documents, one of pairs; three good images in two parts of the store, and a broken one."""
    settings = recipe(run, score=ScoreSettings(model=model, pretrained=None, batch_size=2, texts=("alt", "caption")))
    one = document("d1", image("red", alt="red", near="not asked for"), TextSegment(text="x"), image("gone", alt="y"))
    two = document("d2", image("blue", alt="a blue one", caption="red"), image("red"), image("broken", alt="z"))
    commit("interleave", settings, {"": [[one], [two]]})
    images = [[(picture(RED), "png"), (b"no picture", "broken")], [(picture(BLUE), "png"), (picture(GREEN), "png")]]
    rows, report = store(settings, images)
    ids = {"red": rows[0][0], "broken": rows[0][1], "blue": rows[1][0]}
    fetches = [
        FetchedUrl(
            url=f"https://a.example/{name}",
            image_id=stored.image_id,
            reason=None,
            status=200,
            final_url=None,
            n_bytes=1,
        )
        for name, stored in ids.items()
    ]
    gone = FetchedUrl(
        url="https://a.example/gone", image_id=None, reason="not_found", status=404, final_url=None, n_bytes=0
    )
    pair = ImagePair(
        pair_id="p1", image_id=rows[1][1].image_id, caption="a green one", url=None, archive="t.tar", key="0"
    )
    commit("fetch", settings, {"fetches": [[*fetches, gone]], "pairs": [[pair]]}, report)
    return settings


def files(run: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((run / "score").rglob("*")):
        if path.is_file():
            yield path.relative_to(run).as_posix(), path.read_bytes()


def test_places_are_scored_and_counted(tmp_path: pathlib.Path, clip: str) -> None:
    settings = prepare(tmp_path, clip)

    run_line(settings, [JOB], INPROC)

    folder = RunFolder(settings.run)
    scores = list(folder.read("score", ImageScore))
    assert [(s.source, s.occurrence, s.position) for s in scores] == [
        ("d1", "crawl.warc:1", 0),
        ("d2", "crawl.warc:2", 0),
        ("d2", "crawl.warc:2", 1),
        ("p1", "p1", 0),
    ]
    assert [(s.alt is None, s.caption is None, s.near is None) for s in scores] == [
        (False, True, True),
        (False, False, True),
        (True, True, True),
        (True, False, True),
    ]
    assert [s.best for s in scores] == [
        scores[0].alt,
        max(scores[1].alt or 0, scores[1].caption or 0),
        None,
        scores[3].caption,
    ]
    rejection = next(r for r in folder.read("score", Rejection, "rejected") if r.kind == "place")
    assert (rejection.item, rejection.parent, rejection.reason) == ("d2:2", "d2", RejectReason.BROKEN_IMAGE)
    assert folder.committed("score").counts == {
        "image": UnitCounts(n_in=4, n_out=3, rejected={"broken_image": 1}),
        "place": UnitCounts(n_in=5, n_out=4, rejected={"broken_image": 1}),
    }


def test_scores_and_embeddings_equal_those_of_open_clip(tmp_path: pathlib.Path, clip: str) -> None:
    settings = prepare(tmp_path, clip)
    run_line(settings, [JOB], INPROC)

    model, preprocess = open_clip.create_model_from_pretrained(clip)
    tokenizer = open_clip.get_tokenizer(clip, bpe_path=f"{clip.removeprefix('local-dir:')}/{MERGES_FILE}")
    with torch.inference_mode():
        pixels = preprocess(Image.new("RGB", (200, 160), BLUE)).unsqueeze(0)
        image_W = model.eval().encode_image(pixels, normalize=True)[0]
        text_W = model.encode_text(tokenizer(["a blue one"]), normalize=True)[0]
    folder = RunFolder(settings.run)
    scores = {(s.source, s.position): s for s in folder.read("score", ImageScore)}
    assert scores["d2", 0].alt == pytest.approx(float(image_W @ text_W), abs=1e-3)
    embeddings = {e.image_id: e.embedding for e in folder.read("score", ImageEmbedding, "embeddings")}
    stored = np.frombuffer(embeddings[scores["d2", 0].image_id], "<f2")
    np.testing.assert_allclose(stored, image_W.numpy(), atol=1e-3)
    assert len(embeddings) == 3


def test_without_a_model_every_place_goes_through(tmp_path: pathlib.Path) -> None:
    settings = prepare(tmp_path, None)

    run_line(settings, [JOB], INPROC)

    scores = list(RunFolder(settings.run).read("score", ImageScore))
    assert [(s.source, s.position, s.best) for s in scores] == [
        ("d1", 0, None),
        ("d2", 0, None),
        ("d2", 1, None),
        ("d2", 2, None),
        ("p1", 0, None),
    ]


@pytest.mark.slow
def test_workers_and_repeated_bundles_do_not_show_in_the_bytes(tmp_path: pathlib.Path, clip: str) -> None:
    engines = [
        INPROC,
        EngineSettings(name="local", workers=2),
        EngineSettings(name="inproc", beam_flags=("--direct_runner_bundle_repeat=2",)),
    ]
    outputs = []
    for number, engine in enumerate(engines):
        run = tmp_path / str(number)
        run_line(prepare(run, clip), [JOB], engine)
        outputs.append(dict(files(run)))

    assert outputs[1] == outputs[0]
    assert outputs[2] == outputs[0]


def test_a_gpu_is_asked_for_where_the_model_runs(tmp_path: pathlib.Path, clip: str) -> None:
    settings = prepare(tmp_path, clip)
    settings = replace(settings, score=replace(settings.score, accelerator="nvidia-l4"))
    pipeline = beam.Pipeline()

    JOB.build(pipeline, context_of("score", settings))

    components = pipeline.to_runner_api().components
    hinted = {name for name, environment in components.environments.items() if environment.resource_hints}
    steps = {
        t.unique_name for t in components.transforms.values() if t.environment_id in hinted and not t.subtransforms
    }
    assert {"Embed/Run", "Score/Run"} <= steps
    (hint,) = {bytes(h) for name in hinted for h in components.environments[name].resource_hints.values()}
    assert hint == b"type:nvidia-l4;count:1;install-nvidia-driver"
    assert not any(step.startswith("Find images") for step in steps)


def test_a_run_without_images_is_whole(tmp_path: pathlib.Path, clip: str) -> None:
    settings = recipe(tmp_path, score=ScoreSettings(model=clip, pretrained=None))
    commit("interleave", settings, {"": [[document("d1", TextSegment(text="alone"))]]})
    commit("fetch", settings, {})

    run_line(settings, [JOB], INPROC)

    assert RunFolder(settings.run).committed("score").main() == UnitCounts()
