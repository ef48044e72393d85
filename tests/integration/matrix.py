"""One recipe for all engines: a generated world of 1,000 pages together with the real input, where that is there."""

import json
import pathlib
import shutil

from tests.corpus import CORPUS
from tests.integration.lines import ROOT
from world import WorldConfig, generate

PAGES = 1_000

REAL_PAGES = ("warc/dev-web.warc.gz", "warc/real/*.warc", "warc/real/*.warc.gz")
REAL_PAIRS = ("pairs/coco_ccby/pairs.jsonl", "pairs/web_alt.jsonl")
REAL_TEXTS = ("text/*.txt", "warc/real/*.wet.gz")


def write_matrix(folder: pathlib.Path) -> pathlib.Path:
    """Generates the world in ``folder`` and returns the recipe over it and the corpus."""
    world, images = folder / "world", folder / "images"
    generate(WorldConfig(out=world, pages=PAGES, seed=5))
    shutil.copytree(world / "images", images)
    real = CORPUS if CORPUS.is_dir() else None
    if real:
        shutil.copytree(real / "web", images, dirs_exist_ok=True)

    def inputs(of_world: str, of_corpus: tuple[str, ...]) -> list[str]:
        return [str(world / of_world), *(str(real / pattern) for pattern in of_corpus if real)]

    recipe = {
        "version": 1,
        "run": "run",
        "input": {
            "pages": inputs("warc/pages-*.warc.gz", REAL_PAGES),
            "pairs": inputs("pairs/*.tar", REAL_PAIRS),
            "text": inputs("text/*.jsonl.gz", REAL_TEXTS),
        },
        "fetch": {"source": {"folder": str(images)}},
        "images": {"min_side": 100},
        "score": {"model": f"local-dir:{ROOT}/world/models/mm1-demo-clip", "pretrained": None, "min": 0.0},
        "recaption": {"captioner": "coca", "model": f"local-dir:{ROOT}/world/models/mm1-demo-coca"},
        "mixture": {
            "vocabulary": 2048,
            "sequence_length": 512,
            "tokens_per_image": 16,
            "images_per_row": 8,
            "rows_per_shard": 64,
            "on_exhausted": "repeat",
        },
    }
    path = folder / "matrix.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(recipe, indent=1))
    return path
