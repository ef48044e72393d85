"""Lies that are sealed with the right checksums are found by what they mean, with shard, key and offset."""

import dataclasses
import hashlib
import json
import pathlib
import shutil
import tarfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipelines.verify.findings import Finding
from pipelines.verify.verify import verify_shards
from tests.pipelines.mix.pools import picture, run_mix, standard_pools
from tests.pipelines.verify.sealing import (
    Member,
    change_sample,
    lines_of,
    members_of,
    read_manifest,
    seal,
    write_lines,
)

SHARD = "mix-00001.tar"
INDEX = "mix-00001.index.parquet"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("verify") / "run"
    standard_pools(run, interleaved=24, caption=36, text=8).write()
    run_mix(run)
    return run / "shards"


@pytest.fixture
def folder(pristine: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(pristine, tmp_path / "shards")
    return tmp_path / "shards"


@pytest.fixture(scope="module")
def place(pristine: pathlib.Path) -> int:
    """A sample of the shard with two images at least, behind the first."""
    lines = lines_of(pristine, SHARD)
    return next(n for n, line in enumerate(lines) if n and line["n_images"] >= 2)


def test_a_folder_that_is_sealed_again_unchanged_holds(folder: pathlib.Path, place: int) -> None:
    change_sample(folder, SHARD, place, list)

    assert verify_shards(str(folder)) == []


def with_json(change: Callable[[dict[str, Any]], None]) -> Callable[[list[Member]], list[Member]]:
    def changed(members: list[Member]) -> list[Member]:
        name, content = members[-1]
        meta = json.loads(content)
        change(meta)
        return [*members[:-1], (name, json.dumps(meta).encode())]

    return changed


def other_image(members: list[Member]) -> list[Member]:
    """A whole picture of the same format, but not the one of the JSON."""
    name = members[0][0]
    number = ("jpg", "png", "webp").index(name.rsplit(".", 1)[-1])
    return [(name, picture(900 + number)), *members[1:]]


def broken_image(members: list[Member]) -> list[Member]:
    """Half a picture, with its own digest in the JSON."""
    name, content = members[0]
    half = content[: len(content) // 2]

    def renew(meta: dict[str, Any]) -> None:
        meta["image_ids"][0] = hashlib.sha256(half).hexdigest()

    return [(name, half), *with_json(renew)(members)[1:]]


def lose_a_word(meta: dict[str, Any]) -> None:
    at = next(n for n, text in enumerate(meta["texts"]) if text and " " in text)
    meta["texts"][at] = meta["texts"][at].split(" ", 1)[1]


def both_at_one_place(meta: dict[str, Any]) -> None:
    meta["texts"][meta["images"].index(next(i for i in meta["images"] if i))] = "words beside an image"


def images_in_another_order(meta: dict[str, Any]) -> None:
    places = [n for n, image in enumerate(meta["images"]) if image]
    first, second = places[:2]
    for name in ("images", "image_members"):
        meta[name][first], meta[name][second] = meta[name][second], meta[name][first]


def renamed(members: list[Member], name: Callable[[str], str]) -> list[Member]:
    return [(name(old), content) for old, content in members]


def link(members: list[Member]) -> list[Member | tarfile.TarInfo]:
    info = tarfile.TarInfo(members[0][0])
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return [info, *members[1:]]


def other_key(name: str) -> str:
    return f"{'1' * 32}.{name.split('.', 1)[1]}"


SAMPLES: dict[str, tuple[Callable[[list[Member]], Sequence[Member | tarfile.TarInfo]], str, str, int]] = {
    "another image": (other_image, "image", "is not the image", 0),
    "half an image": (broken_image, "image", "not a whole", 0),
    "a word less": (with_json(lose_a_word), "counts", "text tokens, the index says", 0),
    "text and image at one place": (with_json(both_at_one_place), "alignment", "both or neither", -1),
    "images in another order": (with_json(images_in_another_order), "alignment", "the JSON names", -1),
    "texts without images": (with_json(lambda meta: meta["images"].pop()), "alignment", "lists of one length", -1),
    "a score less": (with_json(lambda meta: meta["scores"].pop()), "alignment", "scores for", -1),
    "another kind": (with_json(lambda meta: meta.update(kind="caption")), "counts", "of kind caption", 0),
    "a kind that is none": (with_json(lambda meta: meta.update(kind="video")), "json", "kind 'video' is none of", -1),
    "the key of another": (with_json(lambda meta: meta.update(key="1" * 32)), "json", "is not that of the members", -1),
    "an unknown field": (with_json(lambda meta: meta.update(extra=1)), "json", "missing or unknown", -1),
    "an image less": (lambda members: members[1:], "alignment", "the JSON names", -1),
    "no JSON": (lambda members: members[:-1], "members", "the last member must be", 0),
    "a member twice": (lambda members: [members[0], *members], "members", "stands there twice", 1),
    "members of two samples mixed": (
        lambda members: [members[0], (other_key(members[0][0]), b"x"), *members[1:]],
        "members",
        "stands among the members of another sample",
        1,
    ),
    "a pickle": (
        lambda members: [members[0], (members[-1][0].replace("json", "pyd"), b"cos\nsystem\n"), *members[1:]],
        "alignment",
        "the JSON names",
        -1,
    ),
    "a link": (link, "tar", "only regular files are allowed", 0),
    "a path that leaves the folder": (
        lambda members: renamed(members, lambda name: f"../{name}"),
        "tar",
        "leaves the folder",
        0,
    ),
    "JSON too deep": (lambda members: [*members[:-1], (members[-1][0], b"[" * 100_000)], "json", "RecursionError", -1),
    "JSON that is not UTF-8": (
        lambda members: [*members[:-1], (members[-1][0], b'{"a": "\xff"}')],
        "json",
        "UnicodeDecodeError",
        -1,
    ),
}
"""Change of a sample to check, part of the detail, and the member (of the changed sample) whose header is named."""


@pytest.mark.parametrize("lie", SAMPLES)
def test_a_sample_that_lies_is_named_with_shard_key_and_offset(lie: str, folder: pathlib.Path, place: int) -> None:
    change, check, detail, member = SAMPLES[lie]
    change_sample(folder, SHARD, place, change)
    line = lines_of(folder, SHARD)[place]
    with tarfile.open(folder / SHARD) as tar:
        headers = [info.offset for info in tar if line["offset"] <= info.offset < line["offset"] + line["length"]]
    findings = verify_shards(str(folder))

    # A change may break more than one promise, but nothing beside this sample.
    assert {(f.file, f.key) for f in findings} == {(SHARD, line["key"])}
    assert [f.offset for f in findings if f.check == check and detail in f.detail] == [headers[member]], findings


Lines = list[dict[str, Any]]


def key_of_another(lines: Lines) -> int:
    lines[2]["key"] = lines[0]["key"]
    return 2


def key_with_a_dot(lines: Lines) -> int:
    lines[2]["key"] = "a.b"
    return 2


def key_of_long_unicode(lines: Lines) -> int:
    lines[2]["key"] = "\N{CYRILLIC SMALL LETTER ZHE}" * 100
    return 2


def rows_out_of_order(lines: Lines) -> int:
    at = next(n for n in range(1, len(lines)) if lines[n]["row"] != lines[n - 1]["row"])
    lines[at]["row"] = lines[at - 1]["row"] - 1
    return at


def two_kinds_in_a_row(lines: Lines) -> int:
    at = next(n for n in range(1, len(lines)) if lines[n]["row"] == lines[n - 1]["row"])
    lines[at]["kind"] = "text" if lines[at]["kind"] != "text" else "caption"
    return at


def a_gap(lines: Lines) -> int:
    lines[3]["offset"] += 512
    return 3


def loss_of_images(lines: Lines) -> int:
    lines[1]["n_loss"] += 9
    return 1


def too_many_positions(lines: Lines) -> int:
    lines[0]["n_text"] += 256
    return 0


def too_many_images(lines: Lines) -> int:
    at = next(n for n, line in enumerate(lines) if line["kind"] == "caption")
    lines[at]["n_images"], lines[at]["n_text"] = 5, 3
    return next(n for n, line in enumerate(lines) if line["row"] == lines[at]["row"])


@pytest.mark.parametrize(
    ("change", "check", "detail"),
    [
        (key_of_another, "key", "keys must be unique over all shards"),
        (key_with_a_dot, "key", "is not 32 hexadecimal digits"),
        (key_of_long_unicode, "key", "is not 32 hexadecimal digits"),
        (rows_out_of_order, "order", "follows row"),
        (two_kinds_in_a_row, "kinds", "holds"),
        (a_gap, "index", "the sample before ends at"),
        (loss_of_images, "index", "loss positions for"),
        (too_many_positions, "limits", "positions of 256"),
        (too_many_images, "limits", "images of 4"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_index_that_lies_is_named_with_key_and_offset(
    change: Callable[[Lines], int], check: str, detail: str, folder: pathlib.Path
) -> None:
    lines = lines_of(folder, SHARD)
    line = lines[change(lines)]
    write_lines(folder, SHARD, lines)
    found = [f for f in verify_shards(str(folder), fast=True) if f.check == check and detail in f.detail]

    assert (line["key"], line["offset"]) in [(f.key, f.offset) for f in found], found
    assert {f.file for f in found} <= {SHARD, INDEX}


def manifest_findings(folder: pathlib.Path, **changes: Any) -> list[Finding]:
    seal(folder, **changes)
    return verify_shards(str(folder), fast=True)


def test_shares_that_are_not_those_of_the_weights_name_the_first_row_that_is_off(folder: pathlib.Path) -> None:
    findings = manifest_findings(folder, weights={"interleaved": 0.2, "caption": 0.7, "text": 0.1})
    (found,) = [f for f in findings if f.check == "shares"]

    assert found.file.endswith(".index.parquet")
    assert found.key is not None
    assert found.offset is not None
    assert "its weight asks for" in found.detail


@pytest.mark.parametrize("name", ["rows", "samples", "text_tokens", "images"])
def test_a_sum_that_is_not_that_of_the_shards_is_found(name: str, folder: pathlib.Path) -> None:
    stated = {**getattr(read_manifest(folder), name)}
    stated["text"] += 1

    assert f"{name} of kind text: the shards add up to" in str(manifest_findings(folder, **{name: stated}))


def test_counts_of_a_shard_that_are_not_those_of_its_index_are_found(folder: pathlib.Path) -> None:
    first, *rest = read_manifest(folder).shards
    lying = dataclasses.replace(first, images={**first.images, "caption": first.images["caption"] + 1})

    assert f"{first.index_name}: counts:" in str([str(f) for f in manifest_findings(folder, shards=(lying, *rest))])


def test_shards_in_another_order_are_found(folder: pathlib.Path) -> None:
    first, second, *rest = read_manifest(folder).shards

    found = {f.check for f in manifest_findings(folder, shards=(second, first, *rest))}
    assert "order" in found


def test_a_file_that_is_named_twice_is_found(folder: pathlib.Path) -> None:
    first, second, *rest = read_manifest(folder).shards
    twice = dataclasses.replace(second, name=first.name, index_name=first.index_name)

    assert "names a file twice" in str(manifest_findings(folder, shards=(first, twice, *rest)))


def test_another_tokenizer_is_found_by_its_digest(folder: pathlib.Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace('"<image>"', '"<other>"'))
    (found,) = verify_shards(str(folder), fast=True)

    assert (found.check, found.file) == ("tokenizer", "tokenizer.json")


def test_members_are_read_by_the_standard_library_as_they_are_stored(pristine: pathlib.Path, place: int) -> None:
    line = lines_of(pristine, SHARD)[place]
    names = [name for name, _ in members_of(pristine, SHARD, line)]

    assert names[-1] == f"{line['key']}.json"
    assert len(names) == line["n_images"] + 1
