"""open_clip models by the names of the recipe: a built-in name with a tag or file of weights, or a model's folder."""

import os
from typing import Any, Literal

from pipelines.runs import storage

LOCAL_FOLDER = "local-dir:"
MERGES_FILE = "bpe_merges.txt.gz"
"""Merges of open_clip's ``SimpleTokenizer`` in a model's folder, where its vocabulary is not open_clip's own."""


class ModelLoadError(RuntimeError):
    """A model or its weights cannot be loaded; the message says what to do."""


Precision = Literal["fp32", "pure_bf16"]
"""Of all weights and inputs, in open_clip's words."""


def load_open_clip(model: str, pretrained: str | None, precision: Precision | None = None) -> tuple[Any, Any, Any]:
    """Returns ``(model, preprocess, tokenizer)``, the model in evaluation mode on the best device of this process.

    On a CPU one thread is used, so that the same batch gives the same bits in every worker.

    Args:
        model: A built-in name of open_clip, or ``local-dir:PATH``, a folder with ``open_clip_config.json``, the
            weights as safetensors and, where it has its own vocabulary, ``bpe_merges.txt.gz``.
        pretrained: A tag of open_clip or a file; None with ``local-dir:``.
        precision: None: bfloat16 on a GPU (a cosine moves by about 0.001), float32 on a CPU.

    Raises:
        ModelLoadError: There is no such model, or no weights for it.
    """
    import open_clip
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        loaded = open_clip.create_model(
            model,
            pretrained=pretrained,
            precision=precision or ("pure_bf16" if device == "cuda" else "fp32"),
            device=device,
            require_pretrained=True,
        )
        tokenizer = open_clip.get_tokenizer(model, **_tokenizer_options(model))
    except (RuntimeError, ValueError, OSError) as error:
        weights = f" with pretrained {pretrained!r}" if pretrained else ""
        raise ModelLoadError(
            f"model {model!r}{weights} cannot be loaded: {error}. Give a name and tag that open_clip lists"
            " (open_clip.list_pretrained()), a file of weights, or local-dir:PATH"
        ) from error
    preprocess = image_transform_v2(PreprocessCfg(**loaded.visual.preprocess_cfg), is_train=False)
    return loaded.eval(), preprocess, tokenizer


def model_files(model: str | None, pretrained: str | None) -> list[str]:
    """Returns the files that a model's settings name: they belong to the fingerprint of a job that uses it."""
    if model and model.startswith(LOCAL_FOLDER):
        return storage.list_files(model.removeprefix(LOCAL_FOLDER))
    return [pretrained] if pretrained and storage.exists(pretrained) else []


def model_name(model: str, pretrained: str | None) -> str:
    """Returns the name to record with what a model made: without the path of a local folder."""
    if model.startswith(LOCAL_FOLDER):
        return os.path.basename(os.path.normpath(model.removeprefix(LOCAL_FOLDER)))
    return f"{model}/{os.path.basename(pretrained)}" if pretrained else model


def _tokenizer_options(model: str) -> dict[str, str]:
    merges = os.path.join(model.removeprefix(LOCAL_FOLDER), MERGES_FILE)
    return {"bpe_path": merges} if model.startswith(LOCAL_FOLDER) and os.path.isfile(merges) else {}
