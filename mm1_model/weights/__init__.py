"""Weights in and out: our folders, pretrained parts, Hugging Face's formats. No pickle."""

from mm1_model.weights.folder import load_model, read_config, save_model
from mm1_model.weights.hub import checkpoint_folder
from mm1_model.weights.pretrained import load_pretrained_parts, read_decoder_config
from mm1_model.weights.state import WeightsError

__all__ = [
    "WeightsError",
    "checkpoint_folder",
    "load_model",
    "load_pretrained_parts",
    "read_config",
    "read_decoder_config",
    "save_model",
]
