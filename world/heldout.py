"""Held-out pictures with captions and questions, for few-shot evaluation."""

import json
from collections.abc import Iterator
from pathlib import Path

from world.captions import plain_caption, questions, varied_caption
from world.pictures import Source, extension_of, picture_bytes, scene_of
from world.seeds import keyed_random
from world.truth import TruthRow

NUM_CAPTIONS = 5
"""References for one picture, as in COCO captions (arXiv 1504.00325)."""


def number_of_heldout(num_pages: int) -> int:
    """Returns a third of the pages, at least 30 and at most 500."""
    return max(30, min(500, num_pages // 3))


def write_heldout(seed: int, folder: Path, number: int) -> Iterator[TruthRow]:
    """Writes ``captions.jsonl``, ``questions.jsonl`` and ``images/``, and yields the rows.

    Every fourth picture is of the ``train`` split, the source of few-shot examples.
    """
    (folder / "images").mkdir(parents=True)
    with (
        (folder / "captions.jsonl").open("w", encoding="utf-8") as captions,
        (folder / "questions.jsonl").open("w", encoding="utf-8") as asked,
    ):
        for index in range(number):
            source = Source(owner="heldout", index=index, slot=0)
            scene = scene_of(seed, source)
            image = f"images/{index:06d}.{extension_of(seed, source)}"
            (folder / image).write_bytes(picture_bytes(seed, source))
            split = "train" if index % 4 == 0 else "test"
            rng = keyed_random(seed, "heldout captions", index)
            told = [plain_caption(scene)]
            told += [varied_caption(scene, rng) for _ in range(NUM_CAPTIONS - 1)]
            captions.write(json.dumps({"image": image, "captions": told, "split": split}) + "\n")
            for number_asked, question in enumerate(questions(scene)):
                record = {
                    "id": f"{index:06d}-{number_asked}",
                    "image": image,
                    "about": question.about,
                    "question": question.question,
                    "answer": question.answer,
                    "split": split,
                }
                asked.write(json.dumps(record) + "\n")
            yield TruthRow(
                kind="heldout",
                id=image,
                what=split,
                file=f"heldout/{image}",
                shows=told[0],
                texts_are_true=True,
            )
