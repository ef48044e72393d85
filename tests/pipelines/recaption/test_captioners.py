import pytest

from pipelines.recaption.captioners import captioner_name, load_captioner
from schemas.errors import InvalidSettingsError
from schemas.recipe import RecaptionSettings


def test_no_captioner_is_none() -> None:
    assert load_captioner(RecaptionSettings()) is None


def test_a_captioner_that_no_package_offers_is_a_settings_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.recaption.captioners.metadata.entry_points", lambda **_: [])

    with pytest.raises(InvalidSettingsError, match=r"recaption\.captioner: no installed package offers 'mm1'"):
        load_captioner(RecaptionSettings(captioner="mm1", model="checkpoint"))


def test_the_name_of_a_local_model_does_not_name_its_folder() -> None:
    settings = RecaptionSettings(captioner="coca", model="local-dir:/somewhere/toy-coca")

    assert captioner_name(settings) == "coca:toy-coca"


def test_a_captioner_of_another_package_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        name = "mm1:checkpoint"

        def __init__(self, settings: RecaptionSettings) -> None:
            self.settings = settings

    class Entry:
        def load(self) -> type[Installed]:
            return Installed

    asked: list[dict[str, str]] = []

    def entry_points(**query: str) -> list[Entry]:
        asked.append(query)
        return [Entry()]

    monkeypatch.setattr("pipelines.recaption.captioners.metadata.entry_points", entry_points)
    settings = RecaptionSettings(captioner="mm1", model="another-checkpoint")

    captioner = load_captioner(settings)

    assert isinstance(captioner, Installed)
    assert captioner.settings is settings
    assert asked == [{"group": "mm1.captioners", "name": "mm1"}]
