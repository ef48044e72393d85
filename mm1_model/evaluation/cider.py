"""CIDEr-D: how close a caption is to what several people wrote (Vedantam et al., arXiv 1411.5726, section 5).

For n of 1 to 4 each caption is a vector of its n-grams, counts weighted by ``log(images / images whose references have
the n-gram)``. A candidate is compared with each reference by a cosine in which counts are clipped to the reference's,
and which ``exp(-(difference of lengths)**2 / (2 * 6**2))`` makes smaller. The score is ten times the mean over n and
references; papers print it times 100.

Two things follow the published program and not the paper: lengths are counted in bigrams, and an n-gram that no
reference has counts as in one image.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mm1_model.evaluation.words import caption_words

MAX_N = 4
SIGMA = 6.0

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFrequency:
    """In how many images' references each n-gram occurs."""

    num_images: int
    images: Mapping[Gram, int]

    @classmethod
    def of(cls, references: Iterable[Sequence[str]]) -> "DocumentFrequency":
        """Counts the references of a whole set: one sequence of captions an image.

        Scores depend on the set. A part of it is scored with the frequencies of all of it, or its scores mean
        something else; with a single image all weights are 0.
        """
        images: Counter[Gram] = Counter()
        number = 0
        for captions in references:
            number += 1
            images.update({gram for caption in captions for gram in _grams(caption_words(caption))})
        return cls(num_images=number, images=images)

    def weight(self, gram: Gram) -> float:
        """Returns the inverse document frequency."""
        return math.log(self.num_images) - math.log(max(1, self.images.get(gram, 0)))


def cider_d(
    candidates: Sequence[str], references: Sequence[Sequence[str]], frequency: DocumentFrequency | None = None
) -> list[float]:
    """Returns the CIDEr-D of each candidate, 0 to 10; the score of a set is their mean.

    Args:
        candidates: One caption an image.
        references: What people wrote, for each image.
        frequency: Of the whole set, if these are a part of it.

    Raises:
        ValueError: numbers differ, or an image has no reference.
    """
    if len(candidates) != len(references):
        raise ValueError(f"{len(candidates)} candidates for {len(references)} images")
    empty = [i for i, captions in enumerate(references) if not captions]
    if empty:
        raise ValueError(f"image {empty[0]} has no reference caption")
    frequency = frequency or DocumentFrequency.of(references)
    return [_score(c, r, frequency) for c, r in zip(candidates, references, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vector:
    weights: tuple[Mapping[Gram, float], ...]
    """By n."""

    norms: tuple[float, ...]
    length: int


def _score(candidate: str, references: Sequence[str], frequency: DocumentFrequency) -> float:
    ours = _vector(candidate, frequency)
    similarities = [_similarity(ours, _vector(reference, frequency)) for reference in references]
    return 10.0 * math.fsum(similarities) / len(similarities)


def _vector(caption: str, frequency: DocumentFrequency) -> _Vector:
    counts = _grams(caption_words(caption))
    weights: list[dict[Gram, float]] = [{} for _ in range(MAX_N)]
    for gram, count in counts.items():
        weights[len(gram) - 1][gram] = count * frequency.weight(gram)
    return _Vector(
        weights=tuple(weights),
        norms=tuple(math.sqrt(math.fsum(w * w for w in part.values())) for part in weights),
        length=sum(count for gram, count in counts.items() if len(gram) == 2),
    )


def _similarity(ours: _Vector, theirs: _Vector) -> float:
    penalty = math.exp(-((ours.length - theirs.length) ** 2) / (2 * SIGMA**2))
    cosines = []
    for n in range(MAX_N):
        norm = ours.norms[n] * theirs.norms[n]
        reference = theirs.weights[n]
        common = math.fsum(
            min(weight, reference.get(gram, 0.0)) * reference.get(gram, 0.0) for gram, weight in ours.weights[n].items()
        )
        cosines.append(common / norm if norm else 0.0)
    return penalty * math.fsum(cosines) / MAX_N


def _grams(words: Sequence[str]) -> Counter[Gram]:
    return Counter(tuple(words[i : i + n]) for n in range(1, MAX_N + 1) for i in range(len(words) - n + 1))
