"""Which slice the views show."""

import pytest


@pytest.fixture
def study(scene, make_cine):  # noqa: ARG001
    from CardioSAMLib.mrml.cines import cine_nodes
    from CardioSAMLib.mrml.studies import SceneStudy

    return SceneStudy.of(cine_nodes(make_cine()).volume)


def center_on(view, study, position):
    from CardioSAMLib.mrml.geometry import ras_position

    view.JumpSliceByCentering(*ras_position(study.volume, position))


def test_without_a_view_no_slice_is_shown(study):
    from CardioSAMLib.mrml.shown_slice import shown_slice

    assert shown_slice(study) is None


@pytest.mark.parametrize(("position", "expected"), [(0.0, 0), (2.4, 2), (2.6, 3), (-9.0, 0), (40.0, 4)])
def test_it_is_the_slice_nearest_to_the_center_of_the_view(study, scene, position, expected):
    from CardioSAMLib.mrml.shown_slice import shown_slice

    center_on(scene.AddNewNodeByClass("vtkMRMLSliceNode"), study, (position, 8.0, 9.0))
    assert shown_slice(study) == expected


def test_the_red_view_counts_where_there_are_several(study, scene):
    from CardioSAMLib.mrml.shown_slice import shown_slice

    for name, number in (("Green", 1), ("Red", 3), ("Yellow", 2)):
        view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
        view.SetLayoutName(name)
        center_on(view, study, (number, 8.0, 9.0))
    assert shown_slice(study) == 3
