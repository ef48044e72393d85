"""Every recipe that ships is right, as far as the files that it names exist."""

import pathlib

import pytest

import recipes
from mm1_model.presets import PRESETS
from mm1_model.train.settings_file import load_train_config
from pipelines.recipe import load_recipe
from schemas.recipe import OBELICS_DOCUMENT, Recipe

FOLDER = pathlib.Path(recipes.__file__).parent
DATA = [name for name in recipes.names() if not name.startswith("train-")]
TRAINING = [name for name in recipes.names() if name.startswith("train-")]


def load(name: str) -> Recipe:
    return load_recipe(str(FOLDER / f"{name}.yaml")).recipe


@pytest.mark.parametrize("name", DATA)
def test_a_recipe_is_right(name: str) -> None:
    assert load(name).version == 1


@pytest.mark.parametrize("name", TRAINING)
def test_training_settings_are_right(name: str) -> None:
    assert load_train_config(str(FOLDER / f"{name}.yaml")).model.preset in PRESETS


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_says_what_it_is_for(name: str) -> None:
    assert recipes.summary(name).endswith(".")


def test_mm1_has_the_numbers_of_the_paper() -> None:
    recipe = load("mm1")
    mixture, images = recipe.mixture, recipe.images

    assert (mixture.weights.interleaved, mixture.weights.caption, mixture.weights.text) == (0.45, 0.45, 0.10)
    assert (mixture.sequence_length, mixture.images_per_row, mixture.tokens_per_image) == (4096, 16, 144)
    assert (images.min_side, images.max_side, images.max_aspect) == (100, 10_000, 2.0)
    assert recipe.dedup.images.max_occurrences == 10
    assert recipe.interleave.max_images == 30
    assert recipe.text.document_rules() == OBELICS_DOCUMENT

    training = load_train_config(str(FOLDER / "train-mm1.yaml"))
    assert (training.steps, training.rows_per_step, training.warmup_steps) == (200_000, 512, 2_000)


def test_a_copy_finds_the_shipped_models_from_any_folder(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "copy.yaml"
    path.write_text(recipes.to_copy("quickstart"))

    assert load_recipe(str(path)).recipe.score.model == load("quickstart").score.model
