"""Commands on a checkpoint: text to prompts with images, experts, folders for other programs, presets."""

import json
import pathlib
from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from beam_runner import main
from mm1_model.config import MoEConfig
from mm1_model.generation import SamplingSettings
from mm1_model.generation.service import TextGenerator, generate
from mm1_model.presets import PRESETS
from mm1_model.weights import load_model, save_model
from tests.mm1_model.examples import debug_model, packed
from tests.remote_code import use_own_module_cache

PROMPT = "<image> w9 w10"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A small model with a word tokenizer: token 17 is ``w17``."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tokenizer = Tokenizer(models.WordLevel({f"w{i}": i for i in range(128)}, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_model(debug_model(), folder)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two image files of different sizes and formats."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / "a.png", folder / "b.jpg"]
    for path, size, seed in zip(paths, ((64, 64), (90, 50)), (0, 1), strict=True):
        generator = torch.Generator().manual_seed(seed)
        pixels = torch.randint(0, 256, (size[1], size[0], 3), dtype=torch.uint8, generator=generator)
        Image.fromarray(pixels.numpy()).save(path)
    return [str(path) for path in paths]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints as JSON."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_generate_writes_what_the_library_does(
    checkpoint: pathlib.Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = answer(
        capsys, "generate", str(checkpoint), "--prompt", PROMPT, "--image", pictures[0], "--max-new-tokens", "5"
    )

    wanted = generate(checkpoint, PROMPT, [pathlib.Path(pictures[0])], settings=SamplingSettings(max_new_tokens=5))
    assert told.pop("schema_version") == 1
    assert told == {"prompt": PROMPT, "images": [pictures[0]], "text": wanted.text, "finish": "length"}
    assert len(wanted.text.split()) == 5


