"""Folders of models that bring their own code to transformers."""

import pathlib
import sys

import pytest


def use_own_module_cache(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets transformers copy the code of models to a folder of this test, and forget that of other tests.

    It imports all code as parts of one package, ``transformers_modules``, which is looked for where it was first found.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers_modules"]:
        monkeypatch.delitem(sys.modules, name)
    clean = [path for path in sys.path if not pathlib.Path(path, "transformers_modules").is_dir()]
    monkeypatch.setattr(sys, "path", clean)
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(folder))
