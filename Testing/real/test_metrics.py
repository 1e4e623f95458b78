"""Claims about metrics on the experts' contours of ACDC."""

import time

import numpy as np
import pytest

from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import METRICS, score
from CardioSAMLib.io import load_acdc_patient
from CardioSAMLib.labels import STORAGE, Structure


@pytest.fixture(scope="module")
def patient(data_dir):
    return load_acdc_patient(data_dir / "acdc" / "patient001")


@pytest.fixture(scope="module")
def spacing_mm(patient):
    rows_mm, columns_mm, slices_mm = patient.cine.geometry.spacing_mm
    return slices_mm, rows_mm, columns_mm


@pytest.fixture(scope="module")
def masks(patient):
    """The three structures at end-diastole, bool (slices, rows, columns)."""
    return [patient.labels[0] == STORAGE.value_of(structure) for structure in Structure]


def seconds_of(masks, predictions, spacing_mm):
    """Of the processor, for all metrics of the pairs: the least of five, as other work on the machine only adds."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        for reference, prediction in zip(masks, predictions, strict=True):
            score(MaskPair(reference, prediction, spacing_mm))
        seconds.append(time.process_time() - start)
    return min(seconds)


def test_all_metrics_of_a_volume_pair_take_less_than_150_ms(masks, spacing_mm):
    predictions = [np.roll(mask, (2, 1), axis=(1, 2)) for mask in masks]
    assert seconds_of(masks, predictions, spacing_mm) < 0.150


def test_a_stray_voxel_in_a_corner_of_the_grid_costs_no_more_than_that(masks, spacing_mm):
    predictions = [mask.copy() for mask in masks]
    for prediction in predictions:
        prediction[0, 0, 0] = prediction[-1, -1, -1] = True
    assert seconds_of(masks, predictions, spacing_mm) < 0.150


def test_the_expert_agrees_with_the_expert(masks, spacing_mm):
    for mask in masks:
        values = score(MaskPair(mask, mask, spacing_mm))
        assert values == {metric.key: 1.0 if metric.better == "higher" else 0.0 for metric in METRICS}


def test_the_expert_moved_by_two_pixels_is_two_pixels_off_at_most(masks, spacing_mm):
    for mask in masks:
        values = score(MaskPair(mask, np.roll(mask, 2, axis=1), spacing_mm))
        assert 0.0 < values["assd_mm"] <= values["hd95_mm"] <= values["hausdorff_mm"] <= 2 * spacing_mm[1] + 1e-9
        assert values["volume_error_ml"] == 0.0


def test_the_volume_error_of_a_missed_structure_is_its_volume(masks, spacing_mm):
    # Counted by pixdim, patient001 has an EDV of 295.5 mL.
    lv = masks[list(Structure).index(Structure.LV)]
    values = score(MaskPair(lv, np.zeros_like(lv), spacing_mm))
    assert values["volume_error_ml"] == pytest.approx(-295.5, abs=0.05)
    slices_mm, rows_mm, columns_mm = spacing_mm
    assert values["hausdorff_mm"] == pytest.approx(np.linalg.norm([10 * slices_mm, 256 * rows_mm, 216 * columns_mm]))
