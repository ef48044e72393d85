"""Every mistake of a file of settings, at its place, in one go."""

import pathlib
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest

from schemas.errors import InvalidSettingsError
from settings.load import load_settings
from settings.problems import SettingsError

STRICT = {"extra": "forbid", "use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    __pydantic_config__: ClassVar = STRICT

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    __pydantic_config__: ClassVar = STRICT

    low: int = 1
    high: int = 5
    share: float = 0.5
    token: str = ""

    def __post_init__(self) -> None:
        messages = []
        if self.low > self.high:
            messages.append(f"low: must be at most high, got {self.low}")
        if not 0 <= self.share <= 1:
            messages.append(f"share: must be in [0, 1], got {self.share}")
        if self.token == self.folder():
            messages.append("token and share contradict")
        if messages:
            raise InvalidSettingsError(*messages)

    def folder(self) -> str:
        return f"share={self.share}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    __pydantic_config__: ClassVar = STRICT

    name: str
    paths: tuple[str, ...] = ()
    mode: Literal["fast", "careful"] = "fast"
    source: Literal["web", "archive"] | Folder = "web"
    limit: int | None = None
    flag: bool = False
    shares: dict[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.mode == "careful" and self.limit is None:
            raise InvalidSettingsError("limit: mode 'careful' needs a limit")


def errors_of(tmp_path: pathlib.Path, text: str, *overrides: str) -> str:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(str(path), Outer, overrides)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_settings_are_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "name: a\npaths: [x, y]\nsource: {folder: d}\nshares: {fetch: 1}\ninner: {share: 1e-1, low: 1_0, high: 20}\n"
    )

    loaded = load_settings(str(path), Outer, ["inner.low=3", "mode=careful", "limit=7"])

    assert loaded.value == Outer(
        name="a",
        paths=("x", "y"),
        mode="careful",
        source=Folder(folder="d"),
        limit=7,
        shares={"fetch": 1.0},
        inner=Inner(low=3, high=20, share=0.1),
    )
    assert str(loaded.place(("paths", 1))) == f"{path}:2:12"
    assert str(loaded.place(("inner", "low"))) == "--set inner.low=3"
    assert not loaded.is_given(("flag",))


def test_all_mistakes_are_reported_at_once_with_place_value_and_suggestion(tmp_path: pathlib.Path) -> None:
    text = (
        "nam: a\n"
        "paths: one.warc\n"
        "mode: fsat\n"
        "source: {foldr: d}\n"
        "limit: 1.5\n"
        "flag: 1\n"
        "shares: {fetch: high}\n"
        "inner:\n"
        "  low: 9\n"
        "  share: 2\n"
        "  hihg: 3\n"
    )

    assert errors_of(tmp_path, text) == (
        "s.yaml:1:1: nam: unknown key, got 'a'. Did you mean 'name'?\n"
        "   1 | nam: a\n"
        "s.yaml:2:1: paths: must be a list, got 'one.warc'. Write ['one.warc']\n"
        "   2 | paths: one.warc\n"
        "s.yaml:3:1: mode: must be 'fast' or 'careful', got 'fsat'. Did you mean 'fast'?\n"
        "   3 | mode: fsat\n"
        "s.yaml:4:1: source.folder: is missing; it has no default\n"
        "   4 | source: {foldr: d}\n"
        "s.yaml:4:10: source.foldr: unknown key, got 'd'. Did you mean 'folder'?\n"
        "   4 | source: {foldr: d}\n"
        "s.yaml:5:1: limit: must be a whole number, got 1.5\n"
        "   5 | limit: 1.5\n"
        "s.yaml:6:1: flag: must be true or false, got 1\n"
        "   6 | flag: 1\n"
        "s.yaml:7:10: shares.fetch: must be a number, got 'high'\n"
        "   7 | shares: {fetch: high}\n"
        "s.yaml:9:3: inner.low: must be at most high, got 9\n"
        "   9 |   low: 9\n"
        "s.yaml:10:3: inner.share: must be in [0, 1], got 2.0\n"
        "  10 |   share: 2\n"
        "s.yaml:11:3: inner.hihg: unknown key, got 3. Did you mean 'high'?\n"
        "  11 |   hihg: 3\n"
        "s.yaml: name: is missing; it has no default\n"
        "12 problems. Nothing was run."
    )


def test_a_relation_with_a_value_of_the_wrong_type_is_not_reported(tmp_path: pathlib.Path) -> None:
    # `high` falls back to 5 while the rest is checked; that `low` is above 5 then means nothing.
    assert errors_of(tmp_path, "name: a\ninner: {low: 9, high: big}\n") == (
        "s.yaml:2:17: inner.high: must be a whole number, got 'big'\n"
        "   2 | inner: {low: 9, high: big}\n"
        "1 problem. Nothing was run."
    )


def test_checks_of_the_table_above_run_although_one_below_failed(tmp_path: pathlib.Path) -> None:
    text = errors_of(tmp_path, "name: a\nmode: careful\ninner: {share: 2}\n")

    assert "inner.share: must be in [0, 1]" in text
    assert "limit: mode 'careful' needs a limit" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml: is empty"),
        ("- a\n", "s.yaml:1:1: must be a table of keys"),
        ("name: [a\n", "s.yaml:2:1: is not YAML: while parsing a flow sequence"),
        ("name: a\nname: b\n", "s.yaml:2:1: name: is given twice, first in line 1"),
        ("name: &x a\nmode: *x\n", "s.yaml:2:1: mode: aliases (*name) are not read"),
        ("name: a\ninner:\n", "s.yaml:2:1: inner: is empty: leave it out"),
        ("name: a\nsource: 5\n", "source: must be 'web', 'archive' or a table of folder, got 5"),
        ("name: a\nsource: {folder: 5}\n", "s.yaml:2:10: source.folder: must be text, got 5"),
        ("name: a\nlimit: .inf\n", "s.yaml:2:1: limit: must be a finite number, got .inf"),
        ("name: a\nhigh: 3\n", "s.yaml:2:1: high: unknown key, got 3. Did you mean 'inner.high'?"),
        ("name: !!python/object a\n", "s.yaml:1:1: name: the tag"),
        ("{" * 5000, "s.yaml: is nested too deeply"),
    ],
)
def test_a_broken_file_is_named_with_its_place(tmp_path: pathlib.Path, text: str, message: str) -> None:
    assert message in errors_of(tmp_path, text)


