"""Claims about the composite loss, each term against a case worked out by hand."""

import math

import pytest
import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.crops import normalize, with_neighbors
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.networks.cardiosam_decoder import CardioSAMDecoder, DecoderOptions
from CardioSAMLib.networks.frozen import EncoderNetwork
from CardioSAMLib.networks.outputs import Outputs
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.training.composite_loss import (
    LossOptions,
    auxiliary_loss,
    boundary_loss,
    composite_loss,
    dice_loss,
    focal_loss,
    structural_loss,
)
from CardioSAMLib.training.configuration import configuration_path, read_configuration
from CardioSAMLib.training.losses import soft_cross_entropy

LV, MYO, RV = (STORAGE.value_of(one) for one in (Structure.LV, Structure.MYO, Structure.RV))
LOG4 = math.log(4)
CONFIGURATIONS_OF_ROWS = {
    "L1": "jain-l1",
    "L2": "jain-l2",
    "L3": "jain-l3",
    "L4": "jain-r0",
    "L5": "jain-l5",
    "L6": "jain-r4",
}
"""The rows of the paper's table of losses; L4 is also the loss of the decoders R0 to R3, L6 that of R4."""


def loss_of(row):
    return read_configuration(configuration_path(CONFIGURATIONS_OF_ROWS[row])).loss


def picture(text):
    """A slice drawn with one character per pixel: . background, R, M, L; int `(1, rows, columns)`."""
    values = {".": 0, "R": RV, "M": MYO, "L": LV}
    return torch.tensor([[[values[c] for c in line] for line in text.split()]])


def shares_of(labels):
    return nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float()


def sure(labels, value=25.0):
    """Logits that put (almost) all probability on the given labels."""
    return value * shares_of(labels)


def unsure(labels):
    """Logits of a quarter for each class."""
    return torch.zeros(len(labels), 4, *labels.shape[1:])


CLOSED = picture("..... ..M.. .MLM. ..M.. .....")
OPEN = picture("..... ..... .MLM. ..M.. .....")
BESIDE_RV = picture("..... ..R.. .MLM. ..M.. .....")
PAIRS = 2 * 5 * 4
"""Pairs of neighbors in a slice of 5 x 5."""


# Dice


def test_a_quarter_for_each_of_four_pixels_has_a_dice_of_a_quarter():
    labels = picture(".R ML")
    # Each structure: 2 * 1/4 / (4 * 1/4 + 1) = 1/4.
    assert dice_loss(unsure(labels), shares_of(labels)).item() == pytest.approx(0.75, abs=1e-5)


def test_dice_has_no_squares_below():
    labels = picture("LL ..")
    logits = torch.zeros(1, 4, 2, 2)
    logits[:, LV, 0] = math.log(3)  # 3 / 6 in LV's pixels, 1/4 in the others
    # LV: 2 * (1/2 + 1/2) / (1/2 + 1/2 + 1/4 + 1/4 + 2) = 2 / 3.5; RV and MYO, absent but not ruled out: 0.
    assert dice_loss(logits, shares_of(labels)).item() == pytest.approx(1 - 2 / 3.5 / 3, abs=1e-4)


def test_a_structure_that_is_absent_and_not_drawn_costs_no_dice_and_one_that_is_drawn_costs_a_third():
    empty, drawn = picture(".. .."), picture(".R ..")
    # p sums to 4 exp(-25), far below epsilon: (0 + e) / (0 + 0 + e) = 1.
    assert dice_loss(sure(empty), shares_of(empty)).item() == pytest.approx(0.0, abs=1e-4)
    assert dice_loss(sure(drawn), shares_of(empty)).item() == pytest.approx(1 / 3, abs=1e-4)


# Pixels


def test_focal_loss_of_a_quarter_is_nine_sixteenths_of_its_cross_entropy():
    labels = picture(".R ML")
    # (1 - 1/4)^2 log 4
    assert focal_loss(unsure(labels), shares_of(labels), 2.0, False).item() == pytest.approx(9 / 16 * LOG4)


def test_with_a_gamma_of_zero_the_focal_loss_is_cross_entropy():
    torch.manual_seed(0)
    logits, shares = torch.randn(2, 4, 3, 3), torch.softmax(torch.randn(2, 4, 3, 3), dim=1)
    expected = soft_cross_entropy(logits, shares).item()
    assert focal_loss(logits, shares, 0.0, False).item() == pytest.approx(expected, rel=1e-5)


def test_inverse_frequency_gives_one_lv_pixel_the_weight_of_three_of_background():
    labels = picture(".. .L")
    logits = unsure(labels)
    logits[0, :, 1, 1] = sure(labels)[0, :, 1, 1]
    # Three background pixels at 9/16 log 4, LV's right. Two classes present: background weighs 1 / (2 * 3/4) = 2/3.
    each = 9 / 16 * LOG4
    assert focal_loss(logits, shares_of(labels), 2.0, False).item() == pytest.approx(3 / 4 * each)
    assert focal_loss(logits, shares_of(labels), 2.0, True).item() == pytest.approx(3 * 2 / 3 / 4 * each)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 4.0])
