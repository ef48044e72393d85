"""Training samples of the toy models: rendered scenes and descriptions of them."""

from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from world.captions import plain_caption, sentence, varied_caption
from world.drawing import draw, random_look
from world.models.architectures import IMAGE_SIZE
from world.scenes import Scene, random_scene
from world.seeds import keyed_random


def draw_samples(seed: int, number: int) -> tuple[list[Scene], NDArray[np.uint8]]:
    """Returns scenes and their pictures, ``(number, IMAGE_SIZE, IMAGE_SIZE, 3)``.

    The pictures are squashed as the models' preprocessing does, so they can be used as they are.
    """
    scenes: list[Scene] = []
    pictures = np.empty((number, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    for index in range(number):
        rng = keyed_random(seed, "training scene", index)
        scene = random_scene(rng)
        image = draw(scene, random_look(rng))
        squashed = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
        pictures[index] = np.asarray(squashed)
        scenes.append(scene)
    return scenes, pictures


def contrastive_text(scene: Scene, rng: Random) -> str:
    """Returns a description in any form of the world: alt text, figure caption, sentence."""
    form = rng.random()
    if form < 0.15:
        return sentence(scene, rng)
    if form < 0.25:
        return f"Figure {rng.randint(1, 9)}. {varied_caption(scene, rng)}."
    return varied_caption(scene, rng)


def caption_text(scene: Scene, rng: Random) -> str:
    """Returns the plain caption half of the time, so that greedy decoding settles on its form."""
    return plain_caption(scene) if rng.random() < 0.5 else varied_caption(scene, rng)
