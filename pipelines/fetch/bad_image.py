"""The one exception of image bytes that are refused: it carries the reason of the rejection."""

from schemas.rejections import RejectReason


class BadImageError(ValueError):
    """Bytes that cannot be kept as an image, and why."""

    def __init__(
        self, reason: RejectReason, detail: str, *, value: float | None = None, threshold: float | None = None
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.value = value
        self.threshold = threshold

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.reason, self.detail, self.value, self.threshold)


def _rebuild(reason: RejectReason, detail: str, value: float | None, threshold: float | None) -> BadImageError:
    return BadImageError(reason, detail, value=value, threshold=threshold)


def broken(detail: str) -> BadImageError:
    """Returns the error of bytes that begin like an image and are not a whole one."""
    return BadImageError(RejectReason.BROKEN_IMAGE, detail)
