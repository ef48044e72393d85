"""``mm1 upcycle``: checkpoints into other checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from commands import output
from commands.errors import CommandError, Exit
from commands.models import model_folder, require_torch
from commands.program import command


@command(
    examples="""
mm1 upcycle models/3b --out models/3b-moe --experts 64 --every 2      # MM1's 3B-MoE
mm1 upcycle models/7b --out models/7b-moe --experts 32 --every 4      # MM1's 7B-MoE
"""
)
@click.argument("checkpoint", type=click.Path())
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@click.option("--experts", required=True, type=click.IntRange(min=2), help="Experts of a sparse layer.")
@click.option("--every", required=True, type=click.IntRange(min=1), help="Every how many layers one is sparse.")
@click.option("--top-k", default=2, show_default=True, type=click.IntRange(min=1), help="Experts that a token visits.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the routers.")
def upcycle(*, checkpoint: str, out: str, experts: int, every: int, top_k: int, seed: int) -> None:
    """Makes a mixture of experts of a dense CHECKPOINT: until it is trained it gives the same logits."""
    require_torch()
    from mm1_model.weights.upcycle import upcycle as make_sparse

    folder = Path(out)
    if folder.exists() and any(folder.iterdir()):
        raise click.BadParameter(f"{out} is not empty; give a new folder", param_hint="--out")
    try:
        config = make_sparse(model_folder(checkpoint), folder, num_experts=experts, every=every, seed=seed, top_k=top_k)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    sparse = [layer for layer in range(config.decoder.num_layers) if config.moe and config.moe.is_sparse(layer)]
    output.result(f"wrote {out}: {experts} experts in {len(sparse)} of {config.decoder.num_layers} layers")
