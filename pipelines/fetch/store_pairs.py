"""The work of one file of image-caption pairs: its images into the store, one row a pair."""

from pipelines.fetch.bad_image import BadImageError
from pipelines.fetch.store import ItemStore, image_limits
from pipelines.inputs.pairs import BadPair, RawPair, read_image, read_pairs
from pipelines.runs.job import JobContext
from pipelines.runs.output import ItemOutput
from pipelines.runs.transforms import Worker
from schemas.digests import keyed_digest
from schemas.images import ImagePair
from schemas.rejections import Rejection, RejectReason

PAIRS = "pairs"


class StorePairs(Worker[str]):
    """Stores the pairs of one file."""

    def __init__(self, context: JobContext) -> None:
        self._settings = context.recipe.fetch

    def run(self, item: str, output: ItemOutput) -> None:
        store = ItemStore(output, image_limits(self._settings))
        for pair in read_pairs(item):
            output.count("pair", n_in=1)
            refused = pair if isinstance(pair, BadPair) else self._store(pair, store, output)
            if refused is not None:
                output.reject("pair", _rejection(refused))

    def _store(self, pair: RawPair, store: ItemStore, output: ItemOutput) -> BadPair | None:
        try:
            image_id = store.keep(read_image(pair.image, self._settings.max_bytes))
        except BadImageError as error:
            return BadPair(archive=pair.archive, key=pair.key, reason=error.reason, detail=error.detail)
        except OSError as error:
            return BadPair(archive=pair.archive, key=pair.key, reason=RejectReason.NOT_FOUND, detail=str(error))
        row = ImagePair(
            pair_id=pair_id(pair.archive, pair.key),
            image_id=image_id,
            caption=pair.caption,
            url=pair.url,
            archive=pair.archive,
            key=pair.key,
        )
        output.write(row, PAIRS)
        output.count("pair", n_out=1)
        return None


def pair_id(archive: str, key: str) -> str:
    """Returns the id of a pair: 32 hexadecimal digits."""
    return keyed_digest("pair", archive, key)


def _rejection(pair: BadPair) -> Rejection:
    item = f"{pair.archive}:{pair.key}" if pair.key else pair.archive
    return Rejection(job="fetch", kind="pair", item=item, reason=pair.reason, detail=pair.detail)
