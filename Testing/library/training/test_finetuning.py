"""Claims about the loop of fine-tuning, on a network of one weight whose best value is known."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.finetuning import Asked, Example, FineTuningRun, fine_tune, mean_dice
from CardioSAMLib.training.losses import dice_and_entropy_loss
from CardioSAMLib.training.recipe import AskOptions, FineTuningRecipe

RECIPE = FineTuningRecipe("r", "", "decoder", "adam", 0.05, epochs=6, batch=2, ask=AskOptions(box=True))


class OneWeight:
    """Draws what is brighter than its weight."""

    precision = "float32"

    def __init__(self, weight=0.0):
        self._trained = nn.ParameterDict({"threshold": nn.Parameter(torch.tensor(weight))})

    @property
    def trained(self):
        return self._trained

    @property
    def threshold(self):
        return float(self._trained["threshold"].detach())

    def embedded(self, image):
        return image

    def answer(self, embedding, prompts):
        logits = 4.0 * (embedding["gray"] - self._trained["threshold"]) + prompts["offset"][:, None, None]
        return logits, torch.zeros(len(logits))


class Ramps:
    """Slices that brighten from 0 to 1; wanted is what is brighter than 0.5."""

    def __init__(self, count=5):
        self.asked = []
        self._count = count

    def __len__(self):
        return self._count

    def at(self, number, epoch):
        self.asked.append((number, epoch))
        gray = torch.linspace(0, 1, 41).expand(1, 9, 41)
        return Example({"gray": gray}, (Asked({"offset": torch.zeros(1)}, (gray > 0.5).float()),))


def test_the_weight_moves_to_what_the_contours_want_and_the_history_tells_it(tmp_path):
    network = OneWeight()
    fine_tune(run := FineTuningRun(RECIPE, network, "start"), Ramps(), Ramps(1), tmp_path)
    assert 0.2 < network.threshold < 0.6
    # Brighter than 0 is 40 of 41 columns, wanted are the 20 above 0.5.
    assert run.history[0] == {"step": 0, "dice": pytest.approx(40 / 60, abs=0.01)}
    assert run.history[-1]["dice"] > run.history[0]["dice"]
    assert run.history[-1]["loss"] < run.history[1]["loss"]
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [
        0, 3, 6, 9, 12, 15, 18,
    ]  # fmt: skip


def test_every_epoch_takes_every_slice_once_in_an_order_of_its_own(tmp_path):
    training = Ramps(7)
    fine_tune(FineTuningRun(RECIPE, OneWeight(), "start"), training, None, tmp_path)
    orders = [[number for number, epoch in training.asked if epoch == wanted] for wanted in range(RECIPE.epochs)]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_a_stopped_run_goes_on_to_the_same_state(tmp_path):
    whole, parts = OneWeight(), OneWeight()
    fine_tune(FineTuningRun(RECIPE, whole, "start"), Ramps(), Ramps(1), tmp_path / "whole")

    def stop(fraction, _message):
        if fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(FineTuningRun(RECIPE, parts, "start"), Ramps(), Ramps(1), tmp_path / "parts", stop, save_every=1)
    parts = OneWeight()
    fine_tune(FineTuningRun(RECIPE, parts, "start"), Ramps(), Ramps(1), tmp_path / "parts")
    assert parts.threshold == whole.threshold
    assert (tmp_path / "parts" / "log.jsonl").read_text() == (tmp_path / "whole" / "log.jsonl").read_text()


@pytest.mark.parametrize("changes", [{"seed": 1}, {"epochs": 7}])
def test_a_run_is_not_continued_with_another_recipe_or_from_other_weights(changes, tmp_path):
    fine_tune(FineTuningRun(RECIPE, OneWeight(), "start"), Ramps(), None, tmp_path)
    for run in (
        FineTuningRun(replace(RECIPE, **changes), OneWeight(), "start"),
        FineTuningRun(RECIPE, OneWeight(), "x"),
    ):
        with pytest.raises(UnusableInput, match="on other images or contours, or from other weights"):
            fine_tune(run, Ramps(), None, tmp_path)


def test_a_gradient_that_is_no_number_ends_the_run_before_weights_are_changed():
    run = FineTuningRun(RECIPE, network := OneWeight(), "start")
    network.trained["threshold"].register_hook(lambda gradient: gradient * torch.inf)
    before = network.threshold
    with pytest.raises(UnusableInput, match="the training has diverged"):
        run.train_step([Ramps().at(0, 0)])
    assert network.threshold == before


def test_the_weights_of_the_best_validation_are_kept_not_the_last():
    run = FineTuningRun(RECIPE, OneWeight(), "start")
    for weight, score in ((0.1, 0.5), (0.2, 0.8), (0.3, 0.7)):
        run.network.trained["threshold"].data.fill_(weight)
        run.losses = [1.0]
        run.end_epoch(score)
    run.keep_best()
    assert run.network.threshold == pytest.approx(0.2)


def test_without_validation_the_last_weights_are_kept(tmp_path):
    network = OneWeight()
    fine_tune(run := FineTuningRun(RECIPE, network, "start"), Ramps(), None, tmp_path)
    assert run.best is None
    assert network.threshold != 0.0
    assert all("dice" not in row for row in run.history)


def test_validation_comes_every_so_many_epochs_and_after_the_last(tmp_path):
    run = FineTuningRun(replace(RECIPE, validate_every=4), OneWeight(), "start")
    fine_tune(run, Ramps(), Ramps(1), tmp_path)
    assert ["dice" in row for row in run.history] == [True, False, False, False, True, False, True]


def test_a_batch_is_the_mean_over_its_slices():
    """One step of plain gradients: two equal slices move the weight as far as one."""
    moved = []
    for count in (1, 2):
        run = FineTuningRun(RECIPE, network := OneWeight(), "start")
        run.optimizer = torch.optim.SGD(network.trained.parameters(), lr=1.0)
        run.train_step([Ramps().at(0, 0)] * count)
        moved.append(network.threshold)
    assert moved[0] == pytest.approx(moved[1], rel=1e-5)
    assert moved[0] != 0.0


def rates(recipe, losses):
    run = FineTuningRun(recipe, OneWeight(), "start")
    taken = []
    for loss in losses:
        taken.append(run.optimizer.param_groups[0]["lr"])
        run.losses = [loss]
        run.end_epoch(None)
    return taken


def test_on_a_plateau_the_rate_falls_to_a_tenth_after_more_than_five_epochs():
    taken = rates(replace(RECIPE, schedule="plateau", learning_rate=1e-4), [1.0] * 9)
    assert taken == pytest.approx([1e-4] * 7 + [1e-5] * 2)


def test_the_cosine_goes_from_the_first_rate_to_the_last():
    recipe = replace(RECIPE, schedule="cosine", learning_rate=2e-5, last_learning_rate=3e-6, epochs=27)
    taken = rates(recipe, [1.0] * 27)
    assert (taken[0], taken[13], taken[26]) == pytest.approx((2e-5, 1.15e-5, 3e-6))  # the middle is half way


def test_the_constant_rate_stays():
    assert rates(RECIPE, [1.0] * 4) == pytest.approx([0.05] * 4)


def test_the_mean_dice_is_over_structures_then_slices():
    class Halves(Ramps):
        def at(self, number, epoch):
            gray = super().at(number, epoch).image["gray"]
            right, none = (gray > 0.5).float(), torch.zeros_like(gray)
            wanted = torch.cat([right, none]) if number == 0 else right
            offsets = torch.zeros(len(wanted))
            return Example({"gray": gray}, (Asked({"offset": offsets}, wanted),))

    # The threshold is right: slice 0 has a structure found and one that is not there, slice 1 one found.
    assert mean_dice(OneWeight(0.5), Halves(2)) == pytest.approx((0.5 + 1.0) / 2)


def test_the_loss_is_cross_entropy_plus_dice_plus_the_error_of_the_expected_iou():
    """Worked out by hand: half the pixels wanted, logits 0 everywhere, so p is 1/2 and nothing is drawn."""
    wanted = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    logits = torch.zeros(1, 2, 2)
    entropy, dice = 0.693147, 1 - (2 * 1.0 + 1) / (4 * 0.25 + 2 + 1)
    iou = (0 + 1) / (2 + 1)
    plain = dice_and_entropy_loss(logits, wanted, torch.tensor([0.9]), 0.0)
    weighted = dice_and_entropy_loss(logits, wanted, torch.tensor([0.9]), 0.5)
    assert float(plain) == pytest.approx(entropy + dice, abs=1e-5)
    assert float(weighted - plain) == pytest.approx(0.5 * (0.9 - iou) ** 2, abs=1e-5)
