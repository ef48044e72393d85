"""Turns a pool row into the samples of the shards: their JSON members, pointers and lengths."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenizers import Tokenizer

from pipelines.mix.captions import ChosenCaption, choose_caption
from pipelines.mix.cut import Cutter, RowLimits, Segment, merge_texts
from pipelines.mix.plan import MAX_CUT_POSITIONS, MAX_CUTS, num_windows, order_of, window_of
from schemas.digests import keyed_digest
from schemas.images import ImagePointer
from schemas.json_form import from_json, to_json
from schemas.recipe import MixtureSettings
from schemas.rejections import Rejection, RejectReason
from schemas.row_layout import num_frame_tokens, paragraphs
from schemas.rows import Piece
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind, ShardSample

EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif", "avif": "avif"}
"""By the format's name in the image store; readers choose their decoder by these."""

JOB = "mix"

SHORT = 1 / 8
"""Of a row. Shorter pieces are never cut further: there are gaps enough that they fit in whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePiece:
    """A sample of the shards, and where its images lie."""

    sample: ShardSample
    pointers: tuple[ImagePointer, ...]
    n_text: int
    caption_used: str | None
    cuts: tuple[int, ...] = ()
    """As of ``schemas.rows.Piece``."""


class PieceMaker:
    """Makes pieces under the settings of a mixture with its tokenizer."""

    def __init__(self, settings: MixtureSettings, tokenizer: Tokenizer, *, seed: int) -> None:
        self._settings, self._tokenizer, self._seed = settings, tokenizer, seed
        limits = RowLimits(
            positions=settings.sequence_length - num_frame_tokens(0, 1),
            images=settings.images_per_row,
            tokens_per_image=settings.tokens_per_image,
        )
        self._limits = limits
        self._cutter = Cutter(limits, self._token_starts)

    def make(self, sample: PoolSample, caption: CaptionRow | None = None) -> list[MadePiece] | Rejection:
        """Returns the pieces of a pool row in order, or why it has none."""
        chosen = None
        segments = merge_texts(sample.segments)
        if sample.kind is SampleKind.CAPTION:
            chosen = choose_caption(sample.key, caption_text(sample), caption, self._settings, self._seed)
            segments = merge_texts([*sample.images(), PoolText(text=chosen.text)])
        if not segments:
            return self._reject(sample, RejectReason.EMPTY_SAMPLE, 0, "no segment has words")
        atoms = self._atoms(segments)
        images, length = sum(atom.n_images for atom in atoms), self._length(atoms)
        if length <= self._limits.positions and images <= self._limits.images:
            return [self._piece(sample, segments, chosen, atoms)]
        if sample.kind is SampleKind.CAPTION:
            return self._reject(sample, RejectReason.TOO_LONG, length, "a caption is not cut")
        cut = self._cutter.cut(segments)
        return [
            self._piece(sample, piece, chosen, self._atoms(piece), number, len(cut)) for number, piece in enumerate(cut)
        ]

    def _piece(
        self,
        sample: PoolSample,
        segments: Sequence[Segment],
        chosen: ChosenCaption | None,
        atoms: "Sequence[Atom]",
        *numbers: int,
    ) -> MadePiece:
        """Returns one piece; ``numbers`` are its own among the pieces of its document, and how many these are."""
        piece, pieces = numbers or (0, 1)
        return MadePiece(
            sample=_record(sample, segments, chosen, piece, pieces),
            pointers=tuple(s.pointer for s in segments if isinstance(s, PoolImage)),
            n_text=sum(atom.n_text for atom in atoms) + num_frame_tokens(piece, pieces),
            caption_used=chosen.used if chosen else None,
            cuts=() if chosen else self._cuts(atoms),
        )

    def _atoms(self, segments: Sequence[Segment]) -> "list[Atom]":
        """Returns the images and paragraphs of segments in order: what no cut that fills rows goes through."""
        parts = [
            part for s in segments for part in ((None,) if isinstance(s, PoolImage) else tuple(paragraphs(s.text)))
        ]
        texts = [part for part in parts if part is not None]
        counts = iter([len(e) for e in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)])
        return [Atom(n_text=0, n_images=1) if part is None else Atom(n_text=next(counts), n_images=0) for part in parts]

    def _length(self, atoms: "Sequence[Atom]") -> int:
        return sum(atom.n_text + atom.n_images * self._limits.tokens_per_image for atom in atoms)

    def _cuts(self, atoms: "Sequence[Atom]") -> tuple[int, ...]:
        """Returns up to ``MAX_CUTS`` places between atoms, as even as they come; none in a short piece."""
        total = self._length(atoms)
        if total < self._settings.sequence_length * SHORT or self._settings.sequence_length >= MAX_CUT_POSITIONS:
            return ()
        cuts: list[tuple[int, int, int]] = []
        text = images = 0
        for number, atom in enumerate(atoms[:-1], start=1):
            text, images = text + atom.n_text, images + atom.n_images
            passed = (text + images * self._limits.tokens_per_image) * (MAX_CUTS + 1) // total
            if len(cuts) < MAX_CUTS and passed > len(cuts):
                cuts.append((number, text, images))
        return tuple(value for cut in cuts for value in cut)

    def _token_starts(self, text: str) -> list[int]:
        """Returns the character at which each token starts, tokenised as rows are: paragraph by paragraph."""
        starts: list[int] = []
        offset = 0
        for part in paragraphs(text):
            encoding = self._tokenizer.encode(part, add_special_tokens=False)
            starts += [offset + start for start, _ in encoding.offsets]
            offset += len(part)
        return starts

    def _reject(self, sample: PoolSample, reason: RejectReason, value: int, why: str) -> Rejection:
        return Rejection(
            job=JOB,
            kind="sample",
            item=sample.key,
            reason=reason,
            value=value,
            threshold=self._limits.positions,
            detail=f"{sample.kind.value} sample of {value} positions: {why}",
            parent=sample.source_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """A paragraph or an image."""

    n_text: int
    n_images: int


def _record(
    sample: PoolSample, segments: Sequence[Segment], chosen: ChosenCaption | None, piece: int, pieces: int
) -> ShardSample:
    key = piece_key(sample.key, piece=piece, pieces=pieces)
    images = [s for s in segments if isinstance(s, PoolImage)]
    names = iter(f"{number:03d}.{EXTENSIONS[image.format]}" for number, image in enumerate(images))
    image_names = tuple(next(names) if isinstance(s, PoolImage) else None for s in segments)
    return ShardSample(
        key=key,
        kind=sample.kind,
        texts=tuple(s.text if isinstance(s, PoolText) else None for s in segments),
        images=image_names,
        image_members=tuple(name and f"{key}.{name}" for name in image_names),
        captions=chosen.captions if chosen else {},
        scores=tuple(image.score for image in images),
        image_ids=tuple(image.image_id for image in images),
        image_urls=tuple(image.url for image in images),
        source={
            "id": sample.source_id,
            "sample": sample.key,
            "url": sample.url,
            "domain": sample.domain,
            "archive": sample.archive,
            "offset": sample.record_offset,
            "piece": piece,
            "pieces": pieces,
            "part": 0,
            "parts": 1,
            "repeat": 0,
        },
    )


def caption_text(sample: PoolSample) -> str:
    """Returns the caption as its source had it: the last text of a caption sample."""
    texts = [s.text for s in sample.segments if isinstance(s, PoolText)]
    return texts[-1] if texts else ""


def piece_key(sample: str, *, piece: int, pieces: int, repeat: int = 0, split: int = 0) -> str:
    """Returns the key of a piece, or of one split of it, in the shards.

    It is the pool row's own for the first split of a row's only piece when that stands there first, else one derived.
    """
    if pieces == 1 and repeat == 0 and split == 0:
        return sample
    parts = (sample, str(piece), str(repeat))
    return keyed_digest("piece", *parts) if split == 0 else keyed_digest("split", *parts, str(split))


def to_spool(made: MadePiece) -> bytes:
    """Returns a piece as the spool holds it: one line of image pointers, then the JSON member as the shard has it."""
    pointers = [
        [p.file, p.offset, p.length, name.rsplit(".", 1)[-1]]
        for p, name in zip(made.pointers, made.sample.member_names(), strict=True)
    ]
    return json.dumps(pointers, separators=(",", ":")).encode() + b"\n" + to_json(made.sample).encode()


def from_spool(data: bytes) -> tuple[list[tuple[str, int, int, str]], bytes]:
    """Returns ``(file, offset, length, extension)`` of each image of a piece, and its JSON member."""
    line, member = data.split(b"\n", 1)
    return [tuple(pointer) for pointer in json.loads(line)], member


def rewritten_member(
    member: bytes, *, key: str, repeat: int, split: int, splits: int, first_atom: int, last_atom: int
) -> tuple[bytes, slice]:
    """Returns the JSON member of a split of a piece, or of a repetition, and which of the piece's images it has.

    Args:
        member: Of the whole piece.
        key: Of the new sample.
        repeat: How often the piece stood in the mixture before.
        split: Number of the split.
        splits: How many there are.
        first_atom: Its first paragraph or image, from 0.
        last_atom: The first one after it; 0: it goes to the end.
    """
    record = from_json(member, ShardSample)
    texts, images = _slice(record, first_atom, last_atom or None)
    skipped = _count_images(record, first_atom)
    chosen = slice(skipped, skipped + sum(image is not None for image in images))
    extensions = iter(name.rsplit(".", 1)[-1] for name in record.member_names()[chosen])
    numbers = iter(range(len(images)))
    names = tuple(None if image is None else f"{next(numbers):03d}.{next(extensions)}" for image in images)
    renamed = replace(
        record,
        key=key,
        texts=texts,
        images=names,
        image_members=tuple(name and f"{key}.{name}" for name in names),
        scores=record.scores[chosen],
        image_ids=record.image_ids[chosen],
        image_urls=record.image_urls[chosen],
        source={**record.source, "part": split, "parts": splits, "repeat": repeat},
    )
    return to_json(renamed).encode(), chosen


def _slice(record: ShardSample, first: int, last: int | None) -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
    """Returns texts and images of a range of atoms; paragraphs of one text stay one text."""
    texts: list[str | None] = []
    images: list[str | None] = []
    atom = 0
    for text, image in zip(record.texts, record.images, strict=True):
        parts = paragraphs(text) if text is not None else [""]
        here = parts[max(0, first - atom) : max(0, last - atom) if last is not None else None]
        atom += len(parts)
        if here:
            texts.append("".join(here) if text is not None else None)
            images.append(image)
    return tuple(texts), tuple(images)


def _count_images(record: ShardSample, atoms: int) -> int:
    """Returns how many of the first ``atoms`` atoms are images."""
    count = atom = 0
    for text in record.texts:
        if atom >= atoms:
            break
        count += text is None
        atom += 1 if text is None else len(paragraphs(text))
    return count


def planning_row(made: MadePiece, *, pool_rows: int, part: int, pointer: ImagePointer, seed: int) -> Piece:
    """Returns what the plan needs to know of a piece."""
    source = made.sample.source
    sample = str(source["sample"])
    return Piece(
        key=made.sample.key,
        sample=sample,
        kind=made.sample.kind,
        piece=int(source["piece"] or 0),
        pieces=int(source["pieces"] or 1),
        n_text=made.n_text,
        n_images=len(made.pointers),
        window=window_of(sample, seed=seed, windows=num_windows(pool_rows)),
        order=order_of(made.sample.key, seed=seed),
        part=part,
        offset=pointer.offset,
        length=pointer.length,
        cuts=made.cuts,
        caption_used=made.caption_used,
    )
