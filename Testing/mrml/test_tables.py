from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import QualityNote, UnusableInput
from CardioSAMLib.contour_comparison import compare_contours
from CardioSAMLib.function import METRICS, MeasureOptions, measure
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=60, columns=60, slices=6, frames=12, spacing_mm=(3.0, 3.0, 16.0)))


@pytest.fixture
def study(scene, phantom):
    from CardioSAMLib.mrml.cines import cine_nodes
    from CardioSAMLib.mrml.studies import SceneStudy

    volume = cine_nodes(phantom.cine, "heart").volume
    assert volume.GetScene() is scene
    return SceneStudy.of(volume)


def column(table, title):
    values = table.GetTable().GetColumnByName(title)
    return [values.GetValue(row) for row in range(table.GetNumberOfRows())]


def test_the_table_holds_the_values_of_the_measurements(study, phantom):
    from CardioSAMLib.mrml.tables import show_measurements

    function = measure(phantom.cine, phantom.segmentation)
    table = show_measurements(study, function)
    assert column(table, "Measurement") == [metric.title for metric in METRICS]
    assert column(table, "Unit") == [metric.unit for metric in METRICS]
    shown = dict(zip([metric.key for metric in METRICS], column(table, "LV"), strict=True))
    for metric in METRICS:
        value = getattr(function.lv, metric.key)
        if value is not None:
            assert float(shown[metric.key]) == pytest.approx(value, abs=0.6 * 10.0**-metric.digits)
    assert float(shown["ef_percent"]) == pytest.approx(function.lv.ef_percent, abs=0.05)


def test_a_missing_value_says_why(study, phantom):
    from CardioSAMLib.mrml.tables import show_measurements

    cine = replace(phantom.cine, heart_rate_bpm=None, frame_times_ms=None)
    table = show_measurements(study, measure(cine, phantom.segmentation))
    shown = dict(zip([metric.key for metric in METRICS], column(table, "LV"), strict=True))
    assert shown["co_l_min"] == "– (heart rate unknown)"


def test_new_numbers_go_into_the_same_table(study, phantom, scene):
    from CardioSAMLib.mrml.tables import show_measurements

    first = show_measurements(study, measure(phantom.cine, phantom.segmentation))
    before = column(first, "LV")
    base = int(np.flatnonzero(phantom.segmentation.mask(Structure.LV)[0].any(axis=(1, 2)))[-1])
    study.excluded = {(0, base)}
    second = show_measurements(study, measure(phantom.cine, phantom.segmentation, study.measuring))
    assert second == first
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert float(column(second, "LV")[0]) < float(before[0])


def test_a_note_has_its_frame_and_slice_beside_it(study):
    from CardioSAMLib.mrml.tables import show_notes

    notes = (
        QualityNote("a", "error", "Look here.", frame=3, slice=0),
        QualityNote("b", "info", "Look at the frame.", frame=0),
        QualityNote("c", "warning", "Look at all of it."),
    )
    table = show_notes(study, notes)
    assert column(table, "Note") == [note.message for note in notes]
    assert (column(table, "Frame"), column(table, "Slice")) == (["3", "0", ""], ["0", "", ""])
    assert show_notes(study, ()).GetNumberOfRows() == 0


def test_the_courses_have_a_point_per_frame_and_the_marks_stand_at_ed_and_es(study, phantom):
    from CardioSAMLib.mrml.charts import show_curves

    function = measure(phantom.cine, phantom.segmentation)
    chart = show_curves(study, function)
    series = {node.GetName(): node for node in series_of(chart)}
    assert list(series) == ["LV fit", "LV", "RV fit", "RV", "ED", "ES"]
    for name in ("LV", "RV"):
        assert values(series[name], "x") == pytest.approx(phantom.cine.frame_times_ms)
    assert values(series["LV"], "y") == pytest.approx(function.curves.lv_ml)
    assert values(series["LV fit"], "y") == pytest.approx(function.curves.lv_smooth_ml)
    assert values(series["ED"], "y") == pytest.approx((function.lv.edv_ml, function.rv.edv_ml))
    assert values(series["ES"], "x") == pytest.approx([phantom.cine.frame_times_ms[function.es_frame]] * 2)
    assert column(series["LV"].GetTableNode(), "Frame") == list(range(12))
    assert column(series["ES"].GetTableNode(), "Frame") == [function.es_frame] * 2


def series_of(chart):
    return [chart.GetNthPlotSeriesNode(number) for number in range(chart.GetNumberOfPlotSeriesNodes())]


