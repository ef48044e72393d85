"""What the two steps of the job do with one work item: the sources, then the captions they offered."""

from collections.abc import Iterable

from pipelines.joins.lookup import Found
from pipelines.joins.sources import Source
from pipelines.runs.folder import read_part
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.planning import Planned
from pipelines.runs.transforms import Worker
from pipelines.select.document import DocumentSelection, select_document
from pipelines.select.facts import SourceFacts, source_facts
from pipelines.select.page_captions import CaptionCandidate
from pipelines.select.pair import select_pair
from pipelines.select.plans import CANDIDATES, all_sources, candidate_paths, score_paths
from pipelines.select.problems import Problem
from pipelines.select.settings import SelectSettings
from pipelines.select.text import select_text
from schemas.documents import Document
from schemas.images import ImagePair
from schemas.rejections import Rejection, RejectReason
from schemas.samples import PoolSample
from schemas.scores import ImageScore
from schemas.texts import TextRow

CANDIDATE, IMAGE, PARAGRAPH = "candidate", "image", "paragraph"
PAGE_CAPTION = "page_caption"
LOSERS = "losers"


class SelectSources(Worker[tuple[int, list[Found]]]):
    """Selects from one part of documents, pairs or texts."""

    def __init__(self, context: JobContext) -> None:
        self._context, self._settings = context, SelectSettings.of(context.recipe)

    def setup(self) -> None:
        self._sources = Planned(self._context, all_sources).value()
        self._score_paths = Planned(self._context, score_paths).value()

    def run(self, item: tuple[int, list[Found]], output: ItemOutput) -> None:
        number, found = item
        source = self._sources[number]
        scores = read_part(self._score_paths[number], ImageScore) if number in self._score_paths else ()
        facts = source_facts(found, scores)
        {"documents": self._documents, "pairs": self._pairs, "texts": self._texts}[source.kind](source, facts, output)

    def _documents(self, source: Source, facts: SourceFacts, output: ItemOutput) -> None:
        for document in read_part(source.path, Document):
            output.count(CANDIDATE, n_in=1)
            selection = select_document(document, facts, self._settings)
            _write_outcome(selection.outcome, output)
            _write_parts(document, selection, output)

    def _pairs(self, source: Source, facts: SourceFacts, output: ItemOutput) -> None:
        for pair in read_part(source.path, ImagePair):
            output.count(CANDIDATE, n_in=1)
            outcome = select_pair(pair, facts, self._settings)
            if isinstance(outcome, Rejection):
                output.reject(CANDIDATE, outcome)
            else:
                # It is counted out, or rejected, when its image's captions are known.
                output.write(outcome, CANDIDATES)

    def _texts(self, source: Source, facts: SourceFacts, output: ItemOutput) -> None:
        for row in read_part(source.path, TextRow):
            output.count(CANDIDATE, n_in=1)
            selection = select_text(row, self._settings.text)
            _write_outcome(selection.outcome, output)
            _reject_all(PARAGRAPH, selection.n_paragraphs, selection.rejected_paragraphs, output)


class ChooseCaptions(Worker[tuple[int, list[Found]]]):
    """Writes the captions of one source that were chosen, and why the others were not."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    def setup(self) -> None:
        self._paths = Planned(self._context, candidate_paths).value()

    def run(self, item: tuple[int, list[Found]], output: ItemOutput) -> None:
        number, found = item
        lost = {int(row): rival for answer in found if answer.table == LOSERS for row, rival in answer.records}
        for row, candidate in enumerate(read_part(self._paths[number], CaptionCandidate)):
            if row in lost:
                output.reject(candidate.unit, _duplicate(candidate, lost[row]))
            else:
                output.write(candidate.sample, candidate.sample.kind.value)
                output.count(candidate.unit, n_out=1)
                output.total("caption", 1)


def _write_outcome(outcome: PoolSample | Rejection, output: ItemOutput) -> None:
    if isinstance(outcome, Rejection):
        output.reject(CANDIDATE, outcome)
    else:
        output.write(outcome, outcome.kind.value)
        output.count(CANDIDATE, n_out=1)
        output.total(outcome.kind.value, 1)


def _write_parts(document: Document, selection: DocumentSelection, output: ItemOutput) -> None:
    n_images = sum(1 for _ in document.images())
    _reject_all(IMAGE, n_images, selection.rejected_images, output)
    _reject_all(PARAGRAPH, selection.n_paragraphs, selection.rejected_paragraphs, output)
    for candidate in selection.captions:
        output.count(PAGE_CAPTION, n_in=1)
        output.write(candidate, CANDIDATES)
    _reject_all(PAGE_CAPTION, len(selection.rejected_captions), selection.rejected_captions, output)


def _reject_all(unit: str, n_in: int, rejections: Iterable[Rejection], output: ItemOutput) -> None:
    rejections = list(rejections)
    if n_in:
        output.count(unit, n_in=n_in, n_out=n_in - len(rejections))
    for rejection in rejections:
        output.reject(unit, rejection)


def _duplicate(candidate: CaptionCandidate, rival: str) -> Rejection:
    kind = "pair" if candidate.unit == CANDIDATE else PAGE_CAPTION
    problem = Problem(reason=RejectReason.DUPLICATE_IMAGE, detail=f"caption sample {rival} has the same image")
    return problem.rejection(kind, candidate.item)
