"""A checkpoint captions pictures for the recaption job."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from mm1_model.generation import Prompt, SamplingSettings, generate_tokens
from mm1_model.generation.captioner import PROMPT, load_captioner
from mm1_model.generation.tokenizer import JsonTokenizer
from mm1_model.weights import save_model
from schemas.errors import InvalidSettingsError
from schemas.recipe import RecaptionSettings
from tests.mm1_model.examples import debug_model


def checkpoint(folder: Path) -> None:
    words = {"<unk>": 1, "A": 2, "photo": 3, "of": 4} | {f"w{i}": i for i in range(5, 128)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    save_model(debug_model(), folder)
    tokenizer.save(str(folder / "tokenizer.json"))


def picture(seed: int) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (64, 64, 3), dtype=torch.uint8, generator=generator)
    return Image.fromarray(pixels.numpy())


def test_captions_are_the_models_greedy_text_after_mm1s_prompt(tmp_path: Path) -> None:
    checkpoint(tmp_path)
    captioner = load_captioner(RecaptionSettings(captioner="mm1", model=str(tmp_path), batch_size=2))
    pictures = [captioner.prepare(picture(seed)) for seed in range(3)]

    captions = captioner.caption(pictures)

    model, tokenizer = debug_model(), JsonTokenizer.load(tmp_path / "tokenizer.json")
    prompts = [Prompt(tokens=(0, 0, 0, 0, 2, 3, 4), images_NCHW=p.unsqueeze(0)) for p in pictures]
    settings = SamplingSettings(max_new_tokens=64)
    wanted = [g.text for g in generate_tokens(model, prompts, tokenizer, settings)]
    assert PROMPT == "<image> A photo of"
    assert captions == wanted
    assert len(set(captions)) == 3
    assert captioner.name == f"mm1:{tmp_path.name}"


def test_a_model_that_ends_at_once_gives_no_caption(tmp_path: Path) -> None:
    checkpoint(tmp_path)
    captioner = load_captioner(RecaptionSettings(captioner="mm1", model=str(tmp_path)))
    model = captioner._generator.model
    first = generate_tokens(
        model,
        [Prompt(tokens=(0, 0, 0, 0, 2, 3, 4), images_NCHW=captioner.prepare(picture(0))[None])],
        captioner._generator.tokenizer,
        SamplingSettings(max_new_tokens=1),
    )[0].tokens[0]
    model.config = replace(model.config, end_id=first)

    assert captioner.caption([captioner.prepare(picture(0))]) == [None]


def test_a_folder_that_is_no_checkpoint_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match=r"recaption.model: there is no tokenizer at"):
        load_captioner(RecaptionSettings(captioner="mm1", model=str(tmp_path)))


def test_the_package_offers_it_under_the_name_that_the_recipe_has() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"

    entries = tomllib.loads(project.read_text())["project"]["entry-points"]["mm1.captioners"]

    assert entries == {"mm1": "mm1_model.generation.captioner:load_captioner"}
