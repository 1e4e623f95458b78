"""Claims about configurations: those that ship say what was published, and what cannot be used is named."""

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import read_split
from CardioSAMLib.networks.cardiosam_decoder import ABLATION_ROWS
from CardioSAMLib.resources import find_model, resources_dir
from CardioSAMLib.training.augmentation import AugmentationOptions
from CardioSAMLib.training.composite_loss import LossOptions
from CardioSAMLib.training.configuration import (
    PromptedConfiguration,
    configuration_names,
    configuration_path,
    read_configuration,
)
from CardioSAMLib.training.networks import KINDS

SMALLEST = 'name = "mine"\nsplit = "s.json"\n[network]\nkind = "unet25d"\nwidths = [4, 8]\n'
PROMPTED = 'name = "mine"\nencoder = "cardiosam-unet25d"\nsplit = "s.json"\n'
CINES = (
    'name = "mine"\nsplit = "s.json"\nbegins_with = "other"\n[loss]\n[cines]\n'
    '[network]\nkind = "cardiosam-temporal"\nencoder = "cardiosam-unet25d"\n'
)
DECODER = 'name = "mine"\nsplit = "s.json"\n[network]\nkind = "cardiosam"\nencoder = "cardiosam-unet25d"\n'


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "mine.toml").write_text(text)
        return read_configuration(tmp_path / "mine.toml")

    return reading


def shipped(name):
    return read_configuration(configuration_path(name))


@pytest.mark.parametrize("name", configuration_names())
def test_every_configuration_that_ships_can_be_read_and_has_its_data(name):
    configuration = shipped(name)
    assert configuration.name == name
    assert configuration.card or name == "search", "of the model that comes of it"
    if configuration.split:
        split = read_split(resources_dir() / "splits" / configuration.split)
        # All frames are there of ten patients only.
        assert (len(split.train), len(split.validation)) == ((7, 3) if name == "jain-temporal" else (80, 20))
    encoder = (
        configuration.encoder if isinstance(configuration, PromptedConfiguration) else configuration.network.encoder
    )
    assert not encoder or find_model(encoder)


def test_there_is_a_configuration_of_every_kind_of_network():
    used = {shipped(name).network.kind for name in configuration_names() if name != "cardiosam-prompt"}
    assert used == KINDS.keys()


LOSS_ROWS = {
    "L1": LossOptions(pixel=0.0, boundary=0.0, structural=0.0),
    "L2": LossOptions(dice=0.0, pixel=0.0, structural=0.0),
    "L3": LossOptions(dice=0.0, pixel_term="cross-entropy", boundary=0.0, structural=0.0),
    "L4": LossOptions(pixel_term="cross-entropy", boundary=0.0, structural=0.0),
    "L5": LossOptions(pixel=0.0, structural=0.0),
    "L6": LossOptions(),
}
"""The paper's table of losses: Dice, boundary, cross-entropy, Dice + cross-entropy, Dice + boundary, all."""


@pytest.mark.parametrize("row", ABLATION_ROWS)
def test_the_rows_of_the_ablation_are_the_papers(row):
    """Jain 2026: R0 to R3 with Dice and cross-entropy, R4 with the whole loss."""
    configuration = shipped(f"jain-{row.lower()}")
    assert configuration.network.options == ABLATION_ROWS[row]
    assert configuration.loss == LOSS_ROWS["L6" if row == "R4" else "L4"]


@pytest.mark.parametrize("row", ["L1", "L2", "L3", "L5"])
def test_the_rows_of_the_losses_are_the_papers(row):
    configuration = shipped(f"jain-{row.lower()}")
    assert configuration.loss == LOSS_ROWS[row]
    assert configuration.network.options == ABLATION_ROWS["R4"]


def test_the_papers_training_is_that_of_methods():
    """Jain 2026: AdamW 1e-4 to 1e-6 with 5 % warm-up, 30 passes through 1,540 slices in batches of 16."""
    configuration = shipped("jain-r4")
    optimizer = configuration.optimizer
    assert (optimizer.kind, optimizer.schedule) == ("adamw", "cosine")
    assert (optimizer.learning_rate, optimizer.last_rate, optimizer.weight_decay) == (1e-4, 1e-6, 1e-4)
    assert (optimizer.gradient_clip, optimizer.ema_decay, configuration.batch, configuration.views) == (1.0, 0.0, 16, 8)
    assert configuration.steps == pytest.approx(30 * 1540 / 16, abs=1)
    assert optimizer.warm_up_steps == pytest.approx(0.05 * configuration.steps, abs=1)
    views = configuration.augmentation
    assert (views.rotation_degrees, views.scale, views.quarter_turns) == (15.0, 0.1, False)
    assert (views.elastic_share, views.elastic_px, views.elastic_spacing_px) == (0.5, 4.0, 32)


