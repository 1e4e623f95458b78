import numpy as np
import pytest
from scipy import ndimage


@pytest.fixture
def views(scene):
    """The red, green and yellow slice view, as the application has them, of 200 x 150 pixels each."""
    import slicer
    import vtk

    application_logic = slicer.app.applicationLogic()
    application_logic.SetSliceLogics(vtk.vtkCollection())
    views = {}
    for name in ("Red", "Green", "Yellow"):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        application_logic.GetSliceLogics().AddItem(logic)
        views[name] = logic.AddSliceNode(name)
        logic.ResizeSliceNode(200, 150)
    return views


def axes_of(view):
    """Right, up and away on the screen, in RAS."""
    import slicer.util

    return slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS())[:3, :3].T


@pytest.fixture
def volume(make_cine):
    from CardioSAMLib.mrml.cines import cine_nodes

    return cine_nodes(make_cine()).volume


def unit_axes(volume):
    """Directions along a row, down a column and up the stack, in RAS."""
    from CardioSAMLib.mrml.geometry import world_matrix

    matrix = world_matrix(volume)[:3, :3]
    return (matrix / np.linalg.norm(matrix, axis=0)).T


def test_the_red_view_shows_the_slices_as_the_files_have_them(views, volume):
    from CardioSAMLib.mrml.slice_views import show_stack

    show_stack(volume)
    along_row, down_column, up_stack = unit_axes(volume)
    right, up, away = axes_of(views["Red"])
    assert right == pytest.approx(along_row)
    assert up == pytest.approx(-down_column)
    assert away == pytest.approx(up_stack)


def test_the_sample_phantom_is_shown_like_an_imported_study(views):
    from CardioSAMLib.mrml import workflow

    phantom = workflow.load_phantom()
    along_row, down_column, up_stack = unit_axes(phantom)
    right, up, away = axes_of(views["Red"])
    assert right == pytest.approx(along_row)
    assert up == pytest.approx(-down_column)
    assert away == pytest.approx(up_stack)


def test_the_other_views_cut_along_the_stack(views, volume):
    from CardioSAMLib.mrml.slice_views import show_stack

    show_stack(volume)
    along_row, down_column, up_stack = unit_axes(volume)
    for name, normal in (("Green", down_column), ("Yellow", along_row)):
        _, up, away = axes_of(views[name])
        assert up == pytest.approx(up_stack)
        assert abs(away @ normal) == pytest.approx(1.0)


def test_the_pixels_of_the_red_view_are_those_of_the_middle_slice(views, volume):
    import slicer
    import slicer.util
    from vtk.util.numpy_support import vtk_to_numpy

    from CardioSAMLib.mrml.slice_views import show_stack

    values = np.zeros((5, 20, 24), np.int16)
    values[2, 3:6, 17:22] = 1000  # near the top right corner of the middle slice
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 1000)
    slicer.util.updateVolumeFromArray(volume, values)
    show_stack(volume)
    logic = slicer.app.applicationLogic().GetSliceLogic(views["Red"])
    logic.GetBlend().Update()
    image = logic.GetBlend().GetOutput()
    columns, rows, _ = image.GetDimensions()
    screen = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, 0]
    row, column = ndimage.center_of_mass(screen > 127)
    # 20 x 24 pixels of 1.5 x 1.2 mm around the middle of the screen; 30 mm high, they fill its 150 pixels.
    assert (row, column) == pytest.approx((74.5 + (4.0 - 9.5) * 1.5 * 5.0, 99.5 + (19.0 - 11.5) * 1.2 * 5.0), abs=2.0)


def test_a_transform_above_the_volume_turns_the_views_with_it(views, volume, put_under, turned):
    from CardioSAMLib.mrml.slice_views import show_stack

    show_stack(volume)
    before = axes_of(views["Red"]).copy()
    put_under(volume, turned)
    show_stack(volume)
    assert axes_of(views["Red"]) == pytest.approx(before @ turned[:3, :3].T)


@pytest.mark.usefixtures("views")
def test_the_slice_shown_is_the_middle_one(volume):
    from CardioSAMLib.mrml.shown_slice import shown_slice
    from CardioSAMLib.mrml.slice_views import show_stack
    from CardioSAMLib.mrml.studies import SceneStudy

    show_stack(volume)
    assert shown_slice(SceneStudy.of(volume)) == 2


def test_without_views_nothing_happens(scene, volume):
    from CardioSAMLib.mrml.slice_views import show_stack

    show_stack(volume)
    assert not scene.GetNodesByClass("vtkMRMLSliceNode").GetNumberOfItems()