def test_the_focal_loss_has_a_slope_where_the_network_is_sure(gamma):
    labels = picture(".R ML")
    logits = sure(labels, 200.0).requires_grad_()
    focal_loss(logits, shares_of(labels), gamma, False).backward()
    assert torch.isfinite(logits.grad).all()


# Boundary


def test_the_boundary_term_weighs_each_pixel_by_its_distance():
    labels = picture("...LL")
    # Distances 3 2 1 0 1 px (theta 0.2); RV and MYO are absent and have no weight. A quarter for LV: outside
    # -log(3/4), inside -log(1/4).
    weights = [math.exp(-0.2 * d) for d in (3, 2, 1, 0, 1)]
    costs = [math.log(4 / 3)] * 3 + [LOG4] * 2
    expected = sum(w * c for w, c in zip(weights, costs, strict=True)) / sum(weights)
    assert boundary_loss(unsure(labels), shares_of(labels), 0.2).item() == pytest.approx(expected, rel=1e-5)


def test_a_slice_without_structures_has_no_boundary_loss_and_a_finite_slope():
    labels = picture(".. ..")
    logits = unsure(labels).requires_grad_()
    loss = boundary_loss(logits, shares_of(labels), 0.2)
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.abs().max() == 0.0


def test_an_empty_slice_takes_nothing_from_the_boundary_loss_of_another():
    labels = picture("...LL")
    both = torch.cat([labels, torch.zeros_like(labels)])
    alone = boundary_loss(unsure(labels), shares_of(labels), 0.2).item()
    assert boundary_loss(unsure(both), shares_of(both), 0.2).item() == pytest.approx(alone, rel=1e-5)


def test_an_error_at_the_boundary_costs_more_than_the_same_error_far_away():
    labels = picture("LLLL............")
    near, far = labels.clone(), labels.clone()
    near[..., 4], far[..., 15] = LV, LV
    at = [boundary_loss(sure(wrong), shares_of(labels), 0.2).item() for wrong in (near, far)]
    # Distances 1 and 12 px.
    assert at[0] / at[1] == pytest.approx(math.exp(-0.2 * (1 - 12)), rel=1e-3)


def test_logits_of_any_size_have_a_finite_boundary_loss():
    labels = picture("...LL")
    logits = sure(picture("LLL.."), 200.0).requires_grad_()
    boundary_loss(logits, shares_of(labels), 0.2).backward()
    assert torch.isfinite(logits.grad).all()


# Structure


def test_a_closed_ring_has_no_structural_loss_whatever_the_label():
    for labels in (CLOSED, OPEN, BESIDE_RV):
        assert structural_loss(sure(CLOSED), shares_of(labels)).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("wrong", [OPEN, BESIDE_RV])
def test_one_contact_of_lv_with_background_or_rv_costs_one_pair(wrong):
    assert structural_loss(sure(wrong), shares_of(CLOSED)).item() == pytest.approx(1 / PAIRS, rel=1e-5)


def test_a_contact_that_the_label_has_is_free_and_one_more_is_not():
    assert structural_loss(sure(OPEN), shares_of(OPEN)).item() == pytest.approx(0.0, abs=1e-6)
    wider = picture("..... ..... ..LM. ..M.. .....")  # a second side open
    assert structural_loss(sure(wider), shares_of(OPEN)).item() == pytest.approx(1 / PAIRS, rel=1e-5)


def test_a_contact_with_background_does_not_excuse_one_with_rv():
    assert structural_loss(sure(BESIDE_RV), shares_of(OPEN)).item() == pytest.approx(1 / PAIRS, rel=1e-5)


def test_an_open_label_in_one_slice_excuses_nothing_in_another():
    drawn, labels = torch.cat([OPEN, CLOSED]), torch.cat([CLOSED, OPEN])
    assert structural_loss(sure(drawn), shares_of(labels)).item() == pytest.approx(1 / (2 * PAIRS), rel=1e-5)


def test_a_contact_by_halves_costs_a_half():
    shares = shares_of(CLOSED)
    logits = sure(CLOSED)
    logits[0, :, 1, 2] = torch.tensor([25.0 if value in (0, MYO) else 0.0 for value in range(4)])
    # The pixel above LV is half background: 1 * 1/2.
    assert structural_loss(logits, shares).item() == pytest.approx(0.5 / PAIRS, rel=1e-5)


# The boundary map


def test_a_boundary_map_that_knows_nothing_costs_log_two_and_half_the_dice():
    labels = picture("....LLLL " * 8)
    # At half size columns 1 and 2 of 4 are boundary: Dice 2 * 1/2 * 8 / (16 * 1/2 + 8) = 1/2.
    loss = auxiliary_loss(torch.zeros(1, 1, 4, 4), shares_of(labels))
    assert loss.item() == pytest.approx(math.log(2) + 0.5, abs=1e-5)


