"""How a sample lies in a training row: the contract between the job that counts tokens and the reader that makes them.

A sample is ``<bos>``, its segments in order, ``<eos>``. A text is its tokens; an image is ``tokens_per_image``
positions that all hold ``<image>`` and are replaced by features. A document that was cut has several samples: each
begins with ``<bos>``, and only the last ends with ``<eos>``, since only there does the text end.

A text is tokenised paragraph by paragraph, each with the empty lines after it. So the length of a part that is cut out
between paragraphs is a sum, whatever the tokenizer, and rows can be filled by numbers alone.

A position counts in the loss where the next position of the same sample is text: no image is predicted (MM1, section
3), and no sample predicts the start of another. So of ``n_text`` text tokens all but ``<bos>`` are predicted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import SchemaError

BEGIN, END, PAD, IMAGE = "<bos>", "<eos>", "<pad>", "<image>"
SPECIAL_NAMES = (PAD, BEGIN, END, IMAGE)
"""In the order of their ids in a tokenizer that is trained: 0, 1, 2, 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialTokens:
    """Ids of the tokens that no text may contain."""

    pad: int
    begin: int
    end: int
    image: int

    def __post_init__(self) -> None:
        ids = [self.pad, self.begin, self.end, self.image]
        if len(set(ids)) != len(ids) or min(ids) < 0:
            raise SchemaError(f"special tokens must have four different ids, got pad, begin, end, image = {ids}")

    def to_map(self) -> dict[str, int]:
        """Returns the ids by name, as the manifest has them."""
        return {PAD: self.pad, BEGIN: self.begin, END: self.end, IMAGE: self.image}

    @classmethod
    def from_map(cls, ids: Mapping[str, int]) -> "SpecialTokens":
        """Returns what ``to_map`` was called on.

        Raises:
            SchemaError: A name is missing.
        """
        missing = [name for name in SPECIAL_NAMES if name not in ids]
        if missing:
            raise SchemaError(f"special tokens {missing} are missing among {sorted(ids)}")
        return cls(pad=ids[PAD], begin=ids[BEGIN], end=ids[END], image=ids[IMAGE])


_PARAGRAPH_END = re.compile(r"(?<=\n\n)(?!\n)")


def paragraphs(text: str) -> list[str]:
    """Returns the parts of a text that are tokenised by themselves; joined they are the text."""
    return [part for part in _PARAGRAPH_END.split(text) if part]


def num_frame_tokens(piece: int, pieces: int, part: int = 0, parts: int = 1) -> int:
    """Returns how many tokens frame a sample: ``<bos>``, and ``<eos>`` where its document ends with it.

    Args:
        piece: Number among the pieces that a document longer than a row was cut into.
        pieces: How many these are.
        part: Number among the parts that its piece was cut into to fill rows.
        parts: How many these are.
    """
    return 2 if piece == pieces - 1 and part == parts - 1 else 1


def num_loss(n_text: int) -> int:
    """Returns the positions that count in the loss, of a sample with ``n_text`` text tokens, frame included."""
    return n_text - 1


def num_positions(n_text: int, n_images: int, tokens_per_image: int) -> int:
    """Returns the length of a sample in a row."""
    return n_text + n_images * tokens_per_image
