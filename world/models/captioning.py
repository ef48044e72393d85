"""Greedy captions from a CoCa of open_clip.

``CoCa.generate`` of open_clip 3.3 needs classes that transformers 5 no longer has, so the decoding
is here; the model's own forward pass does the work.
"""

import torch
from torch import Tensor

from world.models.loading import LoadedModel


@torch.inference_mode()
def greedy_captions(loaded: LoadedModel, images: Tensor) -> list[str]:
    """Returns the most likely caption, word by word, for each of ``images`` ``(N, 3, H, W)``."""
    model, tokenizer = loaded.model, loaded.tokenizer
    start, end = tokenizer.sot_token_id, tokenizer.eot_token_id
    latent, embeddings = model._encode_image(images)
    tokens = torch.full((len(images), 1), start, dtype=torch.long)
    done = torch.zeros(len(images), dtype=torch.bool)
    while tokens.shape[1] < model.context_length and not done.all():
        output = model(images, tokens, image_latent=latent, image_embs=embeddings, output_labels=False)
        logits = output["logits"] if isinstance(output, dict) else output[2]
        chosen = logits[:, -1].argmax(-1).masked_fill(done, end)
        done |= chosen == end
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
    return [_words(tokenizer, row, end) for row in tokens[:, 1:].tolist()]


def _words(tokenizer: object, tokens: list[int], end: int) -> str:
    kept = tokens[: tokens.index(end)] if end in tokens else tokens
    text: str = tokenizer.decode(kept)  # type: ignore[attr-defined]
    return text.strip()