def values(series, axis):
    title = series.GetXColumnName() if axis == "x" else series.GetYColumnName()
    return column(series.GetTableNode(), title)


def test_frames_without_a_ventricle_are_no_points_and_no_ventricle_no_course(study, phantom):
    from CardioSAMLib.mrml.charts import show_curves

    labels = phantom.segmentation.labels.copy()
    labels[labels == STORAGE.value_of(Structure.RV)] = 0
    labels[5] = 0
    segmentation = replace(phantom.segmentation, labels=labels)
    show_curves(study, measure(phantom.cine, phantom.segmentation))
    chart = show_curves(study, measure(phantom.cine, segmentation))
    series = {node.GetName(): node for node in series_of(chart)}
    assert "RV" not in series
    assert len(values(series["ED"], "y")) == 1
    assert column(series["LV"].GetTableNode(), "Frame") == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]


def test_without_frame_times_the_axis_counts_frames(study, phantom):
    from CardioSAMLib.mrml.charts import show_curves

    show_curves(study, measure(phantom.cine, phantom.segmentation))
    cine = replace(phantom.cine, heart_rate_bpm=None, frame_times_ms=None)
    chart = show_curves(study, measure(cine, phantom.segmentation))
    assert chart.GetXAxisTitle() == "Frame number"
    assert all(values(series, "x") for series in series_of(chart))
    assert values(series_of(chart)[1], "x") == list(range(12))


def test_one_frame_has_no_mark_of_end_systole(study, phantom):
    from CardioSAMLib.mrml.charts import show_curves

    one = replace(phantom.segmentation, labels=phantom.segmentation.labels, segmented_frames=(0,))
    labels = one.labels.copy()
    labels[1:] = 0
    chart = show_curves(study, measure(phantom.cine, replace(one, labels=labels)))
    assert [node.GetName() for node in series_of(chart)] == ["LV joined", "LV", "RV joined", "RV", "ED"]


def test_a_comparison_fills_two_tables_in_place(study, phantom, scene):
    from CardioSAMLib.mrml.tables import show_comparison

    labels = phantom.segmentation.labels.copy()
    labels[labels == STORAGE.value_of(Structure.RV)] = 0
    other = replace(phantom.segmentation, labels=labels)
    for _ in range(2):
        contours, numbers = show_comparison(study, compare_contours(phantom.cine, phantom.segmentation, other))
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 2
    rows = list(zip(column(contours, "Structure"), column(contours, "Dice"), column(contours, "Remark"), strict=True))
    assert rows[:3] == [("RV", "0.000", "not drawn by the other"), ("MYO", "1.000", ""), ("LV", "1.000", "")]
    by_title = dict(zip(column(numbers, "Measurement"), column(numbers, "Other minus this"), strict=True))
    assert by_title["LV ejection fraction"] == "0.0"
    assert by_title["RV ejection fraction"] == "–"


def test_going_to_a_note_shows_its_frame_and_its_slice_in_all_views(study, scene):
    import slicer

    from CardioSAMLib.mrml.geometry import slice_position
    from CardioSAMLib.mrml.navigation import go_to, shown_frame

    view = slicer.vtkMRMLSliceNode()
    view.SetLayoutName("Red")
    view.SetOrientationToAxial()
    scene.AddNode(view)
    center = go_to(study, frame=4, slice_number=2)
    assert shown_frame(study) == 4
    assert slice_position(study.volume, center) == pytest.approx((2.0, 29.5, 29.5))
    height = [view.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    normal = [view.GetSliceToRAS().GetElement(row, 2) for row in range(3)]
    assert np.dot(np.subtract(center, height), normal) == pytest.approx(0.0, abs=1e-3)
    go_to(study, frame=None, slice_number=None)
    assert shown_frame(study) == 4


@pytest.mark.parametrize(("frame", "number"), [(12, 0), (-1, 0), (0, 6), (0, -1)])
def test_there_is_no_way_to_a_frame_or_slice_that_does_not_exist(study, frame, number):
    from CardioSAMLib.mrml.navigation import go_to, shown_frame

    with pytest.raises(UnusableInput, match=r"heart has no (frame|slice)"):
        go_to(study, frame, number)
    assert shown_frame(study) == 0


def test_the_choices_of_a_study_change_its_numbers(study, phantom):
    study.measuring = MeasureOptions(ed_frame=1, es_frame=4)
    function = measure(phantom.cine, phantom.segmentation, study.measuring)
    assert (function.ed_frame, function.es_frame) == (1, 4)
