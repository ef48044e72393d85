"""Weights in and out: our folders, pretrained parts, Hugging Face's formats. No pickle."""

from mm1_model.weights.folder import load_model, save_model
from mm1_model.weights.state import WeightsError

__all__ = ["WeightsError", "load_model", "save_model"]
