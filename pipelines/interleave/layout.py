"""A page laid out as runs of text and images in reading order, over a tree of blocks.

A parser walks its tree and tells a ``LayoutBuilder`` what it meets; everything after that is the same for all parsers.
Nothing is dropped here: what no reader came for carries a ``Boilerplate`` reason, so that later steps can overrule it
and ``mm1 explain`` can say why a text is missing.
"""

from pipelines.interleave.boilerplate import TELLING_TAGS, Boilerplate, classify, is_hidden
from pipelines.interleave.css_images import css_image
from pipelines.interleave.elements import IMAGES, PREFORMATTED
from pipelines.interleave.limits import check_images
from pipelines.interleave.texts import collapse, normalise

Attributes = dict[str, str | None]

NOTHING, BLOCK, LINK, PICTURE = range(4)
"""What ``LayoutBuilder.open`` opened, to be given back to ``close``."""


_ALWAYS_WALKED = frozenset((Boilerplate.CAPTION, Boilerplate.HEADER, Boilerplate.COMMENTS))
"""Captions belong to images, headers hold the titles that tell teasers from paragraphs, and a forum is comments."""

MIN_PROSPECT = 60
"""Characters of a text outside links, from which on the blocks around it may be content whatever they say of
themselves."""


class Block:
    """A block element: runs ``start`` to ``end`` and images ``images_start`` to ``images_end`` lie inside it."""

    __slots__ = ("attributes", "end", "images_end", "images_start", "index", "parent", "reason", "start", "tag")

    def __init__(self, tag: str, parent: "Block | None", attributes: Attributes, index: int) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes
        self.index = index
        self.reason: Boilerplate | None = None
        self.start = self.end = self.images_start = self.images_end = 0


class Run:
    """Text between two block boundaries, white space collapsed, lines separated by ``"\\n"``."""

    __slots__ = ("block", "is_caption", "link", "link_length", "reason", "text")

    def __init__(self, text: str, link_length: int, link: str | None, block: Block) -> None:
        self.text = text
        self.link_length = link_length
        """Characters inside links, before white space is collapsed."""
        self.link = link
        """Target of a link in it, as written."""
        self.block = block
        self.reason: Boilerplate | None = None
        self.is_caption = False


