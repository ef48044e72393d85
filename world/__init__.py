"""The generated web with known truth. See ``README.md`` beside this file."""

from world.generation import WorldConfig, WorldPaths, generate

__all__ = ["WorldConfig", "WorldPaths", "generate"]
