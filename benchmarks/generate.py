"""Generation: our cache against transformers' on the same weights, and CoCa captions against open_clip.

    python -m benchmarks.generate [--device cuda] [--preset 85M] [--new 64] [--coca coca_ViT-B-32]

Prints two Markdown tables. On the CPU one thread works; time is processor time. Both sides of a line
give the same tokens, or the script stops.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.torch_timing import machine, table
from mm1_model.config import VisionConfig
from mm1_model.generation import Prompt, SamplingSettings, generate_tokens
from mm1_model.model import MM1, build_model
from mm1_model.presets import preset
from mm1_model.weights import save_model
from mm1_model.weights.export import export_decoder_to_huggingface
from pipelines.recaption.coca import CaptionSettings, CocaCaptioner

PROMPT_TOKENS = 256


class NoText:
    """Tokens are compared, not words."""

    def encode(self, text: str) -> list[int]:
        """Not used."""
        raise NotImplementedError

    def decode(self, tokens: list[int]) -> str:
        """Returns nothing."""
        return ""


def seconds(work: Callable[[], Any], device: torch.device, runs: int = 2) -> tuple[float, Any]:
    """Returns the best of some runs, and the result."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    best, result = float("inf"), None
    for _ in range(runs):
        start = clock()
        result = work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, clock() - start)
    return best, result


def decoder_lines(name: str, num_new: int, device: torch.device) -> list[tuple[object, ...]]:
    """Tokens a second of our generation and of transformers' on one model."""
    model = text_model(name).to(device)
    theirs = as_transformers(model).to(device)
    lines: list[tuple[object, ...]] = []
    for batch_size in (1, 8):
        generator = torch.Generator().manual_seed(batch_size)
        ids = torch.randint(5, 1000, (batch_size, PROMPT_TOKENS), generator=generator)
        none = torch.zeros(0, 3, *[model.config.vision.image_size] * 2, dtype=torch.uint8)
        prompts = [Prompt(tokens=tuple(row), images_NCHW=none) for row in ids.tolist()]
        settings = SamplingSettings(max_new_tokens=num_new)
        ours_s, ours = seconds(lambda: generate_tokens(model, prompts, NoText(), settings), device)  # noqa: B023
        theirs_s, other = seconds(lambda: greedy(theirs, ids.to(device), num_new), device)  # noqa: B023
        if [list(g.tokens) for g in ours] != other[:, PROMPT_TOKENS:].tolist():
            raise RuntimeError("the two generations differ")
        total = batch_size * num_new
        lines.append((name, batch_size, total / ours_s, total / theirs_s, theirs_s / ours_s))
    return lines


def greedy(model: Any, ids: torch.Tensor, num_new: int) -> torch.Tensor:
    """transformers' own greedy generation with its cache, to the full length."""
    tokens: torch.Tensor = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=num_new,
        min_new_tokens=num_new,
        do_sample=False,
        suppress_tokens=[0],
        pad_token_id=0,
    )
    return tokens


def text_model(name: str) -> MM1:
    """A preset's decoder with random weights, large enough that no two tokens tie."""
    config = preset(name)
    tower = VisionConfig(kind="patches", image_size=28, patch_size=14, width=64)
    connector = replace(config.connector, kind="average_pool", num_tokens=4)
    model = build_model(replace(config, vision=tower, connector=connector), seed=0).eval()
    with torch.no_grad():
        for parameter in model.decoder.layers.parameters():
            parameter.mul_(3.0 if parameter.dim() >= 2 else 1.0)
    return model


def as_transformers(model: MM1) -> Any:
    """The same decoder as a Llama of transformers."""
    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "ours")
        export_decoder_to_huggingface(Path(folder) / "ours", Path(folder) / "theirs")
        theirs: Any = AutoModelForCausalLM.from_pretrained(Path(folder) / "theirs")
        return theirs.eval()


def caption_lines(name: str, batch_size: int, device: torch.device) -> list[tuple[object, ...]]:
    """Captions a second of our CoCa and of open_clip's, with the same weights and tokens."""
    import open_clip

    torch.manual_seed(0)
    model: Any = open_clip.create_model(name).to(device).eval()
    # open_clip leaves this matrix as it finds it: without pretrained weights often zero.
    torch.nn.init.normal_(model.text_decoder.text_projection, std=model.text_decoder.width**-0.5)
    side = model.visual.image_size[0]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, 3, side, side, generator=generator).to(device)
    captioner = CocaCaptioner(model, NoText(), CaptionSettings())
    ours_s, ours = seconds(lambda: captioner.tokens(images), device)
    lend_transformers_to_open_clip()
    slow = 1 if device.type == "cpu" else 2
    theirs_s, theirs = seconds(lambda: model.generate(images, generation_type="top_k", top_k=1), device, slow)
    if not torch.equal(ours, theirs):
        raise RuntimeError("the two captions differ")
    return [(name, batch_size, batch_size / ours_s, batch_size / theirs_s, theirs_s / ours_s)]


def lend_transformers_to_open_clip() -> None:
    """Gives open_clip the names that it wants of transformers 4; version 5 lacks one, unused here."""
    import transformers
    from open_clip import coca_model

    for name in (
        "LogitsProcessorList",
        "TopKLogitsWarper",
        "MinLengthLogitsProcessor",
        "RepetitionPenaltyLogitsProcessor",
        "MaxLengthCriteria",
        "StoppingCriteriaList",
    ):
        setattr(coca_model, name, getattr(transformers, name))
    coca_model.GENERATION_TYPES["top_k"] = transformers.TopKLogitsWarper
    coca_model._has_transformers = True


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--preset", default="85M")
    parser.add_argument("--new", type=int, default=64, help="tokens to generate")
    parser.add_argument("--coca", default="coca_ViT-B-32")
    parser.add_argument("--batch", type=int, default=16, help="images that are captioned at one time")
    parser.add_argument("--only", choices=("decoder", "coca"), help="one of the two tables")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    if arguments.only != "coca":
        title = f"Greedy generation after {PROMPT_TOKENS} tokens; {machine(device)}"
        columns = ("model", "batch", "tokens/s", "transformers tokens/s", "ratio")
        print(table(title, columns, decoder_lines(arguments.preset, arguments.new, device)))
    if arguments.only != "decoder":
        columns = ("model", "batch", "captions/s", "open_clip captions/s", "ratio")
        lines = caption_lines(arguments.coca, arguments.batch, device)
        print(table(f"CoCa captions of 30 tokens; {machine(device)}", columns, lines))


if __name__ == "__main__":
    main()
