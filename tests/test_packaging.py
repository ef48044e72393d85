"""The image, the lock file and the package name the same versions and the same folders."""

import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()


def locked(name: str) -> str:
    match = re.search(rf"^{re.escape(name)}(?:\[[a-z,]+\])?==(\S+)", LOCK, re.MULTILINE)
    assert match, f"{name} is not locked"
    return match[1]


def test_the_image_has_the_beam_and_python_of_the_lock() -> None:
    assert f"FROM apache/beam_python3.11_sdk:{locked('apache-beam')}\n" in DOCKERFILE


def test_the_image_holds_every_package_that_the_wheel_has() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]

    assert set(re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE)) == set(packages)


def test_image_and_makefile_use_the_same_installer() -> None:
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", MAKEFILE, re.MULTILINE)

    assert f"uv=={version} " in DOCKERFILE


def test_every_dependency_is_locked() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*PROJECT["project"]["dependencies"], *(name for extra in extras for name in extra)]

    assert [
        name for name in wanted if not locked(re.split(r"[\[<>=]", name)[0].lower().replace("_", "-").replace(".", "-"))
    ] == []


def test_the_lock_names_no_registry() -> None:
    assert not re.search(r"https?://", LOCK)
