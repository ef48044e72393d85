"""Makes a connector from its settings."""

from __future__ import annotations

from torch import nn

from mm1_model.config import ConnectorConfig, VisionConfig
from mm1_model.connector.abstractor import CAbstractor
from mm1_model.connector.pooling import AttentionPool, AveragePool
from mm1_model.connector.projection import LinearProjection, MlpProjection

Connector = CAbstractor | AveragePool | AttentionPool | LinearProjection | MlpProjection
"""Each maps patches ``(B, P, E)``, row-major, to visual tokens ``(B, V, D)``, row-major."""


def build_connector(config: ConnectorConfig, vision: VisionConfig, output_size: int) -> nn.Module:
    """Returns the connector between that tower and a decoder of width ``output_size``."""
    match config.kind:
        case "c_abstractor":
            return CAbstractor(config, vision.num_patches, vision.width, output_size)
        case "average_pool":
            return AveragePool(config.grid_side, vision.width, output_size)
        case "attention_pool":
            return AttentionPool(config, vision.width, output_size)
        case "linear":
            return LinearProjection(vision.width, output_size)
        case "mlp":
            return MlpProjection(vision.width, config.hidden_size, output_size)
