"""Claims about recipes of fine-tuning: those that ship say what was published, and others are checked."""

import json

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.recipe import read_recipe, recipe_names


@pytest.fixture
def write(tmp_path):
    def written(**values):
        content = {
            "name": "r", "source": "", "trains": "decoder", "optimizer": "adam", "learning_rate": 1e-3, "epochs": 1,
            "batch": 1, "ask": {"box": True},
        }  # fmt: skip
        (tmp_path / "r.json").write_text(json.dumps({**content, **values}))
        return str(tmp_path / "r.json")

    return written


def test_every_recipe_that_ships_can_be_read_and_is_called_like_its_file():
    assert recipe_names() == ("chao", "decoder", "decoder-no-box", "medsam")
    assert [read_recipe(name).name for name in recipe_names()] == list(recipe_names())


def test_the_decoder_recipe_is_that_of_the_thesis():
    """Stein 2023 (docs/finetuning.md)."""
    recipe = read_recipe("decoder")
    assert (recipe.trains, recipe.optimizer, recipe.learning_rate, recipe.batch) == ("decoder", "adam", 1e-4, 1)
    assert (recipe.schedule, recipe.patience, recipe.factor) == ("plateau", 5, 0.1)
    assert (recipe.epochs, recipe.validate_every) == (100, 5)
    assert (recipe.ask.positives, recipe.ask.negatives, recipe.ask.box_margin_px) == (2, 1, 5)
    assert (recipe.views.rotation_degrees, recipe.views.mirror) == (180, True)
    assert recipe.ask.box
    assert not read_recipe("decoder-no-box").ask.box


def test_the_recipes_of_encoder_and_decoder_are_those_published():
    """Chao 2023 and MedSAM's defaults (docs/finetuning.md)."""
    chao, medsam = read_recipe("chao"), read_recipe("medsam")
    assert chao.trains_encoder
    assert medsam.trains_encoder
    assert (chao.optimizer, chao.learning_rate, chao.last_learning_rate) == ("adam", 2e-5, 3e-6)
    assert (chao.schedule, chao.epochs, chao.batch, chao.weight_decay) == ("cosine", 27, 8, 0.0)
    assert (chao.views.per_slice, chao.ask.jitter) == (0, "")
    assert (medsam.optimizer, medsam.learning_rate, medsam.weight_decay) == ("adamw", 1e-4, 0.01)
    assert medsam.ask.jitter == "out_U(0,20)px@1024"


def test_what_is_only_told_to_readers_does_not_make_another_run(write):
    one = read_recipe(write()).what_decides_the_weights()
    assert read_recipe(write(name="other", source="text")).what_decides_the_weights() == one
    assert read_recipe(write(seed=1)).what_decides_the_weights() != one


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"epoch": 3}, r"unknown keys \['epoch'\].*known keys are ask, batch"),
        ({"views": {"turn": 3}}, r"unknown keys \['turn'\]"),
        ({"trains": "all"}, r"no usable trains; choose one of: decoder, encoder\+decoder"),
        ({"optimizer": "sgd"}, "choose one of: adam, adamw"),
        ({"factor": 1.5}, "a factor between 0 and 1"),
        ({"schedule": "step"}, "choose one of: plateau, cosine, constant"),
        ({"epochs": 0}, "1 or more as epochs"),
        ({"ask": {}}, "prompts with nothing"),
        ({"ask": {"box": True, "negatives": 2}}, "negatives without positives"),
        ({"learning_rate": -1e-3}, "below 0"),
        ({"seed": -1}, "below 0"),
        ({"epochs": "many"}, "has 'many' as epochs; give a whole number"),
        ({"views": 3}, "views of the recipe r.json must be a table"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_why(write, values, says):
    with pytest.raises(UnusableInput, match=says):
        read_recipe(write(**values))


def test_files_that_are_no_recipe_are_refused(tmp_path):
    with pytest.raises(UnusableInput, match="no recipe 'absent'"):
        read_recipe("absent")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UnusableInput, match=r"The recipe list.json must be a table"):
        read_recipe(str(tmp_path / "list.json"))
    (tmp_path / "list.json").write_text("{")
    with pytest.raises(UnusableInput, match="cannot be read as a recipe"):
        read_recipe(str(tmp_path / "list.json"))