def test_the_default_recipe_bends_nothing():
    assert shipped("cardiosam-unet25d").augmentation == AugmentationOptions()
    assert AugmentationOptions().elastic_share == 0.0


def test_the_smallest_file_has_a_name_its_patients_and_a_network(read):
    configuration = read(SMALLEST)
    assert (configuration.name, configuration.split, configuration.network.kind) == ("mine", "s.json", "unet25d")
    assert configuration.network.options.widths == (4, 8)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("learning_rat = 1\n" + SMALLEST, r"unknown keys \['learning_rat'\].*known keys are augmentation, batch"),
        ('name = "mine"\nsplit = "s.json"\n', r"lacks \['network'\]"),
        (SMALLEST.replace("widths", "width"), r"unknown keys \['width'\] or lacks \['widths'\]"),
        (SMALLEST.replace("unet25d", "unet"), "no network 'unet'; choose one of: unet25d"),
        (SMALLEST.replace('kind = "unet25d"', ""), "must be a table with a kind"),
        (SMALLEST + "[optimizer]\nrate = 1.0\n", r"\[optimizer\] of mine.toml has unknown keys \['rate'\]"),
        (SMALLEST + '[optimizer]\nkind = "adam"\n', "no usable kind; choose one of: adamw, sgd"),
        (SMALLEST + "[loss]\ndise = 1.0\n", r"\[loss\] of mine.toml has unknown keys \['dise'\]"),
        (SMALLEST + "[augmentation]\nturn = 1.0\n", r"\[augmentation\] of mine.toml has unknown keys"),
        ('augmentation = "mild"\n' + SMALLEST, "augmentation 'mild'; choose one of: jain"),
        ('steps = "many"\n' + SMALLEST, "has 'many' as steps; give a whole number"),
        ("steps = true\n" + SMALLEST, "has True as steps; give a whole number"),
        ("steps = 0\n" + SMALLEST, "needs 1 or more as batch, steps"),
        ("size_px = 100\n" + SMALLEST, "multiple of 16"),
        ('keep = "first"\n' + SMALLEST, "choose last or best"),
        ("views = 8\n" + SMALLEST, "only a frozen encoder needs"),
        (SMALLEST + "[phantom]\n", "either a split or phantom hearts"),
        (SMALLEST.replace('split = "s.json"\n', ""), "either a split or phantom hearts"),
        (SMALLEST.replace("[4, 8]", "16"), "has 16 as widths; give whole numbers in brackets"),
        (SMALLEST.replace("[4, 8]", "[]"), r"has \[\] as widths; give whole numbers in brackets"),
        (SMALLEST.replace("[4, 8]", "[4, 0]"), "needs widths of 1 or more"),
        (SMALLEST + "[optimizer]\nlearning_rate = 0\n", "needs a learning_rate above 0"),
        (SMALLEST + "[optimizer]\nema_decay = 1.0\n", "an ema_decay from 0 to below 1"),
        ('fold = "x"\n' + SMALLEST, "has 'x' as fold; give a whole number"),
        ("seed = -1\n" + SMALLEST, "needs a seed from 0"),
        ("seed = 5000000000\n" + SMALLEST, "needs a seed from 0"),
        ("grid_mm = 0.0\n" + SMALLEST, "needs a grid_mm above 0"),
        (SMALLEST.replace('name = "mine"', 'name = "mi/ne"'), "a name that no model can have"),
        (SMALLEST.replace("unet25d", "stack-unet"), r"needs a table \[stacks\]"),
        (SMALLEST + "[cines]\n", r"a table \[cines\], which only networks that see cines need"),
        (CINES.replace("[cines]\n", ""), r"needs a table \[cines\], as cardiosam-temporal sees cines"),
        (CINES.replace("[cines]\n", "[cines]\ncycles = 0\n"), "1 or more cycles"),
        (CINES.replace("[loss]\n", "") + "boundary = false\n", r"needs a table \[loss\]"),
        (CINES.replace('begins_with = "other"\n', ""), "needs begins_with and an encoder"),
        (CINES.replace('encoder = "cardiosam-unet25d"\n', ""), "needs begins_with and an encoder"),
        (CINES.replace('split = "s.json"\n', "") + "[phantom]\n", "cines, of which none are made up"),
        (PROMPTED.replace('name = "mine"', 'name = "My/Model"'), "a name that no model can have"),
        ("steps = 0\n" + PROMPTED, "needs 1 or more as slices, structures and steps"),
        ("finishing_steps = -1\n" + PROMPTED, "needs 0 or more as warm_up_steps"),
        ("size_px = 100\n" + PROMPTED, "multiple of 16"),
        ("views = -1\n" + SMALLEST, "fewer than 0 views"),
        ("grid_mm = nan\n" + SMALLEST, "has nan as grid_mm; give a number"),
        (SMALLEST + "[optimizer]\nlearning_rate = inf\n", "has inf as learning_rate; give a number"),
        (SMALLEST + "[optimizer]\nweight_decay = -1.0\n", "no other value below 0"),
        (SMALLEST + "[augmentation]\nelastic_spacing_px = 0\n", "lie a pixel or more apart"),
        (SMALLEST + "[stacks]\nstacks = 0\n", "one stack or more"),
        ("size_px = 64\n" + SMALLEST.replace("[4, 8]", "[4, 4, 4, 4, 4, 4]"), "give 5 widths or fewer"),
        (SMALLEST + 'encoder = "cardiosam-unet25d"\n', "and a unet25d sees through no encoder"),
        (SMALLEST + 'normalization = "medsam"\n', "and a unet25d sees through no encoder"),
        (DECODER, r"add a table \[loss\], or give boundary = false"),
        (SMALLEST + "[card]\nversion = 2\n", "a table of texts, with no other keys than title, version"),
        (SMALLEST + '[card]\nlicence = "CC0"\n', "a table of texts, with no other keys than title, version"),
        (SMALLEST + "[augmentation]\nlog_scale = -0.1\n", "views have -0.1 as log_scale; give a value of 0 or more"),
        (SMALLEST + "[augmentation]\nrician_share = 5\n", "views have 5 as rician_share; give a value from 0 to 1"),
        (SMALLEST + "[stacks]\nslice_shift_mm = -1\n", "stacks have -1 as slice_shift_mm"),
        (SMALLEST + "[stacks]\ncoarsest = 0.5\n", "1 or more as coarsest"),
        (PROMPTED + "[prompts]\nmost_positives = 0\n", "1 or more as most_positives"),
        (PROMPTED + "[prompts]\nmost_positives = 6\nmost_negatives = 4\n", "9 or fewer together"),
        ('name = "mine"\nsplit = "s.json"\n[network]\nkind = "sam-lora"\nalpha = 0\n', "an alpha above 0"),
        (SMALLEST.replace('split = "s.json"\n', "") + "[phantom]\nvalidation = 0\n", "give one or more of each"),
        (SMALLEST.replace('"unet25d"', '"sam-lora"').replace("widths = [4, 8]", "rank = 0"), "rank of 1 or more"),
        (SMALLEST.replace('"unet25d"', '"sam-prompt-tuning"').replace("widths = [4, 8]", "tokens = 0"), "one token"),
        (SMALLEST.replace('"unet25d"', '"cardiosam"').replace("[4, 8]", "[64]"), "The decoder needs"),
        ("name = \n", r"mine.toml is no TOML file .*line 1"),
    ],
)
def test_what_cannot_be_used_is_named(read, text, says):
    with pytest.raises(UnusableInput, match=says):
        read(text)


def test_a_configuration_that_does_not_exist_is_told_with_those_that_do(tmp_path):
    with pytest.raises(UnusableInput, match=r"no configuration mine; choose one of cardiosam-prompt, .*phantom"):
        configuration_path("mine")
    with pytest.raises(UnusableInput, match=r"no configuration .*mine.toml"):
        configuration_path(str(tmp_path / "mine.toml"))


def test_what_is_only_told_to_readers_does_not_make_another_run(read):
    same = read(SMALLEST).what_decides_the_weights()
    assert read(SMALLEST + '[card]\ntitle = "x"\n').what_decides_the_weights() == same
    assert read("seed = 1\n" + SMALLEST).what_decides_the_weights() != same
