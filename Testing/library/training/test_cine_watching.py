"""Claims about what is watched of a training on cines."""

import numpy as np
import pytest
import torch
from torch import nn

from CardioSAMLib.training.cine_watching import second_difference, validate_cines
from CardioSAMLib.training.processes import OneProcess


class Truth(nn.Module):
    """Knows how bright the structures of the stand-in hearts are; in `dark` frames it sees none."""

    def __init__(self, dark=()):
        super().__init__()
        self.dark = dark

    def forward(self, images):
        middle = images[:, 1:2]
        low, high = middle.amin((2, 3), keepdim=True), middle.amax((2, 3), keepdim=True)
        cavity = (middle - low) / (high - low) - 0.7
        cavity[list(self.dark)] = -1.0
        return torch.cat([torch.zeros_like(cavity), cavity * 0 - 9, cavity * 0 - 9, cavity], dim=1)


def scores_of(network, cines, configuration):
    return validate_cines(network, cines, configuration, None, OneProcess())


def test_the_second_difference_of_one_jump_is_counted_round_the_cycle():
    # One frame 6 mL off: differences of -12 there and 6 at both neighbors, one of which is the last frame.
    assert second_difference(np.array([106.0, 100, 100, 100])) == pytest.approx((12 + 6 + 6) / 4)
    assert second_difference(np.array([100.0, 100, 100, 106])) == pytest.approx((12 + 6 + 6) / 4)
    assert second_difference(np.full(5, 80.0)) == 0.0


def test_who_knows_the_cavity_has_its_dice_and_the_unsteadiness_of_the_heart(cines, cine_configuration):
    scores = scores_of(Truth(), cines[:1], cine_configuration)
    assert scores["dice_3"] > 0.95
    assert scores["dice_1"] == scores["dice_2"] == 0.0
    assert scores["dice"] == pytest.approx(scores["dice_3"] / 3)
    # Disks of radius 7 + 2 cos, on pixels of 1.4 mm, in 4 slices 10 mm apart.
    radii_mm = 1.4 * (7.0 + 2.0 * np.cos(2 * np.pi * np.arange(5) / 5))
    curve_ml = np.pi * radii_mm**2 * 4 * 10.0 / 1000.0
    expected = np.abs(np.roll(curve_ml, 1) - 2 * curve_ml + np.roll(curve_ml, -1)).mean()
    assert scores["lv_second_difference_ml"] == pytest.approx(expected, rel=0.1)


def test_a_frame_without_labels_counts_for_steadiness_alone(cines, cine_configuration):
    steady, flickering = (scores_of(Truth(dark), cines[:1], cine_configuration) for dark in ((), (1,)))
    assert flickering["dice"] == steady["dice"]
    assert flickering["lv_second_difference_ml"] > 2 * steady["lv_second_difference_ml"]


def test_a_labeled_frame_counts_for_dice(cines, cine_configuration):
    whole, half = (scores_of(Truth(dark), cines[:1], cine_configuration) for dark in ((), (2,)))
    assert half["dice_3"] == pytest.approx(whole["dice_3"] / 2, abs=0.03)


def test_scores_are_the_mean_over_cines(cines, cine_configuration):
    both = scores_of(Truth((1,)), cines, cine_configuration)
    each = [scores_of(Truth((1,)), [cine], cine_configuration) for cine in cines]
    for key, value in both.items():
        assert value == pytest.approx(np.mean([one[key] for one in each]))
