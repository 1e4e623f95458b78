import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io.toml_files import read_toml
from CardioSAMLib.networks.cardiosam_decoder import DecoderOptions
from CardioSAMLib.resources import resources_dir
from CardioSAMLib.training.composite_loss import LossOptions
from CardioSAMLib.training.configuration import NetworkChoice, TrainingConfiguration, read_configuration
from CardioSAMLib.training.processes import OneProcess
from CardioSAMLib.training.schedule import OptimizerOptions
from CardioSAMLib.training.short_training import SPACE, ShortTraining, as_toml, values_of, with_values

MIDDLE = SPACE.values_at([0.5] * len(SPACE))
FAST = {**MIDDLE, "optimizer.learning_rate": 3e-3}
INTERVAL_MM = 10.0


class Patches(nn.Module):
    """What lies in each 16 by 16 pixels, mixed by fixed random weights."""

    channels = (64,)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.mix = nn.Conv2d(3, 64, 16, stride=16)

    def forward(self, images):
        return (self.mix(images),)


PLAIN = NetworkChoice("cardiosam", DecoderOptions(csam=False, boundary=False, widths=(32, 16, 8, 8)))


def short_training(volumes, **changes):
    configuration = TrainingConfiguration(
        "narrow",
        NetworkChoice("cardiosam", DecoderOptions(csam=False, widths=(32, 16, 8, 8))),
        split="any.json",
        size_px=48,
        batch=4,
        steps=4,
        views=1,
        loss=LossOptions(),
        optimizer=OptimizerOptions(warm_up_steps=0, ema_decay=0.0),
    )
    encoder = Patches().requires_grad_(False)
    validation = volumes[2:]
    return ShortTraining(
        replace(configuration, **changes), encoder, encoder, volumes[:2], validation, [INTERVAL_MM], OneProcess()
    )


def test_the_objective_is_dice_less_a_hundredth_of_the_hd95(volumes):
    outcome = short_training(volumes)(MIDDLE)
    assert outcome.objective == pytest.approx(outcome.details["dice"] - 0.01 * outcome.details["hd95_mm"])


def test_structures_that_are_not_found_have_no_dice_and_lie_the_diagonal_of_the_crop_away(volumes):
    """4 slices 10 mm apart of 48 pixels of 1.4 mm: sqrt(40**2 + 67.2**2 + 67.2**2) = 103.1 mm."""
    objective = short_training(volumes)
    for reference in objective._references:  # a network that draws nothing
        scores = objective._scores(Nothing(), reference)
        assert scores == (0.0, pytest.approx(103.1, abs=0.1))


class Nothing(nn.Module):
    def decoder(self, features, size):
        logits = torch.zeros(len(features[0]), 4, *size)
        logits[:, 0] = 1.0
        return logits


def test_what_is_drawn_as_the_expert_did_has_a_dice_of_1_and_no_distance(volumes):
    objective = short_training(volumes)
    reference = objective._references[0]

    class Expert(nn.Module):
        def decoder(self, *_):
            return nn.functional.one_hot(torch.from_numpy(reference.labels), 4).permute(0, 3, 1, 2)

    assert objective._scores(Expert(), reference) == (1.0, 0.0)


def test_a_longer_training_has_a_higher_objective(volumes):
    assert short_training(volumes, steps=30)(FAST).objective > short_training(volumes, steps=1)(FAST).objective + 0.1


def test_the_same_values_have_the_same_objective_whatever_was_measured_between(volumes):
    objective = short_training(volumes)
    first, _, again = objective(MIDDLE), objective(FAST), objective(MIDDLE)
    assert first == again


def test_a_training_that_comes_to_no_end_has_no_objective(volumes):
    assert math.isnan(short_training(volumes)({**MIDDLE, "optimizer.learning_rate": 1e30}).objective)


@pytest.mark.parametrize("changes", [{"views": 0}, {"loss": None, "network": PLAIN}])
def test_a_configuration_without_kept_features_or_a_composite_loss_is_refused(volumes, changes):
    with pytest.raises(UnusableInput, match="cannot be searched"):
        short_training(volumes, **changes)


def test_the_space_has_the_ranges_of_the_published_search():
    weight = (0.0, 2.0, "linear")
    assert {parameter.name: (parameter.low, parameter.high, parameter.scale) for parameter in SPACE.parameters} == {
        "loss.pixel": weight,
        "loss.boundary": weight,
        "loss.structural": weight,
        "loss.gamma": (0.0, 4.0, "linear"),
        "loss.theta_per_px": (0.05, 1.0, "linear"),
        "optimizer.learning_rate": (1e-5, 1e-3, "log"),
        "optimizer.weight_decay": (1e-6, 1e-2, "log"),
    }


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_both_ends_of_the_space_are_values_that_a_configuration_takes(share):
    values = SPACE.values_at([share] * len(SPACE))
    configuration = read_configuration(resources_dir() / "Configs" / "search.toml")
    assert values_of(with_values(configuration, values)) == values


def test_nothing_but_the_named_values_changes():
    configuration = read_configuration(resources_dir() / "Configs" / "search.toml")
    changed = with_values(configuration, {"loss.boundary": 1.7})
    assert replace(changed, loss=replace(changed.loss, boundary=configuration.loss.boundary)) == configuration


def test_values_written_as_toml_are_read_back(tmp_path):
    file = tmp_path / "values.toml"
    file.write_text(as_toml(MIDDLE), encoding="utf-8")
    read = {f"{table}.{key}": value for table, keys in read_toml(file).items() for key, value in keys.items()}
    assert read == pytest.approx(MIDDLE, rel=1e-3)


def test_the_search_that_ships_validates_on_fold_0_of_the_five():
    """So the patients that choose the encoder's weights are those of its training."""
    configuration = read_configuration(resources_dir() / "Configs" / "search.toml")
    splits = resources_dir() / "splits"
    split = json.loads((splits / configuration.split).read_text(encoding="utf-8"))
    assert split["validation"] == json.loads((splits / "acdc_cv5.json").read_text(encoding="utf-8"))["folds"][0]


def test_the_search_that_ships_starts_from_the_values_of_the_published_network():
    search, published = (
        read_configuration(resources_dir() / "Configs" / name) for name in ("search.toml", "jain-r4.toml")
    )
    assert values_of(search) == values_of(published)
    assert search.loss == published.loss
