"""Trains the toy models on rendered scenes: ``python -m world.models.train --out world/models``.

The shipped weights came from it, one ``--model`` at a time; ``README.md`` beside this file has the figures.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from world.models.architectures import (
    CLIP_NAME,
    COCA_NAME,
    MEAN,
    MERGES_FILE,
    MODEL_CONFIGS,
    PREPROCESS,
    STD,
    WEIGHTS_FILE,
)
from world.models.samples import caption_text, contrastive_text, draw_samples
from world.models.tokenizer import learn_merges, write_merges
from world.scenes import Scene
from world.seeds import keyed_random

SEED = 20240314
BATCH_SIZE = 96
MAX_LOGIT_SCALE = math.log(100)
"""Bound of CLIP (arXiv 2103.00020, section 2.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Linear warm-up, then a cosine to zero."""

    steps: int
    warmup_steps: int
    peak_learning_rate: float

    def learning_rate(self, step: int) -> float:
        warm = min(1.0, (step + 1) / self.warmup_steps)
        return self.peak_learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


SCHEDULES = {
    CLIP_NAME: Schedule(steps=400, warmup_steps=100, peak_learning_rate=1e-3),
    COCA_NAME: Schedule(steps=350, warmup_steps=50, peak_learning_rate=2e-3),
}


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--model", "names", type=click.Choice(sorted(MODEL_CONFIGS)), multiple=True)
@click.option("--scenes", default=12_000, show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(out: Path, names: tuple[str, ...], scenes: int, threads: int) -> None:
    """Trains the toy CLIP and CoCa and writes one folder for each under OUT."""
    torch.set_num_threads(threads)
    drawn, pictures = draw_samples(SEED, scenes)
    click.echo(f"{scenes} scenes drawn", err=True)
    for name in names or (CLIP_NAME, COCA_NAME):
        folder = out / name
        prepare_folder(folder, name, drawn)
        model: nn.Module = train(folder, name, drawn, pictures)
        save(model, folder)


def prepare_folder(folder: Path, name: str, scenes: list[Scene]) -> None:
    """Writes the model's configuration and its vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": MODEL_CONFIGS[name], "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    rng = keyed_random(SEED, "vocabulary")
    texts = [form(scene, rng) for scene in scenes[:8_000] for form in (contrastive_text, caption_text)]
    write_merges(learn_merges(texts), folder / MERGES_FILE)


def train(folder: Path, name: str, scenes: list[Scene], pictures: NDArray[np.uint8]) -> nn.Module:
    """Trains the model of ``folder`` by its schedule, and saves it every 100 and at the end."""
    torch.manual_seed(SEED)
    model = _new_model(folder, name)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}", bpe_path=str(folder / MERGES_FILE))
    inputs_of = _seen(model, pictures) if name == COCA_NAME else lambda chosen: {"image": normalise(pictures[chosen])}
    optimizer = torch.optim.AdamW(_parameter_groups(model), lr=0.0, betas=(0.9, 0.98), eps=1e-6)
    rng = keyed_random(SEED, "batches", name)
    write_text = caption_text if name == COCA_NAME else contrastive_text
    loss_of = _loss(name)
    start, averaged = time.monotonic(), 0.0
    for step in range(SCHEDULES[name].steps):
        for group in optimizer.param_groups:
            group["lr"] = SCHEDULES[name].learning_rate(step)
        chosen = rng.sample(range(len(scenes)), BATCH_SIZE)
        texts = tokenizer([write_text(scenes[index], rng) for index in chosen])
        with torch.autocast("cpu", torch.bfloat16):
            output = model(**inputs_of(chosen), text=_cut(texts) if name == COCA_NAME else texts)
        loss = loss_of(output)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
        averaged += (float(loss.detach()) - averaged) / min(step + 1, 50)
        if (step + 1) % 50 == 0:
            elapsed = time.monotonic() - start
            click.echo(f"{name} step {step + 1} loss {averaged:.3f} {elapsed:.0f} s", err=True)
        if (step + 1) % 100 == 0:
            save(model, folder)
    trained: nn.Module = model
    return trained


def _seen(model: Any, pictures: NDArray[np.uint8]) -> Callable[[list[int]], dict[str, Tensor | None]]:
    """What the locked picture tower makes of every picture, computed once: it takes no gradient."""
    model.visual.requires_grad_(False)
    with torch.no_grad():
        parts = [
            model._encode_image(normalise(pictures[start : start + 200])) for start in range(0, len(pictures), 200)
        ]
    latent = torch.cat([part[0] for part in parts])
    embeddings = torch.cat([part[1] for part in parts])
    return lambda chosen: {"image": None, "image_latent": latent[chosen], "image_embs": embeddings[chosen]}


def _cut(tokens: Tensor) -> Tensor:
    """Cuts the padding that all rows ``(B, L)`` have: attention is causal, so nothing changes.

    Only CoCa's text tower takes texts shorter than its context.
    """
    return tokens[:, : int((tokens != 0).sum(1).max())]


def _new_model(folder: Path, name: str) -> Any:
    """The model of ``folder``'s configuration with weights from torch's seed.

    The CoCa takes over the picture tower of the CLIP beside it, and keeps it as it is: locked-image
    tuning (LiT, arXiv 2111.07991) teaches the text side alone, at a fraction of the cost.

    Raises:
        FileNotFoundError: if there is no trained CLIP beside a CoCa.
    """
    model = open_clip.create_model(f"local-dir:{folder}", output_dict=True, load_weights=False)
    if name == COCA_NAME:
        clip = load_file(folder.parent / CLIP_NAME / WEIGHTS_FILE)
        tower = {key.removeprefix("visual."): value for key, value in clip.items() if key.startswith("visual.")}
        model.visual.load_state_dict(tower)
        # open_clip leaves this one matrix as it finds the memory.
        nn.init.normal_(model.text_decoder.text_projection, std=model.text_decoder.width**-0.5)
    return model


def _loss(name: str) -> Callable[[dict[str, Tensor]], Tensor]:
    """The contrastive loss of CLIP, or that of CoCa (arXiv 2205.01917, section 4.1), where
    captions count twice. Both in single precision."""
    whole = (
        open_clip.CoCaLoss(caption_loss_weight=2.0, clip_loss_weight=1.0) if name == COCA_NAME else open_clip.ClipLoss()
    )

    def loss_of(output: dict[str, Tensor]) -> Tensor:
        exact = {key: value.float() if value.is_floating_point() else value for key, value in output.items()}
        parts: dict[str, Tensor] = whole(**exact, output_dict=True)
        return torch.stack(list(parts.values())).sum()

    return loss_of


def normalise(pictures: NDArray[np.uint8]) -> Tensor:
    """Turns ``(N, H, W, 3)`` bytes into the models' ``(N, 3, H, W)`` input."""
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    return (scaled - MEAN) / STD


def save(model: nn.Module, folder: Path) -> None:
    """Writes the weights in half precision as safetensors."""
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)


def _parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """No weight decay for gains, biases and the temperature, as in CLIP."""
    learned = [value for value in model.parameters() if value.requires_grad]
    decayed = [value for value in learned if value.ndim >= 2]
    plain = [value for value in learned if value.ndim < 2]
    return [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]


if __name__ == "__main__":
    main()
