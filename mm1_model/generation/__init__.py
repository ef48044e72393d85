"""Text from a trained model: greedy or sampled, and scores of given continuations."""

from mm1_model.generation.generate import Generation, generate_tokens
from mm1_model.generation.prompt import Prompt, build_prompt
from mm1_model.generation.sampling import SamplingSettings
from mm1_model.generation.score import ContinuationScore, score_continuations
from mm1_model.generation.service import TextGenerator, generate

__all__ = [
    "ContinuationScore",
    "Generation",
    "Prompt",
    "SamplingSettings",
    "TextGenerator",
    "build_prompt",
    "generate",
    "generate_tokens",
    "score_continuations",
]
