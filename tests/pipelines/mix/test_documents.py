"""Any documents, planned, written and read as the trainer does, come back: every word and image, once and in order."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from mm1_model.data.loader import TrainingRows
from mm1_model.data.pictures import decode
from mm1_model.data.shard_set import ShardSet
from pipelines.mix.cut import merge_texts
from pipelines.mix.tokenizer import load_tokenizer, train_tokenizer
from pipelines.verify.diff import diff
from pipelines.verify.verify import verify_shards
from schemas.digests import image_id, keyed_digest
from schemas.images import ImagePointer
from schemas.manifest import Manifest
from schemas.recipe import MixtureSettings
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind
from tests.pipelines.mix.pools import FORMATS, picture, read_metas
from tests.pipelines.mix.small_shards import write_small_shards

SIDE = 8
SETTINGS = MixtureSettings(
    sequence_length=48,
    tokens_per_image=4,
    images_per_row=3,
    rows_per_shard=12,
    vocabulary=300,
    vecap_share=0.5,
    on_exhausted="repeat",
    max_repeats=50,
)
IMAGES = {f"image-{number}": picture(number) for number in range(5)}
DECODED = {image_id(data): decode(data, SIDE) for data in IMAGES.values()}


def pool_image(number: int) -> PoolImage:
    name = f"image-{number}"
    return PoolImage(
        image_id=image_id(IMAGES[name]),
        pointer=ImagePointer(file=name, offset=0, length=len(IMAGES[name])),
        format=FORMATS[number % 3],
        width=24,
        height=24,
        url=f"https://a.example/{number}",
        alt=None,
        caption=None,
        score=None,
    )


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(["the", "old cat", "walks.", "\n\n", "\n\n\n", "<image>", "<eos>", "Ж世\U0001f600"])).map(
        " ".join
    ),
).map(lambda text: PoolText(text=text))
ELEMENTS = st.one_of(TEXTS, st.integers(0, 4).map(pool_image))


def sample_of(kind: SampleKind, number: int, segments: list[PoolText | PoolImage]) -> PoolSample:
    return PoolSample(
        key=keyed_digest("any", kind.value, str(number)),
        kind=kind,
        segments=tuple(segments),
        source_id=str(number),
        url=None,
        domain=None,
        archive="a",
        record_offset=0,
    )


@st.composite
def pools(draw: st.DrawFn) -> list[PoolSample]:
    """Up to a few documents of each kind."""
    documents = draw(st.lists(st.lists(ELEMENTS, min_size=1, max_size=14), max_size=6))
    captions = draw(st.lists(st.tuples(st.integers(0, 4).map(pool_image), TEXTS), max_size=4))
    texts = draw(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=4))
    return [
        *(sample_of(SampleKind.INTERLEAVED, n, segments) for n, segments in enumerate(documents)),
        *(sample_of(SampleKind.CAPTION, n, list(segments)) for n, segments in enumerate(captions)),
        *(sample_of(SampleKind.TEXT, n, list(segments)) for n, segments in enumerate(texts)),
    ]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = ["the old cat walks over the stone. " * 30]
    return load_tokenizer(train_tokenizer(texts, vocabulary=300).to_str().encode())


def caption_row(sample: PoolSample) -> CaptionRow:
    text = sample.segments[-1]
    alt = text.text if isinstance(text, PoolText) else ""
    return CaptionRow(key=sample.key, alt=alt, vlm=None, fused="Fused.", guard=None, captioner="c", fuser="r")


def elements(sample: PoolSample, caption_used: str | None) -> list[str]:
    """Returns the words and images of a sample in order."""
    segments = sample.segments
    if caption_used is not None:
        segments = (*sample.images(), PoolText(text=caption_used))
    found = []
    for segment in merge_texts(segments):
        found += [segment.image_id] if isinstance(segment, PoolImage) else segment.text.split()
    return found


def stored_elements(meta: dict[str, Any]) -> Iterator[str]:
    ids = iter(meta["image_ids"])
    for text in meta["texts"]:
        yield from [next(ids)] if text is None else text.split()


def check_stored(run: pathlib.Path, samples: list[PoolSample], rejected: set[str]) -> None:
    """Every sample is there, its pieces and parts numbered without gaps, and together they are the sample."""
    first_time: dict[str, list[dict[str, Any]]] = {}
    for meta in read_metas(run).values():
        if meta["source"]["repeat"] == 0:
            first_time.setdefault(meta["source"]["sample"], []).append(meta)
    for sample in samples:
        if sample.key in rejected:
            assert sample.key not in first_time
            continue
        mine = sorted(first_time[sample.key], key=lambda m: (m["source"]["piece"], m["source"]["part"]))
        places = [(m["source"]["piece"], m["source"]["part"]) for m in mine]
        counts: dict[int, int] = {m["source"]["piece"]: m["source"]["parts"] for m in mine}
        assert places == [(piece, part) for piece in range(len(counts)) for part in range(counts[piece])]
        caption = mine[0]["texts"][-1] if sample.kind is SampleKind.CAPTION else None
        stored = [element for meta in mine for element in stored_elements(meta)]
        # A text without a space may be cut inside: then its halves are words of their own.
        assert "".join(stored) == "".join(elements(sample, caption))


def check_rows(run: pathlib.Path) -> None:
    """Each row as the trainer has it: placeholders, pictures, texts and lengths are those that are stored."""
    metas, shards = read_metas(run), ShardSet(str(run))
    if not shards.num_rows:
        return
    rows, manifest = TrainingRows(shards, image_size=SIDE), shards.manifest
    for row in range(shards.num_rows):
        batch = rows.batch_of_rows([row])
        batch.check_values(placeholder_id=shards.special.image, tokens_per_image=manifest.tokens_per_image)
        assert batch.num_tokens <= manifest.sequence_length
        assert batch.num_images <= manifest.images_per_row
        ids = [name for key in batch.keys for name in metas[key]["image_ids"]]
        assert len(ids) == batch.num_images
        assert all(torch.equal(batch.images_NCHW[n], DECODED[name]) for n, name in enumerate(ids))
        for number, key in enumerate(batch.keys):
            tokens = batch.tokens_T[int(batch.cu_seqlens[number]) : int(batch.cu_seqlens[number + 1])].tolist()
            special = {shards.special.begin, shards.special.end, shards.special.image}
            words = shards.tokenizer.decode([t for t in tokens if t not in special], skip_special_tokens=False)
            assert words == "".join(text for text in metas[key]["texts"] if text is not None)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(samples=pools())
def test_any_documents_come_back_from_the_shards(samples: list[PoolSample], tokenizer: Tokenizer) -> None:
    kept: Any = {"settings": SETTINGS, "tokenizer": tokenizer, "images": IMAGES}
    captions = {s.key: caption_row(s) for s in samples if s.kind is SampleKind.CAPTION}
    with tempfile.TemporaryDirectory() as temporary:
        run = pathlib.Path(temporary)
        manifest, rejected = write_small_shards(run / "shards", samples, captions, **kept)

        assert verify_shards(str(run)) == []
        check_shares(run, manifest)
        check_stored(run, samples, {rejection.item for rejection in rejected})
        check_rows(run)


def check_shares(run: pathlib.Path, manifest: Manifest) -> None:
    """After every row each kind that there is has had its weight, but for less than one row."""
    paths = sorted((run / "shards").glob("*.index.parquet"))
    lines = [line for path in paths for line in pq.read_table(path, columns=["row", "kind"]).to_pylist()]
    kinds = [kind for _, kind in sorted({line["row"]: line["kind"] for line in lines}.items())]
    present = {kind: manifest.weights[kind] for kind, rows in manifest.pool_rows.items() if rows}
    for count in range(1, len(kinds) + 1):
        for kind, weight in present.items():
            assert abs(kinds[:count].count(kind) - count * weight / sum(present.values())) < 1


def test_a_document_changed_in_a_word_of_equal_length_changes_its_sample_and_nothing_else(
    tmp_path: pathlib.Path, tokenizer: Tokenizer
) -> None:
    kept: Any = {"settings": dataclasses.replace(SETTINGS, rows_per_shard=5), "tokenizer": tokenizer, "images": IMAGES}
    samples = [
        sample_of(SampleKind.TEXT, n, [PoolText(text=f"the old cat walks {n}. " * (1 + n % 3))]) for n in range(60)
    ]
    changed = dataclasses.replace(samples[23], segments=(PoolText(text="the cat old walks 23. " * 3),))
    write_small_shards(tmp_path / "a", samples, {}, **kept)
    again = [*samples[:23], changed, *samples[24:]]
    write_small_shards(tmp_path / "b", again[::-1], {}, **kept)
    difference = diff(str(tmp_path / "a"), str(tmp_path / "b"))
    n_shards = len(list((tmp_path / "a").glob("*.tar")))

    assert (difference.changed, difference.moved, difference.only_a, difference.only_b) == ({"text": 1}, {}, {}, {})
    assert difference.same == 59
    assert difference.shards == n_shards - 1 > 2
