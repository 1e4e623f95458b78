"""Claims about the user's own catalogue of models."""

import json
import logging
import sys
from pathlib import Path

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation_run.patients import split_of_model
from CardioSAMLib.model_store import add_models, check_name, remove_model
from CardioSAMLib.resources import find_model, load_catalogue, models_in, sha256_of, user_models_dir

ENTRY = {
    "kind": "promptable", "title": "Own", "version": "1", "license": "own", "training_data": "own", "accuracy": {},
    "architecture": "vit_b", "input_shape_px": [224, 224], "spacing_mm": 0.8, "preprocessing": "sam-slice-v1",
}  # fmt: skip
SHIPPED = ["cardiosam-unet25d-3", "cardiosam-unet25d", "cardiosam-small", "cardiosam-prompt"]


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("CARDIOSAM_MODELS", str(tmp_path / "own"))
    return tmp_path / "own"


def test_a_folder_of_own_models_that_cannot_be_read_costs_a_warning_only(own, monkeypatch, caplog):
    def refused(*_given):
        raise PermissionError(13, "Permission denied", str(own))

    monkeypatch.setattr(Path, "glob", refused)
    with caplog.at_level(logging.WARNING):
        assert [card.id for card in load_catalogue()] == SHIPPED
    assert "Your own models are left out" in caplog.text


@pytest.fixture
def made(tmp_path):
    """Writes a folder with a model, as fine-tuning does, and returns it."""

    def write(model_id="mine", content=b"weights", **changes):
        folder = tmp_path / "made"
        folder.mkdir(exist_ok=True)
        (folder / f"{model_id}.pth").write_bytes(content)
        file = {"file": f"{model_id}.pth", "sha256": sha256_of(folder / f"{model_id}.pth"), "bytes": len(content)}
        (folder / "models.json").write_text(json.dumps({"models": [{**ENTRY, **file, "id": model_id, **changes}]}))
        return folder

    return write


def ids():
    return [card.id for card in load_catalogue()]


def test_without_models_of_ones_own_the_catalogue_is_what_ships():
    assert ids() == SHIPPED


def test_an_added_model_is_found_by_its_name_with_its_file(made, own):
    (card,) = add_models(made())
    assert ids() == [*SHIPPED, "mine"]
    assert find_model("mine") == card
    assert card.path == own / "mine" / "mine.pth"
    assert card.path.read_bytes() == b"weights"


@pytest.mark.parametrize(
    "changes", [{"bytes": "x"}, {"input_shape_px": "128"}, {"id": 3}, {"accuracy": None}, {"title": None}]
)
def test_an_entry_with_values_of_other_types_is_refused(made, changes):
    with pytest.raises(UnusableInput, match=r"no models.json of this version"):
        add_models(made(**changes))


def test_a_model_of_which_only_the_split_is_known_is_listed_as_not_measured(made):
    from CardioSAMLib.report.table import models_table

    add_models(made(accuracy={"split": "acdc_cv5.json"}, kind="automatic"))
    table = models_table(load_catalogue())
    assert "not measured" in list(table.columns[-1].cells)
    assert split_of_model(find_model("mine")) is None


def test_adding_again_replaces_the_model(made, own):
    add_models(made())
    add_models(made(content=b"other weights"))
    assert find_model("mine").path.read_bytes() == b"other weights"
    assert sorted(path.name for path in own.iterdir()) == ["mine"]
    assert sorted(path.name for path in (own / "mine").iterdir()) == ["mine.pth", "models.json"]


def test_a_removed_model_is_gone_with_its_files(made, own):
    add_models(made())
    remove_model("mine")
    assert ids() == SHIPPED
    assert not list(own.iterdir())
    with pytest.raises(UnusableInput, match="'mine' that could be removed"):
        remove_model("mine")


@pytest.mark.parametrize("model_id", ["..", "", "../made", "."])
def test_what_is_no_name_of_a_model_removes_nothing(made, model_id, own):
    add_models(made())
    with pytest.raises(UnusableInput, match="that could be removed"):
        remove_model(model_id)
    assert (own / "mine").is_dir()


def test_models_that_ship_stay(made):
    with pytest.raises(UnusableInput, match="comes with CardioSAM and stays"):
        remove_model("cardiosam-prompt")
    with pytest.raises(UnusableInput, match="choose another name"):
        add_models(made("cardiosam-prompt"))


@pytest.mark.parametrize("name", ["", "Mine", "a/b", "..", "-a", "a" * 65])
def test_a_name_that_cannot_be_a_folder_everywhere_is_refused(name):
    with pytest.raises(UnusableInput, match="lower-case letters"):
        check_name(name)


def test_a_damaged_file_is_not_added(made, own):
    folder = made()
    (folder / "mine.pth").write_bytes(b"else")
    with pytest.raises(UnusableInput, match=r"mine\.pth of the model mine is missing or damaged"):
        add_models(folder)
    assert not own.exists()


def test_a_file_outside_of_the_folder_is_not_taken(made, tmp_path):
    (tmp_path / "secret").write_bytes(b"weights")
    with pytest.raises(UnusableInput, match="missing or damaged"):
        add_models(made(file="../secret"))


@pytest.mark.parametrize("content", ["", "{}", '{"models": [{"id": "x"}]}', '{"models": 3}'])
def test_a_folder_without_a_usable_list_is_refused_and_does_not_hide_the_other_models(content, own, made, caplog):
    add_models(made())
    (own / "broken").mkdir()
    (own / "broken" / "models.json").write_text(content)
    with pytest.raises(UnusableInput, match=r"no models\.json of this version"):
        models_in(own / "broken")
    with caplog.at_level(logging.WARNING):
        assert ids() == [*SHIPPED, "mine"]
    assert "left out" in caplog.text


def test_the_folder_is_the_systems_for_data_of_applications(monkeypatch, tmp_path):
    monkeypatch.delenv("CARDIOSAM_MODELS")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_models_dir() == tmp_path / "Library" / "Application Support" / "CardioSAM" / "models"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert user_models_dir() == tmp_path / ".local" / "share" / "cardiosam" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert user_models_dir() == tmp_path / "xdg" / "cardiosam" / "models"


def test_without_a_home_folder_the_models_that_ship_are_still_there(monkeypatch, made):
    def no_home():
        raise RuntimeError("no home")

    monkeypatch.delenv("CARDIOSAM_MODELS")
    monkeypatch.setattr(Path, "home", no_home)
    assert ids() == SHIPPED
    with pytest.raises(UnusableInput, match="CARDIOSAM_MODELS"):
        add_models(made())
