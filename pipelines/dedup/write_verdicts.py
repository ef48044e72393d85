"""The workers that write verdicts: on images by bucket, on documents by part, on paragraphs by bucket."""

from collections import Counter
from itertools import chain

from pipelines.dedup.documents.keep import Fate, first_fates, name_the_best
from pipelines.runs.job import JobContext
from pipelines.runs.output import REJECTED, ItemOutput
from pipelines.runs.transforms import Worker
from schemas.rejections import Rejection, RejectReason
from schemas.verdicts import Verdict

Counts = tuple[tuple[str, int], ...]
"""``(item, occurrences)``."""


ImageVerdicts = tuple[tuple[str, str, int, str], ...]
"""``(image id or URL, reason, occurrences, evaluation item or "")``."""


class WriteImageVerdicts(Worker[tuple[int, list[ImageVerdicts]]]):
    """Writes the verdicts of one bucket of image ids and URLs."""

    def __init__(self, context: JobContext) -> None:
        self._threshold = float(context.recipe.dedup.images.max_occurrences)

    def run(self, item: tuple[int, list[ImageVerdicts]], output: ItemOutput) -> None:
        for name, reason, n, of in sorted(chain.from_iterable(item[1])):
            is_counted = RejectReason(reason) is RejectReason.TOO_MANY_OCCURRENCES
            verdict = Verdict(
                kind="image",
                item=name,
                position=None,
                reason=RejectReason(reason),
                of=of or None,
                value=float(n) if is_counted else None,
                threshold=self._threshold if is_counted else None,
            )
            output.write(verdict)


class WriteDocumentVerdicts(Worker[tuple[int, list[tuple[Fate, ...]]]]):
    """Writes the verdicts on the documents of one part and accounts for all of them."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def setup(self) -> None:
        self._rows = [part.rows for part in self._context.folder.committed("interleave").table("")]

    def run(self, item: tuple[int, list[tuple[Fate, ...]]], output: ItemOutput) -> None:
        part, batches = item
        fates = name_the_best(first_fates(chain.from_iterable(batches)))
        output.count("document", n_in=self._rows[part], n_out=self._rows[part] - len(fates))
        for fate in fates:
            self._write(fate, output)

    def _write(self, fate: Fate, output: ItemOutput) -> None:
        reason = RejectReason(fate.reason)
        is_near = reason is RejectReason.NEAR_DUPLICATE
        value = -fate.similarity if is_near else None
        threshold = self._context.recipe.dedup.documents.minhash_jaccard if is_near else None
        verdict = Verdict(
            kind="document",
            item=fate.occurrence,
            position=None,
            reason=reason,
            of=fate.of,
            value=value,
            threshold=threshold,
        )
        output.write(verdict)
        rejection = Rejection(
            job="dedup",
            kind="document",
            item=fate.occurrence,
            reason=reason,
            value=value,
            threshold=threshold,
            detail=f"like {fate.of}",
        )
        output.reject("document", rejection)


class WriteParagraphVerdicts(Worker[tuple[int, list[Counts]]]):
    """Writes the verdicts on one bucket of paragraphs and accounts for all their occurrences."""

    def __init__(self, context: JobContext) -> None:
        self._maximum = context.recipe.dedup.paragraphs.max_per_domain or 0

    def run(self, item: tuple[int, list[Counts]], output: ItemOutput) -> None:
        counts: Counter[str] = Counter()
        for name, n in chain.from_iterable(item[1]):
            counts[name] += n
        for name, n in sorted(counts.items()):
            output.count("paragraph", n_in=n)
            if n > self._maximum:
                self._write(name, n, output)
            else:
                output.count("paragraph", n_out=n)

    def _write(self, name: str, n: int, output: ItemOutput) -> None:
        reason, value, threshold = RejectReason.REPEATED_IN_DOMAIN, float(n), float(self._maximum)
        verdict = Verdict(
            kind="paragraph", item=name, position=None, reason=reason, of=None, value=value, threshold=threshold
        )
        output.write(verdict)
        rejection = Rejection(
            job="dedup",
            kind="paragraph",
            item=name,
            reason=reason,
            value=value,
            threshold=threshold,
            detail=f"all {n} occurrences in its domain are left out",
        )
        # One row for all occurrences; each of them is counted.
        output.write(rejection, REJECTED)
        output.count("paragraph", rejected={reason.value: n})
