"""What we write in other people's formats comes back as it was, and opens in their tools."""

import io
import json
import pathlib
import tarfile
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest

from pipelines.exchange.curator import export_curator
from pipelines.exchange.hf import export_hf
from pipelines.exchange.img2dataset import export_img2dataset
from pipelines.exchange.mmc4 import export_mmc4, import_mmc4
from pipelines.exchange.obelics import END_OF_DOCUMENT, SCHEMA, export_obelics, import_obelics
from pipelines.exchange.stored import ExchangeError, StoredSample, read_stored
from pipelines.exchange.tables import write_parts
from pipelines.inputs.pairs import RawPair, read_pairs
from pipelines.runs.folder import RunFolder
from schemas.digests import image_id
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.rejections import Rejection
from schemas.samples import SampleKind
from schemas.summary import UnitCounts
from tests.pipelines.mix.pools import run_mix, standard_pools

Sequence = list[tuple[str, str]]
"""A document as ``(text or image, words or URL)`` in order."""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("exchange") / "run"
    standard_pools(run, interleaved=60, caption=60, text=20).write()
    run_mix(run)
    return str(run)


@pytest.fixture(scope="module")
def stored(mixed: str) -> list[StoredSample]:
    return list(read_stored(mixed))


def sequence_of(sample: StoredSample) -> Sequence:
    urls = iter(sample.sample.image_urls)
    # A part of a text may end with the empty lines of its paragraph; an import takes white space off the ends.
    return [("text", text.strip()) if text is not None else ("image", str(next(urls))) for text in sample.sample.texts]


def document_sequence(document: Document) -> Sequence:
    return [("text", s.text.strip()) if isinstance(s, TextSegment) else ("image", s.url) for s in document.segments]


@pytest.mark.parametrize(
    ("export", "read_back"), [(export_obelics, import_obelics), (export_mmc4, import_mmc4)], ids=["obelics", "mmc4"]
)
def test_documents_go_there_and_back_whole_and_in_order(
    mixed: str,
    stored: list[StoredSample],
    tmp_path: pathlib.Path,
    export: Callable[[str, str], list[str]],
    read_back: Callable[[list[str], str], UnitCounts],
) -> None:
    expected = [sequence_of(s) for s in stored if s.sample.kind is SampleKind.INTERLEAVED]
    paths = export(mixed, str(tmp_path / "exported"))
    counts = read_back(paths, str(tmp_path / "run"))
    documents = list(RunFolder(str(tmp_path / "run")).read("interleave", Document))

    assert counts.n_out == counts.n_in == len(expected) > 30
    assert [document_sequence(d) for d in documents] == expected
    assert all(d.domain.endswith(".example") and d.statistics for d in documents if list(d.texts()))


def test_obelics_columns_are_parallel_and_typed_as_published(mixed: str, tmp_path: pathlib.Path) -> None:
    (path,) = export_obelics(mixed, str(tmp_path))
    table = pq.read_table(path)

    assert table.schema.equals(SCHEMA)
    for row in table.to_pylist():
        metadata = json.loads(row["metadata"])
        assert [image is None for image in row["images"]] == [text is not None for text in row["texts"]]
        assert [note is None for note in metadata] == [image is None for image in row["images"]]
        assert json.loads(row["general_metadata"])["url"].startswith("https://")


def test_mmc4_without_places_puts_an_image_before_its_sentence(tmp_path: pathlib.Path) -> None:
    line = {
        "url": "https://a.example/",
        "text_list": ["One.", "Two."],
        "image_info": [
            {"image_name": "x.jpg", "raw_url": "https://a.example/x.jpg", "matched_text_index": 1, "matched_sim": 0.3}
        ],
    }
    (tmp_path / "docs.jsonl").write_text(json.dumps(line) + "\n")
    import_mmc4([str(tmp_path / "docs.jsonl")], str(tmp_path / "run"))
    (document,) = RunFolder(str(tmp_path / "run")).read("interleave", Document)

    assert document_sequence(document) == [("text", "One."), ("image", "https://a.example/x.jpg"), ("text", "Two.")]


def test_rows_that_are_no_documents_are_rejected_and_counted(tmp_path: pathlib.Path) -> None:
    good = {"images": ["https://a.example/i.jpg", None], "texts": [None, f"Words. {END_OF_DOCUMENT}"]}
    rows = [
        {**good, "metadata": '[{"alt_text": "An alt"}, null]', "general_metadata": '{"url": "https://a.example/"}'},
        {"images": [None], "texts": [None], "metadata": "[null]", "general_metadata": '{"url": "https://a.example/"}'},
        {**good, "metadata": "[", "general_metadata": "{}"},
        {**good, "metadata": "[]", "general_metadata": "{}"},
        {**good, "metadata": "[]", "general_metadata": '{"url": "not a url"}'},
    ]
    paths = write_parts(rows, SCHEMA, str(tmp_path / "given"))
    import_obelics(paths, str(tmp_path / "run"))
    folder = RunFolder(str(tmp_path / "run"))
    (document,) = folder.read("interleave", Document)

    assert document.segments[0] == ImageSegment(url="https://a.example/i.jpg", alt="An alt")
    assert document_sequence(document)[1] == ("text", "Words.")
    counts = folder.committed("interleave").main()
    assert (counts.n_in, counts.n_out, dict(counts.rejected)) == (5, 1, {"bad_row": 4})
    details = [r.detail for r in folder.read("interleave", Rejection, "rejected")]
    assert "not parallel" in details[0]
    assert "no JSON" in details[1]
    assert "no url" in details[2]


