"""Tensors of all ranks in safetensors files: ``torch.distributed.checkpoint`` without its pickled index.

The files describe themselves: a shard's place in its tensor stands in the header. So any number of ranks reads what any
number wrote, and nothing that is read can run code.
"""

import contextlib
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

_ALONE = "torch.distributed is disabled"
_ONE_FILE = "model-00001-of-00001.safetensors"


def write_whole(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Writes ``folder/model.safetensors`` with whole tensors; all ranks must call it.

    Each rank writes its shards, the main rank joins them into one file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    many = dist.is_initialized()
    _save(tensors, HuggingFaceStorageWriter(str(folder), save_distributed=many, enable_consolidation=many))
    if _is_main():
        shutil.rmtree(folder / "sharded", ignore_errors=True)
        (folder / "model.safetensors.index.json").unlink(missing_ok=True)
        (folder / _ONE_FILE).rename(folder / "model.safetensors")


def write_shards(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Writes each rank's part of the tensors as one file a rank; all ranks must call it."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(tensors, HuggingFaceStorageWriter(str(folder), save_distributed=dist.is_initialized()))
    if _is_main():
        (folder / "model.safetensors.index.json").unlink(missing_ok=True)


def read_into(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Fills ``tensors`` in place from what either function wrote, by any number of ranks.

    Raises:
        ValueError: a tensor is missing or has another shape.
    """
    alone = not dist.is_initialized()
    with _without_warning(), torch.no_grad():
        try:
            load(dict(tensors), storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=alone)
        except CheckpointException as error:
            reasons = sorted({str(failure[0]) for failure in error.failures.values()})
            raise ValueError(f"{folder} does not hold the tensors of this run: {'; '.join(reasons)}") from error


def _save(tensors: Mapping[str, Tensor], writer: HuggingFaceStorageWriter) -> None:
    with _without_warning():
        save(dict(tensors), storage_writer=writer, no_dist=not dist.is_initialized())


def _is_main() -> bool:
    return not dist.is_initialized() or dist.get_rank() == 0


@contextlib.contextmanager
def _without_warning() -> Iterator[None]:
    # One process alone is a way to train, not a mistake.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_ALONE)
        yield
