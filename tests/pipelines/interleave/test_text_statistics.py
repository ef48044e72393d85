"""The measures of OBELICS, against numbers worked by hand and against a plain second implementation."""

import math
import random
import re
import string
import time
from collections import Counter

import pytest

from pipelines.interleave.text_statistics import describe, describe_all


def test_numbers_worked_by_hand() -> None:
    # 12 words; 3 marks; 47 letters and 11 blanks: 14 of 61 characters are special. Function words: the, on, the, and,
    # the, on, it, was.
    whole, paragraphs = describe("The cat sat on the mat, and the dog, on it, was", "en")

    assert paragraphs == (whole,)
    assert whole.n_words == 12
    assert whole.stop_words == pytest.approx(8 / 12)
    assert whole.punctuation == pytest.approx(3 / 15)
    assert whole.special_characters == pytest.approx(14 / 47)
    assert whole.common_words == 1.0
    assert (whole.flagged_words, whole.spam_words, whole.word_repetition) == (0.0, 0.0, 0.0)
    assert whole.perplexity is None


def test_words_of_spam_are_counted_whatever_their_case_and_marks() -> None:
    assert describe("Click, SHARE! (facebook) or read", "en")[0].spam_words == pytest.approx(3 / 5)


def test_a_language_without_a_list_has_no_share_of_function_words() -> None:
    assert describe("sana toinen kolmas", "fi")[0].stop_words is None
    assert describe("der Hund und die Katze", "de")[0].stop_words == pytest.approx(3 / 5)


def test_punctuation_is_not_measured_of_fewer_than_twelve_words() -> None:
    assert describe("one two, three.", "en")[0].punctuation is None


def test_words_are_told_from_strings_that_are_none() -> None:
    assert describe("well-known words aren't xkcdq x1 hmmm aaargh 12", "en")[0].common_words == pytest.approx(3 / 8)


def test_a_repeated_sentence_repeats_its_words() -> None:
    # Ten words twice: 16 5-grams, of which 6 begin in the first and again in the second copy.
    sentence = "one two three four five six seven eight nine ten"

    assert describe(f"{sentence} {sentence}", "en")[0].word_repetition == pytest.approx(12 / 16)


def test_each_paragraph_has_its_own_values() -> None:
    whole, paragraphs = describe("Share this now.\n\nThe dog and the cat.", "en")

    assert [p.n_words for p in paragraphs] == [3, 5]
    assert [p.spam_words for p in paragraphs] == pytest.approx([1 / 3, 0.0])
    assert [p.stop_words for p in paragraphs] == pytest.approx([2 / 3, 3 / 5])
    assert whole.n_words == 8


def test_an_empty_text_has_no_words_and_no_shares() -> None:
    whole, _ = describe("", "en")

    assert (whole.n_words, whole.character_repetition, whole.special_characters, whole.stop_words) == (0, 0.0, 0.0, 0.0)


def plain_character_repetition(text: str) -> float:
    grams = Counter(text[i : i + 10] for i in range(len(text) - 9))
    if not grams:
        return 0.0
    repeated = sorted((n for n in grams.values() if n > 1), reverse=True)
    return sum(repeated[: min(math.isqrt(len(grams)), len(repeated))]) / grams.total()


def plain_word_repetition(text: str) -> float:
    words = text.split()
    grams = Counter(tuple(words[i : i + 5]) for i in range(len(words) - 4))
    return sum(n for n in grams.values() if n > 1) / grams.total() if grams else 0.0


def plain_punctuation(text: str) -> float:
    marks = f"[{re.escape(string.punctuation)}]"
    tokens = re.findall(rf"[\w']+|{marks}", text)
    return sum(bool(re.fullmatch(marks, token)) for token in tokens) / len(tokens)


def test_repetition_and_punctuation_equal_plain_counting() -> None:
    generator = random.Random(3)
    for _ in range(30):
        words = ["ab", "ab", "cde", "fgh, ij", "kl.", "m-n"]
        paragraphs = [" ".join(generator.choices(words, k=generator.randrange(1, 60))) for _ in range(4)]
        text = "\n\n".join(paragraphs)
        whole, described = describe(text, "en")
        for piece, found in [(text, whole), *zip(paragraphs, described, strict=True)]:
            assert found.character_repetition == pytest.approx(plain_character_repetition(piece))
            assert found.word_repetition == pytest.approx(plain_word_repetition(piece))
            if found.punctuation is not None:
                assert found.punctuation == pytest.approx(plain_punctuation(piece))


def test_texts_described_together_have_the_values_that_each_has_alone() -> None:
    generator = random.Random(5)
    words = ["the", "der", "click", "aaa", "x.", "and, so", "\u00e9t\u00e9", "12"]
    texts = ["", "\n\n\n\n", " \n\n y y y y y y y y y y y y", "one word"]
    for _ in range(60):
        paragraphs = (" ".join(generator.choices(words, k=generator.randrange(40))) for _ in range(3))
        texts.append("\n\n".join(paragraphs))
    languages = [generator.choice(["en", "de", "fi", None]) for _ in texts]

    assert describe_all(texts, languages) == [describe(*pair) for pair in zip(texts, languages, strict=True)]
    assert describe_all([], []) == []


@pytest.mark.parametrize("text", ["." * 1_000_000, "a" * 1_000_000 + "!", "ab " * 333_333, "\u00e9" * 1_000_000])
def test_a_megabyte_of_the_worst_letters_takes_under_a_second(text: str) -> None:
    describe("The tables are made once.", "en")
    before = time.process_time()
    describe(text, "en")

    assert time.process_time() - before < 1.0


def test_letters_of_the_rarest_planes_are_letters() -> None:
    text = "\U00020000\U0001f600 \U0002a6df"

    # Of a Chinese character of plane 2, an emoji, a blank and one more such character, two are special.
    assert describe(text, "zh")[0].special_characters == 2 / 4
    assert describe("plain text", "en")[0].special_characters == 1 / 10
