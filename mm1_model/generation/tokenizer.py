"""The tokenizer that lies beside a model's weights."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer


class JsonTokenizer:
    """A ``tokenizer.json`` of Hugging Face tokenizers, as ``TextTokenizer``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # A prompt that spells out a special token means its letters, as in training.
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @classmethod
    def load(cls, path: Path) -> JsonTokenizer:
        """Reads a ``tokenizer.json``.

        Raises:
            ValueError: it is absent or no tokenizer.
        """
        if not path.is_file():
            raise ValueError(f"there is no tokenizer at {path}; lay the training's tokenizer.json there")
        try:
            return cls(Tokenizer.from_file(str(path)))
        except Exception as error:  # The library raises bare Exception.
            raise ValueError(f"{path} is no tokenizer: {error}") from error

    def encode(self, text: str) -> list[int]:
        """See ``TextTokenizer``."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: list[int]) -> str:
        """See ``TextTokenizer``."""
        return str(self._tokenizer.decode(tokens))
