"""Image-text pairs in the layout of img2dataset: ``KEY.jpg``, ``KEY.txt``, ``KEY.json`` in tars."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.rejections import RejectReason
from world.captions import plain_caption, varied_caption
from world.pictures import Make, Source, extension_of, look_of, picture_bytes, scene_of
from world.scenes import other_scene
from world.seeds import keyed_random
from world.tarfiles import FixedTar
from world.truth import TruthRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One picture with the text that somebody gave it."""

    key: str
    """Nine digits: five of the tar, four of the place in it."""

    source: Source
    caption: str
    what: str
    texts_are_true: bool | None
    duplicate_of: str | None = None
    reason: RejectReason | None = None


def plan_pair(seed: int, tar: int, place: int) -> Pair:
    """Returns a pair. Of each 20: 14 good, 2 wrong, 1 empty, 1 copy, 1 tiny, 1 broken picture."""
    rng = keyed_random(seed, "pair", tar, place)
    source = Source(owner="pair", index=tar, slot=place)
    scene = scene_of(seed, source)
    good = Pair(
        key=f"{tar:05d}{place:04d}",
        source=source,
        caption=varied_caption(scene, rng),
        what="true_caption",
        texts_are_true=True,
    )
    kind = place % 20
    if kind == 19:
        return _copy_of(plan_pair(seed, tar, place - 19), good.key)
    if kind in (5, 13):
        told = varied_caption(other_scene(rng, scene), rng)
        reason = RejectReason.LOW_SCORE
        return replace(good, caption=told, what="wrong_caption", texts_are_true=False, reason=reason)
    if kind == 8:
        reason = RejectReason.NO_CAPTION
        return replace(good, caption="", what="empty_caption", texts_are_true=None, reason=reason)
    if kind in _BAD_FILES:
        make, reason = _BAD_FILES[kind]
        return replace(good, source=replace(source, make=make), what=make.value, reason=reason)
    return good


_BAD_FILES = {
    11: (Make.TINY, RejectReason.TOO_SMALL),
    16: (Make.TRUNCATED, RejectReason.BROKEN_IMAGE),
}


def _copy_of(original: Pair, key: str) -> Pair:
    return replace(original, key=key, what="copy", duplicate_of=original.key)


def write_pairs(seed: int, path: Path, *, tar: int, number: int) -> Iterator[TruthRow]:
    """Writes one tar of ``number`` pairs and yields a row for each."""
    packed = FixedTar(path)
    for place in range(number):
        pair = plan_pair(seed, tar, place)
        body = picture_bytes(seed, pair.source)
        packed.add(f"{pair.key}.{extension_of(seed, pair.source)}", body)
        packed.add(f"{pair.key}.txt", pair.caption.encode())
        packed.add(f"{pair.key}.json", _metadata(seed, pair, body))
        yield TruthRow(
            kind="pair",
            id=pair.key,
            what=pair.what,
            file=f"pairs/{path.name}",
            text=pair.caption,
            shows=plain_caption(scene_of(seed, pair.source)),
            texts_are_true=pair.texts_are_true,
            duplicate_of=pair.duplicate_of,
            duplicate_how="exact" if pair.duplicate_of else None,
            reason=pair.reason,
        )
    packed.close()


def _metadata(seed: int, pair: Pair, body: bytes) -> bytes:
    """The fields that img2dataset writes beside each picture."""
    look = look_of(seed, pair.source)
    name = f"{pair.key}.{extension_of(seed, pair.source)}"
    record = {
        "url": f"https://pictures.pairs.example/{name}",
        "caption": pair.caption,
        "key": pair.key,
        "status": "success",
        "error_message": None,
        "width": look.width,
        "height": look.height,
        "original_width": look.width,
        "original_height": look.height,
        "exif": "{}",
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return json.dumps(record).encode()
