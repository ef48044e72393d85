"""The shipped toy models: small, loadable by open_clip alone, and right about pictures they never saw."""

import json
from pathlib import Path
from typing import Any

import pytest

from world.models.architectures import (
    CLIP_NAME,
    COCA_NAME,
    MERGES_FILE,
    MODEL_CONFIGS,
    PREPROCESS,
    VOCAB_SIZE,
    model_folder,
)

NAMES = (CLIP_NAME, COCA_NAME)
UNSEEN_SEED = 4242


def test_both_together_have_at_most_ten_megabytes() -> None:
    files = [path for name in NAMES for path in model_folder(name).iterdir()]

    assert sum(path.stat().st_size for path in files) <= 10_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_configuration_is_that_of_the_training(name: str) -> None:
    written = json.loads((model_folder(name) / "open_clip_config.json").read_text())

    assert written == {"model_cfg": MODEL_CONFIGS[name], "preprocess_cfg": PREPROCESS}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_open_clip_reads_and_writes_words_with_the_small_vocabulary(name: str) -> None:
    import open_clip

    folder = model_folder(name)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}", bpe_path=str(folder / MERGES_FILE))
    tokens = tokenizer(["A red circle above two blue squares."])[0].tolist()

    end = tokens.index(tokenizer.eot_token_id)
    assert tokenizer.vocab_size == VOCAB_SIZE
    assert max(tokens) == tokenizer.eot_token_id == VOCAB_SIZE - 1
    assert tokenizer.decode(tokens[1:end]).strip() == "a red circle above two blue squares ."
    assert end <= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_named_configuration_with_a_file_of_weights_is_the_same_model(name: str, tmp_path: Path) -> None:
    """The way of real weights: ``create_model_and_transforms(NAME, pretrained=FILE)``."""
    import open_clip
    import torch

    (tmp_path / f"{name}.json").write_text(json.dumps(MODEL_CONFIGS[name]))
    open_clip.add_model_config(tmp_path)
    weights = str(model_folder(name) / "open_clip_model.safetensors")
    named, _, _ = open_clip.create_model_and_transforms(name, pretrained=weights)
    local, _, _ = open_clip.create_model_and_transforms(f"local-dir:{model_folder(name)}")

    first, second = named.state_dict(), local.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
def test_right_texts_score_higher_than_wrong_ones_on_unseen_pictures() -> None:
    from world.models.evaluate import measure_clip
    from world.models.loading import load

    figures = measure_clip(load(model_folder(CLIP_NAME)), seed=UNSEEN_SEED, number=400)

    assert figures["auc"] >= 0.95


@pytest.mark.slow
def test_captions_of_unseen_pictures_name_colors_well_and_shapes_better_than_chance() -> None:
    from world.models.evaluate import caption_unseen, measure_coca
    from world.models.loading import load

    pairs = list(caption_unseen(load(model_folder(COCA_NAME)), seed=UNSEEN_SEED, number=200))
    figures: dict[str, Any] = measure_coca(pairs)

    assert figures["colors_right"] >= 0.75
    assert figures["shapes_right"] >= 0.15  # One of nine names, or two of them, by chance: under 0.08.
