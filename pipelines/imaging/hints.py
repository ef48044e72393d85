"""GPUs for the steps that run models, where the engine lends them by step."""

from typing import Any


def with_accelerator(transform: Any, accelerator: str | None) -> Any:
    """Returns a transform whose workers have one GPU of a type, for example ``"nvidia-l4"``; unchanged for None.

    Dataflow reads the hint (Beam's resource hints); other engines pass it over. Workers of a hinted step are of their
    own, so what goes into it is shuffled: pass it work items and pointers.
    """
    if accelerator is None:
        return transform
    return transform.with_resource_hints(accelerator=f"type:{accelerator};count:1;install-nvidia-driver")
