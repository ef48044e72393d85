"""The work of one part of embedded images: ``data:`` images stay where their job wrote them and get a row here."""

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.fetch_urls import FETCHES, fetched_row, reject
from pipelines.fetch.results import Fetched, Refused
from pipelines.fetch.store import CANDIDATES, image_limits, inspect, stored_row
from pipelines.fetch.urls import DATA_PREFIX
from pipelines.runs import storage
from pipelines.runs.folder import read_part
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.embedded import EmbeddedImage


class StoreEmbedded(Worker[str]):
    """Inspects the embedded images of one part."""

    UNIT = "embedded"

    def __init__(self, context: JobContext) -> None:
        self._folder = context.folder
        self._limits = image_limits(context.recipe.fetch)

    def run(self, item: str, output: ItemOutput) -> None:
        for embedded in read_part(item, EmbeddedImage):
            output.count(self.UNIT, n_in=1)
            self._store(embedded, output)

    def _store(self, embedded: EmbeddedImage, output: ItemOutput) -> None:
        url, pointer = DATA_PREFIX + embedded.image_id, embedded.pointer
        data = storage.read_range(self._folder.path(pointer.file), pointer.offset, pointer.length)
        try:
            row = stored_row(inspect(data, self._limits), pointer)
        except BadImageError as error:
            reject(Refused.of(url, error), self.UNIT, output)
            return
        output.write(row, CANDIDATES)
        output.write(fetched_row(Fetched(url=url, data=data), row.image_id), FETCHES)
        output.count(self.UNIT, n_out=1)
