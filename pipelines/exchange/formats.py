"""The formats by name: what ``mm1 export --to`` and ``mm1 import --from`` take. A new one is a file and a line."""

from collections.abc import Callable, Sequence

from pipelines.exchange.curator import export_curator
from pipelines.exchange.hf import export_hf
from pipelines.exchange.img2dataset import export_img2dataset
from pipelines.exchange.mmc4 import export_mmc4, import_mmc4
from pipelines.exchange.obelics import export_obelics, import_obelics
from schemas.summary import UnitCounts

EXPORTS: dict[str, Callable[[str, str], list[str]]] = {
    "obelics": export_obelics,
    "mmc4": export_mmc4,
    "hf": export_hf,
    "curator": export_curator,
    "img2dataset": export_img2dataset,
}
"""Takes a folder of shards and a destination folder; returns the files written."""

IMPORTS: dict[str, Callable[[Sequence[str], str], UnitCounts]] = {"obelics": import_obelics, "mmc4": import_mmc4}
"""Takes files and a run folder; returns the counts of rows. img2dataset data need no import: name them as
``input.pairs`` of a recipe.
"""

NATIVE = ("energon", "croissant", "webdataset")
"""What our folders are already, without a step."""
