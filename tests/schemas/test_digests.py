"""Ids are file format: their values are pinned."""

from schemas.digests import document_id, image_id, json_digest, keyed_bucket, keyed_digest


def test_ids_are_pinned() -> None:
    assert image_id(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert document_id("https://a.example/") == "845671c10bbc9887ea2542588295f137"
    assert keyed_bucket("fetch", "a.example", 10) == 2


def test_parts_are_kept_apart_and_purposes_too() -> None:
    assert keyed_digest("x", "ab", "c") != keyed_digest("x", "a", "bc")
    assert keyed_digest("x", "ab") != keyed_digest("y", "ab")


def test_the_order_of_keys_does_not_count() -> None:
    assert json_digest({"a": 1, "b": [2]}) == json_digest({"b": [2], "a": 1})


def test_buckets_are_used_evenly() -> None:
    counts = [0] * 10
    for number in range(10_000):
        counts[keyed_bucket("test", str(number), 10)] += 1

    assert min(counts) > 900
    assert max(counts) < 1100
