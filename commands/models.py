"""What commands that need a model share: a check that torch is there, and checkpoints by any of their folders."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.errors import CommandError, Exit

if TYPE_CHECKING:
    from mm1_model.model import MM1


def require_torch() -> None:
    """Raises CommandError unless torch is installed."""
    if importlib.util.find_spec("torch") is None:
        raise CommandError("this needs torch: pip install 'mm1[models]'", Exit.OUTSIDE)


def model_folder(path: str) -> Path:
    """Returns the folder of the weights: ``path`` itself, its ``model/``, or that of its newest whole checkpoint.

    Raises:
        CommandError: There are none.
    """
    folder = Path(path)
    for candidate in (folder, folder / "model"):
        if (candidate / "config.json").is_file():
            return candidate
    if folder.is_dir():
        from mm1_model.train.checkpoint import newest_whole_checkpoint

        newest = newest_whole_checkpoint(folder)
        if newest is not None:
            return newest / "model"
    raise CommandError(f"{path} holds no model: neither a checkpoint nor a training folder", Exit.OUTSIDE)


def load(path: str, device: str = "cpu") -> tuple[MM1, HuggingFaceTokenizer]:
    """Returns a checkpoint's model and tokenizer.

    Raises:
        CommandError: The folder has none, or they do not fit.
    """
    from mm1_model.weights.folder import load_model
    from mm1_model.weights.state import WeightsError

    folder = model_folder(path)
    try:
        return load_model(folder, device=device), HuggingFaceTokenizer(folder / "tokenizer.json")
    except WeightsError as error:
        raise CommandError(str(error), Exit.OUTSIDE) from error


class HuggingFaceTokenizer:
    """A ``tokenizer.json`` as generation asks for it: text alone, without special tokens."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        if not path.is_file():
            raise CommandError(f"{path} is not there: the checkpoint has no tokenizer", Exit.OUTSIDE)
        self._tokenizer: Any = Tokenizer.from_file(str(path))

    def encode(self, text: str) -> list[int]:
        """Returns the tokens of ``text`` alone."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, tokens: list[int]) -> str:
        """Returns the text of ``tokens``, special ones left out."""
        text: str = self._tokenizer.decode(tokens)
        return text
