import pytest
import torch
from torch import nn

from mm1_model.train.config import OptimizerSettings
from mm1_model.train.optimizer import build_optimizer, parameter_groups, set_learning_rate


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(3, 2)
        self.linear = nn.Linear(2, 2)
        self.norm = nn.RMSNorm(2)
        self.convolution = nn.Conv2d(1, 1, 2, bias=False)
        self.position_embedding = nn.Parameter(torch.zeros(4, 2))
        self.queries_VC = nn.Parameter(torch.zeros(4, 2))
        self.gate_EFD = nn.Parameter(torch.zeros(2, 2, 2))


def test_matrices_decay_and_vectors_and_tables_do_not() -> None:
    groups = parameter_groups(Small())

    assert groups.decayed == ("gate_EFD", "linear.weight", "convolution.weight")
    assert set(groups.undecayed) == {
        "embedding.weight", "linear.bias", "norm.weight", "position_embedding", "queries_VC"
    }  # fmt: skip


def test_frozen_parameters_are_in_no_group() -> None:
    model = Small()
    model.linear.requires_grad_(False)

    groups = parameter_groups(model)

    assert not {"linear.weight", "linear.bias"} & {*groups.decayed, *groups.undecayed}


def test_a_shared_matrix_is_one_parameter() -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(3, 2), "head": nn.Linear(2, 3, bias=False)})
    model["head"].weight = model["embedding"].weight

    groups = parameter_groups(model)

    assert (groups.decayed, groups.undecayed) == ((), ("embedding.weight",))


def test_one_step_by_hand() -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 2.0)
    nn.init.constant_(model.bias, 3.0)
    optimizer = build_optimizer(model, OptimizerSettings(weight_decay=0.1), learning_rate=0.5)
    model.weight.grad = torch.tensor([[4.0]])
    model.bias.grad = torch.tensor([-4.0])

    optimizer.step()

    # The first update of Adam is the rate times the gradient's sign; decay takes rate * 0.1 of the weight only.
    assert model.weight.item() == pytest.approx(2.0 * (1 - 0.5 * 0.1) - 0.5)
    assert model.bias.item() == pytest.approx(3.0 + 0.5)


def test_the_rate_reaches_both_groups() -> None:
    optimizer = build_optimizer(Small(), OptimizerSettings(), learning_rate=1.0)

    set_learning_rate(optimizer, 0.25)

    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_a_wholly_frozen_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no trainable parameter"):
        build_optimizer(Small().requires_grad_(False), OptimizerSettings(), learning_rate=1.0)
