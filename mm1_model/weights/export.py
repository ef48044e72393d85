"""A checkpoint as a folder that transformers loads.

The whole model has no class of its own in transformers, so its code goes along: this package's own
modules, the same lines that training ran. A decoder alone is a Llama, Qwen or Mixtral, and is
written as such.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from mm1_model.weights.files import read_tensors, write_tensors
from mm1_model.weights.folder import TOKENIZER, read_config
from mm1_model.weights.huggingface_config import huggingface_config
from mm1_model.weights.huggingface_names import to_huggingface
from mm1_model.weights.state import WeightsError

PACKAGE = "mm1_model"
MODELING = "mm1_model.weights.huggingface_modeling"
MODELING_FILE = "modeling_mm1"

_AUTO_MAP = {
    "AutoConfig": f"{MODELING_FILE}.MM1Config",
    "AutoModel": f"{MODELING_FILE}.MM1ForConditionalGeneration",
    "AutoModelForCausalLM": f"{MODELING_FILE}.MM1ForConditionalGeneration",
    "AutoModelForImageTextToText": f"{MODELING_FILE}.MM1ForConditionalGeneration",
}


def export_to_huggingface(checkpoint: Path, out: Path) -> None:
    """Writes the whole model for ``AutoModelForImageTextToText``, with ``trust_remote_code=True``.

    Args:
        checkpoint: folder with ``config.json`` and safetensors.
        out: folder to write; it needs torch, open_clip and transformers to load, not this project.

    Raises:
        WeightsError: there is no checkpoint, or its visual tokens see each other: transformers' own
            masks are causal.
    """
    config = read_config(checkpoint)
    if config.decoder.image_attention != "causal":
        raise WeightsError(f"{checkpoint} reads images in both directions; only causal attention can be exported")
    tensors = {f"network.{name}": tensor for name, tensor in read_tensors(checkpoint)}
    write_tensors(out, tensors)
    for module, name in _needed_modules().items():
        (out / f"{name}.py").write_text(_localised(module))
    first = next(iter(tensors.values()))
    _write_json(
        out / "config.json",
        {
            "model_type": "mm1",
            "architectures": ["MM1ForConditionalGeneration"],
            "auto_map": _AUTO_MAP,
            "dtype": str(first.dtype).removeprefix("torch."),
            "network": config.to_dict(),
        },
    )
    _copy_tokenizer(checkpoint, out)


def export_decoder_to_huggingface(checkpoint: Path, out: Path) -> None:
    """Writes the decoder alone as the Llama, Qwen or Mixtral that it is, without any code.

    Raises:
        WeightsError: there is no checkpoint, or no published decoder is built like this one.
    """
    config = read_config(checkpoint)
    values = huggingface_config(config.decoder, config.moe)
    tensors = dict(to_huggingface(_decoder_tensors(checkpoint)))
    write_tensors(out, tensors)
    first = next(iter(tensors.values()))
    ids = {"bos_token_id": config.begin_id, "eos_token_id": config.end_id}
    dtype = {"dtype": str(first.dtype).removeprefix("torch.")}
    _write_json(out / "config.json", values | ids | dtype)
    _copy_tokenizer(checkpoint, out)


def _decoder_tensors(checkpoint: Path) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in read_tensors(checkpoint):
        if name.startswith(("decoder.", "head.")):
            yield name, tensor


def _needed_modules() -> dict[str, str]:
    """Returns the modules that the exported model imports, and the names of their copies."""
    names = {MODELING: MODELING_FILE}
    waiting = [MODELING]
    while waiting:
        for module in sorted(_imports(waiting.pop())):
            if module not in names:
                names[module] = module.replace(".", "_")
                waiting.append(module)
    return names


def _imports(module: str) -> set[str]:
    tree = ast.parse(_source(module).read_text())
    return {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] == PACKAGE
    }


def _localised(module: str) -> str:
    """Returns a module's source with imports of this package turned to its neighbours' copies."""
    source = _source(module).read_text()
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module in _imports(module):
            line = lines[node.lineno - 1]
            copy = node.module.replace(".", "_")
            lines[node.lineno - 1] = line.replace(f"from {node.module} ", f"from .{copy} ", 1)
    return "".join(lines)


def _source(module: str) -> Path:
    root = Path(__file__).resolve().parents[2]
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _copy_tokenizer(checkpoint: Path, out: Path) -> None:
    if not (checkpoint / TOKENIZER).is_file():
        return
    shutil.copyfile(checkpoint / TOKENIZER, out / TOKENIZER)
    _write_json(out / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
