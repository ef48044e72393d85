"""A trained model at another resolution: 378 to 672 pixels in MM1's fine-tuning (section 4.1)."""

from __future__ import annotations

from dataclasses import replace

from mm1_model.connector.abstractor import CAbstractor
from mm1_model.model import MM1


def change_image_size(model: MM1, image_size: int) -> None:
    """Makes the model take images of ``image_size`` pixels, in place; tokens an image stay.

    The position embeddings of the tower, and the C-Abstractor's, are interpolated (bicubic, with
    antialiasing).

    Raises:
        ValueError: the connector gives a token a patch, so that another size would change the tokens.
    """
    # Checks the new settings first: nothing is changed if they do not hold.
    config = replace(model.config, vision=replace(model.config.vision, image_size=image_size))
    model.tower.resize(image_size)
    if isinstance(model.connector, CAbstractor):
        model.connector.resize(config.vision.grid_side)
    model.config = config