def test_images_stand_anywhere_and_in_order(
    checkpoint: pathlib.Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = ("generate", str(checkpoint), "--prompt", "w7 <image> w8 <image> w9", "--max-new-tokens", "6")

    one, other = (
        answer(capsys, *prompt, "--image", first, "--image", second) for first, second in (pictures, reversed(pictures))
    )

    assert one["text"] != other["text"]


def test_draws_repeat_with_their_seed(checkpoint: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompt = ("generate", str(checkpoint), "--prompt", "w5", "--temperature", "2", "--top-p", "0.9")

    texts = [answer(capsys, *prompt, "--seed", seed)["text"] for seed in ("3", "3", "4")]

    assert texts[0] == texts[1] != texts[2]


def test_a_stop_string_ends_the_text(checkpoint: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompt = ("generate", str(checkpoint), "--prompt", "w5 w6", "--max-new-tokens", "8")
    words = answer(capsys, *prompt)["text"].split()
    stop = next(word for word in words if word not in words[: words.index(word)] and word != words[0])

    told = answer(capsys, *prompt, "--stop", stop)

    assert told["finish"] == "stop"
    assert told["text"].split() == words[: words.index(stop)]


def test_choices_are_weighed_likeliest_first(
    checkpoint: pathlib.Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    choices = ["w20", "w21 w22", "w23"]
    flags = [part for choice in choices for part in ("--choice", choice)]

    told = answer(capsys, "generate", str(checkpoint), "--prompt", PROMPT, "--image", pictures[0], *flags)["choices"]

    generator = TextGenerator.load(checkpoint)
    prompt = generator.prompt(PROMPT, [pathlib.Path(pictures[0]).read_bytes()])
    wanted = {c: s.log_probability for c, s in zip(choices, generator.score(prompt, choices), strict=True)}
    assert {one["choice"]: one["log_probability"] for one in told} == wanted
    assert [one["choice"] for one in told] == sorted(choices, key=lambda choice: -wanted[choice])
    assert {one["choice"]: one["tokens"] for one in told}["w21 w22"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--prompt", "<image> w5"), 2, "the prompt has 1 <image> marks for 0 images"),
        (("--prompt", "w5", "--image", "none.png"), 3, "none.png"),
        (("--prompt", ""), 2, "the prompt is empty"),
        (("--prompt", "w5", "--choice", ""), 2, "continuation 0 is empty"),
        (("--prompt", "w5", "--max-new-tokens", "9999"), 2, "the model was made for 4096"),
    ],
)
def test_what_cannot_be_asked_is_told(
    checkpoint: pathlib.Path,
    arguments: tuple[str, ...],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["generate", str(checkpoint), *arguments]) == code

    assert message in capsys.readouterr().err


def test_a_folder_without_a_model_is_told(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", str(tmp_path), "--prompt", "w5"]) == 3

    assert "holds no model: neither a checkpoint nor a training folder" in capsys.readouterr().err


def test_upcycle_makes_a_sparse_model_with_the_same_logits(
    checkpoint: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sparse"

    assert main(["upcycle", str(checkpoint), "--out", str(out), "--experts", "8", "--every", "2"]) == 0

    assert capsys.readouterr().out == f"wrote {out}: 8 experts in 1 of 2 layers\n"
    dense, sparse = load_model(checkpoint), load_model(out)
    assert sparse.config.moe == MoEConfig(num_experts=8, every=2, top_k=2)
    assert (out / "tokenizer.json").read_bytes() == (checkpoint / "tokenizer.json").read_bytes()
    batch = packed([[0, 0, 0, 0, *range(5, 40)]], dense.config)
    with torch.no_grad():
        # float32: gates of two equal outputs sum to 1 within rounding.
        torch.testing.assert_close(sparse.logits(batch), dense.logits(batch), atol=2e-5, rtol=1e-5)
    assert main(["upcycle", str(out), "--out", str(tmp_path / "x"), "--experts", "4", "--every", "1"]) == 2
    assert "has 8 experts already" in capsys.readouterr().err
    assert main(["upcycle", str(checkpoint), "--out", str(out), "--experts", "4", "--every", "1"]) == 2
    assert "is not empty; give a new folder" in capsys.readouterr().err


@pytest.mark.parametrize("decoder", [False, True])
def test_an_exported_folder_holds_no_pickle_and_gives_the_same_logits(
    checkpoint: pathlib.Path,
    tmp_path: pathlib.Path,
    decoder: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    transformers = pytest.importorskip("transformers")
    use_own_module_cache(tmp_path / "modules", monkeypatch)
    out = tmp_path / "exported"

    assert main(["export-model", str(checkpoint), "--out", str(out), *(["--decoder"] if decoder else [])]) == 0

    assert f"wrote {out}; load it with AutoModelFor" in capsys.readouterr().out
    suffixes = {path.suffix for path in out.iterdir()}
    assert suffixes == ({".json", ".safetensors"} if decoder else {".json", ".safetensors", ".py"})
    loader = transformers.AutoModelForCausalLM if decoder else transformers.AutoModelForImageTextToText
    theirs = loader.from_pretrained(out, trust_remote_code=not decoder).eval()
    ours, tokens = load_model(checkpoint), [5, 6, 7, 8]
    with torch.no_grad():
        got, wanted = theirs(input_ids=torch.tensor([tokens])).logits[0], ours.logits(packed([tokens], ours.config))
    torch.testing.assert_close(got, wanted, atol=2e-5, rtol=1e-5)
    if decoder:
        tokenizer = transformers.AutoTokenizer.from_pretrained(out)
        assert tokenizer("w9 w10")["input_ids"] == [9, 10]


@pytest.mark.parametrize("name", PRESETS)
def test_doctor_describes_every_preset(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    described = answer(capsys, "doctor", "--preset", name)
    assert main(["doctor", "--preset", name]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"preset                {name}"
    assert f"  decoder             {described['parameters']['decoder']:,} without embeddings" in lines
    assert f"  decoder             {described['decoder_flops_per_token']:,.0f} a token" in lines
    assert any(line.startswith("    experts") for line in lines) == name.endswith("MoE")


def test_an_unknown_preset_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--preset", "3B-MOE"]) == 2

    assert "no preset '3B-MOE'. Did you mean '3B-MoE'? There are: debug, 9M" in capsys.readouterr().err
