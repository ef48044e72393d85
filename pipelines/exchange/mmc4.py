"""MMC4 (arXiv 2304.06939): JSON lines of sentences and of images that are each matched to one of them.

MMC4 knows no order of images: by convention an image stands before its sentence. Ours is known, so an exported image is
matched to the text that follows it (or to the last one), and carries its place in a field of its own, by which our
import puts it back where it was.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.exchange.documents import ImportedDocument, import_documents
from pipelines.exchange.stored import ExchangeError, StoredSample, read_stored
from pipelines.inputs.tables import TableError, read_json_lines
from pipelines.runs import storage
from schemas.documents import ImageSegment, Segment, TextSegment
from schemas.samples import SampleKind
from schemas.summary import UnitCounts

LINES_NAME = "documents.jsonl"
PLACE = "place_in_document"
"""Position among texts and images, from 0: our addition."""


def export_mmc4(path: str, destination: str) -> list[str]:
    """Writes the interleaved samples of shards as MMC4's JSON lines; returns the file's path."""
    target = storage.join(destination, LINES_NAME)
    with storage.publish(target) as file:
        for stored in read_stored(path):
            if stored.sample.kind is SampleKind.INTERLEAVED:
                file.write((json.dumps(_line(stored), ensure_ascii=False) + "\n").encode())
    return [target]


def _line(stored: StoredSample) -> dict[str, Any]:
    sample = stored.sample
    texts = [text for text in sample.texts if text is not None]
    details = iter(zip(sample.member_names(), sample.image_urls, sample.scores, sample.image_ids, strict=True))
    images = []
    before = 0
    for place, text in enumerate(sample.texts):
        if text is not None:
            before += 1
            continue
        member, url, score, image_id = next(details)
        images.append(
            {
                "image_name": member,
                "raw_url": url or f"sha256:{image_id}",
                "matched_text_index": min(before, max(0, len(texts) - 1)),
                "matched_sim": score,
                "face_detections": None,
                PLACE: place,
            }
        )
    return {
        "url": sample.source["url"],
        "text_list": texts,
        "image_info": images,
        "similarity_matrix": [],
        "could_have_url_duplicate": 0,
    }


def import_mmc4(patterns: Sequence[str], run: str) -> UnitCounts:
    """Reads MMC4 files as documents of a run, whose images ``fetch`` then gets; returns the counts of their rows.

    Args:
        patterns: JSONL files (also ``.gz``, ``.zst``), folders or patterns.
        run: A run folder without documents.

    Raises:
        ExchangeError: A file is missing or damaged, or the run folder has documents already.
    """
    return import_documents(patterns, run, read_mmc4)


def read_mmc4(path: str) -> Iterator[ImportedDocument | str]:
    """Yields the documents of one file; for a line that is none, what is wrong with it."""
    with storage.open_read(path) as file:
        try:
            for _, row in read_json_lines(file):
                yield row if isinstance(row, str) else _document(row)
        except TableError as error:
            raise ExchangeError(f"{path}: {error}") from error


def _document(row: dict[str, Any]) -> ImportedDocument | str:
    texts, infos, url = row.get("text_list"), row.get("image_info"), row.get("url")
    if not isinstance(texts, list) or not isinstance(infos, list) or not isinstance(url, str):
        return "lacks url, text_list or image_info"
    try:
        segments = _places(texts, infos)
    except (KeyError, TypeError, AttributeError) as error:
        return f"image_info is not as MMC4 has it: {type(error).__name__}: {error}"
    return ImportedDocument(url=url, segments=tuple(segments))


def _places(texts: Sequence[str], infos: Sequence[dict[str, Any]]) -> list[Segment]:
    images = [(info, ImageSegment(url=info["raw_url"])) for info in infos]
    if infos and all(PLACE in info for info in infos):
        by_place = {int(info[PLACE]): image for info, image in images}
        words = iter(texts)
        count = len(texts) + len(infos)
        mixed: list[Segment] = [by_place[n] if n in by_place else TextSegment(text=next(words)) for n in range(count)]
        return mixed
    segments: list[Segment] = []
    for number, text in enumerate(texts):
        segments += [image for info, image in images if int(info["matched_text_index"]) == number]
        if text.strip():
            segments.append(TextSegment(text=text))
    return segments
