"""The datasheet beside the shards: the questions of Gebru et al. (arXiv 1803.09010), answered by the run's own numbers.

What a run cannot know, such as a licence, is said to be open: whoever publishes the shards fills it in.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.manifest import Manifest
from schemas.recipe import Recipe
from schemas.samples import SampleKind

_OPEN = "Not known to the run: whoever publishes the shards says so here."

_SETTINGS = ("interleave", "text", "fetch", "images", "dedup", "score", "pairs", "recaption", "mixture")
"""Parts of a recipe that decide what is in the shards; where input lay and where output went are not among them."""

_FETCH = ("source", "robots", "opt_out", "max_bytes", "max_pixels")


def make_datasheet(manifest: Manifest, recipe: Recipe, funnel: Mapping[str, Mapping[str, int]]) -> str:
    """Returns ``datasheet.md``.

    Args:
        manifest: What the shards hold.
        recipe: That they were made by.
        funnel: For each job and unit of the run, in and out and each reason, in the order of the line.
    """
    sections = (
        ("Motivation", _motivation()),
        ("Composition", _composition(manifest, funnel)),
        ("Collection process", _collection(recipe, funnel)),
        ("Preprocessing, cleaning, labelling", _preprocessing(recipe, funnel)),
        ("Uses", _uses(manifest)),
        ("Distribution", _distribution()),
        ("Maintenance", _maintenance()),
    )
    return "# Datasheet\n\n" + "\n".join(f"## {title}\n\n{text}" for title, text in sections)


def _motivation() -> str:
    return (
        "Training rows for models that read images and text: interleaved documents, image-caption pairs and texts, in"
        f" one fixed order (arXiv 2403.09611, section 3.2).\n\nWho made it, and who paid for it: {_OPEN}\n"
    )


def _composition(manifest: Manifest, funnel: Mapping[str, Mapping[str, int]]) -> str:
    samples, images = (sum(counts.values()) for counts in (manifest.samples, manifest.images))
    lines = [
        f"{samples:,} samples with {images:,} images and {sum(manifest.text_tokens.values()):,} text tokens, in"
        f" {manifest.n_rows():,} training rows. A sample is a web page or a piece of one, an image with its caption,"
        " or a text.\n",
        "| kind | samples | images | text tokens | in the shards more than once | left over |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind in SampleKind:
        counts = (manifest.samples, manifest.images, manifest.text_tokens, manifest.repeated, manifest.left_over)
        lines.append(f"| {kind.value} | {' | '.join(f'{count[kind.value]:,}' for count in counts)} |")
    n_pages = funnel.get("interleave, record", {}).get("in", 0)
    drawn = "a part of the pools, drawn by a keyed hash" if sum(manifest.left_over.values()) else "all of the pools"
    lines += [
        f"\n- Is it a sample of a larger set? It is {drawn}; the pools are what the rules below left of {n_pages:,}"
        " records and of the pairs and texts that were read.",
        "- Labels: none. Captions are the alt texts of the pages, or made by models where `captions` says so.",
        "- Splits: none; trainers hold out the last rows.",
        "- Errors, noise, redundancies: the tables below count what was found and left out; what they do not name was"
        " not looked for.",
        "- Does it rely on outside resources? No: texts and images are in the tars.",
        "- Confidential, offensive or personal content: pages of the open web may hold all of these. Nothing beyond the"
        " rules below was done about it. Each sample names its page, and each image its URL and sha256, so that they"
        " can be looked up and taken out.",
    ]
    return "\n".join(lines) + "\n"


def _collection(recipe: Recipe, funnel: Mapping[str, Mapping[str, int]]) -> str:
    urls = funnel.get("fetch, url", {})
    source = recipe.fetch.source if isinstance(recipe.fetch.source, str) else "a folder"
    archives = ", ".join(
        f"{len(files):,} {name}"
        for name, files in (("pages", recipe.input.pages), ("pairs", recipe.input.pairs), ("text", recipe.input.text))
        if files
    )
    return (
        f"Read from files that somebody else had crawled (entries of the recipe's input: {archives or 'none'})."
        f" Images came from: {source}. {urls.get('in', 0):,} image URLs were asked for and {urls.get('out', 0):,}"
        f" answered with an image; robots.txt: {recipe.fetch.robots}; opt-out headers that were heeded:"
        f" {', '.join(recipe.fetch.opt_out) or 'none'}.\n\n"
        f"Over what time, who was involved, whether people were told: {_OPEN}\n"
    )


def _preprocessing(recipe: Recipe, funnel: Mapping[str, Mapping[str, int]]) -> str:
    lines = [
        "What each job of the run took in, put out, and left out by reason. Every item left out is a row of"
        " `RUN/<job>/rejected/`, with the value and the threshold that were compared.\n",
        "| job | what | number |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {job} | {name} | {count:,} |" for job, counts in funnel.items() for name, count in counts.items()]
    lines += ["\nThe settings that decided it:\n", "| setting | value |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in _settings(recipe)]
    return "\n".join(lines) + "\n"


def _settings(recipe: Recipe) -> Iterator[tuple[str, str]]:
    yield "seed", str(recipe.seed)
    for section in _SETTINGS:
        for name, value in _leaves(getattr(recipe, section), section):
            if section != "fetch" or name.split(".")[1] in _FETCH:
                yield name, value


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _leaves(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, tuple):
        yield name, ", ".join(map(_plain, value)) or "none"
    else:
        yield name, _plain(value)


def _plain(value: Any) -> str:
    """Returns a value for a table; of a path its last name alone, so that equal runs in two places say the same."""
    return "none" if value is None else str(value).rstrip("/").rpartition("/")[2].replace("|", "\\|")


def _uses(manifest: Manifest) -> str:
    return (
        f"Made for training: rows of {manifest.sequence_length:,} positions, {manifest.tokens_per_image} an image, at"
        f" most {manifest.images_per_row} images. `README.md` says how each tool opens the folder.\n\n"
        f"What it should not be used for: {_OPEN}\n"
    )


def _distribution() -> str:
    return (
        "Licences: pages and images keep those of their owners, which the run does not know. Licence of the"
        f" collection: {_OPEN}\n"
    )


def _maintenance() -> str:
    return (
        "`mm1 verify` checks every file. `mm1 forget` takes samples out by domain, URL or image without moving any"
        " other row; `tombstones.jsonl` then says what went, and `README.md` how much. Whom to ask:"
        f" {_OPEN}\n"
    )
