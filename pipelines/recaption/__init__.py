"""Captions by a model for the images of the caption pool, fused with the alt text; all of them are kept."""
