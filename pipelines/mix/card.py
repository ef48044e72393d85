"""The dataset card beside the shards: what is in them, and how each tool opens them.

Its front matter is what lets ``datasets.load_dataset(FOLDER)`` read samples with different numbers of images: it lists
every image field that occurs.
"""

from collections.abc import Iterable

from schemas.manifest import Manifest
from schemas.samples import SampleKind

_JSON_FEATURES = """    - name: json
      struct:
      - name: version
        dtype: int64
      - name: key
        dtype: string
      - name: kind
        dtype: string
      - name: texts
        list: string
      - name: images
        list: string
      - name: image_members
        list: string
      - name: captions
        struct:
        - name: alt
          dtype: string
        - name: fused
          dtype: string
        - name: vlm
          dtype: string
      - name: scores
        list: float64
      - name: image_ids
        list: string
      - name: image_urls
        list: string
      - name: source
        struct:
        - name: archive
          dtype: string
        - name: domain
          dtype: string
        - name: id
          dtype: string
        - name: offset
          dtype: int64
        - name: part
          dtype: int64
        - name: parts
          dtype: int64
        - name: piece
          dtype: int64
        - name: pieces
          dtype: int64
        - name: repeat
          dtype: int64
        - name: sample
          dtype: string
        - name: url
          dtype: string
"""

_READING = """## Reading

The order of the rows is part of the data: row 0 first, samples of a row next to each other. A training row holds the
samples of one kind that are packed together.

```python
from mm1_model.data.shard_set import ShardSet           # rows, exact resume: ShardSet(".").read_row(0)
import webdataset                                       # webdataset.WebDataset("mix-00000.tar").decode("pil")
from datasets import load_dataset                       # load_dataset(".", split="train")
from megatron.energon import get_train_dataset          # .nv-meta is here: no `energon prepare` needed
import duckdb                                           # duckdb.sql("select * from 'mix-*.index.parquet'")
import tarfile                                          # {key}.000.jpg, {key}.001.png, ..., {key}.json
```

`{key}.json` has `texts` and `images` side by side: at each place one of them is null. An image is named by what follows
the key in its member's name. `manifest.json` has the sha256 of every file; `mm1 verify` checks them, every sample's
CRC-32C, the order and the shares.
"""


_MADE = """## How it was made

`datasheet.md` has what each job of the run took in, put out and left out by reason, the settings that decided it, and
what the run cannot know: licences, and whom to ask.
"""

_FORGOTTEN = "\n## Forgotten\n\n"


def make_card(manifest: Manifest, image_fields: Iterable[str]) -> str:
    """Returns the README of a folder of shards.

    Args:
        manifest: What it holds.
        image_fields: Names of all image members after the key, for example ``"000.jpg"``.
    """
    return "\n".join([_front_matter(manifest, sorted(image_fields)), _contents(manifest), _READING, _MADE])


def with_forgotten(card: str, manifest: Manifest) -> str:
    """Returns a card that says how many samples ``mm1 forget`` took out; other numbers stay those of the plan."""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in manifest.forgotten.items() if count)
    text = (
        f"{_FORGOTTEN}Taken out by `mm1 forget`: {counts} samples. Their positions are still there, masked, and are\n"
        "counted above; `tombstones.jsonl` names them.\n"
    )
    return card.split(_FORGOTTEN, 1)[0] + (text if counts else "")


def _front_matter(manifest: Manifest, image_fields: list[str]) -> str:
    fields = "".join(f"    - name: {name!r}\n      dtype: image\n" for name in image_fields)
    return (
        "---\n"
        "pretty_name: Mixed image-text shards\n"
        "task_categories:\n- image-text-to-text\n- text-generation\n"
        f"size_categories:\n- {_size_category(sum(manifest.samples.values()))}\n"
        "tags:\n- webdataset\n- mm1\n"
        'configs:\n- config_name: default\n  data_files: "mix-*.tar"\n'
        "dataset_info:\n- config_name: default\n  features:\n"
        "    - name: __key__\n      dtype: string\n    - name: __url__\n      dtype: string\n"
        f"{fields}{_JSON_FEATURES}---\n"
    )


def _size_category(samples: int) -> str:
    for bound, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if samples < bound:
            return name
    return "1M<n<10M" if samples < 10_000_000 else "10M<n<100M"


def _contents(manifest: Manifest) -> str:
    lines = [
        "# Mixed image-text shards\n",
        f"{manifest.n_rows():,} training rows of at most {manifest.sequence_length:,} positions and"
        f" {manifest.images_per_row} images, {manifest.tokens_per_image} positions an image, in"
        f" {len(manifest.shards):,} shards."
        " Each row holds one kind; the kinds stand in the proportion of their weights at every prefix.\n",
        "| kind | weight | share of rows | rows | samples | text tokens | images | empty positions | by the image cap |"
        " left over |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in SampleKind:
        name, rows = kind.value, manifest.rows[kind.value]
        positions = max(1, rows * manifest.sequence_length)
        empty, capped = manifest.empty_positions(name) / positions, manifest.capped_positions[name] / positions
        lines.append(
            f"| {name} | {manifest.weights[name]:g} | {manifest.shares[name]:.4f} | {rows:,} |"
            f" {manifest.samples[name]:,} | {manifest.text_tokens[name]:,} | {manifest.images[name]:,} | {empty:.2%} |"
            f" {capped:.2%} | {manifest.left_over[name]:,} |"
        )
    return "\n".join(lines) + "\n"
