"""Claims about the losses, each against a case worked out by hand."""

import math

import pytest
import torch

from CardioSAMLib.training.losses import (
    Diverged,
    batch_dice_loss,
    check_finite,
    deep_supervision_loss,
    prompted_loss,
    soft_cross_entropy,
)


def sure_logits(classes, value=20.0):
    """Logits that put (almost) all probability on the given class of each pixel."""
    return value * torch.nn.functional.one_hot(classes, 4).permute(0, 3, 1, 2).float()


def shares_of(classes):
    return torch.nn.functional.one_hot(classes, 4).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_a_training_with_advice(value):
    check_finite(torch.tensor(1.0), 3)
    with pytest.raises(Diverged, match=r"step 4 is no number.*lower learning rate"):
        check_finite(torch.tensor(value), 3)


def test_not_knowing_among_four_classes_costs_log_four():
    shares = shares_of(torch.tensor([[[0, 1], [2, 3]]]))
    assert soft_cross_entropy(torch.zeros(1, 4, 2, 2), shares).item() == pytest.approx(math.log(4))


def test_a_pixel_shared_by_halves_is_best_met_by_halves():
    shares = torch.tensor([0.5, 0.5, 0.0, 0.0]).view(1, 4, 1, 1)
    halves = torch.tensor([10.0, 10.0, -10.0, -10.0]).view(1, 4, 1, 1)
    surely_first = torch.tensor([20.0, 0.0, -10.0, -10.0]).view(1, 4, 1, 1)
    assert soft_cross_entropy(halves, shares).item() == pytest.approx(math.log(2), abs=1e-6)
    assert soft_cross_entropy(halves, shares) < soft_cross_entropy(surely_first, shares)
    assert batch_dice_loss(halves, shares, smooth=1e-6) < batch_dice_loss(surely_first, shares, smooth=1e-6)


def test_a_perfect_prediction_has_no_dice_loss():
    classes = torch.tensor([[[0, 1], [2, 3]]])
    assert batch_dice_loss(sure_logits(classes), shares_of(classes)).item() == pytest.approx(0.0, abs=1e-6)


def test_one_of_two_pixels_found_costs_a_third_of_its_structure():
    truth = torch.tensor([[[3, 3], [1, 2]]])
    found = torch.tensor([[[3, 0], [1, 2]]])
    # LV: 2*1 / (1 + 2) = 2/3; RV and MYO: 1. Mean (2/3 + 1 + 1) / 3.
    expected = 1.0 - (2 / 3 + 1 + 1) / 3
    assert batch_dice_loss(sure_logits(found), shares_of(truth), smooth=1e-9).item() == pytest.approx(
        expected, abs=1e-5
    )


def test_dice_is_taken_over_the_batch_and_not_per_slice():
    truth = torch.tensor([[[3, 3], [1, 2]], [[0, 0], [0, 0]]])
    found = torch.tensor([[[3, 3], [1, 2]], [[3, 0], [0, 0]]])
    # LV over both slices: 2*2 / (3 + 2) = 0.8.
    expected = 1.0 - (0.8 + 1 + 1) / 3
    assert batch_dice_loss(sure_logits(found), shares_of(truth), smooth=1e-9).item() == pytest.approx(
        expected, abs=1e-5
    )


def test_coarser_levels_weigh_half_and_see_averaged_targets():
    classes = torch.zeros(1, 4, 4, dtype=torch.long)
    classes[0, :, 2:] = 3
    shares = shares_of(classes)
    fine, coarse = torch.zeros(1, 4, 4, 4), torch.zeros(1, 4, 2, 2)
    alone = soft_cross_entropy(fine, shares) + batch_dice_loss(fine, shares)
    small = shares[..., ::2, ::2]
    below = soft_cross_entropy(coarse, small) + batch_dice_loss(coarse, small)
    assert deep_supervision_loss([fine, coarse], shares).item() == pytest.approx(((alone + below / 2) / 1.5).item())


RIGHT, WRONG = -math.log(0.75), -math.log(0.25)
"""Cross-entropy of a pixel whose logit is `SURE` to the right and to the wrong side."""
SURE = math.log(3.0)


def test_answers_to_prompts_cost_weighted_entropy_and_dice_and_half_the_square_of_a_wrong_quality():
    """Of four pixels one is the structure, and one more is drawn; the other answer rightly draws nothing."""
    logits = SURE * torch.tensor([[[[1.0, 1.0], [-1.0, -1.0]]], [[[-1.0, -1.0], [-1.0, -1.0]]]])
    target = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    # 4.8 near the structure, which is all of its image, and 0.8 in the image without any.
    entropy = (4.8 * (3 * RIGHT + WRONG) + 0.8 * 4 * RIGHT) / 8
    dice = ((1 - (2 * 0.75 + 1) / (2 * 0.75**2 + 2 * 0.25**2 + 1 + 1)) + (1 - 1 / (4 * 0.25**2 + 1))) / 2
    # The IoU is (1 + 1) / (2 + 1), and 1 where nothing is and nothing is drawn.
    quality = ((2 / 3 - 0.1) ** 2 + (1 - 0.8) ** 2) / 2
    loss = prompted_loss(logits, target, torch.tensor([0.1, 0.8]))
    assert loss.item() == pytest.approx(entropy + dice + 0.5 * quality, rel=1e-5)


def test_the_entropy_of_an_answer_to_a_prompt_weighs_six_times_up_to_12_pixels_from_the_structure():
    target, logits = torch.zeros(1, 1, 64, 64), torch.full((1, 1, 64, 64), -SURE)
    target[0, 0, 0, 0] = 1.0
    logits[0, 0, 12, 12] = SURE
    logits[0, 0, 13, 0] = SURE
    # Of 13 x 13 pixels near the corner two are wrong, of all others one.
    entropy = (4.8 * (167 * RIGHT + 2 * WRONG) + 0.8 * (3926 * RIGHT + WRONG)) / 64**2
    dice = 1 - (2 * 0.25 + 1) / (4094 * 0.25**2 + 2 * 0.75**2 + 1 + 1)
    iou = (0 + 1) / (3 + 1)
    assert prompted_loss(logits, target, torch.tensor([iou])).item() == pytest.approx(entropy + dice, rel=1e-5)
