"""The C-Abstractor against Honeybee's published structure, built from timm's own blocks."""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from mm1_model.config import ConnectorConfig
from mm1_model.connector.abstractor import CAbstractor

regnet = pytest.importorskip("timm.models.regnet")
layers = pytest.importorskip("timm.layers")


class PublishedAbstractor(nn.Module):
    """Honeybee's settings: RegStage 3, pooling, RegStage 3, a 2-layer MLP, position embedding."""

    def __init__(self, patches: int, width: int, hidden: int, tokens_side: int, out: int) -> None:
        super().__init__()
        stage = partial(
            regnet.RegStage,
            3,
            stride=1,
            dilation=1,
            act_layer=nn.SiLU,
            norm_layer=layers.LayerNorm2d,
        )
        self.pos_emb = nn.Parameter(torch.zeros(1, patches, width))
        self.net = nn.Sequential(
            stage(in_chs=width, out_chs=hidden),
            nn.AdaptiveAvgPool2d((tokens_side, tokens_side)),
            stage(in_chs=hidden, out_chs=hidden),
        )
        self.readout = nn.Sequential(nn.Linear(hidden, out), nn.SiLU(), nn.Linear(out, out))

    def forward(self, patches_BPE: Tensor) -> Tensor:
        side = int(patches_BPE.shape[1] ** 0.5)
        x = (patches_BPE + self.pos_emb).transpose(1, 2).reshape(len(patches_BPE), -1, side, side)
        out: Tensor = self.readout(self.net(x).flatten(2).transpose(1, 2))
        return out


def pair(*, width: int, hidden: int, patches: int = 49) -> tuple[CAbstractor, PublishedAbstractor]:
    torch.manual_seed(0)
    config = ConnectorConfig(num_tokens=16, hidden_size=hidden)
    ours = CAbstractor(config, patches, width, 24)
    theirs = PublishedAbstractor(patches, width, hidden, 4, 24)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.3)
    # Strict: the names are those of Honeybee's checkpoints.
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


# With equal widths the first block has no convolution in its shortcut.
@pytest.mark.parametrize(("width", "hidden"), [(40, 64), (64, 64)])
def test_outputs_and_gradients_equal_the_published_structure(width: int, hidden: int) -> None:
    ours, theirs = pair(width=width, hidden=hidden)
    patches_BPE = torch.randn(2, 49, width)
    weights = torch.randn(2, 16, 24)

    got, wanted = ours(patches_BPE), theirs(patches_BPE)
    (got * weights).sum().backward()
    (wanted * weights).sum().backward()

    # float32: six normalised blocks, the sums of which are taken in another order.
    torch.testing.assert_close(got, wanted, atol=2e-5, rtol=1e-5)
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None
        torch.testing.assert_close(mine.grad, other.grad, atol=5e-4, rtol=1e-3, msg=name)


def test_parameter_count_at_honeybees_size() -> None:
    with torch.device("meta"):
        ours = CAbstractor(ConnectorConfig(), 576, 1024, 2048)

    # Per block at 1,024: two 1 x 1 of 2**20, depthwise 9 * 1024, three norms, SE of 256.
    block = 2 * 2**20 + 9 * 1024 + 3 * 2048 + (1024 * 256 + 256) + (256 * 1024 + 1024)
    readout = 1024 * 2048 + 2048 + 2048 * 2048 + 2048
    expected = 576 * 1024 + 6 * block + readout
    assert sum(p.numel() for p in ours.parameters()) == expected


def test_another_number_of_patches_is_refused() -> None:
    ours, _ = pair(width=40, hidden=64)

    with pytest.raises(ValueError, match="got 36 patches, the position embedding has 49"):
        ours(torch.zeros(1, 36, 40))


def test_names_are_those_of_published_checkpoints() -> None:
    ours, _ = pair(width=40, hidden=64)

    names = [n for n in ours.state_dict() if re.match(r"net\.0\.b1\.", n)]
    assert "net.0.b1.conv2.conv.weight" in names
    assert "net.0.b1.downsample.bn.bias" in names
    assert "readout.2.weight" in ours.state_dict()
