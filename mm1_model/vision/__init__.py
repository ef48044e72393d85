"""Image encoders: everything that turns pixels into a square grid of patch features."""

from mm1_model.vision.build import build_tower, open_clip_vision_config
from mm1_model.vision.preprocess import normalise
from mm1_model.vision.tower import VisionTower

__all__ = ["VisionTower", "build_tower", "normalise", "open_clip_vision_config"]
