"""True sentences about a scene: alt texts, captions, questions with answers."""

from dataclasses import dataclass
from random import Random

from world.scenes import Group, Relation, Scene, Sign

NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six")

_PAIR_FORMS: dict[Relation, tuple[str, ...]] = {
    Relation.ABOVE: (
        *("{a} above {b}", "{a} above {b}", "{a} over {b}", "{b} below {a}", "{b} under {a}"),
        *("{a} at the top and {b} at the bottom", "{b} with {a} above"),
    ),
    Relation.LEFT_OF: (
        *("{a} to the left of {b}", "{a} left of {b}", "{b} to the right of {a}"),
        *("{b} right of {a}", "{a} on the left and {b} on the right"),
    ),
    Relation.INSIDE: (
        *("{a} inside {b}", "{a} inside {b}", "{a} in the middle of {b}"),
        *("{b} with {a} inside", "{b} around {a}"),
    ),
}

_SIGN_FORMS = (
    "{article} {board} sign with the word {word} in {color} letters",
    "the word {word} in {color} letters on {article} {board} sign",
    "{article} {board} sign that says {word}",
    "the word {word} on {article} {board} sign",
)

_PREFIXES = ("", "", "", "", "", "", "picture of ", "an image of ", "photo of ")


def plain_caption(scene: Scene) -> str:
    """Returns the one shortest whole description, such as ``a red circle above two blue squares``."""
    if scene.sign:
        return _SIGN_FORMS[0].format_map(_sign_words(scene.sign))
    names = [group_phrase(group) for group in scene.groups]
    if scene.relation is None:
        return names[0]
    return _PAIR_FORMS[scene.relation][0].format(a=names[0], b=names[1])


def varied_caption(scene: Scene, rng: Random) -> str:
    """Returns a true description in one of many phrasings."""
    text = _varied_core(scene, rng)
    if rng.random() < 0.3:
        ground = rng.choice(("on a {} background", "against a {} wall", "on {} paper"))
        text = f"{text} {ground.format(scene.background)}"
    return rng.choice(_PREFIXES) + text


def group_phrase(group: Group, *, digits: bool = False) -> str:
    """Returns ``a large red circle`` or ``three red circles``."""
    size = f"{group.size} " if group.size else ""
    if group.count == 1:
        return f"{_article(size or group.color)} {size}{group.color} {group.shape}"
    number = str(group.count) if digits else NUMBER_WORDS[group.count]
    return f"{number} {size}{group.color} {_plural(group.shape)}"


def sentence(scene: Scene, rng: Random) -> str:
    """Returns a whole sentence that points a reader to the picture of ``scene``."""
    form = rng.choice(
        (
            "The picture shows {}.",
            "In the picture we can see {}.",
            "Here you can see {}, as it was on that day.",
            "What you see here is {}, and it is still there.",
            "On the wall we found {}, just as we had been told.",
            "The painter gave us {}, and nothing more than that.",
            "One of the children had made {} for the show.",
        )
    )
    return form.format(_varied_core(scene, rng))


def _varied_core(scene: Scene, rng: Random) -> str:
    if scene.sign:
        return rng.choice(_SIGN_FORMS).format_map(_sign_words(scene.sign))
    digits = rng.random() < 0.1
    names = [group_phrase(group, digits=digits) for group in scene.groups]
    if scene.relation is None:
        return names[0]
    return rng.choice(_PAIR_FORMS[scene.relation]).format(a=names[0], b=names[1])


def _sign_words(sign: Sign) -> dict[str, str]:
    return {
        "word": sign.word,
        "color": sign.color,
        "board": sign.board,
        "article": _article(sign.board),
    }


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _plural(shape: str) -> str:
    return "crosses" if shape == "cross" else f"{shape}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about one picture with its only right answer, in lower case but for sign words."""

    about: str
    """``color``, ``count``, ``shape``, ``relation`` or ``text``."""

    question: str
    answer: str


def questions(scene: Scene) -> tuple[Question, ...]:
    """Returns every question of the world that ``scene`` answers without doubt."""
    if scene.sign:
        return _sign_questions(scene.sign)
    asked: list[Question] = []
    for group in scene.groups:
        name = group.shape if group.count == 1 else _plural(group.shape)
        verb = "is" if group.count == 1 else "are"
        asked += [
            _ask("color", f"What color {verb} the {name}?", group.color),
            _ask("count", f"How many {_plural(group.shape)} are there?", NUMBER_WORDS[group.count]),
            _ask("shape", f"What shape {verb} the {group.color} {_things(group)}?", group.shape),
        ]
    return (*asked, *_relation_questions(scene))


def _things(group: Group) -> str:
    return "object" if group.count == 1 else "objects"


def _relation_questions(scene: Scene) -> tuple[Question, ...]:
    if scene.relation is None:
        return ()
    first, second = (
        f"{group.color} {group.shape if group.count == 1 else _plural(group.shape)}" for group in scene.groups
    )
    verb = "Is" if scene.groups[0].count == 1 else "Are"
    back = "Is" if scene.groups[1].count == 1 else "Are"
    choices = {
        Relation.ABOVE: ("above or below", "above", "below"),
        Relation.LEFT_OF: ("left of or right of", "left of", "right of"),
        Relation.INSIDE: ("inside or around", "inside", "around"),
    }
    choice, forward, backward = choices[scene.relation]
    return (
        _ask("relation", f"{verb} the {first} {choice} the {second}?", forward),
        _ask("relation", f"{back} the {second} {choice} the {first}?", backward),
    )


def _sign_questions(sign: Sign) -> tuple[Question, ...]:
    return (
        _ask("text", "What word is on the sign?", sign.word),
        _ask("color", "What color are the letters?", sign.color),
        _ask("color", "What color is the sign?", sign.board),
    )


def _ask(about: str, question: str, answer: str) -> Question:
    return Question(about=about, question=question, answer=answer)