def test_a_run_with_documents_is_not_written_over(mixed: str, tmp_path: pathlib.Path) -> None:
    paths = export_obelics(mixed, str(tmp_path / "exported"))
    import_obelics(paths, str(tmp_path / "run"))

    with pytest.raises(ExchangeError, match="has documents already"):
        import_obelics(paths, str(tmp_path / "run"))


def test_a_file_without_any_document_is_refused_and_leaves_the_run_free(mixed: str, tmp_path: pathlib.Path) -> None:
    paths = export_obelics(mixed, str(tmp_path / "obelics"))

    with pytest.raises(ExchangeError, match=r"none of the [\d,]+ rows of .*parquet is a document"):
        import_mmc4(paths, str(tmp_path / "run"))
    assert import_obelics(paths, str(tmp_path / "run")).n_out > 30


def test_a_file_of_other_columns_is_named(tmp_path: pathlib.Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")

    with pytest.raises(ExchangeError, match=r"x\.parquet: lacks the columns"):
        import_obelics([str(tmp_path / "x.parquet")], str(tmp_path / "run"))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_datasets_decodes_the_images_of_the_parquet_twin(
    mixed: str, stored: list[StoredSample], tmp_path: pathlib.Path
) -> None:
    datasets = pytest.importorskip("datasets")
    export_hf(mixed, str(tmp_path / "hf"))
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "hf" / "*.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )

    assert [row["key"] for row in loaded] == [s.sample.key for s in stored]
    for row, sample in zip(loaded, stored, strict=True):
        assert row["texts"] == list(sample.sample.texts)
        assert [image is None for image in row["images"]] == [image is None for image in sample.sample.images]
        assert all(image.size[1] == 24 for image in row["images"] if image is not None)


def test_curator_rows_point_at_the_bytes_of_their_images(
    mixed: str, stored: list[StoredSample], tmp_path: pathlib.Path
) -> None:
    (path,) = export_curator(mixed, str(tmp_path))
    rows = pq.read_table(path).to_pylist()
    images = {i for s in stored for i in s.sample.image_ids}

    found = set()
    for row in rows:
        if row["modality"] == "image":
            reference = json.loads(row["source_ref"])
            with open(reference["path"], "rb") as file:
                file.seek(reference["byte_offset"])
                found.add(image_id(file.read(reference["byte_size"])))
    assert found == images
    positions = [row["position"] for row in rows if row["sample_id"] == stored[0].sample.key]
    assert positions == list(range(-1, len(stored[0].sample.texts)))


def test_pairs_come_back_through_the_reader_of_pairs(
    mixed: str, stored: list[StoredSample], tmp_path: pathlib.Path
) -> None:
    captions = [s for s in stored if s.sample.kind is SampleKind.CAPTION]
    paths = export_img2dataset(mixed, str(tmp_path), pairs_per_shard=25)
    pairs = [pair for path in paths for pair in read_pairs(path)]

    assert len(paths) == -(-len(captions) // 25)
    assert [pair.key for pair in pairs] == [s.sample.key for s in captions]
    assert all(isinstance(pair, RawPair) for pair in pairs)
    assert [pair.caption for pair in pairs if isinstance(pair, RawPair)] == [s.sample.texts[1] for s in captions]
    with tarfile.open(paths[0]) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        assert member is not None
        assert image_id(member.read()) == captions[0].sample.image_ids[0]


def test_a_damaged_sample_stops_an_export(mixed: str, tmp_path: pathlib.Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(mixed, run)
    path = run / "shards" / "mix-00001.tar"
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(ExchangeError, match=r"mix-00001.tar, sample [0-9a-f]{32}, offset 0: damaged"):
        export_hf(str(run), str(tmp_path / "hf"))


def test_parts_are_closed_by_size_and_hold_every_row(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.exchange.tables.GROUP_BYTES", 1000)
    rows = [{"images": [None], "texts": [str(n) * 300], "metadata": "", "general_metadata": ""} for n in range(40)]
    paths = write_parts(rows, SCHEMA, str(tmp_path), part_bytes=500)

    assert len(paths) > 2
    assert [r["texts"][0] for p in paths for r in pq.read_table(p).to_pylist()] == [str(n) * 300 for n in range(40)]


def test_an_empty_set_of_shards_gives_an_empty_file(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    standard_pools(run, interleaved=0, caption=0, text=0).write()
    run_mix(run)
    (path,) = export_obelics(str(run), str(tmp_path / "out"))

    assert pq.read_table(io.BytesIO(pathlib.Path(path).read_bytes())).num_rows == 0
