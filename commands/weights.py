"""``mm1 upcycle`` and ``mm1 export-model``: checkpoints into other checkpoints."""

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

    folder = _new_folder(out)
    try:
        config = make_sparse(model_folder(checkpoint), folder, num_experts=experts, every=every, seed=seed, top_k=top_k)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    sparse = [layer for layer in range(config.decoder.num_layers) if config.moe and config.moe.is_sparse(layer)]
    output.result(f"wrote {out}: {experts} experts in {len(sparse)} of {config.decoder.num_layers} layers")


@command(
    examples="""
mm1 export-model models/3b --out models/3b-hf              # the whole model, with the code that it needs
mm1 export-model models/3b --out models/3b-text --decoder  # the language model alone, as the Llama that it is
"""
)
@click.argument("checkpoint", type=click.Path())
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@click.option("--to", type=click.Choice(["hf"]), default="hf", show_default=True, help="Hugging Face transformers.")
@click.option("--decoder", is_flag=True, help="The language model alone; its folder needs no code of ours.")
def export_model(*, checkpoint: str, out: str, to: str, decoder: bool) -> None:
    """Writes a model for other programs to load, with the same logits."""
    require_torch()
    from mm1_model.weights.export import export_decoder_to_huggingface, export_to_huggingface

    folder = _new_folder(out)
    try:
        (export_decoder_to_huggingface if decoder else export_to_huggingface)(model_folder(checkpoint), folder)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    loader = "AutoModelForCausalLM" if decoder else "AutoModelForImageTextToText"
    code = "" if decoder else ", trust_remote_code=True"
    output.result(f"wrote {out}; load it with {loader}.from_pretrained({out!r}{code})")


def _new_folder(path: str) -> Path:
    folder = Path(path)
    if folder.exists() and any(folder.iterdir()):
        raise click.BadParameter(f"{path} is not empty; give a new folder", param_hint="--out")
    return folder
