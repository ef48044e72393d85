"""A page laid out as runs of text and images in reading order, over a tree of blocks.

A parser walks its tree and tells a ``LayoutBuilder`` what it meets; everything after that is the same for all parsers.
Nothing is dropped here: what no reader came for carries a ``Boilerplate`` reason, so that later steps can overrule it
and ``mm1 explain`` can say why a text is missing.
"""

from pipelines.interleave.boilerplate import Boilerplate, classify, is_hidden
from pipelines.interleave.elements import BLOCKS, IMAGES, PREFORMATTED
from pipelines.interleave.texts import collapse, normalise

Attributes = dict[str, str | None]

NOTHING, BLOCK, LINK, PICTURE, SPAN = range(5)
"""What ``LayoutBuilder.open`` opened, to be given back to ``close``."""


class Block:
    """A block element: the runs ``start`` to ``end`` lie inside it."""

    __slots__ = ("attributes", "end", "images_end", "images_start", "index", "parent", "reason", "start", "tag")

    def __init__(
        self, tag: str, parent: "Block | None", attributes: Attributes, reason: Boilerplate | None, index: int
    ) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes
        self.reason = reason
        self.index = index
        self.start = self.end = 0
        self.images_start = self.images_end = 0


class Run:
    """Text between two block boundaries, white space collapsed, lines separated by ``"\\n"``."""

    __slots__ = ("block", "is_caption", "link", "link_length", "reason", "text")

    def __init__(self, text: str, link_length: int, link: str | None, block: Block) -> None:
        self.text = text
        self.link_length = link_length
        self.link = link
        self.block = block
        self.reason: Boilerplate | None = None
        self.is_caption = False


class ImagePlace:
    """An image element and the run before which it stands."""

    __slots__ = ("attributes", "block", "link", "run", "sources", "tag")

    def __init__(self, tag: str, attributes: Attributes, block: Block, run: int, link: str | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.block = block
        self.run = run
        self.link = link
        self.sources: list[Attributes] = []


class LayoutBuilder:
    """Takes the walk of a parser, in document order, and makes the layout."""

    def __init__(self) -> None:
        self.root = Block("body", None, {}, None, 0)
        self.blocks: list[Block] = [self.root]
        self.runs: list[Run] = []
        self.images: list[ImagePlace] = []
        self._block = self.root
        self._pieces: list[str] = []
        self._lines: list[str] = []
        self._breaks = 0
        self._link_length = 0
        self._links: list[str | None] = []
        self._run_link: str | None = None
        self._pictures: list[list[Attributes]] = []

    def text(self, piece: str) -> None:
        """Adds the text of one text node."""
        self._pieces.append(piece)
        if self._links:
            self._link_length += len(piece)

    def open(self, tag: str, attributes: Attributes) -> int:
        """Starts an element; the answer is for ``close``."""
        if tag in BLOCKS:
            self._open_block(tag, attributes)
            return BLOCK
        if tag == "a":
            self._run_link = attributes.get("href")
            self._links.append(self._run_link)
            return LINK
        if tag == "span":
            if attributes and is_hidden(attributes):
                self._open_block(tag, attributes)
                return BLOCK
        elif tag == "br":
            self._break_line()
        elif tag in IMAGES:
            self._add_image(tag, attributes)
        elif tag == "picture":
            self._pictures.append([])
            return PICTURE
        elif tag == "source" and self._pictures:
            self._pictures[-1].append(attributes)
        return NOTHING

    def close(self, opened: int) -> None:
        """Ends the element for which ``open`` gave ``opened``."""
        if opened == BLOCK:
            if self._pieces or self._lines:
                self._flush()
            block = self._block
            block.end = len(self.runs)
            block.images_end = len(self.images)
            if block.parent is not None:
                self._block = block.parent
        elif opened == LINK:
            self._links.pop()
        elif opened == PICTURE:
            self._pictures.pop()

    def finish(self) -> None:
        """Ends the page."""
        self._flush()
        self.root.end = len(self.runs)
        self.root.images_end = len(self.images)

    def _add_image(self, tag: str, attributes: Attributes) -> None:
        if tag in ("object", "embed") and not (attributes.get("type") or "").lower().startswith("image/"):
            return
        if self._pieces or self._lines:
            self._flush()
        link = self._links[-1] if self._links else None
        place = ImagePlace(tag, attributes, self._block, len(self.runs), link)
        if self._pictures:
            # The list itself: sources may follow the image.
            place.sources = self._pictures[-1]
        self.images.append(place)

    def _open_block(self, tag: str, attributes: Attributes) -> None:
        if self._pieces or self._lines:
            self._flush()
        block = Block(tag, self._block, attributes, classify(tag, attributes), len(self.blocks))
        block.start = len(self.runs)
        block.images_start = len(self.images)
        self.blocks.append(block)
        self._block = block

    def _break_line(self) -> None:
        if self._block.tag in PREFORMATTED:
            self._pieces.append("\n")
            return
        line = collapse("".join(self._pieces))
        self._pieces.clear()
        if line:
            self._lines.append(line)
            self._breaks = 1
            return
        self._breaks += 1
        if self._breaks == 2:
            # Two line breaks in a row are how old pages part paragraphs.
            self._flush()

    def _flush(self) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            line = text.strip("\r\n").rstrip() if self._block.tag in PREFORMATTED else collapse(text)
            if line:
                self._lines.append(line)
        if self._lines:
            text = normalise("\n".join(self._lines))
            self._lines.clear()
            if text and not text.isspace():
                self.runs.append(Run(text, self._link_length, self._run_link, self._block))
        self._link_length = 0
        self._run_link = self._links[-1] if self._links else None
        self._breaks = 0
