"""A run folder of one page with two images, written by hand: what the reports are checked against."""

import hashlib
import io
import pathlib
import tarfile
from collections.abc import Sequence

import pyarrow.parquet as pq
from PIL import Image

from pipelines.runs.folder import RunFolder
from schemas.arrow import to_table
from schemas.digests import document_id
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.images import FetchedUrl, ImagePointer, StoredImage
from schemas.rejections import Rejection, RejectReason
from schemas.samples import PoolImage, PoolSample, PoolText, SampleKind
from schemas.scores import ImageScore
from schemas.summary import JobSummary, PartRecord, UnitCounts
from schemas.verdicts import Verdict

PAGE = "https://a.example/page.html"
GOOD, BAD = "https://a.example/good.jpg", "https://a.example/bad.jpg"
PAGE_ID = document_id(PAGE)
OCCURRENCE = "crawl.warc:100"
GOOD_ID, BAD_ID = "a" * 64, "b" * 64
KEY = "0" * 32

RUN_FILE = (
    '{"recipe":{"fetch":{"source":{"folder":"/images"}},"input":{"pages":["/crawl.warc"]},"score":{"min":0.2},'
    '"version":1},"version":1,"versions":{"mm1":"0.1.0"}}'
)


def write_small_run(root: pathlib.Path, *, alt: str = "A red cat") -> str:
    """Writes the run and returns its folder. The jobs up to ``select`` are committed."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "run.json").write_text(RUN_FILE)
    document = Document(
        document_id=PAGE_ID,
        url=PAGE,
        domain="a.example",
        title="A page",
        language="en",
        language_score=0.98,
        archive="crawl.warc",
        record_offset=100,
        record_length=50,
        crawl_time=None,
        segments=(
            TextSegment(text="One."),
            ImageSegment(url=GOOD, alt=alt),
            ImageSegment(url=BAD, alt="buy now"),
        ),
    )
    commit(
        root,
        "interleave",
        "record",
        UnitCounts(n_in=2, n_out=1, rejected={"not_html": 1}),
        main=[document],
        rejected=[Rejection(job="interleave", kind="record", item="crawl.warc:0", reason=RejectReason.NOT_HTML)],
    )
    images = [
        StoredImage(
            image_id=image_id,
            pointer=ImagePointer(file="fetch/bytes/part-00000-of-00001.tar", offset=512 * n, length=90),
            format="jpeg",
            width=300,
            height=200,
            phash="00ff00ff00ff00ff",
            n_frames=1,
            exif_orientation=1,
        )
        for n, image_id in enumerate((GOOD_ID, BAD_ID), start=1)
    ]
    fetches = [
        FetchedUrl(url=url, image_id=image_id, reason=None, status=None, final_url=None, n_bytes=90)
        for url, image_id in ((GOOD, GOOD_ID), (BAD, BAD_ID))
    ]
    commit(root, "fetch", "url", UnitCounts(n_in=2, n_out=2), main=images, fetches=fetches)
    verdict = Verdict(
        kind="image",
        item="c" * 64,
        position=None,
        reason=RejectReason.TOO_MANY_OCCURRENCES,
        of=None,
        value=11.0,
        threshold=10.0,
    )
    commit(root, "dedup", "image", UnitCounts(n_in=2, n_out=2), main=[verdict])
    scores = [
        ImageScore(
            source=PAGE_ID,
            occurrence=OCCURRENCE,
            position=position,
            image_id=image_id,
            alt=alt,
            caption=None,
            near=None,
            best=alt,
        )
        for position, image_id, alt in ((1, GOOD_ID, 0.31), (2, BAD_ID, 0.12))
    ]
    commit(root, "score", "place", UnitCounts(n_in=2, n_out=2), main=scores)
    sample = PoolSample(
        key=KEY,
        kind=SampleKind.INTERLEAVED,
        segments=(
            PoolText(text="One."),
            PoolImage(
                image_id=GOOD_ID,
                pointer=images[0].pointer,
                format="jpeg",
                width=300,
                height=200,
                url=GOOD,
                alt=alt,
                caption=None,
                score=0.31,
            ),
        ),
        source_id=PAGE_ID,
        url=PAGE,
        domain="a.example",
        archive="crawl.warc",
        record_offset=100,
    )
    low = Rejection(
        job="select",
        kind="image",
        item=f"{OCCURRENCE}#2",
        reason=RejectReason.LOW_SCORE,
        value=0.12,
        threshold=0.2,
        parent=PAGE_ID,
    )
    commit(root, "select", "candidate", UnitCounts(n_in=1, n_out=1), interleaved=[sample], rejected=[low])
    return str(root)


def write_store(run: str) -> None:
    """Puts a real picture where the images of the small run point to."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 0, 0)).save(data, "GIF")
    path = pathlib.Path(run, "fetch", "bytes", "part-00000-of-00001.tar")
    path.parent.mkdir(parents=True)
    padded = data.getvalue().ljust(90, b"\0")[:90]
    path.write_bytes(b"\0" * 512 + padded + b"\0" * (1024 - 512 - 90) + padded)


def commit(
    root: pathlib.Path, job: str, unit: str, counts: UnitCounts, main: Sequence[object] = (), **tables: Sequence[object]
) -> None:
    """Writes the tables of a job and its summary."""
    parts = []
    for table, records in {"": main, **tables}.items():
        if not records:
            continue
        path = "/".join(part for part in (job, table, "part-00000-of-00001.parquet") if part)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(to_table(records, type(records[0])), root / path)
        data = (root / path).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        parts.append(PartRecord(table=table, path=path, rows=len(records), n_bytes=len(data), sha256=digest))
    summary = JobSummary(
        job=job, fingerprint="f", unit=unit, counts={unit: counts}, totals={"documents": 1}, parts=tuple(parts)
    )
    RunFolder(str(root)).commit(summary)


def write_tar(path: pathlib.Path, members: dict[str, bytes]) -> None:
    """Writes a plain tar."""
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
