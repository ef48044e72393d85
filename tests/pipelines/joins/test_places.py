import pathlib

from pipelines.joins.places import Place, read_pairs, read_places
from pipelines.runs.folder import RunFolder
from schemas.documents import Document, ImageSegment, TextSegment
from schemas.images import ImagePair
from tests.pipelines.upstream import commit, recipe


def test_places_are_read_in_order_with_or_without_their_texts(tmp_path: pathlib.Path) -> None:
    settings = recipe(tmp_path)
    segments = (
        TextSegment(text="one"),
        ImageSegment(url="https://a.example/1.png", alt="first", near="one", title="unread"),
        TextSegment(text="two"),
        ImageSegment(url="data:ff", image_id="ff"),
    )
    document = Document(
        document_id="d",
        url="https://a.example/",
        domain="a.example",
        title=None,
        language="en",
        language_score=1.0,
        archive="a.warc",
        record_offset=7,
        record_length=1,
        crawl_time=None,
        segments=segments,
    )
    commit("interleave", settings, {"": [[document]]})
    (path,) = RunFolder(settings.run).part_paths("interleave")

    bare, full = list(read_places(path, with_texts=False)), list(read_places(path, with_texts=True))

    assert [(p.document_id, p.occurrence, p.position) for p in bare] == [("d", "a.warc:7", 1), ("d", "a.warc:7", 3)]
    assert [p.image for p in bare] == [
        ImageSegment(url="https://a.example/1.png"),
        ImageSegment(url="data:ff", image_id="ff"),
    ]
    assert full[0].image == ImageSegment(url="https://a.example/1.png", alt="first", near="one")


def test_a_pair_is_a_place_of_its_own(tmp_path: pathlib.Path) -> None:
    settings = recipe(tmp_path)
    pair = ImagePair(pair_id="p", image_id="ff", caption="a cat", url=None, archive="t.tar", key="0")
    commit("fetch", settings, {"pairs": [[pair]]})
    (path,) = RunFolder(settings.run).part_paths("fetch", "pairs")

    assert list(read_pairs(path)) == [
        Place(document_id="p", occurrence="p", position=0, image=ImageSegment(url="", caption="a cat", image_id="ff"))
    ]
