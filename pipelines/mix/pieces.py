"""Turns a pool row into the samples of the shards: their JSON members, pointers and lengths."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenizers import Tokenizer

from pipelines.mix.captions import ChosenCaption, choose_caption
from pipelines.mix.cut import Cutter, RowLimits, Segment, merge_texts
from pipelines.mix.plan import num_windows, order_of, window_of
from schemas.digests import keyed_digest
from schemas.images import ImagePointer
from schemas.json_form import from_json, to_json
from schemas.recipe import MixtureSettings
from schemas.rejections import Rejection, RejectReason
from schemas.row_layout import num_frame_tokens
from schemas.rows import Piece
from schemas.samples import CaptionRow, PoolImage, PoolSample, PoolText, SampleKind, ShardSample

EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif", "avif": "avif"}
"""By the format's name in the image store; readers choose their decoder by these."""

JOB = "mix"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePiece:
    """A sample of the shards, and where its images lie."""

    sample: ShardSample
    pointers: tuple[ImagePointer, ...]
    n_text: int
    caption_used: str | None


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
        tokens, images = self._num_tokens(segments), sum(isinstance(s, PoolImage) for s in segments)
        length = tokens + images * self._limits.tokens_per_image
        if length <= self._limits.positions and images <= self._limits.images:
            return [_piece(sample, segments, chosen, tokens=tokens)]
        if sample.kind is SampleKind.CAPTION:
            return self._reject(sample, RejectReason.TOO_LONG, length, "a caption is not cut")
        cut = self._cutter.cut(segments)
        return [
            _piece(sample, piece, chosen, tokens=self._num_tokens(piece), piece=number, pieces=len(cut))
            for number, piece in enumerate(cut)
        ]

    def _num_tokens(self, segments: Sequence[Segment]) -> int:
        texts = [segment.text for segment in segments if isinstance(segment, PoolText)]
        return sum(len(e) for e in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False))

    def _token_starts(self, text: str) -> list[int]:
        return [start for start, _ in self._tokenizer.encode(text, add_special_tokens=False).offsets]

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


def _piece(
    sample: PoolSample,
    segments: Sequence[Segment],
    chosen: ChosenCaption | None,
    *,
    tokens: int,
    piece: int = 0,
    pieces: int = 1,
) -> MadePiece:
    key = piece_key(sample.key, piece=piece, pieces=pieces)
    images = [s for s in segments if isinstance(s, PoolImage)]
    names = iter(f"{number:03d}.{EXTENSIONS[image.format]}" for number, image in enumerate(images))
    image_names = tuple(next(names) if isinstance(s, PoolImage) else None for s in segments)
    texts = tuple(s.text if isinstance(s, PoolText) else None for s in segments)
    record = ShardSample(
        key=key,
        kind=sample.kind,
        texts=texts,
        images=image_names,
        image_members=tuple(f"{key}.{name}" for name in image_names if name),
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
            "repeat": 0,
        },
    )
    return MadePiece(
        sample=record,
        pointers=tuple(image.pointer for image in images),
        n_text=tokens + num_frame_tokens(piece, pieces),
        caption_used=chosen.used if chosen else None,
    )


def caption_text(sample: PoolSample) -> str:
    """Returns the caption as its source had it: the last text of a caption sample."""
    texts = [s.text for s in sample.segments if isinstance(s, PoolText)]
    return texts[-1] if texts else ""


def piece_key(sample: str, *, piece: int, pieces: int, repeat: int = 0) -> str:
    """Returns the key of a piece in the shards: the pool row's own where there is one piece once, else one derived."""
    if pieces == 1 and repeat == 0:
        return sample
    return keyed_digest("piece", sample, str(piece), str(repeat))


def to_spool(made: MadePiece) -> bytes:
    """Returns a piece as the spool holds it: one line of image pointers, then the JSON member as the shard has it."""
    pointers = [
        [p.file, p.offset, p.length, name.rsplit(".", 1)[-1]]
        for p, name in zip(made.pointers, made.sample.image_members, strict=True)
    ]
    return json.dumps(pointers, separators=(",", ":")).encode() + b"\n" + to_json(made.sample).encode()


def from_spool(data: bytes) -> tuple[list[tuple[str, int, int, str]], bytes]:
    """Returns ``(file, offset, length, extension)`` of each image of a piece, and its JSON member."""
    line, member = data.split(b"\n", 1)
    return [tuple(pointer) for pointer in json.loads(line)], member


def repeated_member(member: bytes, *, sample: str, piece: int, pieces: int, repeat: int) -> bytes:
    """Returns the JSON member of a piece that stands in the shards once more, under a key of its own."""
    record = from_json(member, ShardSample)
    key = piece_key(sample, piece=piece, pieces=pieces, repeat=repeat)
    renamed = replace(
        record,
        key=key,
        image_members=tuple(f"{key}.{name}" for name in record.images if name),
        source={**record.source, "repeat": repeat},
    )
    return to_json(renamed).encode()


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
        caption_used=made.caption_used,
    )
