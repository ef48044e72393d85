import subprocess
import sys
from pathlib import Path

import pytest

from mm1_model.train import files


def test_two_trainers_do_not_write_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mm1_model.train import files\n"
        "with files.only_trainer(Path(sys.argv[1])): pass"
    )
    with files.only_trainer(tmp_path):
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    assert other.returncode == 1
    assert f"{tmp_path} is being written by another trainer (process " in other.stderr


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with files.only_trainer(tmp_path):
            pass


def test_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})
    files.write_json(path, {"b": [1.5, None]})

    assert files.read_json(path) == {"b": [1.5, None]}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_broken_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{", encoding="utf-8")

    with pytest.raises(ValueError, match=r"a\.json is not JSON"):
        files.read_json(path)


def test_the_digest_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")

    # FIPS 180-2, appendix B.1.
    assert files.sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
