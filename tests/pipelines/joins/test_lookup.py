from pipelines.joins.lookup import Asked, Found, Held, answer, ask, hold, num_buckets


def test_every_source_gets_the_records_that_it_asked_for() -> None:
    group: list[Asked | Held] = [
        Asked(source=0, keys=("a", "b")),
        Held(records=(("a", 1), ("c", 3))),
        Asked(source=1, keys=("c", "missing")),
        Held(records=(("b", 2),)),
        Asked(source=2, keys=("missing",)),
    ]

    found = sorted(answer((5, group), "letters"))

    assert [(source, f.table, f.bucket, f.records) for source, f in found] == [
        (0, "letters", 5, (("a", 1), ("b", 2))),
        (1, "letters", 5, (("c", 3),)),
    ]


def test_questions_and_records_of_one_key_meet_in_one_bucket() -> None:
    keys = [f"key {n}" for n in range(100)]

    asked = {key: bucket for bucket, question in ask(3, keys + keys, 7) for key in question.keys}
    held = {key: bucket for bucket, records in hold(((key, None) for key in keys), 7) for key, _ in records.records}

    assert asked == held
    assert set(asked.values()) == set(range(7))
    assert sum(len(question.keys) for _, question in ask(3, keys + keys, 7)) == 100


def test_answers_sort_by_table_and_bucket_alone() -> None:
    answers = [Found("urls", 1, (("x", object()),)), Found("images", 2, ()), Found("urls", 0, (("y", object()),))]

    assert [(f.table, f.bucket) for f in sorted(answers)] == [("images", 2), ("urls", 0), ("urls", 1)]


def test_buckets_follow_from_the_rows_alone() -> None:
    assert [num_buckets(rows) for rows in (0, 1, 50_000, 50_001, 1_000_000)] == [1, 1, 1, 2, 20]