class ImagePlace:
    """An image element and the number of the run before which it stands."""

    __slots__ = ("attributes", "block", "link", "run", "sources", "tag")

    def __init__(self, tag: str, attributes: Attributes, block: Block, run: int, link: str | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.block = block
        self.run = run
        self.link = link
        self.sources: list[Attributes] = []


class LayoutBuilder:
    """Takes the walk of a parser, in document order, and makes the layout.

    Args:
        css_images: Also takes images of ``style`` attributes.
        is_thorough: Walks every block, also those that say they are no content and hold no text to doubt it: slower,
            for ``mm1 explain``.
    """

    def __init__(self, *, css_images: bool = False, is_thorough: bool = False) -> None:
        self._css_images = css_images
        self._is_thorough = is_thorough
        self.root = Block("body", None, {}, 0)
        self.blocks: list[Block] = [self.root]
        """In document order, so that a parent comes before its children."""
        self.runs: list[Run] = []
        self.images: list[ImagePlace] = []
        self.block = self.root
        """The innermost that is open."""

        self.line: list[str] = []
        """Texts of the line that is being made; always the same list."""

        self._lines: list[str] = []
        self._is_after_break = False
        self._link_length = 0
        self._links: list[str | None] = []
        self._run_link: str | None = None
        self._pictures: list[list[Attributes]] = []

    def text(self, piece: str) -> None:
        """Adds the text of one text node."""
        if not self.line and piece.isspace() and self.block.tag not in PREFORMATTED:
            # White space at the beginning of a line is not shown, and most text nodes of a page are just that.
            return
        self.line.append(piece)
        if self._links:
            self._link_length += len(piece)

    def open(self, tag: str, attributes: Attributes) -> int:
        """Starts an element that is none of ``BLOCKS``; the answer is for ``close``."""
        if tag == "a":
            self._run_link = attributes.get("href")
            self._links.append(self._run_link)
            return LINK
        if tag == "span":
            if not attributes or not is_hidden(attributes):
                if self._css_images:
                    self._add_css_image(attributes)
                return NOTHING
            self.open_block(tag, attributes)
            return BLOCK
        return self._open_other(tag, attributes)

    def close(self, opened: int) -> None:
        """Ends the element for which ``open`` gave ``opened``."""
        if opened == BLOCK:
            self.close_block()
        elif opened == LINK:
            self._links.pop()
        elif opened == PICTURE:
            self._pictures.pop()

    def add_images(self, images: list[tuple[str, Attributes]]) -> None:
        """Adds the images of a block that is not walked."""
        for tag, attributes in images:
            self._add_image(tag, attributes)

    def close_block(self) -> None:
        """Ends the block element that was started last."""
        if self.line or self._lines:
            self._flush()
        block = self.block
        block.end = len(self.runs)
        block.images_end = len(self.images)
        if block.parent is not None:
            self.block = block.parent

    def finish(self) -> None:
        """Ends the page."""
        self._flush()
        self.root.end = len(self.runs)
        self.root.images_end = len(self.images)

    def _open_other(self, tag: str, attributes: Attributes) -> int:
        if tag == "br":
            self._break_line()
        elif tag in IMAGES:
            self._add_image(tag, attributes)
        elif tag == "picture":
            self._pictures.append([])
            return PICTURE
        elif tag == "source" and self._pictures:
            self._pictures[-1].append(attributes)
        return NOTHING

    def _add_image(self, tag: str, attributes: Attributes) -> None:
        if tag in ("object", "embed") and not (attributes.get("type") or "").lower().startswith("image/"):
            return
        if self.line or self._lines:
            self._flush()
        link = self._links[-1] if self._links else None
        place = ImagePlace(tag, attributes, self.block, len(self.runs), link)
        if self._pictures:
            # The list itself: sources may follow the image.
            place.sources = self._pictures[-1]
        self.images.append(place)
        check_images(len(self.images))

    def _add_css_image(self, attributes: Attributes) -> None:
        url = css_image(attributes.get("style") or "") if attributes else None
        if url is not None:
            self._add_image("img", {"src": url, "alt": attributes.get("aria-label") or attributes.get("title")})

    def open_block(self, tag: str, attributes: Attributes) -> bool:
        """Starts a block element; ``close_block`` ends it.

        Returns:
            Whether the block says that it is no content. The parser then looks whether there is text enough in it to
            doubt that, and where there is not, gives ``add_images`` what images it holds instead of walking it.
        """
        if self.line or self._lines:
            self._flush()
        blocks = self.blocks
        block = Block(tag, self.block, attributes, len(blocks))
        reason = classify(tag, attributes) if attributes or tag in TELLING_TAGS else None
        block.reason = reason
        block.start = len(self.runs)
        block.images_start = len(self.images)
        blocks.append(block)
        self.block = block
        if self._css_images:
            self._add_css_image(attributes)
        return reason is not None and not self._is_thorough and reason not in _ALWAYS_WALKED and tag != "noscript"

    def _break_line(self) -> None:
        if self.block.tag in PREFORMATTED:
            self.line.append("\n")
            return
        line = collapse("".join(self.line))
        self.line.clear()
        if line:
            self._lines.append(line)
            self._is_after_break = True
        elif self._is_after_break:
            # Two line breaks in a row are how old pages part paragraphs.
            self._flush()

    def _flush(self) -> None:
        if self.line:
            text = "".join(self.line)
            self.line.clear()
            line = text.strip("\r\n").rstrip() if self.block.tag in PREFORMATTED else collapse(text)
            if line:
                self._lines.append(line)
        if self._lines:
            text = normalise("\n".join(self._lines) if len(self._lines) > 1 else self._lines[0])
            self._lines.clear()
            if text and not text.isspace():
                self.runs.append(Run(text, self._link_length, self._run_link, self.block))
        self._link_length = 0
        self._run_link = self._links[-1] if self._links else None
        self._is_after_break = False
