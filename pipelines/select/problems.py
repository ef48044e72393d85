"""Why something is left out, before it is known what it is called."""

from dataclasses import dataclass

from schemas.rejections import Rejection, RejectReason

JOB = "select"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The first rule that something broke."""

    reason: RejectReason
    value: float | None = None
    threshold: float | None = None
    detail: str = ""

    def rejection(self, kind: str, item: str, parent: str | None = None) -> Rejection:
        """Returns the row that records it."""
        return Rejection(
            job=JOB,
            kind=kind,
            item=item,
            reason=self.reason,
            value=self.value,
            threshold=self.threshold,
            detail=self.detail,
            parent=parent,
        )
