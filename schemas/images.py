"""Images in the store, the URLs they came from, and pairs given as input."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePointer:
    """Where the original bytes of an image lie: one ranged read of an uncompressed tar."""

    file: str
    """Path of the tar relative to the run folder."""

    offset: int
    """Byte offset of the first byte of the image (not of its tar header)."""

    length: int
    """Length in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """One row of ``fetch/part-*.parquet``: an image of the store, once per content."""

    image_id: str
    """sha256 of the original bytes."""

    pointer: ImagePointer
    format: str
    """``"jpeg"``, ``"png"``, ``"webp"``, ``"gif"`` or ``"avif"``, read from the bytes."""

    width: int
    """Pixels, upright: after EXIF orientation."""

    height: int
    phash: str | None
    """64-bit perceptual hash, 16 hexadecimal digits; None where the image was not decoded."""

    n_frames: int
    exif_orientation: int
    """1 to 8 as in EXIF 2.32; 1 where absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedUrl:
    """One row of ``fetch/fetches/part-*.parquet``: what an image URL gave."""

    url: str
    image_id: str | None
    """None where the URL was rejected."""

    reason: str | None
    """Value of the ``RejectReason``; None where it was fetched."""

    status: int | None
    """HTTP status of the last answer; None for sources without HTTP."""

    final_url: str | None
    """After redirects, where it differs."""

    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePair:
    """One row of ``fetch/pairs/part-*.parquet``: an image with its caption, as given in the input."""

    pair_id: str
    """Digest of the archive's name and the key in it."""

    image_id: str
    caption: str
    url: str | None
    archive: str
    key: str
