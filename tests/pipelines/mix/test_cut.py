"""Long documents: every word and image in order, every piece within its limits, no image cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.mix.cut import Cutter, RowLimits, merge_texts
from schemas.images import ImagePointer
from schemas.samples import PoolImage, PoolText

LIMITS = RowLimits(positions=12, images=2, tokens_per_image=4)


def image(number: int = 0) -> PoolImage:
    return PoolImage(
        image_id=f"{number:064x}",
        pointer=ImagePointer(file="a.tar", offset=0, length=1),
        format="png",
        width=1,
        height=1,
        url=None,
        alt=None,
        caption=None,
        score=None,
    )


def word_starts(text: str) -> list[int]:
    """A tokenizer that any reader can follow: a token a word, and one for every separator's extra newline."""
    return [n for n, c in enumerate(text) if not c.isspace() and (n == 0 or text[n - 1].isspace())]


CUTTER = Cutter(LIMITS, word_starts)


def words(count: int, start: int = 0) -> str:
    return " ".join(f"w{n}" for n in range(start, start + count))


def length(piece: tuple[PoolText | PoolImage, ...]) -> int:
    return sum(4 if isinstance(s, PoolImage) else len(word_starts(s.text)) for s in piece)


def test_a_document_is_cut_between_segments() -> None:
    a, b = PoolText(text=words(6)), PoolText(text=words(5, 6))
    pieces = CUTTER.cut([a, image(1), b, image(2)])

    assert pieces == [(a, image(1)), (b, image(2))]


def test_the_image_cap_cuts_too() -> None:
    assert [
        len(piece)
        for piece in Cutter(RowLimits(positions=99, images=2, tokens_per_image=4), word_starts).cut(
            [image(n) for n in range(5)]
        )
    ] == [2, 2, 1]


def test_a_long_text_is_cut_after_a_paragraph() -> None:
    text = f"{words(7)}\n\n{words(9, 7)}"
    pieces = CUTTER.cut([PoolText(text=text)])

    assert [p[0].text for p in pieces if isinstance(p[0], PoolText)] == [words(7), words(9, 7)]


def test_without_paragraphs_after_a_sentence() -> None:
    text = f"{words(8)}. {words(9, 8)}"
    pieces = CUTTER.cut([PoolText(text=text)])

    assert [p[0].text for p in pieces if isinstance(p[0], PoolText)] == [f"{words(8)}.", words(9, 8)]


def test_without_sentences_between_words() -> None:
    pieces = CUTTER.cut([PoolText(text=words(30))])

    assert [p[0].text for p in pieces if isinstance(p[0], PoolText)] == [words(12), words(12, 12), words(6, 24)]


def test_without_words_between_tokens() -> None:
    cutter = Cutter(LIMITS, lambda text: range(0, len(text), 2))  # two characters a token
    pieces = cutter.cut([PoolText(text="x" * 60)])

    assert [len(p[0].text) for p in pieces if isinstance(p[0], PoolText)] == [24, 24, 12]


def test_neighbouring_texts_are_paragraphs_of_one() -> None:
    merged = merge_texts([PoolText(text="a"), PoolText(text=" "), PoolText(text="b"), image(), PoolText(text="c")])

    assert merged == [PoolText(text="a\n\nb"), image(), PoolText(text="c")]


def test_a_text_of_megabytes_is_cut_in_bounded_looks() -> None:
    looked = 0

    def counting(text: str) -> list[int]:
        nonlocal looked
        looked += len(text)
        return word_starts(text)

    text = words(100_000)
    pieces = Cutter(RowLimits(positions=1000, images=2, tokens_per_image=4), counting).cut([PoolText(text=text)])

    assert len(pieces) == 100
    assert looked < 20 * len(text)


SEGMENTS = st.lists(
    st.one_of(
        st.integers(0, 99).map(image),
        st.lists(st.sampled_from(["a", "bb.", "c\n\n", "d!", "e"]), min_size=1, max_size=40).map(
            lambda parts: PoolText(text=" ".join(parts))
        ),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(SEGMENTS)
def test_nothing_is_lost_and_no_limit_broken(segments: list[PoolText | PoolImage]) -> None:
    pieces = CUTTER.cut(segments)

    assert [w for p in pieces for s in p if isinstance(s, PoolText) for w in s.text.split()] == [
        w for s in segments if isinstance(s, PoolText) for w in s.text.split()
    ]
    assert [s for p in pieces for s in p if isinstance(s, PoolImage)] == [
        s for s in segments if isinstance(s, PoolImage)
    ]
    for piece in pieces:
        assert piece
        assert length(piece) <= LIMITS.positions
        assert sum(isinstance(s, PoolImage) for s in piece) <= LIMITS.images


@pytest.mark.parametrize("room", [1, 2, 5])
def test_a_split_never_gives_more_than_its_room(room: int) -> None:
    head, tail = CUTTER.split(words(9), room)

    assert len(word_starts(head)) <= room
    assert f"{head} {tail}" == words(9)
