"""Captions with a cache are open_clip's own, token for token."""

from __future__ import annotations

from typing import Any

import open_clip
import pytest
import torch
from open_clip import coca_model
from open_clip.coca_model import CoCa

from pipelines.recaption.coca import CaptionSettings, CocaCaptioner

START, END, PAD = 58, 59, 0


def small_coca(seed: int, *, embed_cls: bool = True) -> CoCa:
    """A CoCa whose weights are large enough for captions that depend on the image."""
    torch.manual_seed(seed)
    text_cfg = {"context_length": 20, "vocab_size": 60, "width": 32, "heads": 4, "layers": 2}
    model = CoCa(
        embed_dim=32,
        multimodal_cfg={"context_length": 20, "vocab_size": 60, "width": 32, "heads": 4, "layers": 3},
        text_cfg=text_cfg | {"embed_cls": embed_cls, "output_tokens": True},
        vision_cfg={
            "image_size": 32,
            "layers": 2,
            "width": 48,
            "head_width": 12,
            "patch_size": 8,
            "attentional_pool": True,
            "attn_pooler_heads": 4,
            "attn_pooler_queries": 9,
            "output_tokens": True,
        },
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = ".ln_" in name and name.endswith("weight")
            wide = 1.0 if "embedding" in name or "cross_attn" in name else 0.3
            parameter.normal_(mean=float(is_norm), std=0.1 if parameter.dim() < 2 else wide)
    return model.eval()


@pytest.fixture
def open_clip_generates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives open_clip the names that it wants of transformers.

    From transformers 5 one of them (the beam scorer, unused here) is gone, and open_clip then takes
    none.
    """
    transformers = pytest.importorskip("transformers")
    for name in (
        "LogitsProcessorList",
        "TopKLogitsWarper",
        "MinLengthLogitsProcessor",
        "RepetitionPenaltyLogitsProcessor",
        "MaxLengthCriteria",
        "StoppingCriteriaList",
    ):
        monkeypatch.setattr(coca_model, name, getattr(transformers, name), raising=False)
    monkeypatch.setitem(coca_model.GENERATION_TYPES, "top_k", transformers.TopKLogitsWarper)
    monkeypatch.setattr(coca_model, "_has_transformers", True)


def published(model: CoCa, images: torch.Tensor, settings: CaptionSettings) -> torch.Tensor:
    """open_clip's own greedy captions."""
    tokens: torch.Tensor = model.generate(
        images,
        generation_type="top_k",
        top_k=1,
        seq_len=settings.max_tokens,
        min_seq_len=settings.min_tokens,
        sot_token_id=START,
        eos_token_id=END,
    )
    return tokens


class Spaced:
    def decode(self, tokens: list[int]) -> str:
        return " ".join(str(t) for t in tokens)


@pytest.mark.usefixtures("open_clip_generates")
@pytest.mark.parametrize("seed", range(6))
def test_tokens_equal_open_clips_own(seed: int) -> None:
    model = small_coca(seed)
    settings = CaptionSettings(max_tokens=16, min_tokens=4, start_token=START, end_token=END)
    images = torch.randn(12, 3, 32, 32)

    got = CocaCaptioner(model, Spaced(), settings).tokens(images)

    assert torch.equal(got, published(model, images, settings))
    assert len({tuple(row) for row in got.tolist()}) > 1


@pytest.mark.usefixtures("open_clip_generates")
def test_the_cases_above_end_early_late_and_by_the_padding_token() -> None:
    settings = CaptionSettings(max_tokens=16, min_tokens=4, start_token=START, end_token=END)
    rows = []
    for seed in range(6):
        model = small_coca(seed)
        torch.manual_seed(seed)
        rows += CocaCaptioner(model, Spaced(), settings).tokens(torch.randn(12, 3, 32, 32)).tolist()

    ends = [next(i for i, t in enumerate(row) if t in (END, PAD)) for row in rows]
    assert min(ends) < 8
    assert max(ends) == 15
    assert any(row[end] == PAD for row, end in zip(rows, ends, strict=True))


def test_no_caption_ends_before_its_minimum() -> None:
    model = small_coca(0)
    with torch.no_grad():
        model.text_decoder.text_projection[:, END] = model.text_decoder.text_projection[:, 5] * 3
    settings = CaptionSettings(max_tokens=12, min_tokens=7, start_token=START, end_token=END)

    tokens = CocaCaptioner(model, Spaced(), settings).tokens(torch.randn(8, 3, 32, 32))

    assert not (tokens[:, :7] == END).any()


def test_text_stops_before_the_end_token() -> None:
    captioner = CocaCaptioner(
        small_coca(0),
        Spaced(),
        CaptionSettings(max_tokens=12, min_tokens=4, start_token=START, end_token=END),
    )
    images = torch.randn(3, 3, 32, 32)

    texts = captioner.caption(images)

    for text, row in zip(texts, captioner.tokens(images).tolist(), strict=True):
        words = row[1 : next(i for i, t in enumerate(row) if t in (END, PAD))]
        assert text == " ".join(str(t) for t in words)


def test_no_images_give_no_captions() -> None:
    captioner = CocaCaptioner(small_coca(0), Spaced(), CaptionSettings(max_tokens=12))

    assert captioner.caption(torch.zeros(0, 3, 32, 32)) == []


def test_a_caption_longer_than_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens 30 is more than the model's context of 20"):
        CocaCaptioner(small_coca(0), Spaced())


def test_a_text_tower_without_class_token_is_refused() -> None:
    with pytest.raises(ValueError, match="no class token"):
        CocaCaptioner(small_coca(0, embed_cls=False), Spaced(), CaptionSettings(max_tokens=12))


def test_a_minimum_above_the_maximum_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens 5 must be larger than min_tokens 5"):
        CaptionSettings(max_tokens=5)


def test_clips_tokenizer_and_special_tokens_are_the_defaults() -> None:
    tokenizer: Any = open_clip.SimpleTokenizer()

    assert CaptionSettings().start_token == tokenizer.sot_token_id
    assert CaptionSettings().end_token == tokenizer.eot_token_id
