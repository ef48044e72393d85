"""Languages are those that the library itself finds with its model, one text at a time or many."""

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pipelines.interleave.language import SAMPLE_CHARACTERS, identify_language, identify_languages

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Der schnelle braune Fuchs springt über den faulen Hund.",
    "Le vif renard brun saute par-dessus le chien paresseux.",
    "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "Брза смеђа лисица прескаче лењог пса, каже се на српском.",
    "これは日本語で書かれた短い文章です。",
    "IT IS WRITTEN IN CAPITALS FROM BEGINNING TO END.",
    "Cafe\u0301 au lait et cre\u0300me bru\u0302le\u0301e, s'il vous plai\u0302t.",
    "a\0b " * 30,
    "Una larga frase que se repite sin parar. " * 50,
]


def test_languages_and_probabilities_are_those_of_the_library() -> None:
    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    short = [text[: 2 * SAMPLE_CHARACTERS] for text in TEXTS]
    expected = [library.classify(text) for text in short]

    found = identify_languages(short)

    assert [language for language, _ in found] == [language for language, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_many_texts_get_what_each_gets_alone() -> None:
    texts = [*TEXTS, "", "12 %", "too short"]

    assert identify_languages(texts) == [identify_language(text) for text in texts]


def test_a_text_without_words_has_no_language() -> None:
    assert identify_languages(["", "1234567890 !?", "abc"]) == [(None, None)] * 3
