"""What repeats what: the output of ``dedup``."""

from dataclasses import dataclass

from schemas.rejections import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One row of ``dedup/part-*.parquet``: an item that repeats another, and is to be left out."""

    kind: str
    """What ``item`` names.

    ``"document"``: ``archive:offset`` of a capture. ``"image"``: an image id or a URL that occurs too often.
    ``"place"``: a ``document_id``, with ``position`` the segment in it. ``"paragraph"``: the digest of a paragraph in
    its domain.
    """

    item: str
    position: int | None
    reason: RejectReason
    of: str | None
    """The item that is kept in its stead, where there is one."""

    value: float | None
    threshold: float | None
