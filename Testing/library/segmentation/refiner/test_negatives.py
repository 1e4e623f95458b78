"""Claims about negative points, optimized through the decoder that ships."""

import numpy as np
import pytest
import torch

from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, heart_box_of
from CardioSAMLib.segmentation.refiner.mode import CORRECTED, LITERAL
from CardioSAMLib.segmentation.refiner.negatives import MOST_STEPS, optimized_points, random_pixels
from CardioSAMLib.segmentation.refiner.positives import positive_pixels
from CardioSAMLib.segmentation.refiner.surroundings import surroundings

SLICE = 2


@pytest.fixture(scope="module")
def encoded(phantom, model, coarse, tmp_path_factory):
    prompter = Prompter(model, EmbeddingCache(tmp_path_factory.mktemp("cache")))
    region = heart_box_of(coarse.labels, phantom.cine.geometry.spacing_mm[:2])
    return prompter.encoded(phantom.cine, 0, SLICE, region)


@pytest.fixture(scope="module")
def logits(model, encoded):
    return model.point_logits(encoded.embedding, encoded.image)


@pytest.fixture(scope="module")
def lv(phantom, coarse):
    """Of the LV: points in its wall to start from, points on it, and the wall."""
    labels = coarse.labels[0, SLICE]
    mask = labels == STORAGE.value_of(Structure.LV)
    around = surroundings(labels, Structure.LV, mask, phantom.cine.geometry.spacing_mm[:2])
    positives = np.array(positive_pixels(mask, CORRECTED, np.random.default_rng(0)))
    return random_pixels(around, len(positives), np.random.default_rng(0)), positives, around


def test_points_move_by_pixels_and_the_loss_falls(lv, encoded, logits):
    found = optimized_points(*lv, encoded.image, logits, CORRECTED)
    assert found.losses[-1] < found.losses[0] - 1e-4
    assert found.moved_px > 1.0
    assert 1 < len(found.losses) <= MOST_STEPS + 1


def test_in_pixels_of_a_frame_of_1024_points_hardly_move(lv, encoded, logits):
    found = optimized_points(*lv, encoded.image, logits, LITERAL)
    assert found.moved_px < 0.1
    assert len(found.losses) < MOST_STEPS  # 5 steps in a row changed nothing, and it stops


def test_points_end_in_the_surroundings(lv, encoded, logits):
    _, _, around = lv
    found = optimized_points(*lv, encoded.image, logits, CORRECTED)
    rows, columns = np.floor(found.places_px + 0.5).astype(int).T
    assert around[rows, columns].all()


def test_without_a_gradient_points_stay_where_they_begin(lv, encoded):
    start, _, _ = lv

    def nowhere(shares, _positive):
        return 0.0 * shares.sum() + torch.zeros(32, 32)

    found = optimized_points(*lv, encoded.image, nowhere, CORRECTED)
    assert found.places_px == pytest.approx(start, abs=1e-3)
    assert found.drift_px == 0.0
    # Every pixel costs the entropy of an even chance.
    assert found.losses == pytest.approx([np.log(2.0)] * 6)


def test_points_go_down_the_gradient(lv, encoded):
    """Of a model whose answer grows to the right, surroundings to the left make points go left."""
    start, positives, around = lv
    left = np.zeros_like(around)
    left[:, : around.shape[1] // 2] = True

    def right(shares, positive):
        return torch.linspace(0.0, 1.0, 32).expand(32, 32) * 5.0 * shares[positive][:, 0].sum()

    found = optimized_points(start, positives, left, encoded.image, right, CORRECTED)
    assert found.places_px[:, 1].max() < start[:, 1].min()


@pytest.mark.parametrize("count", [0, 3, 500])
def test_random_points_are_different_pixels_of_the_mask(count):
    around = np.zeros((20, 20), bool)
    around[3:9, 4:14] = True
    pixels = random_pixels(around, count, np.random.default_rng(1))
    assert len({tuple(pixel) for pixel in pixels.tolist()}) == min(count, 60) == len(pixels)
    assert around[pixels[:, 0], pixels[:, 1]].all()
