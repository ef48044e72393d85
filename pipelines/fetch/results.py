"""What asking for one URL gave, whatever the source."""

from dataclasses import dataclass

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.inspect_image import InspectedImage
from schemas.rejections import RejectReason


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """A URL that is wanted, and where an archive holds it."""

    url: str
    places: tuple["ArchivePlace", ...] = ()
    """Responses of this URL in the archives, for the archive source."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ArchivePlace:
    """A record of an archive."""

    crawl_time: str
    archive: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The bytes that a URL gave."""

    url: str
    data: bytes
    status: int | None = None
    """HTTP status; None for sources without HTTP."""

    final_url: str | None = None
    """After redirects, where it differs."""

    inspected: InspectedImage | BadImageError | None = None
    """What the bytes are, where the source looked at them while others were on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a URL gave nothing."""

    url: str
    reason: RejectReason
    detail: str
    value: float | None = None
    threshold: float | None = None
    status: int | None = None
    final_url: str | None = None

    @classmethod
    def of(cls, url: str, error: BadImageError, fetched: Fetched | None = None) -> "Refused":
        """Returns the refusal of bytes that are no good image."""
        return cls(
            url=url,
            reason=error.reason,
            detail=error.detail,
            value=error.value,
            threshold=error.threshold,
            status=fetched.status if fetched else None,
            final_url=fetched.final_url if fetched else None,
        )


FetchResult = Fetched | Refused
