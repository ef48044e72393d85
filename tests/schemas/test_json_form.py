"""JSON forms are pinned as whole strings, because files outlive the code."""

import pytest

from schemas.errors import SchemaError
from schemas.json_form import from_json, to_json
from schemas.manifest import Manifest, ShardRecord
from schemas.samples import SampleKind, ShardSample
from schemas.summary import JobSummary, PartRecord, UnitCounts, WorkReport

SUMMARY = JobSummary(
    job="fetch",
    fingerprint="f0",
    lineage="l0",
    unit="url",
    counts={"url": UnitCounts(n_in=3, n_out=1, rejected={"timeout": 2})},
    totals={"bytes": 9},
    parts=(PartRecord(table="", path="fetch/part-00000-of-00001.parquet", rows=1, n_bytes=9, sha256="aa"),),
)

SUMMARY_JSON = (
    '{"version":1,"job":"fetch","fingerprint":"f0","lineage":"l0","unit":"url",'
    '"counts":{"url":{"n_in":3,"n_out":1,"rejected":{"timeout":2}}},"totals":{"bytes":9},'
    '"parts":[{"table":"","path":"fetch/part-00000-of-00001.parquet","rows":1,"n_bytes":9,"sha256":"aa"}]}'
)

SAMPLE = ShardSample(
    key="0f",
    kind=SampleKind.INTERLEAVED,
    texts=("Before.", None, "Über."),
    images=(None, "000.jpg", None),
    image_members=(None, "0f.000.jpg", None),
    captions={},
    scores=(0.25,),
    image_ids=("a1",),
    image_urls=("https://a.example/i.jpg",),
    source={"url": "https://a.example/", "id": "d", "piece": 0},
)

SAMPLE_JSON = (
    '{"version":1,"key":"0f","kind":"interleaved","texts":["Before.",null,"Über."],"images":[null,"000.jpg",null],'
    '"image_members":[null,"0f.000.jpg",null],"captions":{},"scores":[0.25],"image_ids":["a1"],'
    '"image_urls":["https://a.example/i.jpg"],'
    '"source":{"id":"d","piece":0,"url":"https://a.example/"}}'
)


def test_a_job_summary_is_pinned() -> None:
    assert to_json(SUMMARY) == SUMMARY_JSON
    assert from_json(SUMMARY_JSON, JobSummary) == SUMMARY


def test_a_shard_sample_is_pinned() -> None:
    assert to_json(SAMPLE) == SAMPLE_JSON
    assert from_json(SAMPLE_JSON, ShardSample) == SAMPLE


def test_a_field_of_another_version_is_named() -> None:
    with pytest.raises(SchemaError, match=r"JobSummary: unknown fields \['jobb'\], missing fields \['job'\]"):
        from_json(SUMMARY_JSON.replace('"job":', '"jobb":'), JobSummary)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(SchemaError, match="not JSON"):
        from_json("{", JobSummary)


def test_text_and_image_at_one_place_are_refused() -> None:
    with pytest.raises(SchemaError, match="place 1 has both or neither"):
        from_json(SAMPLE_JSON.replace('["Before.",null', '["Before.","x"'), ShardSample)


def test_reports_add_up_in_any_order() -> None:
    one = WorkReport(counts={"url": UnitCounts(n_in=2, n_out=1, rejected={"timeout": 1})}, totals={"bytes": 4})
    two = WorkReport(counts={"url": UnitCounts(n_in=3, n_out=2, rejected={"not_found": 1})}, totals={"bytes": 5})

    assert one + two == two + one
    assert (one + two).counts["url"] == UnitCounts(n_in=5, n_out=3, rejected={"not_found": 1, "timeout": 1})


def test_counts_that_do_not_add_up_are_refused_with_the_numbers() -> None:
    with pytest.raises(SchemaError, match="fetch: the numbers of url do not add up: 3 in, 1 out, 1 rejected, so 1"):
        UnitCounts(n_in=3, n_out=1, rejected={"timeout": 1}).check("fetch", "url")


def test_manifest_names_are_pinned() -> None:
    fields = list(ShardRecord.__dataclass_fields__)

    assert fields[:6] == ["name", "n_bytes", "sha256", "index_name", "index_bytes", "index_sha256"]
    assert list(Manifest.__dataclass_fields__)[:4] == ["version", "recipe_fingerprint", "tokenizer", "tokenizer_sha256"]
