"""Card, datasheet and Croissant say what the manifest and the summaries of the jobs say."""

import dataclasses
import json
import pathlib

from pipelines.mix.datasheet import make_datasheet
from schemas.recipe import FetchSettings, ScoreSettings
from schemas.samples import SampleKind
from tests.pipelines.mix.pools import make_recipe, read_manifest, small_mixture

FUNNEL = {
    "interleave, record": {"in": 3210, "out": 2000, "not_html": 1210},
    "fetch, url": {"in": 700, "out": 650, "not_found": 50},
}


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_datasheet_has_every_question_and_the_numbers_of_the_run(mixed_run: pathlib.Path) -> None:
    manifest = read_manifest(mixed_run)
    recipe = make_recipe(mixed_run, small_mixture())
    text = make_datasheet(manifest, recipe, FUNNEL)
    rows = cells(text)

    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        *("Motivation", "Composition", "Collection process", "Preprocessing, cleaning, labelling"),
        *("Uses", "Distribution", "Maintenance"),
    ]
    for kind in SampleKind:
        names = (manifest.samples, manifest.images, manifest.text_tokens, manifest.repeated, manifest.left_over)
        assert [kind.value, *(f"{counts[kind.value]:,}" for counts in names)] in rows
    assert ["interleave, record", "not_html", "1,210"] in rows
    assert "700 image URLs were asked for and 650 answered" in text
    assert ["mixture.vecap_share", "0.07"] in rows
    assert ["dedup.images.max_occurrences", "10"] in rows


def test_the_datasheet_names_models_but_no_paths(mixed_run: pathlib.Path) -> None:
    recipe = dataclasses.replace(
        make_recipe(mixed_run, small_mixture()),
        score=ScoreSettings(model="local-dir:/home/somebody/models/clip", pretrained=None),
        fetch=FetchSettings(source="archive"),
    )
    text = make_datasheet(read_manifest(mixed_run), recipe, FUNNEL)

    assert ["score.model", "clip"] in cells(text)
    assert "/home/" not in text
    assert str(mixed_run) not in text


def test_card_datasheet_and_croissant_of_a_run_agree_with_its_manifest(mixed_run: pathlib.Path) -> None:
    manifest, shards = read_manifest(mixed_run), mixed_run / "shards"
    card, sheet = (cells((shards / name).read_text()) for name in ("README.md", "datasheet.md"))
    croissant = json.loads((shards / "croissant.json").read_text())
    digests = {file["name"]: file.get("sha256") for file in croissant["distribution"]}

    for kind in manifest.rows:
        (row,) = [cell for cell in card if cell[0] == kind]
        assert row[2:7] == [
            f"{manifest.shares[kind]:.4f}",
            *(f"{n[kind]:,}" for n in (manifest.rows, manifest.samples, manifest.text_tokens, manifest.images)),
        ]
        assert next(cell for cell in sheet if cell[0] == kind)[1] == f"{manifest.samples[kind]:,}"
    assert all(digests[shard.name] == shard.sha256 for shard in manifest.shards)
    assert all(digests[shard.index_name] == shard.index_sha256 for shard in manifest.shards)
