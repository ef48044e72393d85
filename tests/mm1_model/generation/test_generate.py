"""Generation with a cache gives what reading the whole text again at every step gives."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from mm1_model.config import MoEConfig
from mm1_model.generation import (
    Prompt,
    SamplingSettings,
    build_prompt,
    generate,
    generate_tokens,
    score_continuations,
)
from mm1_model.generation.sampling import keep_likely, next_tokens
from mm1_model.model import MM1
from mm1_model.weights import save_model
from tests.mm1_model.examples import debug_model, packed

IMAGE = [0, 0, 0, 0]


class Numbers:
    """Token 17 is written as ``17.``: what is drawn can be read."""

    def encode(self, text: str) -> list[int]:
        return [int(part) for part in text.split(".") if part.strip()]

    def decode(self, tokens: list[int]) -> str:
        return "".join(f"{token}." for token in tokens)


def images(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=generator)


def prompts() -> list[Prompt]:
    """No image, one at the beginning, two in the middle: of different lengths."""
    return [
        Prompt(tokens=(5, 6, 7), images_NCHW=images(0)),
        Prompt(tokens=(*IMAGE, 9, 10), images_NCHW=images(1)),
        Prompt(tokens=(3, *IMAGE, 8, *IMAGE, 11, 12), images_NCHW=images(2)),
    ]


def without_cache(model: MM1, prompt: Prompt, steps: int) -> list[int]:
    tokens = list(prompt.tokens)
    for _ in range(steps):
        batch = replace(packed([tokens], model.config), images_NCHW=prompt.images_NCHW)
        with torch.no_grad():
            logits_V = model.logits(batch)[-1]
        logits_V[model.config.placeholder_id] = -torch.inf
        tokens.append(int(logits_V.argmax()))
    return tokens[len(prompt.tokens) :]


@pytest.mark.parametrize("moe", [None, MoEConfig(num_experts=4, every=2)])
def test_a_batch_with_a_cache_gives_each_prompts_own_greedy_text(moe: MoEConfig | None) -> None:
    model = debug_model(moe=moe)

    got = generate_tokens(model, prompts(), Numbers(), SamplingSettings(max_new_tokens=12))

    wanted = [without_cache(model, prompt, 12) for prompt in prompts()]
    assert [list(g.tokens) for g in got] == wanted
    assert len({g.tokens for g in got}) == 3
    assert {g.finish for g in got} == {"length"}


def test_bidirectional_images_are_read_whole_before_the_first_token() -> None:
    model = debug_model()
    decoder = replace(model.config.decoder, image_attention="bidirectional")
    model.config = replace(model.config, decoder=decoder)

    got = generate_tokens(model, prompts(), Numbers(), SamplingSettings(max_new_tokens=6))

    assert [list(g.tokens) for g in got] == [without_cache(model, p, 6) for p in prompts()]


def test_the_end_token_ends_one_prompt_and_not_the_others() -> None:
    model = debug_model()
    free = generate_tokens(model, prompts(), Numbers(), SamplingSettings(max_new_tokens=8))
    end = next(t for t in free[1].tokens if t not in free[0].tokens + free[2].tokens)
    model.config = replace(model.config, end_id=end)

    got = generate_tokens(model, prompts(), Numbers(), SamplingSettings(max_new_tokens=8))

    assert got[1].finish == "end"
    assert got[1].tokens == free[1].tokens[: free[1].tokens.index(end)]
    assert (got[0].tokens, got[2].tokens) == (free[0].tokens, free[2].tokens)


def test_text_is_cut_before_the_first_stop_string() -> None:
    model = debug_model()
    free = generate_tokens(model, prompts()[:1], Numbers(), SamplingSettings(max_new_tokens=8))[0]
    stop = Numbers().decode(list(free.tokens[2:4]))  # Two tokens long.
    settings = SamplingSettings(max_new_tokens=8, stop=("never", stop))

    got = generate_tokens(model, prompts()[:1], Numbers(), settings)[0]

    assert got.finish == "stop"
    assert got.text == free.text[: free.text.index(stop)]
    assert len(got.tokens) < 8


def test_sampling_repeats_with_its_seed_and_differs_with_another() -> None:
    model = debug_model()
    settings = SamplingSettings(max_new_tokens=12, temperature=1.5, seed=1)

    runs = [
        [g.tokens for g in generate_tokens(model, prompts(), Numbers(), replace(settings, seed=s))] for s in (1, 1, 2)
    ]

    assert runs[0] == runs[1] != runs[2]


def test_likely_tokens_are_those_that_reach_top_p() -> None:
    probabilities = torch.tensor([[0.15, 0.5, 0.05, 0.3]])

    def kept(top_k: int | None, top_p: float) -> list[int]:
        finite = keep_likely(probabilities.log(), top_k, top_p).isfinite()
        return finite[0].nonzero().flatten().tolist()

    assert kept(None, 0.5) == [1]
    assert kept(None, 0.51) == [1, 3]
    assert kept(None, 0.81) == [0, 1, 3]
    assert kept(2, 1.0) == [1, 3]
    assert kept(1, 0.0001) == [1]


def test_drawn_tokens_follow_the_distribution() -> None:
    probabilities = torch.tensor([[0.7, 0.2, 0.1]]).expand(6000, 3)
    settings = SamplingSettings(temperature=1.0)

    drawn = next_tokens(probabilities.log(), settings, torch.Generator().manual_seed(0))

    # Standard error of a share of 6,000 is at most 0.0065.
    shares = torch.bincount(drawn) / 6000
    torch.testing.assert_close(shares, probabilities[0], atol=0.025, rtol=0)


def test_scores_of_continuations_equal_reading_each_one_whole() -> None:
    model = debug_model()
    prompt = prompts()[2]
    continuations = [[20], [21, 22, 23], [24, 25]]

    scores = score_continuations(model, prompt, continuations)

    for score, continuation in zip(scores, continuations, strict=True):
        tokens = [*prompt.tokens, *continuation]
        batch = replace(packed([tokens], model.config), images_NCHW=prompt.images_NCHW)
        with torch.no_grad():
            logits_TV = model.logits(batch)[len(prompt.tokens) - 1 : -1]
        log_probabilities = logits_TV.log_softmax(1)
        wanted = sum(float(row[t]) for row, t in zip(log_probabilities, continuation, strict=True))
        torch.testing.assert_close(score.logits_QV, logits_TV, atol=1e-4, rtol=1e-4)
        assert score.log_probability == pytest.approx(wanted, abs=1e-4)
        assert score.num_tokens == len(continuation)


def test_a_greedy_continuation_knows_that_it_is() -> None:
    model = debug_model()
    prompt = prompts()[1]
    tokens = generate_tokens(model, [prompt], Numbers(), SamplingSettings(max_new_tokens=3))[0].tokens
    other = (*tokens[:-1], (tokens[-1] + 1) % 128)

    greedy, not_greedy = score_continuations(model, prompt, [tokens, other])

    assert greedy.is_greedy
    assert not not_greedy.is_greedy


def test_a_prompt_is_begin_text_and_placeholders() -> None:
    config = replace(debug_model().config, begin_id=1)

    prompt = build_prompt("7.<image>8.9.<image>", images(2), Numbers(), config)

    assert list(prompt.tokens) == [1, 7, *IMAGE, 8, 9, *IMAGE]


def test_marks_and_images_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="the prompt has 1 <image> marks for 2 images"):
        build_prompt("<image>7.", images(2), Numbers(), debug_model().config)


def test_a_text_longer_than_the_model_is_refused() -> None:
    prompt = Prompt(tokens=(5,) * 4000, images_NCHW=images(0))

    with pytest.raises(ValueError, match="4000 tokens and 97 new ones are 4097 positions"):
        generate_tokens(debug_model(), [prompt], Numbers(), SamplingSettings(max_new_tokens=97))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"temperature": -1.0}, "temperature must not be negative"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\]"),
        ({"top_k": 0}, "top_k must be at least 1"),
        ({"stop": ("",)}, "a stop string must not be empty"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SamplingSettings(**change)  # type: ignore[arg-type]


def checkpoint(folder: Path) -> MM1:
    model = debug_model()
    words = {f"w{i}": i for i in range(128)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    save_model(model, folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model


def test_a_checkpoint_folder_answers_a_prompt_with_an_image_file(tmp_path: Path) -> None:
    model = checkpoint(tmp_path)
    pixels = images(1)
    buffer = io.BytesIO()
    Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).save(buffer, format="PNG")
    (tmp_path / "cat.png").write_bytes(buffer.getvalue())
    settings = SamplingSettings(max_new_tokens=5)

    answer = generate(tmp_path, "<image> w9 w10", [tmp_path / "cat.png"], settings=settings)

    same = Prompt(tokens=(*IMAGE, 9, 10), images_NCHW=pixels)
    assert list(answer.tokens) == without_cache(model, same, 5)
    assert answer.text == " ".join(f"w{t}" for t in answer.tokens)


def test_a_checkpoint_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    save_model(debug_model(), tmp_path)

    with pytest.raises(ValueError, match=r"no tokenizer at .*tokenizer.json"):
        generate(tmp_path, "w9")
