"""A recipe file becomes a checked recipe with absolute paths."""

import os
import pathlib

import pytest

from pipelines.preflight import missing_inputs, preflight
from pipelines.recipe import load_recipe
from schemas.recipe import JOB_NAMES, FolderSource
from settings.problems import SettingsError

RECIPE = """\
version: 1
run: out/run
input:
  pages: [crawl/*.warc.gz, gs://bucket/a.warc.gz]
  pairs: [/data/pairs/*.tar]
fetch: {source: {folder: images}}
score: {model: local-dir:models/clip, pretrained: weights.safetensors}
recaption: {captioner: mm1, model: checkpoint}
mixture: {tokenizer: tokenizer.json}
dedup: {decontaminate: [eval.txt]}
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def test_relative_paths_of_the_file_are_relative_to_the_file(folder: pathlib.Path) -> None:
    recipe = load_recipe(str(folder / "r.yaml")).recipe

    assert recipe.run == f"{folder}/out/run"
    assert recipe.input.pages == (f"{folder}/crawl/*.warc.gz", "gs://bucket/a.warc.gz")
    assert recipe.input.pairs == ("/data/pairs/*.tar",)
    assert recipe.fetch.source == FolderSource(folder=f"{folder}/images")
    assert recipe.score.model == f"local-dir:{folder}/models/clip"
    assert recipe.score.pretrained == f"{folder}/weights.safetensors"
    assert recipe.recaption.model == f"{folder}/checkpoint"
    assert recipe.mixture.tokenizer == f"{folder}/tokenizer.json"
    assert recipe.dedup.decontaminate == (f"{folder}/eval.txt",)


def test_relative_paths_of_the_command_line_are_relative_to_the_working_folder(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)

    loaded = load_recipe(str(folder / "r.yaml"), ["input.pages=[a.warc]"], {"--out runs/b": (("run",), "runs/b")})

    assert loaded.recipe.run == f"{elsewhere}/runs/b"
    assert loaded.recipe.input.pages == (f"{elsewhere}/a.warc",)
    assert loaded.origin("run") == "--out runs/b"
    assert loaded.origin("input", "pages") == "--set input.pages=[a.warc]"
    assert loaded.origin("seed") == "default"
    assert loaded.origin("recaption", "captioner") == f"{folder}/r.yaml:8:13"


def test_names_of_open_clip_are_no_paths(folder: pathlib.Path) -> None:
    recipe = load_recipe(str(folder / "r.yaml"), ["score.model=ViT-B-32", "score.pretrained=laion2b_s34b_b79k"]).recipe

    assert (recipe.score.model, recipe.score.pretrained) == ("ViT-B-32", "laion2b_s34b_b79k")


def test_every_impossible_value_of_a_recipe_is_reported(folder: pathlib.Path) -> None:
    overrides = [
        "images.min_side=0",
        "images.max_aspect=0.5",
        "mixture.weights={interleaved: 0.5, caption: 0.5, text: 0.5}",
        "mixture.sequence_length=100",
        "dedup.images.hamming_radius=40",
        "limits.max_rejected={fetsh: 0.5, mix: 2}",
        "fetch.ports=[0]",
        "input.limit=0",
    ]

    with pytest.raises(SettingsError) as caught:
        load_recipe(str(folder / "r.yaml"), overrides)

    assert sorted(f"{'.'.join(map(str, p.path))}: {p.message}" for p in caught.value.problems) == [
        "dedup.images.hamming_radius: must be between 0 and 31, got 40",
        "fetch.ports: must be in 1 to 65535, got [0]",
        "images.max_aspect: must be at least 1, got 0.5",
        "images.min_side: must be positive, got 0",
        "input.limit: must be positive, got 0",
        f"limits.max_rejected.fetsh: there is no such job; jobs are {', '.join(JOB_NAMES)}",
        "limits.max_rejected.mix: must be in [0, 1], got 2.0",
        "mixture.sequence_length: 100 does not hold one image of 144 tokens and the sample's begin and end",
        "mixture.weights: the weights must add up to 1, got 1.5 (interleaved 0.5, caption 0.5, text 0.5)",
    ]


def test_web_needs_a_user_agent(folder: pathlib.Path) -> None:
    with pytest.raises(SettingsError, match=r"fetch\.user_agent: say who asks, for example"):
        load_recipe(str(folder / "r.yaml"), ["fetch.source=web"])


def write_world(folder: pathlib.Path) -> None:
    """Makes everything that ``RECIPE`` names."""
    for name in ("crawl/a.warc.gz", "eval.txt", "weights.safetensors", "models/clip/open_clip_config.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "images").mkdir()


def problems(folder: pathlib.Path, *overrides: str) -> list[str]:
    loaded = load_recipe(str(folder / "r.yaml"), ["input.pages=[crawl/*.warc.gz]", "input.pairs=[]", *overrides])
    found = [*missing_inputs(loaded), *preflight(loaded)]
    return [p.message.replace(str(folder), "DIR") for p in found]


def test_a_recipe_whose_world_is_there_has_no_problem(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    write_world(folder)

    assert problems(folder) == []


NEAREST = "the nearest folder that exists is"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "input.pages=[crawl/b.warc.gz]",
            f"DIR/crawl/b.warc.gz matches no file; {NEAREST} DIR/crawl (1 entry). Did you mean 'DIR/crawl/a.warc.gz'?",
        ),
        (
            "input.text=[crwl/*.txt]",
            f"DIR/crwl/*.txt matches no file; {NEAREST} DIR (7 entries). Did you mean 'DIR/crawl'?",
        ),
        ("fetch.source={folder: eval.txt}", "DIR/eval.txt is not a folder; DIR/eval.txt is a file"),
        ("score.model=local-dir:crawl", "DIR/crawl has no open_clip_config.json"),
        ("score.pretrained=crawl/w.pt", f"DIR/crawl/w.pt is not a file; {NEAREST} DIR/crawl (1 entry)"),
        ("mixture.tokenizer=eval.txt", "DIR/eval.txt is not JSON; give a tokenizer.json of Hugging Face tokenizers"),
        ("dedup.decontaminate=[zzz]", f"DIR/zzz does not exist; {NEAREST} DIR (7 entries)"),
        ("run=eval.txt/run", "DIR/eval.txt/run cannot be a folder: DIR/eval.txt is a file"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, override: str, message: str
) -> None:
    monkeypatch.chdir(folder)
    write_world(folder)

    assert message in problems(folder, override)


def test_one_missing_input_of_several_does_not_keep_a_run_from_starting(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    write_world(folder)
    loaded = load_recipe(str(folder / "r.yaml"), ["input.pages=[crawl/*.warc.gz, gone.warc]", "input.pairs=[]"])

    assert len(missing_inputs(loaded)) == 1
    assert preflight(loaded) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_run_folder_without_permission_is_an_outside_problem(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    write_world(folder)
    (folder / "closed").mkdir(mode=0o500)
    loaded = load_recipe(str(folder / "r.yaml"), ["input.pages=[crawl/*.warc.gz]", "run=closed/run"])

    assert [p.outside for p in preflight(loaded)] == [True]
