import json
import math
from pathlib import Path

import pytest

from mm1_model.evaluation.cider import DocumentFrequency, cider_d
from mm1_model.evaluation.words import caption_words
from tests.corpus import corpus_path

STORED = Path(__file__).with_name("cider.json")
"""Captions of our own, scored by pycocoevalcap 1.2 behind Stanford's PTBTokenizer 3.4.1."""


def test_scores_are_those_of_the_published_program() -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8"))

    scores = cider_d([case["candidate"] for case in stored], [case["references"] for case in stored])

    assert scores == pytest.approx([case["cider_d"] for case in stored], abs=1e-5)


def test_photographs_score_as_in_the_published_program() -> None:
    lines = corpus_path("pairs", "coco_ccby", "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    captions = [json.loads(line)["captions"] for line in lines]

    scores = cider_d([c[0] for c in captions], [c[1:] for c in captions])

    # pycocoevalcap 1.2 with its own tokenizer: the first of five people against the other four.
    assert sum(scores) / len(scores) == pytest.approx(1.30388170380512, abs=1e-9)


def test_two_images_by_hand() -> None:
    # Two images, so a word of one image weighs log 2 and a word of both weighs 0.
    # "red cat" against "red dog": unigrams red, cat against red, dog: cosine 1/2. The bigrams differ: 0. Trigrams and
    # longer: none. Lengths in bigrams are 1 and 1. So 10 * (1/2) / 4.
    scores = cider_d(["red cat", "blue"], [["red dog"], ["blue bird"]])

    # "blue" against "blue bird": cosine 1/sqrt(2) for unigrams; lengths 0 and 1.
    expected = 10 * (1 / math.sqrt(2)) / 4 * math.exp(-1 / 72)
    assert scores == pytest.approx([1.25, expected])


def test_a_repeated_word_counts_no_more_than_in_the_reference() -> None:
    once, often = cider_d(
        ["cat", "cat cat cat"], [["cat"], ["cat"]], frequency=DocumentFrequency.of([["cat"], ["dog"]])
    )

    # Clipped to the reference: 1 * 1 of a norm of 3, and the lengths 2 and 0 in bigrams.
    assert once == pytest.approx(10 / 4)
    assert often == pytest.approx(10 / 3 / 4 * math.exp(-4 / 72))


def test_a_part_scores_as_in_the_whole_with_the_frequencies_of_the_whole() -> None:
    references = [["a red cat"], ["a blue dog"], ["a green bird"]]
    candidates = ["a cat", "a dog", "green birds"]

    whole = cider_d(candidates, references)
    part = cider_d(candidates[:1], references[:1], DocumentFrequency.of(references))

    assert part == whole[:1]


def test_a_single_image_has_no_weights() -> None:
    assert cider_d(["a cat"], [["a cat"]]) == [0.0]


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 candidates for 2 images"):
        cider_d(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="image 1 has no reference"):
        cider_d(["a", "b"], [["a"], []])


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        # As Stanford's PTBTokenizer 3.4.1 cuts them.
        ("It's a dog's life -- isn't it?", "it 's a dog 's life is n't it"),
        ("Two 3.5-inch TVs, U.S.A. (red/blue)", "two 3.5-inch tvs u.s.a. -lrb- red/blue -rrb-"),
        ("$5.00 & 50% e-mail: x@y.com", "$ 5.00 & 50 % e-mail x@y.com"),
        ("don't can't cannot gonna wanna", "do n't ca n't can not gon na wan na"),
        ("1,000 10:30 a.m. o'clock rock'n'roll", "1,000 10:30 a.m. o'clock rock 'n' roll"),
        ("hello\u2026 caf\u00e9 na\u00efve #tag @user", "hello caf\u00e9 na\u00efve #tag @user"),
        ("men's 1/2 \u00bd it\u2019s \u201cq\u201d \u2013 wow!!!", "men 's 1/2 1/2 it 's q wow !!!"),
        ("Mr. Smith and Dr. Lee end.", "mr. smith and dr. lee end"),
        ("General Stephen D. Lee", "general stephen d. lee"),
        ("", ""),
    ],
)
def test_words_are_those_of_the_treebank(caption: str, words: str) -> None:
    assert caption_words(caption) == words.split()
