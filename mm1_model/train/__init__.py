"""Training: settings, the loop, checkpoints. ``python -m mm1_model.train CONFIG`` or under ``torchrun``."""