def test_the_right_boundary_map_costs_nothing_and_none_is_right_for_a_slice_of_background():
    labels = picture("....LLLL " * 8)
    right = torch.full((1, 1, 4, 4), -25.0)
    right[..., 1:3] = 25.0
    assert auxiliary_loss(right, shares_of(labels)).item() == pytest.approx(0.0, abs=1e-4)
    nothing = torch.full((1, 1, 4, 4), -25.0)
    assert auxiliary_loss(nothing, shares_of(torch.zeros_like(labels))).item() == pytest.approx(0.0, abs=1e-4)


# All together


@pytest.fixture
def batch():
    torch.manual_seed(0)
    labels = torch.zeros(2, 8, 8, dtype=torch.long)
    labels[0, 2:6, 2:6], labels[0, 3:5, 3:5], labels[0, 2:6, 1] = MYO, LV, RV
    return torch.randn(2, 4, 8, 8), shares_of(labels)


def test_the_whole_is_the_weighted_sum_of_its_terms(batch):
    logits, shares = batch
    boundary = torch.randn(2, 1, 4, 4)
    options = LossOptions(
        dice=2.0, pixel=3.0, boundary=5.0, structural=7.0, auxiliary=11.0, gamma=1.0, theta_per_px=0.3
    )
    expected = (
        2 * dice_loss(logits, shares)
        + 3 * focal_loss(logits, shares, 1.0, False)
        + 5 * boundary_loss(logits, shares, 0.3)
        + 7 * structural_loss(logits, shares)
        + 11 * auxiliary_loss(boundary, shares)
    )
    assert composite_loss(Outputs((logits,), boundary), shares, options).item() == pytest.approx(expected.item())


def test_the_published_weights_are_the_defaults():
    options = LossOptions()
    assert (options.dice, options.pixel, options.boundary, options.structural) == (1.0, 1.0, 0.5, 0.1)
    assert (options.auxiliary, options.gamma, options.theta_per_px) == (0.5, 2.0, 0.2)
    assert options.pixel_term == "focal"


@pytest.mark.parametrize(
    ("row", "terms"),
    [
        ("L1", {"dice"}),
        ("L2", {"boundary"}),
        ("L3", {"pixel"}),
        ("L4", {"dice", "pixel"}),
        ("L5", {"dice", "boundary"}),
        ("L6", {"dice", "pixel", "boundary", "structural"}),
    ],
)
def test_each_row_has_the_terms_of_the_paper_s_table_at_their_weights(batch, row, terms):
    logits, shares = batch
    pixel = focal_loss(logits, shares, 2.0, False) if row == "L6" else soft_cross_entropy(logits, shares)
    known = {
        "dice": dice_loss(logits, shares),
        "pixel": pixel,
        "boundary": 0.5 * boundary_loss(logits, shares, 0.2),
        "structural": 0.1 * structural_loss(logits, shares),
    }
    expected = sum(known[term] for term in terms).item()
    assert composite_loss(Outputs((logits,)), shares, loss_of(row)).item() == pytest.approx(expected)


def test_a_coarser_level_counts_half_and_measures_distances_in_pixels_of_the_input(batch):
    logits, shares = batch
    coarse = torch.randn(2, 4, 4, 4)
    reduced = nn.functional.avg_pool2d(shares, 2)
    options = LossOptions(dice=0.0, pixel=0.0, boundary=1.0, structural=0.0)
    expected = (boundary_loss(logits, shares, 0.2) + boundary_loss(coarse, reduced, 0.4) / 2) / 1.5
    assert composite_loss(Outputs((logits, coarse)), shares, options).item() == pytest.approx(expected.item())


@pytest.mark.parametrize(
    "wrong",
    [
        {"pixel_term": "dice"},
        {"dice": -1.0},
        {"dice": 0.0, "pixel": 0.0, "boundary": 0.0},
        {"theta_per_px": 0.0},
        {"gamma": -1.0},
    ],
)
def test_options_that_make_no_loss_are_refused(wrong):
    with pytest.raises(UnusableInput):
        LossOptions(**wrong)


# Learning


@pytest.fixture(scope="module")
def phantom_batch():
    options = PhantomOptions(rows=48, columns=48, slices=4, frames=2, spacing_mm=(3.2, 3.2, 24.0))
    phantom = make_phantom(options)
    images = torch.from_numpy(with_neighbors(normalize(phantom.cine.pixels[0])))
    labels = torch.from_numpy(phantom.segmentation.labels[0]).long()
    assert labels.unique().tolist() == [0, 1, 2, 3]
    return images, shares_of(labels)


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 32, 16, stride=16)

    def forward(self, images):
        return (self.embed(images),)


@pytest.mark.parametrize("row", CONFIGURATIONS_OF_ROWS)
def test_every_row_s_loss_falls_on_the_phantom(phantom_batch, row):
    torch.manual_seed(0)
    images, shares = phantom_batch
    network = EncoderNetwork(Patches(), CardioSAMDecoder((32,), DecoderOptions(widths=(32, 16, 16, 8)))).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        loss = composite_loss(network(images), shares, loss_of(row))
        optimizer.zero_grad()
        loss.backward()
        assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
        optimizer.step()
        losses.append(loss.item())
    assert max(losses[-3:]) < 0.9 * losses[0]
