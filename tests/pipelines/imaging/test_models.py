import json
import pathlib

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.imaging.clip import ClipModel
from pipelines.imaging.models import ModelLoadError, load_open_clip, model_files, model_name
from pipelines.recaption.coca import CaptionSettings, CocaCaptioner
from tests.pipelines.toy_models import write_toy_clip, write_toy_coca

PICTURES = [Image.new("RGB", (60, 40), colour) for colour in ((200, 30, 20), (20, 30, 200), (9, 9, 9))]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_toy_clip(tmp_path_factory.mktemp("models") / "toy-clip")


def test_the_size_of_the_last_batch_does_not_show(clip: str) -> None:
    model = ClipModel(*load_open_clip(clip, None), batch_size=2)
    pixels = [model.prepare(picture) for picture in PICTURES]

    together, apart = model.embed_images(pixels), [model.embed_images([one])[0] for one in pixels]

    np.testing.assert_array_equal(together, np.stack(apart))
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)


def test_bfloat16_as_on_a_gpu_gives_nearly_the_same_vectors(clip: str) -> None:
    exact = ClipModel(*load_open_clip(clip, None, "fp32"), batch_size=4)
    fast = ClipModel(*load_open_clip(clip, None, "pure_bf16"), batch_size=4)
    pixels = [exact.prepare(picture) for picture in PICTURES]

    cosines = np.sum(exact.embed_images(pixels) * fast.embed_images(pixels), axis=1)
    texts = ["a red one", "blue", ""]
    text_cosines = np.sum(exact.embed_texts(texts) * fast.embed_texts(texts), axis=1)

    assert cosines.min() > 0.999
    assert text_cosines.min() > 0.999


def test_coca_captions_in_bfloat16_too(tmp_path: pathlib.Path) -> None:
    model, preprocess, tokenizer = load_open_clip(write_toy_coca(tmp_path / "toy-coca"), None, "pure_bf16")
    marks = CaptionSettings(max_tokens=8, start_token=tokenizer.sot_token_id, end_token=tokenizer.eot_token_id)
    pixels_BCHW = torch.stack([preprocess(picture) for picture in PICTURES]).bfloat16()

    tokens_BL = CocaCaptioner(model, tokenizer, marks).tokens(pixels_BCHW)

    assert tokens_BL.shape[0] == 3
    assert (tokens_BL[:, 0] == tokenizer.sot_token_id).all()


def test_a_model_that_is_not_there_says_what_to_do(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ModelLoadError, match=r"model 'no-such-model' with pretrained 'x' cannot be loaded.*local-dir"):
        load_open_clip("no-such-model", "x")
    with pytest.raises(ModelLoadError, match="cannot be loaded"):
        load_open_clip(f"local-dir:{tmp_path / 'nowhere'}", None)


def test_a_folder_without_weights_is_no_model(clip: str, tmp_path: pathlib.Path) -> None:
    config = pathlib.Path(clip.removeprefix("local-dir:")) / "open_clip_config.json"
    (tmp_path / config.name).write_text(json.dumps(json.loads(config.read_text())))

    with pytest.raises(ModelLoadError, match="cannot be loaded"):
        load_open_clip(f"local-dir:{tmp_path}", None)


def test_the_files_of_a_model_are_named_for_the_fingerprint(clip: str, tmp_path: pathlib.Path) -> None:
    folder = clip.removeprefix("local-dir:")
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"x")

    assert [path.rsplit("/", 1)[-1] for path in model_files(clip, None)] == [
        "bpe_merges.txt.gz",
        "open_clip_config.json",
        "open_clip_model.safetensors",
    ]
    assert model_files("ViT-B-32", str(weights)) == [str(weights)]
    assert model_files("ViT-B-32", "laion2b_s34b_b79k") == []
    assert model_name(f"local-dir:{folder}/", None) == "toy-clip"
    assert model_name("ViT-B-32", str(weights)) == "ViT-B-32/weights.safetensors"
