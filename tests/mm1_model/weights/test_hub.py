"""Checkpoints by name come from the Hub, which here is a server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mm1_model.weights import WeightsError
from mm1_model.weights.files import read_tensors, write_tensors
from mm1_model.weights.hub import checkpoint_folder
from tests.mm1_model.hub import COMMIT, Hub, loopback_hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with loopback_hub(tmp_path, monkeypatch) as running:
        yield running


def test_a_folder_is_itself() -> None:
    assert checkpoint_folder("models/llama") == Path("models/llama")


def test_a_repository_is_downloaded_once_without_what_is_not_read(hub: Hub) -> None:
    repository = hub.repository("lab/llama")
    tensors = {"a": torch.arange(4.0), "b": torch.ones(3)}
    write_tensors(repository, tensors, max_file_bytes=16)
    (repository / "config.json").write_text("{}")
    save_file(tensors, repository / "consolidated.safetensors")
    (repository / "pytorch_model.bin").write_bytes(b"a pickle")

    folder = checkpoint_folder("hf-hub:lab/llama")

    names = ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert sorted(hub.served) == [*names, "model.safetensors.index.json"]
    read = dict(read_tensors(folder))
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())
    hub.served.clear()
    assert checkpoint_folder(f"hf-hub:lab/llama@{COMMIT}") == folder
    assert hub.served == []


def test_a_repository_that_is_not_there_is_named(hub: Hub) -> None:
    with pytest.raises(WeightsError, match=r"cannot get hf-hub:lab/none: .*404"):
        checkpoint_folder("hf-hub:lab/none")


def test_a_name_that_is_none_is_refused(hub: Hub) -> None:
    with pytest.raises(WeightsError, match="cannot get hf-hub:a/b/c: "):
        checkpoint_folder("hf-hub:a/b/c")


def test_what_was_downloaded_is_found_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.repository("lab/llama")
    write_tensors(repository, {"a": torch.ones(2)})
    folder = checkpoint_folder("hf-hub:lab/llama")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    assert checkpoint_folder("hf-hub:lab/llama") == folder
    with pytest.raises(WeightsError, match="cannot get hf-hub:lab/other"):
        checkpoint_folder("hf-hub:lab/other")
