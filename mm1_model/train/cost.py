"""How many operations a step costs, of tower, connector and decoder, over the real lengths of its samples."""

from dataclasses import dataclass

from mm1_model.flops import TRAINING_FACTOR, forward_flops
from mm1_model.model import MM1
from mm1_model.train.sums import Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """Operations of forward and backward, by what they grow with (``mm1_model.flops`` says what counts).

    Blocks that are computed again in the backward pass count once: what is reported is the model's cost, not the
    machine's work.
    """

    per_image: float
    per_token: float
    per_squared_length: float
    per_loss_token: float

    @classmethod
    def of(cls, model: MM1) -> "StepCost":
        """Measures a model; one on the meta device will do. A frozen tower has no backward pass."""
        one = forward_flops(model, sample_lengths=[1], num_images=1, num_loss_tokens=1)
        tower_factor = 1 if model.config.vision.frozen else TRAINING_FACTOR
        return cls(
            per_image=tower_factor * one.tower + TRAINING_FACTOR * one.connector,
            per_token=TRAINING_FACTOR * one.decoder,
            per_squared_length=TRAINING_FACTOR * one.attention,
            per_loss_token=TRAINING_FACTOR * one.head,
        )

    def of_step(self, sums: Sums) -> float:
        """Returns the operations of a step on all ranks."""
        return (
            self.per_image * sums.encoded
            + self.per_token * sums.tokens
            + self.per_squared_length * sums.squares
            + self.per_loss_token * sums.loss_tokens
        )
