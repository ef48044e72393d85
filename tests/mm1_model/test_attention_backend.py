"""A device gets the fastest backend that gives the dense mask's values and gradients there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from mm1_model import attention, attention_backend
from mm1_model.attention import AttentionBackend, PackedAttention
from mm1_model.attention_backend import backend_works, choose_backend

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture(autouse=True)
def forget_trials() -> Iterator[None]:
    attention_backend._trial.cache_clear()
    yield
    attention_backend._trial.cache_clear()


def test_backends_are_chosen_by_device_type_and_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_backend, "backend_works", lambda *_: True)

    assert choose_backend(CUDA, torch.bfloat16) == "varlen"
    assert choose_backend(CUDA, torch.bfloat16, bidirectional_images=True) == "flex"
    assert choose_backend(CUDA, torch.float32) == "sdpa"
    assert choose_backend(CPU, torch.bfloat16) == "sdpa"


def test_a_backend_that_fails_its_trial_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_backend, "backend_works", lambda *_: False)

    assert choose_backend(CUDA, torch.bfloat16) == "sdpa"
    assert choose_backend(CUDA, torch.float16, bidirectional_images=True) == "sdpa"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_cpu_can_use_sdpa(dtype: torch.dtype) -> None:
    assert backend_works("sdpa", CPU, dtype)


@pytest.mark.parametrize(
    ("backend", "reason"),
    [("varlen", "Could not run 'aten::_flash_attention_forward'"), ("flex", "does not support backward on CPU")],
)
def test_a_backend_that_raises_is_logged_once_with_the_reason(
    backend: AttentionBackend, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not backend_works(backend, CPU, torch.float32)
    assert not backend_works(backend, CPU, torch.float32)

    assert len(caplog.records) == 1
    message = caplog.messages[0]
    assert message.startswith(f"attention backend '{backend}' fails its self-test on cpu in torch.float32: ")
    assert reason in message
    assert message.endswith("; 'sdpa' takes its place")


@pytest.mark.parametrize("factor", [1.2, float("nan")])
def test_wrong_values_do_not_pass(
    factor: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exact = attention._BACKENDS["sdpa"]

    def wrong(q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor, packed: PackedAttention) -> Tensor:
        return exact(q_THD, k_TKD, v_TKD, packed) * factor

    monkeypatch.setitem(attention._BACKENDS, "sdpa", wrong)

    assert not backend_works("sdpa", CPU, torch.float32)
    assert "of the largest value" in caplog.text


def test_wrong_gradients_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = attention._BACKENDS["sdpa"]

    def lost_keys(q_THD: Tensor, k_TKD: Tensor, v_TKD: Tensor, packed: PackedAttention) -> Tensor:
        return exact(q_THD, k_TKD.detach() + 0 * k_TKD, v_TKD, packed)

    monkeypatch.setitem(attention._BACKENDS, "sdpa", lost_keys)

    assert not backend_works("sdpa", CPU, torch.float32)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("backend", ["varlen", "flex", "sdpa"])
def test_a_gpu_passes_the_trial(backend: AttentionBackend) -> None:
    assert backend_works(backend, CUDA, torch.bfloat16)
