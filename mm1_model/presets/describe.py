"""What a preset is, in numbers: the lines of ``mm1 doctor --preset NAME``."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mm1_model.config import ModelConfig
from mm1_model.flops import ForwardFlops, ParameterCounts, count_parameters, forward_flops
from mm1_model.model import MM1
from mm1_model.presets.sizes import preset


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetDescription:
    """Parameters and operations of a preset. Operations are forward; training costs 3 times."""

    name: str
    config: ModelConfig
    parameters: ParameterCounts
    sequence_length: int
    """The longest sample, for which the operations of attention are given."""

    decoder_flops_per_token: float
    """Layers without attention's square, of experts those that a token visits."""

    experts_flops_per_token: float
    """Of these, in experts."""

    attention_flops_per_token: float
    """In one sample of ``sequence_length`` positions, over the whole square."""

    head_flops_per_token: float
    """At a position with a loss."""

    connector_flops_per_image: float
    tower_flops_per_image: float

    def lines(self) -> list[str]:
        """Returns the description for a terminal, a line a fact."""
        decoder, moe, count = self.config.decoder, self.config.moe, self.parameters
        sparse = "dense"
        if moe is not None:
            layers = sum(moe.is_sparse(n) for n in range(decoder.num_layers))
            sparse = f"{moe.num_experts} experts in {layers} of {decoder.num_layers} layers, {moe.top_k} a token"
        vision, per_image = self.config.vision, self.config.tokens_per_image
        return [
            f"preset                {self.name}",
            f"decoder               {decoder.num_layers} layers x {decoder.hidden_size},"
            f" {decoder.num_heads} heads ({decoder.num_key_value_heads} key-value),"
            f" {decoder.intermediate_size} inside, {sparse}",
            f"tower                 {vision.model or vision.kind} at {vision.image_size} px,"
            f" {vision.num_patches} patches",
            f"connector             {self.config.connector.kind}, {per_image} tokens an image",
            f"parameters            {count.total:,}",
            f"  decoder             {count.decoder:,} without embeddings",
            f"  decoder, active     {count.decoder_active:,} a token",
            *self._expert_lines(f"{count.experts:,} in all", f"{count.experts_active:,} active"),
            f"  embeddings          {count.embeddings:,} (vocabulary {decoder.vocab_size:,})",
            f"  connector           {count.connector:,}",
            f"  tower               {count.tower:,}",
            "forward FLOPs",
            f"  decoder             {self.decoder_flops_per_token:,.0f} a token",
            *self._expert_lines(f"{self.experts_flops_per_token:,.0f} a token", "active"),
            f"  attention           {self.attention_flops_per_token:,.0f} a token at"
            f" {self.sequence_length:,} positions",
            f"  head                {self.head_flops_per_token:,.0f} a loss token",
            f"  connector           {self.connector_flops_per_image:,.0f} an image,"
            f" {self.connector_flops_per_image / per_image:,.0f} a visual token",
            f"  tower               {self.tower_flops_per_image:,.0f} an image,"
            f" {self.tower_flops_per_image / per_image:,.0f} a visual token",
        ]

    def _expert_lines(self, *facts: str) -> list[str]:
        return [] if self.config.moe is None else [f"    experts           {', '.join(facts)}"]


def describe_preset(name: str) -> PresetDescription:
    """Builds a preset without memory for its weights, and counts.

    Raises:
        ValueError: there is no such preset.
    """
    return describe(name, preset(name))


def describe(name: str, config: ModelConfig) -> PresetDescription:
    """Describes any network under the given name."""
    with torch.device("meta"):
        model = MM1(config)
    length = config.decoder.max_positions
    counts = count_parameters(model)
    flops: ForwardFlops = forward_flops(model, sample_lengths=[length], num_images=1, num_loss_tokens=1)
    return PresetDescription(
        name=name,
        config=config,
        parameters=counts,
        sequence_length=length,
        decoder_flops_per_token=flops.decoder / length,
        experts_flops_per_token=2.0 * counts.experts_active,
        attention_flops_per_token=flops.attention / length,
        head_flops_per_token=float(flops.head),
        connector_flops_per_image=float(flops.connector),
        tower_flops_per_image=float(flops.tower),
    )
