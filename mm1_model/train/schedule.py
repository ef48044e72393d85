"""The learning rate: MM1's rule for the peak, linear warm-up, cosine to a share of the peak."""

import math


def mm1_learning_rate(num_parameters: int) -> float:
    """Returns MM1's peak learning rate ``exp(-0.4214 ln N - 0.5535)`` (arXiv 2403.09611, section 3.3).

    The paper fits it on decoders of 9M to 1.2B parameters and extrapolates: 5.9e-5 at 2.9B, 4.2e-5 at 6.4B, 2.2e-5 at
    30B.

    Args:
        num_parameters: N, the decoder's parameters without embeddings.

    Raises:
        ValueError: N is not positive.
    """
    if num_parameters < 1:
        raise ValueError(f"the learning rate rule needs a positive number of parameters, got {num_parameters}")
    return math.exp(-0.4214 * math.log(num_parameters) - 0.5535)


def learning_rate_share(step: int, *, steps: int, warmup_steps: int, final_share: float) -> float:
    """Returns the share of the peak learning rate at which step ``step`` (from 0) is taken.

    Linear from ``1 / warmup_steps`` at the first step to 1 at the last of warm-up, then half a cosine that reaches
    ``final_share`` at the last step. The first step has a rate above 0, so that no step's rows are wasted.

    Raises:
        ValueError: ``step`` is not one of the run's.
    """
    if not 0 <= step < steps:
        raise ValueError(f"step {step} is not one of the {steps} steps of the run")
    taken = step + 1
    if taken <= warmup_steps:
        return taken / warmup_steps
    progress = (taken - warmup_steps) / (steps - warmup_steps)
    return final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * progress))
