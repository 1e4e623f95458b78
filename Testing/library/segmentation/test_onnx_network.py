"""Claims about the model that ships: its file is the catalogue's, and it is refused where it does not fit."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, load_catalogue, sha256_of
from CardioSAMLib.segmentation.onnx_network import OnnxNetwork


@pytest.mark.parametrize("card", load_catalogue(), ids=lambda card: card.id)
def test_every_model_of_the_catalogue_is_the_file_it_says(card):
    assert card.path.is_file()
    assert (sha256_of(card.path), card.path.stat().st_size) == (card.sha256, card.bytes)
    assert card.bytes <= 10 * 2**20
    assert card.license
    assert card.training_data
    assert card.accuracy


@pytest.mark.parametrize("size", [128, 176])
def test_the_default_model_gives_probabilities_of_four_classes_at_any_crop_size(size):
    images = np.random.default_rng(0).normal(size=(2, 3, size, size)).astype(np.float32)
    probabilities = OnnxNetwork(find_model(DEFAULT_MODEL_ID))(images)
    assert probabilities.shape == (2, 4, size, size)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_a_model_file_that_is_not_the_catalogues_is_refused():
    with pytest.raises(UnusableInput, match="not the one of the catalogue"):
        OnnxNetwork(replace(find_model(DEFAULT_MODEL_ID), sha256="0" * 64))


def test_a_model_with_another_preprocessing_is_refused():
    with pytest.raises(UnusableInput, match="needs the preprocessing other-v2"):
        OnnxNetwork(replace(find_model(DEFAULT_MODEL_ID), preprocessing="other-v2"))


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(UnusableInput, match=f"choose one of: .*{DEFAULT_MODEL_ID}"):
        find_model("no-such-model")
