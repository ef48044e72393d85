"""Named tensors in a folder of safetensors files, in one file or in many with an index.

The layout is that of Hugging Face: ``model.safetensors``, or ``model-00001-of-00002.safetensors``
with ``model.safetensors.index.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from mm1_model.weights.state import WeightsError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_FILE_BYTES = 5_000_000_000


def write_tensors(folder: Path, tensors: Mapping[str, Tensor], *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
    """Writes ``tensors`` into ``folder``, in as few files as the limit allows.

    The same tensors give the same bytes. Files of an earlier, differently split write are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("model-*-of-*.safetensors"), folder / INDEX, folder / SINGLE):
        old.unlink(missing_ok=True)
    parts = _split(tensors, max_file_bytes)
    if len(parts) == 1:
        _save(parts[0], folder / SINGLE)
        return
    places: dict[str, str] = {}
    for number, part in enumerate(parts, start=1):
        name = f"model-{number:05d}-of-{len(parts):05d}.safetensors"
        _save(part, folder / name)
        places |= dict.fromkeys(part, name)
    total = sum(t.nbytes for t in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Yields the tensors of ``folder`` by name, one in memory at a time.

    Raises:
        WeightsError: there are no safetensors in the folder, or the index names a missing file.
    """
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a mapping
                yield name, file.get_tensor(name)


def weight_files(folder: Path) -> list[Path]:
    """Returns the safetensors files of a checkpoint folder, in order.

    Raises:
        WeightsError: see ``read_tensors``.
    """
    if (folder / INDEX).is_file():
        index = json.loads((folder / INDEX).read_text())
        names = sorted(set(index["weight_map"].values()))
        foreign = [name for name in names if Path(name).name != name]
        if foreign:
            raise WeightsError(f"{folder / INDEX} names files outside its folder: {foreign}")
        paths = [folder / name for name in names]
    else:
        paths = [folder / SINGLE]
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        raise WeightsError(f"no weights at {', '.join(absent)}; a checkpoint folder holds {SINGLE} or {INDEX}")
    return paths


def _split(tensors: Mapping[str, Tensor], max_file_bytes: int) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if parts[-1] and size + tensor.nbytes > max_file_bytes:
            parts.append({})
            size = 0
        parts[-1][name] = tensor
        size += tensor.nbytes
    return parts


def _save(part: Mapping[str, Tensor], path: Path) -> None:
    # Readers never see half a file: it gets its name when it is whole.
    written = path.with_suffix(".partial")
    save_file({k: v.contiguous() for k, v in part.items()}, written, metadata={"format": "pt"})
    written.rename(path)