def test_dates_and_words_that_yaml_1_1_took_for_booleans_stay_text(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("name: 2024-01-01\npaths: [no, on, yes]\n")

    settings = load_settings(str(path), Outer).value

    assert (settings.name, settings.paths) == ("2024-01-01", ("no", "on", "yes"))


def test_a_small_file_of_aliases_does_not_grow(tmp_path: pathlib.Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]

    assert "aliases (*name) are not read" in errors_of(tmp_path, "\n".join(lines))


def test_a_secret_is_shown_neither_as_value_nor_in_its_line(tmp_path: pathlib.Path) -> None:
    text = errors_of(tmp_path, "name: a\ninner: {api_key: sk-123, low: x}\nflag: 1\n")

    assert "sk-123" not in text
    assert "inner.api_key: unknown key, got a value that is not shown" in text
    assert "   3 | flag: 1" in text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("limit", "--set limit: write KEY.PATH=VALUE, for example score.min=0.25"),
        ("limt=3", "--set limt=3: limt: unknown key, got 3. Did you mean 'limit'?"),
        ("inner.low=[1]", "--set inner.low=[1]: inner.low: must be a whole number, got a list of 1"),
        ("name.x=1", "--set name.x=1: name.x: name is not a table"),
        ("paths=[", "--set paths=[: is not YAML"),
    ],
)
def test_a_wrong_override_is_named_as_it_was_given(tmp_path: pathlib.Path, override: str, message: str) -> None:
    assert message in errors_of(tmp_path, "name: a\n", override)


def test_a_file_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: a\nmode: \xe9\n")

    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: No such file"):
        load_settings(str(tmp_path / "none.yaml"), Outer)
    with pytest.raises(SettingsError, match=r"latin\.yaml:2: is not UTF-8"):
        load_settings(str(tmp_path / "latin.yaml"), Outer)
