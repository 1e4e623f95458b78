"""The figures are read by the texts they show: matplotlib keeps each as a comment of the SVG beside its outlines."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.evaluation.figures import bland_altman_svg, box_plots_svg, differences_svg, range_of
from CardioSAMLib.evaluation.measured import Measured, limits_of
from CardioSAMLib.evaluation.metrics import METRICS, STUDY_METRICS
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.labels import Structure

DICE, HD95 = (next(metric for metric in METRICS if metric.key == key) for key in ("dice", "hd95_mm"))
UNSIGNED = [metric for metric in METRICS if metric.better != "zero"]


def texts(svg: bytes) -> list[str]:
    return re.findall(r"<!-- (.*?) -->", svg.decode(), re.S)


def volumes_of(result):
    return [volume for patient in result.scored for volume in patient.volumes]


def measured(differences, references=None):
    references = np.linspace(100.0, 200.0, len(differences)) if references is None else np.asarray(references)
    names = tuple(f"patient{number:02d}" for number in range(len(differences)))
    return Measured(STUDY_METRICS[0], names, references + np.asarray(differences), references)


@pytest.mark.parametrize("metric", UNSIGNED, ids=lambda metric: metric.key)
def test_box_plots_name_the_metric_its_unit_and_every_structure_and_frame(make_result, metric):
    shown = texts(box_plots_svg(volumes_of(make_result(5)), metric))
    assert (f"{metric.title} ({metric.unit})" if metric.unit else metric.title) in shown
    for name in (*(structure.name for structure in Structure), *(phase.value for phase in Phase)):
        assert any(name in text.split() for text in shown)


def test_every_volume_is_a_mark_in_the_box_plot(make_result):
    volumes = volumes_of(make_result(9))
    marks = [len(re.findall("<use ", box_plots_svg(some, DICE).decode())) for some in (volumes, volumes[:-6])]
    assert marks[0] - marks[1] == 6


def test_a_missed_structure_is_a_cross_that_does_not_flatten_the_boxes(make_result):
    svg = box_plots_svg(volumes_of(make_result(9, missed=[(Structure.RV, Phase.ES)])), HD95)
    assert any(text.startswith("×") for text in texts(svg))
    ticks = [float(text) for text in texts(svg) if re.fullmatch(r"[\d.]+", text)]
    assert max(ticks) < 50.0  # the diagonal is 480 mm


def test_without_missed_structures_no_cross_is_explained(make_result):
    assert not any("×" in text for text in texts(box_plots_svg(volumes_of(make_result(9)), HD95)))


def test_scores_of_no_volume_make_an_empty_plot_not_an_error():
    ET.fromstring(box_plots_svg([], DICE))


def test_a_bland_altman_plot_says_bias_and_limits():
    # Mean 1 and standard deviation 1: limits at 1 - 1.96 and 1 + 1.96.
    shown = " ".join(texts(_plot(measured([0.0, 1.0, 2.0]))))
    for words in ("bias +1.0", "+1.96 SD +3.0", "−1.96 SD −1.0", "Predicted − reference (mL)", "Mean of both (mL)"):
        assert words in shown.replace("\n", " ")


def test_patients_outside_the_limits_are_named_and_no_others():
    differences = np.zeros(30)
    differences[7], differences[20] = 50.0, -50.0
    named = [text for text in texts(_plot(measured(differences))) if text.startswith("patient")]
    assert sorted(named) == ["patient07", "patient20"]


def test_a_shared_range_holds_all_points_and_bands_of_both():
    both = [measured([-1.0, 0.0, 1.0]), measured([-20.0, 0.0, 20.0], [10.0, 20.0, 30.0])]
    limits = [limits_of(one) for one in both]
    shared = range_of(both, limits)
    for one, its_limits in zip(both, limits, strict=True):
        assert shared.means[0] < one.means.min() <= one.means.max() < shared.means[1]
        assert shared.differences[0] < its_limits.lower_ci[0]
        assert shared.differences[1] > its_limits.upper_ci[1]


def test_perfect_agreement_can_be_drawn():
    ET.fromstring(_plot(measured([0.0, 0.0, 0.0])))


def test_differences_name_their_rows_and_direction():
    shown = texts(differences_svg("Dice", "", [("LV ED", 0.01, (0.0, 0.02)), ("RV ES", -0.01, (-0.02, 0.0))]))
    assert {"Dice", "LV ED", "RV ES", "B − A, mean with 95% confidence interval"} <= set(shown)


def test_equal_figures_are_equal_files(make_result):
    volumes = volumes_of(make_result(9))
    assert box_plots_svg(volumes, DICE) == box_plots_svg([replace(volume) for volume in volumes], DICE)
    assert _plot(measured([0.0, 1.0, 2.0])) == _plot(measured([0.0, 1.0, 2.0]))


def _plot(one: Measured) -> bytes:
    return bland_altman_svg(one, limits_of(one))


def test_names_of_close_limits_do_not_cover_each_other():
    narrow, wide = measured([-0.1, 0.0, 0.1]), measured([-50.0, 0.0, 50.0])
    shared = range_of((narrow, wide), (limits_of(narrow), limits_of(wide)))
    height = float(
        re.search(r'height="([\d.]+)pt"', (svg := bland_altman_svg(narrow, limits_of(narrow), shared)).decode())[1]
    )
    # Where matplotlib puts the text after its comment, in points from the top.
    found = re.findall(r"<!-- ([+−]1\.96 SD|bias) -->.*?translate\([\d.]+ ([\d.]+)\)", svg.decode(), re.S)
    places = sorted(float(place) for _, place in found)
    assert len(places) == 3
    assert min(np.diff(places)) > 0.08 * height
