"""Claims about a model with its box around the heart, run on the phantom with the model that ships."""

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry, UnusableInput
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation_run.contours import ModelContours, contours_of, loaded_segmenter
from CardioSAMLib.evaluation_run.options import EvaluationOptions, HeartBoxChoice, parse_jitter
from CardioSAMLib.evaluation_run.run import evaluate
from CardioSAMLib.io import AcdcPatient
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.resources import DEFAULT_MODEL_ID
from CardioSAMLib.segmentation.locate import HeartBox

OPTIONS = PhantomOptions(rows=120, columns=120, slices=6, frames=2, spacing_mm=(1.7, 1.7, 14.0))


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(OPTIONS)


@pytest.fixture(scope="module")
def result(phantom, patient_writer, tmp_path_factory):
    """One phantom evaluated with automatic and reference box, and with boxes that are 0 and 40 pixels off."""
    folder = tmp_path_factory.mktemp("set")
    pair = phantom.segmentation.labels
    patient_writer(folder / "data" / "patient001", pair, "NOR", phantom.cine.pixels, OPTIONS.spacing_mm)
    options = EvaluationOptions(heart_box=HeartBoxChoice.both, box_jitter_px=(0.0, 40.0))
    return evaluate(folder / "data", folder / "out", options).result


def table_of(result, key):
    (table,) = [table for table in result.tables if table.key == key]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_model_draws_the_phantom_and_its_time_is_kept(result):
    assert len(result.scored) == 1
    assert result.prompt_source == "automatic"
    assert result.seconds_per_study_median > 0.0
    assert min(volume.values["dice"] for volume in result.patients[0].volumes) > 0.5
    assert result.model["id"] == DEFAULT_MODEL_ID
    assert result.resources["model_bytes"] > 1e6


def test_both_boxes_stand_side_by_side(result):
    dice = table_of(result, "prompt_source")[0]
    automatic = np.mean([volume.values["dice"] for volume in result.patients[0].volumes])
    assert dice["metric"] == "Dice"
    assert dice["automatic box, mean"] == pytest.approx(automatic)
    assert dice["reference box, mean"] == pytest.approx(automatic, abs=0.1)


def test_a_jitter_of_zero_is_the_reference_box(result):
    dice = table_of(result, "prompt_source")[0]
    rows = table_of(result, "box_jitter")
    assert [row["jitter (pixels)"] for row in rows] == ["0", "40"]
    assert rows[0]["Dice mean"] == pytest.approx(dice["reference box, mean"])
    assert rows[1]["Dice mean"] != rows[0]["Dice mean"]


def test_patients_of_the_training_set_are_said_out_loud(result):
    assert result.cautions[0].startswith("1 of 1 patients were used to train this model")


def test_the_crop_goes_where_the_box_is(phantom):
    """A box in an empty corner shows the model no heart, wherever the heart may be."""
    segmenter = loaded_segmenter(DEFAULT_MODEL_ID, 0)
    there = segmenter.segment(phantom.cine, (0,), heart=HeartBox((59.5, 59.5), (100.0, 100.0))).labels
    far = segmenter.segment(phantom.cine, (0,), heart=HeartBox((-200.0, -200.0), (100.0, 100.0))).labels
    assert there.any()
    assert not far.any()


def test_where_no_heart_is_found_all_is_missed_and_it_is_told():
    noise = np.random.default_rng(0).normal(100.0, 1.0, (2, 4, 96, 96)).astype(np.float32)
    patient = AcdcPatient("patient001", "", Cine(noise, Geometry((1.7, 1.7, 10.0))), None, 0, 1)
    drawn = ModelContours(DEFAULT_MODEL_ID).draw(patient)
    assert {phase: labels.any() for phase, labels in drawn.labels.items()} == {Phase.ED: False, Phase.ES: False}
    assert [problem.code for problem in drawn.problems] == ["no_heart"]


def test_several_processes_get_one_thread_each():
    assert contours_of(EvaluationOptions(workers=1))["main"].threads == 0
    assert contours_of(EvaluationOptions(workers=2))["main"].threads == 1


def test_predictions_take_no_box(tmp_path):
    with pytest.raises(UnusableInput, match="--heart-box"):
        EvaluationOptions(predictions=tmp_path, heart_box=HeartBoxChoice.both)


def test_jitters_are_numbers_with_commas():
    assert parse_jitter("") == ()
    assert parse_jitter("0,5,10") == (0.0, 5.0, 10.0)
    for text in ("five", "0,,5", "-1", "nan", "inf"):
        with pytest.raises(UnusableInput, match="0,5,10,15,20"):
            parse_jitter(text)


def test_phases_are_named_in_the_order_of_the_pair(phantom):
    drawn = ModelContours(DEFAULT_MODEL_ID).draw(
        AcdcPatient("patient001", "", phantom.cine, phantom.segmentation.labels, 0, 1)
    )
    assert list(drawn.labels) == [Phase.ED, Phase.ES]
    assert np.count_nonzero(drawn.labels[Phase.ED] == 3) > np.count_nonzero(drawn.labels[Phase.ES] == 3)


def test_a_model_that_wants_prompts_is_refused_before_any_work():
    with pytest.raises(UnusableInput, match="choose a model that draws by itself"):
        contours_of(EvaluationOptions("cardiosam-prompt"))
