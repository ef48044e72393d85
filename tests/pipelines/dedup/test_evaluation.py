"""Evaluation sets: what recognises their items."""

import pathlib

import pytest

from pipelines.dedup.evaluation import EvaluationSet, evaluation_files, load_evaluation
from pipelines.fetch.inspect_image import ImageLimits
from schemas.digests import image_id
from tests.pipelines.fetch.images import picture

LIMITS = ImageLimits(max_bytes=1_000_000, max_pixels=1_000_000)
THIRTEEN = "one two three four five six seven eight nine ten eleven twelve thirteen"


def loaded(folder: pathlib.Path, **files: str) -> EvaluationSet:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return load_evaluation((str(folder),), LIMITS)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (f"Before: {THIRTEEN.upper()}. After", "a.txt:0"),
        (THIRTEEN.replace(" ", ",\n"), "a.txt:0"),
        (THIRTEEN.replace("seven", "7"), None),
        (THIRTEEN.rpartition(" ")[0], None),
        ("x alpha beta gamma delta epsilon zeta eta theta y", "a.txt:1"),
        ("alpha beta gamma delta epsilon zeta eta", None),
        ("too short to count", None),
        ("", None),
    ],
)
def test_runs_of_thirteen_words_and_whole_shorter_texts_are_found(
    tmp_path: pathlib.Path, text: str, item: str | None
) -> None:
    found = loaded(
        tmp_path, a=f"{THIRTEEN} fourteen\nAlpha beta gamma delta, epsilon zeta eta theta!\ntoo short to count\n"
    )

    assert found.text_item(text) == item


def test_images_are_found_by_content_and_by_likeness(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(seed=1))
    found = load_evaluation((str(tmp_path),), LIMITS)
    (value,) = found.hashes
    phashes = {
        image_id(picture(seed=1)): None,
        "near": f"{value ^ 0b111:016x}",
        "far": f"{value ^ 0xFFFF:016x}",
        "none": None,
    }

    assert dict(found.image_items(phashes, 3)) == {image_id(picture(seed=1)): "a.png", "near": "a.png"}
    assert dict(found.image_items(phashes, None)) == {image_id(picture(seed=1)): "a.png"}


def test_what_names_no_evaluation_file_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "weights.bin").touch()

    with pytest.raises(ValueError, match=r"decontaminate: .*none names no file"):
        evaluation_files((str(tmp_path / "none"),))
    with pytest.raises(ValueError, match=r"decontaminate: .*weights.bin names no file of evaluation texts"):
        evaluation_files((str(tmp_path / "weights.bin"),))


def test_a_broken_evaluation_image_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.png").write_bytes(picture()[:-20])

    with pytest.raises(ValueError, match=r"a\.png: the PNG"):
        load_evaluation((str(tmp_path),), LIMITS)
