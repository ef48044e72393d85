"""Short answers: cut out of what a model wrote, brought to one form, compared with what people answered.

The form is that of the VQA challenge (Antol et al., arXiv 1505.00468; Goyal et al., arXiv 1612.00837), which MM1's
answers were scored in through OpenFlamingo's code (appendix of arXiv 2403.09611).
"""

import re
from collections.abc import Sequence

_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}
_ARTICLES = frozenset({"a", "an", "the"})
_CONTRACTIONS = {
    word.replace("'", ""): word
    for word in [
        "ain't",
        "aren't",
        "can't",
        "could've",
        "couldn't",
        "didn't",
        "doesn't",
        "don't",
        "hadn't",
        "hasn't",
        "haven't",
        "he'd",
        "he's",
        "how'd",
        "how'll",
        "how's",
        "I'd",
        "I'm",
        "I've",
        "isn't",
        "it'd",
        "it'll",
        "let's",
        "ma'am",
        "mightn't",
        "might've",
        "mustn't",
        "must've",
        "needn't",
        "oughtn't",
        "shan't",
        "she'd",
        "she's",
        "should've",
        "shouldn't",
        "somebody's",
        "someone's",
        "that's",
        "there'd",
        "there're",
        "there's",
        "they'd",
        "they'll",
        "they're",
        "they've",
        "wasn't",
        "we've",
        "weren't",
        "what'll",
        "what're",
        "what's",
        "what've",
        "when's",
        "where'd",
        "where's",
        "where've",
        "who'd",
        "who'll",
        "who's",
        "who've",
        "why'll",
        "why're",
        "why's",
        "won't",
        "would've",
        "wouldn't",
        "y'all",
        "you'd",
        "you'll",
        "you're",
        "you've",
    ]
}
_PERIOD = re.compile(r"(?<!\d)\.(?!\d)|\.(?!\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d)")
_PUNCTUATION = re.compile(r"""[;/\[\]"{}()=+\\_\-<>@`,?!]""")
_FURTHER = re.compile(r"Question|Answer|Short")

ANSWERS_OF_PEOPLE = 10
"""Answers to a question of VQAv2."""


def cut_answer(generated: str) -> str:
    """Returns the answer at the start of what a model wrote: up to a line's end, a next question, or a comma."""
    answer = _FURTHER.split(generated.split("\n", 1)[0], maxsplit=1)[0]
    return answer.split(", ", 1)[0].strip()


def normalise_answer(answer: str) -> str:
    """Returns an answer in small letters, without articles and punctuation, numbers to ten as digits."""
    text = answer.replace("\n", " ").replace("\t", " ").strip().lower()
    text = _PERIOD.sub("", _punctuation(text))
    words = [_NUMBERS.get(word, word) for word in text.split()]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def vqa_accuracy(answer: str, people: Sequence[str]) -> float:
    """Returns VQAv2's soft accuracy: 1 if three people gave the answer, on average over leaving one person out.

    With ``k`` of ten people agreeing that is 0.0, 0.3, 0.6, 0.9, 1.0, ... Fewer than ten people are treated alike: of
    ``n`` the answer of each is held against the ``n - 1`` others. One person alone is an exact match.

    Raises:
        ValueError: nobody answered.
    """
    if not people:
        raise ValueError("a question without any answer cannot be scored")
    ours = normalise_answer(answer)
    agree = [normalise_answer(person) == ours for person in people]
    if len(people) == 1:
        return float(agree[0])
    total = sum(agree)
    return sum(min(1.0, (total - mine) / 3) for mine in agree) / len(people)


def exact_match(answer: str, people: Sequence[str]) -> float:
    """Returns 1 if anybody gave the answer, in its normal form, else 0."""
    return float(normalise_answer(answer) in {normalise_answer(person) for person in people})


def _punctuation(text: str) -> str:
    # A sign between words is a space; with a space on one side, or in a number with thousands, it is nothing.
    without = _THOUSANDS.sub("", text)
    glued = re.sub(rf"(?<=\s){_PUNCTUATION.pattern}|{_PUNCTUATION.pattern}(?=\s)|^{_PUNCTUATION.pattern}", "", without)
    return _PUNCTUATION.sub(" ", glued)
