"""From a pool row to the JSON members, tokenizers and captions of the shards."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from tokenizers import Tokenizer, models

from pipelines.mix.captions import choose_caption
from pipelines.mix.pieces import PieceMaker, from_spool, piece_key, rewritten_member, to_spool
from pipelines.mix.plan import MAX_CUTS
from pipelines.mix.tokenizer import (
    SAMPLE_TOTAL,
    bounded,
    is_sampled,
    load_tokenizer,
    special_tokens,
    train_tokenizer,
    with_special_tokens,
)
from schemas.images import ImagePointer
from schemas.recipe import MixtureSettings
from schemas.rejections import Rejection, RejectReason
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind

TEXTS = ["the cat walks over the old stone " * 30, "a new house in the quiet town " * 30]
SETTINGS = MixtureSettings(sequence_length=64, tokens_per_image=9, images_per_row=2, vocabulary=300)
KEY = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(train_tokenizer(TEXTS, vocabulary=300).to_str().encode())


def image(number: int = 1) -> PoolImage:
    return PoolImage(
        image_id=f"{number:064x}",
        pointer=ImagePointer(file="fetch/a.tar", offset=512 * number, length=9),
        format="jpeg",
        width=1,
        height=1,
        url=f"https://a.example/{number}.jpg",
        alt=None,
        caption=None,
        score=0.25,
    )


def sample(kind: SampleKind, *segments: PoolText | PoolImage) -> PoolSample:
    return PoolSample(
        key=KEY,
        kind=kind,
        segments=segments,
        source_id="d1",
        url="https://a.example/",
        domain="a.example",
        archive="a.warc",
        record_offset=7,
    )


def test_a_piece_has_its_members_and_its_lengths(tokenizer: Tokenizer) -> None:
    maker = PieceMaker(SETTINGS, tokenizer, seed=1)
    made = maker.make(sample(SampleKind.INTERLEAVED, PoolText(text="the cat"), image(), PoolText(text="walks")))

    assert isinstance(made, list)
    (piece,) = made
    assert piece.sample.texts == ("the cat", None, "walks")
    assert piece.sample.images == (None, "000.jpg", None)
    assert piece.sample.image_members == (None, f"{KEY}.000.jpg", None)
    assert piece.sample.image_urls == ("https://a.example/1.jpg",)
    count = sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in ("the cat", "walks"))
    assert piece.n_text == count + 2


def test_only_the_last_piece_ends_a_document(tokenizer: Tokenizer) -> None:
    text = " ".join(["the cat walks over the stone."] * 40)
    made = PieceMaker(SETTINGS, tokenizer, seed=1).make(sample(SampleKind.TEXT, PoolText(text=text)))

    assert isinstance(made, list)
    assert len(made) > 2
    for number, piece in enumerate(made):
        tokens = sum(len(tokenizer.encode(t, add_special_tokens=False)) for t in piece.sample.texts if t)
        assert piece.n_text == tokens + (2 if number == len(made) - 1 else 1)
        assert piece.n_text <= SETTINGS.sequence_length
        assert piece.sample.source["piece"] == number
        assert piece.sample.source["sample"] == KEY
    assert len({piece.sample.key for piece in made}) == len(made)


def test_a_caption_too_long_for_a_row_is_rejected_with_both_numbers(tokenizer: Tokenizer) -> None:
    made = PieceMaker(SETTINGS, tokenizer, seed=1).make(
        sample(SampleKind.CAPTION, image(), PoolText(text="the cat " * 60))
    )

    assert isinstance(made, Rejection)
    assert (made.reason, made.threshold) == (RejectReason.TOO_LONG, 62)
    assert made.value is not None
    assert made.value > 62


def test_a_sample_without_words_or_images_is_rejected(tokenizer: Tokenizer) -> None:
    made = PieceMaker(SETTINGS, tokenizer, seed=1).make(sample(SampleKind.TEXT, PoolText(text=" \n ")))

    assert isinstance(made, Rejection)
    assert made.reason is RejectReason.EMPTY_SAMPLE


def test_the_spool_gives_back_pointers_and_member(tokenizer: Tokenizer) -> None:
    made = PieceMaker(SETTINGS, tokenizer, seed=1).make(
        sample(SampleKind.INTERLEAVED, PoolText(text="line\nbreak"), image(3))
    )
    assert isinstance(made, list)
    pointers, member = from_spool(to_spool(made[0]))

    assert pointers == [("fetch/a.tar", 1536, 9, "jpg")]
    assert json.loads(member)["texts"] == ["line\nbreak", None]


def test_a_repeated_member_has_a_key_of_its_own_everywhere(tokenizer: Tokenizer) -> None:
    made = PieceMaker(SETTINGS, tokenizer, seed=1).make(sample(SampleKind.INTERLEAVED, PoolText(text="a"), image()))
    assert isinstance(made, list)
    _, member = from_spool(to_spool(made[0]))
    key = piece_key(KEY, piece=0, pieces=1, repeat=2)
    data, images = rewritten_member(member, key=key, repeat=2, split=0, splits=1, first_atom=0, last_atom=0)
    again = json.loads(data)

    assert again["key"] == key != KEY
    assert again["image_members"] == [None, f"{key}.000.jpg"]
    assert again["source"]["repeat"] == 2
    assert images == slice(0, 1)


def test_splits_of_a_piece_are_the_piece(tokenizer: Tokenizer) -> None:
    texts = ["One.\n\nTwo.\n\nThree.", "Four.\n\nFive."]
    made = PieceMaker(replace(SETTINGS, images_per_row=4), tokenizer, seed=1).make(
        sample(SampleKind.INTERLEAVED, PoolText(text=texts[0]), image(1), image(2), PoolText(text=texts[1]), image(3))
    )
    assert isinstance(made, list)
    _, member = from_spool(to_spool(made[0]))
    whole = json.loads(member)
    # Atoms: One, Two, Three, image 1, image 2, Four, Five, image 3.
    for cuts in [(0, 2, 4, 0), (0, 1, 7, 0), (0, 3, 6, 0)]:
        parts = [
            rewritten_member(member, key=f"k{n}", repeat=0, split=n, splits=3, first_atom=first, last_atom=last)
            for n, (first, last) in enumerate(itertools.pairwise(cuts))
        ]
        metas = [json.loads(data) for data, _ in parts]

        assert "".join(t for meta in metas for t in meta["texts"] if t) == "".join(texts)
        assert [i for meta in metas for i in meta["image_ids"]] == whole["image_ids"]
        assert [n for _, chosen in parts for n in range(3)[chosen]] == [0, 1, 2]
        for meta in metas:
            assert meta["image_members"] == [name and f"{meta['key']}.{name}" for name in meta["images"]]
            assert [name for name in meta["images"] if name] == [f"{n:03d}.jpg" for n in range(len(meta["image_ids"]))]
            assert all((t is None) != (i is None) for t, i in zip(meta["texts"], meta["images"], strict=True))


def test_the_length_of_a_part_is_a_sum(tokenizer: Tokenizer) -> None:
    maker = PieceMaker(replace(SETTINGS, sequence_length=4096), tokenizer, seed=1)
    text = "\n\n".join(["the cat walks over the stone." * 5] * 40)
    made = maker.make(sample(SampleKind.TEXT, PoolText(text=text)))
    assert isinstance(made, list)
    _, member = from_spool(to_spool(made[0]))
    cuts = list(zip(*[iter(made[0].cuts)] * 3, strict=True))

    assert len(cuts) == MAX_CUTS
    for atom, n_text, n_images in cuts:
        data, _ = rewritten_member(member, key="k", repeat=0, split=0, splits=2, first_atom=0, last_atom=atom)
        head = maker.make(replace(sample(SampleKind.TEXT, PoolText(text=json.loads(data)["texts"][0])), key="1" * 32))
        assert isinstance(head, list)
        assert (head[0].n_text - 2, n_images) == (n_text, 0)


def captions(fused: str | None = "Fused.") -> CaptionRow:
    return CaptionRow(key=KEY, alt="Alt.", vlm="Vlm.", fused=fused, guard=None, captioner="c", fuser="rule")


@pytest.mark.parametrize(
    ("changes", "low", "high"),
    [
        ({"vecap_share": 0.07}, 0.05, 0.09),
        ({"vecap_share": 0.0}, 0, 0),
        ({"vecap_share": 1.0}, 1, 1),
        ({"caption_choice": "veclip"}, 0.46, 0.54),
    ],
)
def test_the_share_of_fused_captions_is_that_of_the_recipe(changes: dict[str, object], low: float, high: float) -> None:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    used = [choose_caption(f"{n:032x}", "Alt.", captions(), settings, seed=1).used for n in range(3000)]

    assert low <= used.count("fused") / 3000 <= high


def test_without_a_fused_caption_the_alt_text_stays() -> None:
    settings = replace(SETTINGS, vecap_share=1.0)

    assert choose_caption(KEY, "Alt.", captions(None), settings, seed=1).text == "Alt."
    assert choose_caption(KEY, "Alt.", None, settings, seed=1).captions == {"alt": "Alt.", "vlm": None, "fused": None}


def test_all_three_captions_are_kept() -> None:
    chosen = choose_caption(KEY, "Alt.", captions(), replace(SETTINGS, vecap_share=1.0), seed=1)

    assert chosen.text == "Fused."
    assert chosen.captions == {"alt": "Alt.", "vlm": "Vlm.", "fused": "Fused."}


def test_training_is_the_same_in_every_process() -> None:
    program = (
        "import sys; from pipelines.mix.tokenizer import train_tokenizer;"
        f"sys.stdout.write(train_tokenizer({TEXTS!r}, vocabulary=320).to_str())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
        ).stdout
        for seed, threads in (("0", "1"), ("7", "4"), ("random", "2"))
    }

    assert len(outputs) == 1


def test_special_tokens_come_first_and_are_never_made_from_text(tokenizer: Tokenizer) -> None:
    special = special_tokens(tokenizer)
    encoded = tokenizer.encode("<image><bos></s><eos><pad>", add_special_tokens=False).ids

    assert (special.pad, special.begin, special.end, special.image) == (0, 1, 2, 3)
    assert not set(encoded) & {0, 1, 2, 3}


def test_every_text_decodes_to_itself(tokenizer: Tokenizer) -> None:
    text = "Ünïcode \u4e16\u754c \U0001f600\n\n  tabs\tand \x00 bytes"

    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_a_given_tokenizer_keeps_its_own_special_tokens_and_gets_the_missing_ones() -> None:
    given = Tokenizer(models.BPE(vocab={"<s>": 0, "</s>": 1, "a": 2}, merges=[]))
    special = special_tokens(with_special_tokens(given))

    assert (special.begin, special.end) == (0, 1)
    assert {special.pad, special.image} == {3, 4}


def test_what_is_no_tokenizer_is_named() -> None:
    with pytest.raises(ValueError, match=r"not a tokenizer\.json"):
        load_tokenizer(b"{}")


def test_the_sample_of_a_large_pool_is_small_and_does_not_depend_on_order() -> None:
    keys = [f"{n:032x}" for n in range(50_000)]
    chosen = {key for key in keys if is_sampled(key, seed=1, pool_rows=1_000_000)}

    assert 700 < len(chosen) < 1300
    assert chosen == {key for key in reversed(keys) if is_sampled(key, seed=1, pool_rows=1_000_000)}


def test_the_sample_is_bounded_in_characters_and_sorted_by_its_draw() -> None:
    texts = [(n / 10, str(n) * (SAMPLE_TOTAL // 4)) for n in (5, 1, 4, 2, 3)]

    assert [text[0] for text in bounded(texts)] == ["1", "2", "3", "4"]
