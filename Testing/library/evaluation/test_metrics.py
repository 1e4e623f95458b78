"""Claims about the registry: every entry is complete, and scoring gives all that apply, never NaN."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS, metrics_for, score, study_errors
from CardioSAMLib.evaluation.scores import Emptiness, StudyScore

DOCS = Path(__file__).resolve().parents[3] / "docs"
DISTANCES = ("hausdorff_mm", "hd95_mm", "assd_mm")


def test_keys_are_unique():
    for registry in (METRICS, STUDY_METRICS):
        keys = [metric.key for metric in registry]
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_the_unit_of_a_metric_stands_in_its_key(metric):
    ending = {"mm": "_mm", "mL": "_ml", "": ""}[metric.unit]
    assert metric.key.endswith(ending)
    assert metric.title
    assert metric.definition


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_a_perfect_prediction_has_the_best_value_and_none_is_better(metric, box):
    spacing_mm, mask = (10.0, 1.5, 1.5), box((2, 5, 5), (8, 15, 15))
    perfect = metric.function(MaskPair(mask, mask, spacing_mm))
    shifted = metric.function(MaskPair(mask, np.roll(mask, (1, 4, 4), (0, 1, 2)), spacing_mm))
    assert perfect == (1.0 if metric.better == "higher" else 0.0)
    if metric.better == "higher":
        assert shifted < perfect
    elif metric.better == "lower":
        assert shifted > perfect


def test_a_slice_has_no_volume_and_a_volume_has_all_metrics():
    assert "volume_error_ml" not in score(MaskPair(np.ones((3, 3), bool), np.ones((3, 3), bool), (1.5, 1.5)))
    volume = np.ones((2, 3, 3), bool)
    assert list(score(MaskPair(volume, volume, (10.0, 1.5, 1.5)))) == [metric.key for metric in METRICS]


@pytest.mark.parametrize(("apart_mm", "share"), [(1.9, 1.0), (2.0, 1.0), (2.1, 0.0)])
def test_surfaces_two_millimeters_apart_are_just_within_the_tolerance_of_the_key(apart_mm, share, box):
    pair = MaskPair(box((2, 0, 0), (3, 20, 20)), box((3, 0, 0), (4, 20, 20)), (apart_mm, 1.0, 1.0))
    assert score(pair)["nsd_2mm"] == share


def test_the_volume_error_is_the_predicted_surplus_in_milliliters(box):
    reference, prediction = box((0, 0, 0), (5, 10, 10)), box((0, 0, 0), (5, 10, 12))
    error = score(MaskPair(reference, prediction, (10.0, 2.0, 1.0)))["volume_error_ml"]
    assert error == pytest.approx(2.0)  # 100 voxels of 20 mm³


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(pair=st.from_type(MaskPair))
def test_no_pair_gives_nan_and_no_share_leaves_0_to_1(pair):
    values = score(pair)
    assert list(values) == [metric.key for metric in metrics_for(pair.dimensions)]
    for metric in metrics_for(pair.dimensions):
        value = values[metric.key]
        assert type(value) is float
        assert math.isfinite(value)
        assert metric.unit or 0.0 <= value <= 1.0


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(pair=st.from_type(MaskPair))
def test_no_prediction_is_farther_than_a_missed_one(pair):
    missed = MaskPair(np.ones_like(pair.reference), np.zeros_like(pair.reference), pair.spacing_mm)
    if pair.emptiness in (Emptiness.NEITHER, Emptiness.BOTH):
        assert all(score(pair)[key] < score(missed)[key] for key in DISTANCES)
    else:
        assert [score(pair)[key] for key in DISTANCES] == pytest.approx([score(missed)[key] for key in DISTANCES])


def test_the_error_of_a_measurement_is_predicted_minus_reference_or_unknown():
    predicted = {"lv_ef_percent": 55.0, "lv_edv_ml": None}
    reference = {"lv_ef_percent": 60.0, "lv_edv_ml": 140.0, "lv_mass_ed_g": 100.0}
    errors = study_errors(StudyScore("patient001", "NOR", predicted, reference, None))
    assert list(errors) == [metric.key for metric in STUDY_METRICS]
    assert errors["lv_ef_percent"] == pytest.approx(-5.0)
    assert {key for key, error in errors.items() if error is not None} == {"lv_ef_percent"}


def test_the_tables_of_the_documentation_are_those_of_the_registry_and_of_the_last_timing():
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    spec = importlib.util.spec_from_file_location("metrics_table", DOCS / "scripts" / "metrics_table.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.with_tables(page) == page, "run python docs/scripts/metrics_table.py"
    assert all(f"| `{metric.key}` |" in page for metric in (*METRICS, *STUDY_METRICS))
