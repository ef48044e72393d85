"""Measures the toy models on scenes of another seed: ``python -m world.models.evaluate``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image

from world.captions import plain_caption, varied_caption
from world.drawing import draw, random_look
from world.models.architectures import CLIP_NAME, COCA_NAME, model_folder
from world.models.captioning import greedy_captions
from world.models.loading import LoadedModel, load
from world.models.measures import COLOR_WORDS, SHAPE_WORDS, area_under_curve, share_of_words
from world.scenes import Scene, other_scene, random_scene
from world.seeds import keyed_random

SEED = 77
"""Not the seed of the training, nor of any world of the tests."""

BATCH_SIZE = 50


def draw_unseen(seed: int, number: int) -> Iterator[tuple[Scene, Image.Image, str, str]]:
    """Yields scenes with their pictures, a true text and a text about another scene."""
    for index in range(number):
        rng = keyed_random(seed, "evaluation", index)
        scene = random_scene(rng)
        image = draw(scene, random_look(rng))
        yield scene, image, varied_caption(scene, rng), varied_caption(other_scene(rng, scene), rng)


@torch.inference_mode()
def measure_clip(loaded: LoadedModel, *, seed: int, number: int) -> dict[str, float]:
    """Returns the AUC and mean cosines of right against wrong texts."""
    unseen = list(draw_unseen(seed, number))
    images = torch.stack([loaded.preprocess(image) for _, image, _, _ in unseen])
    pictures = loaded.model.encode_image(images, normalize=True)
    scores = []
    for column in (2, 3):
        tokens = loaded.tokenizer([row[column] for row in unseen])
        texts = loaded.model.encode_text(tokens, normalize=True)
        scores.append((pictures * texts).sum(-1).float().numpy())
    right, wrong = scores
    return {
        "pairs": float(number),
        "auc": area_under_curve(right, wrong),
        "right_mean": float(right.mean()),
        "right_5th_percentile": float(np.percentile(right, 5)),
        "wrong_mean": float(wrong.mean()),
        "wrong_95th_percentile": float(np.percentile(wrong, 95)),
    }


def caption_unseen(loaded: LoadedModel, *, seed: int, number: int) -> Iterator[tuple[str, str]]:
    """Yields the plain true caption and the model's caption of each picture."""
    unseen = list(draw_unseen(seed, number))
    for start in range(0, number, BATCH_SIZE):
        rows = unseen[start : start + BATCH_SIZE]
        images = torch.stack([loaded.preprocess(image) for _, image, _, _ in rows])
        told = greedy_captions(loaded, images)
        yield from zip((plain_caption(scene) for scene, _, _, _ in rows), told, strict=True)


def measure_coca(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Returns how often a caption has exactly the right colors, shapes, or words."""
    references = [true for true, _ in pairs]
    captions = [told for _, told in pairs]
    same = [true.lower() == told for true, told in pairs]
    return {
        "pictures": float(len(pairs)),
        "colors_right": share_of_words(captions, references, COLOR_WORDS),
        "shapes_right": share_of_words(captions, references, SHAPE_WORDS),
        "plain_caption_exact": float(np.mean(same)),
    }


@click.command()
@click.option("--models", type=click.Path(path_type=Path), help="Folder of both; default: shipped.")
@click.option("--seed", default=SEED, show_default=True)
@click.option("--number", default=400, show_default=True)
@click.option("--show", default=10, show_default=True, help="Captions to print.")
def main(models: Path | None, seed: int, number: int, show: int) -> None:
    """Prints the figures of both toy models as JSON."""
    folders = {name: models / name if models else model_folder(name) for name in (CLIP_NAME, COCA_NAME)}
    figures: dict[str, Any] = {}
    if folders[CLIP_NAME].is_dir():
        figures[CLIP_NAME] = measure_clip(load(folders[CLIP_NAME]), seed=seed, number=number)
    if folders[COCA_NAME].is_dir():
        pairs = list(caption_unseen(load(folders[COCA_NAME]), seed=seed, number=number))
        figures[COCA_NAME] = measure_coca(pairs)
        for true, told in pairs[:show]:
            click.echo(f"{true}  ->  {told}", err=True)
    click.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
