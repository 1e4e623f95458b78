import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts

SHAPE = (5, 30, 40)  # slices, rows, columns


def turned(degrees, axis):
    angle, others = np.deg2rad(degrees), [number for number in range(3) if number != axis]
    matrix = np.eye(4)
    matrix[np.ix_(others, others)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return matrix


# (column, row, slice) -> RAS: left-handed, anisotropic, oblique; and what a registration would put above it.
OBLIQUE = turned(25.0, 2) @ turned(-40.0, 0) @ np.diag([-1.5, 1.25, 8.0, 1.0])
OBLIQUE[:3, 3] = 30.0, -20.0, 55.0
PARENT = turned(33.0, 1) @ turned(10.0, 2)
PARENT[:3, 3] = -12.0, 40.0, 7.0
TO_WORLD = PARENT @ OBLIQUE


def matrix_of(array):
    import slicer.util
    import vtk

    matrix = vtk.vtkMatrix4x4()
    slicer.util.updateVTKMatrixFromArray(matrix, array)
    return matrix


@pytest.fixture
def study(scene):
    """An oblique, left-handed, anisotropic volume under a rotated parent transform."""
    import slicer.util

    from CardioSAMLib.mrml.studies import SceneStudy

    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "cine")
    slicer.util.updateVolumeFromArray(volume, np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))
    volume.SetIJKToRASMatrix(matrix_of(OBLIQUE))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix_of(PARENT))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    return SceneStudy.of(volume)


def world(slice_number, row, column):
    return (TO_WORLD @ [column, row, slice_number, 1.0])[:3]


def click(study, structure, positive, slice_number, row, column):
    from CardioSAMLib.mrml.prompts import point_list

    node = point_list(study, structure, positive)
    node.AddControlPointWorld(*world(slice_number, row, column))
    return node


def draw_box(study, structure, center, size_mm, turn=None):
    """An ROI at (slice, row, column) along the world's axes, or turned by a matrix of the world."""
    from CardioSAMLib.mrml.prompts import new_box

    node = new_box(study, structure)
    # Drawn by hand in world coordinates, as a view does: the ROI's own parent transform must not matter.
    node.SetAndObserveTransformNodeID(None)
    placed = np.eye(4) if turn is None else turn.copy()
    placed[:3, 3] = world(*center)
    node.SetAndObserveObjectToNodeMatrix(matrix_of(placed))
    node.SetSize(*size_mm)
    return node


def axes_of_the_volume():
    axes = np.eye(4)
    axes[:3, :3] = TO_WORLD[:3, :3] / np.linalg.norm(TO_WORLD[:3, :3], axis=0)
    return axes


def test_points_at_known_positions_are_prompts_at_their_pixels(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    click(study, Structure.LV, True, 3, 12.0, 17.0)
    click(study, Structure.LV, False, 3, 4.25, 33.5)
    click(study, Structure.RV, True, 1, 20.0, 8.0)
    assert take_new_prompts(study, frame=2) == {(2, 3), (2, 1)}
    prompts = prompts_of(study, 2, 3)
    (lv,) = prompts.structures
    assert lv.structure is Structure.LV
    assert [point.positive for point in lv.points] == [True, False]
    found = [(point.row_px, point.column_px) for point in lv.points]
    assert np.array(found) == pytest.approx(np.array([(12.0, 17.0), (4.25, 33.5)]), abs=1e-6)
    assert prompts_of(study, 2, 0) is None
    assert prompts_of(study, 1, 3) is None


def test_a_click_between_two_slices_belongs_to_the_nearer_one(study):
    from CardioSAMLib.mrml.prompts import take_new_prompts

    click(study, Structure.LV, True, 2.4, 12.0, 17.0)
    click(study, Structure.LV, True, 2.6, 12.0, 20.0)
    assert take_new_prompts(study, frame=0) == {(0, 2), (0, 3)}


@pytest.mark.parametrize("place", [(-0.6, 12, 17), (4.6, 12, 17), (2, -0.6, 17), (2, 12, 39.6)])
def test_a_click_outside_of_the_image_is_removed_with_a_sentence_and_the_others_are_taken(study, place):
    from CardioSAMLib.mrml.prompts import marks_of_slices, take_new_prompts

    node = click(study, Structure.MYO, True, *place)
    click(study, Structure.MYO, True, 2, 12.0, 17.0)
    with pytest.raises(UnusableInput, match=r"A point of MYO \+ lies outside of the image; put it on one"):
        take_new_prompts(study, frame=1)
    assert node.GetNumberOfControlPoints() == 1
    assert set(marks_of_slices(study)) == {(1, 2)}


def test_a_point_that_was_dragged_is_a_prompt_where_it_lies_now(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    node = click(study, Structure.LV, True, 3, 12.0, 17.0)
    take_new_prompts(study, frame=0)
    node.SetNthControlPointPositionWorld(0, *world(1, 5.0, 6.0))
    assert prompts_of(study, 0, 3) is None
    ((point,),) = (own.points for own in prompts_of(study, 0, 1).structures)
    assert (point.row_px, point.column_px) == pytest.approx((5.0, 6.0))


def test_a_point_that_is_still_being_placed_is_no_prompt(study):
    from CardioSAMLib.mrml.prompts import point_list, take_new_prompts

    node = point_list(study, Structure.LV, True)
    node.AddControlPointWorld(*world(2, 5.0, 6.0))
    node.UnsetNthControlPointPosition(0)
    assert take_new_prompts(study, frame=0) == frozenset()


def test_prompts_move_with_the_volume(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    click(study, Structure.LV, True, 3, 12.0, 17.0)
    take_new_prompts(study, frame=0)
    study.volume.GetParentTransformNode().SetMatrixTransformToParent(matrix_of(turned(70.0, 0)))
    ((point,),) = (own.points for own in prompts_of(study, 0, 3).structures)
    assert (point.row_px, point.column_px) == pytest.approx((12.0, 17.0))


def test_a_box_along_the_pixels_has_its_sides_where_it_was_drawn(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    draw_box(study, Structure.RV, (2, 14.0, 21.0), (12 * 1.5, 8 * 1.25, 5.0), axes_of_the_volume())
    assert take_new_prompts(study, frame=1) == {(1, 2)}
    (rv,) = prompts_of(study, 1, 2).structures
    box = rv.box
    found = (box.first_row_px, box.first_column_px, box.last_row_px, box.last_column_px)
    assert found == pytest.approx((10.0, 15.0, 18.0, 27.0))
    assert prompts_of(study, 1, 1) is None
    assert prompts_of(study, 1, 3) is None


def test_a_flat_box_between_two_slices_counts_for_the_nearer(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    draw_box(study, Structure.RV, (2.3, 14.0, 21.0), (12 * 1.5, 8 * 1.25, 0.0), axes_of_the_volume())
    assert take_new_prompts(study, frame=1) == {(1, 2)}
    (rv,) = prompts_of(study, 1, 2).structures
    assert (rv.box.first_row_px, rv.box.last_column_px) == pytest.approx((10.0, 27.0))


def test_a_box_turned_in_the_plane_gives_the_box_around_it(study):
    """A square of 10 mm turned by 45 degrees reaches 5 sqrt(2) mm to each side."""
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    draw_box(study, Structure.LV, (2, 14.0, 21.0), (10.0, 10.0, 4.0), axes_of_the_volume() @ turned(45.0, 2))
    take_new_prompts(study, frame=0)
    (lv,) = prompts_of(study, 0, 2).structures
    reach = 5.0 * np.sqrt(2.0)
    assert (lv.box.first_row_px, lv.box.last_row_px) == pytest.approx((14.0 - reach / 1.25, 14.0 + reach / 1.25))
    assert (lv.box.first_column_px, lv.box.last_column_px) == pytest.approx((21.0 - reach / 1.5, 21.0 + reach / 1.5))


def test_a_deep_tilted_box_counts_as_it_cuts_its_slice(study):
    """Tilted by 60 degrees about the columns, a bar of height h reaches h / 2 / cos(60) along the rows in the plane."""
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    draw_box(study, Structure.LV, (2, 14.0, 21.0), (15.0, 5.0, 200.0), axes_of_the_volume() @ turned(60.0, 0))
    take_new_prompts(study, frame=0)
    (lv,) = prompts_of(study, 0, 2).structures
    reach_px = 2.5 / np.cos(np.deg2rad(60.0)) / 1.25
    assert (lv.box.first_row_px, lv.box.last_row_px) == pytest.approx((14.0 - reach_px, 14.0 + reach_px))


def test_a_box_that_was_taken_lies_on_its_slice_only_and_shows_what_the_model_gets(study):
    import slicer.util

    from CardioSAMLib.mrml.prompts import take_new_prompts

    node = draw_box(study, Structure.LV, (2, 14.0, 21.0), (15.0, 10.0, 200.0), axes_of_the_volume())
    node.SetAndObserveTransformNodeID(study.volume.GetTransformNodeID())
    node.SetAndObserveObjectToNodeMatrix(matrix_of(np.linalg.inv(PARENT) @ placed_at((2, 14.0, 21.0))))
    take_new_prompts(study, frame=0)
    assert node.GetSize() == pytest.approx((15.0, 10.0, 0.9 * 8.0))
    shown = slicer.util.arrayFromVTKMatrix(node.GetObjectToWorldMatrix())
    assert shown[:3, 3] == pytest.approx(world(2, 14.0, 21.0))
    assert np.linalg.det(shown[:3, :3]) == pytest.approx(1.0)
    assert np.abs(shown[:3, :2]) == pytest.approx(np.abs(axes_of_the_volume()[:3, :2]))


def placed_at(center):
    placed = axes_of_the_volume()
    placed[:3, 3] = world(*center)
    return placed


def test_a_box_past_the_border_is_cut_off_there_and_one_beside_the_image_is_removed(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    draw_box(study, Structure.LV, (2, 2.0, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
    draw_box(study, Structure.RV, (2, 60.0, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
    draw_box(study, Structure.MYO, (7, 10.0, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
    with pytest.raises(UnusableInput, match=r"The box .* lies be(side|yond)"):
        take_new_prompts(study, frame=0)
    (lv,) = prompts_of(study, 0, 2).structures
    assert (lv.box.first_row_px, lv.box.last_row_px) == pytest.approx((0.0, 6.0), abs=1e-5)
    assert len(study.parts("boxes")) == 1


def test_a_second_box_of_a_structure_replaces_the_first_on_the_slice(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    for row in (12.0, 16.0):
        draw_box(study, Structure.LV, (2, row, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
        take_new_prompts(study, frame=0)
    draw_box(study, Structure.LV, (2, 16.0, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
    take_new_prompts(study, frame=1)
    assert len(study.parts("boxes")) == 2
    (lv,) = prompts_of(study, 0, 2).structures
    assert (lv.box.first_row_px, lv.box.last_row_px) == pytest.approx((12.0, 20.0))


def test_prompts_that_are_placed_are_read_back(study):
    from CardioSAMLib.mrml.prompts import place_prompts, prompts_of, remove_prompts

    lv = StructurePrompts(
        Structure.LV, (PointPrompt(12.0, 17.5, True), PointPrompt(3.0, 4.0, False)), BoxPrompt(8.0, 9.0, 20.0, 30.0)
    )
    rv = StructurePrompts(Structure.RV, (PointPrompt(25.0, 8.0, True),))
    place_prompts(study, SlicePrompts(3, 1, (rv, lv)))
    place_prompts(study, SlicePrompts(3, 2, (rv,)))
    found = prompts_of(study, 3, 1)
    assert [own.structure for own in found.structures] == [Structure.RV, Structure.LV]
    points = [(point.row_px, point.column_px, point.positive) for own in found.structures for point in own.points]
    assert points == [pytest.approx(point) for point in [(25.0, 8.0, True), (12.0, 17.5, True), (3.0, 4.0, False)]]
    box = found.structures[1].box
    assert (box.first_row_px, box.first_column_px, box.last_row_px, box.last_column_px) == pytest.approx((8, 9, 20, 30))
    remove_prompts(study, 3, 1)
    assert prompts_of(study, 3, 1) is None
    assert prompts_of(study, 3, 2) is not None


def test_prompts_show_in_their_frame_only(study):
    from CardioSAMLib.mrml.prompts import place_prompts, point_list, show_prompts

    for frame in (0, 1):
        lv = StructurePrompts(Structure.LV, (PointPrompt(12.0, 17.5, True),), BoxPrompt(8.0, 9.0, 20.0, 30.0))
        place_prompts(study, SlicePrompts(frame, 1, (lv,)))
    show_prompts(study, 1)
    node = point_list(study, Structure.LV, True)
    assert [node.GetNthControlPointVisibility(index) for index in (0, 1)] == [False, True]
    assert [box.GetDisplayNode().GetVisibility() for box in study.parts("boxes")] == [0, 1]


def test_markups_of_the_user_are_no_prompts(study, scene):
    from CardioSAMLib.mrml.prompts import marks_of_slices, take_new_prompts

    mine = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "LV +")
    mine.AddControlPointWorld(*world(2, 5.0, 6.0))
    assert take_new_prompts(study, frame=0) == frozenset()
    assert not marks_of_slices(study)


def test_a_correction_shows_the_model_the_present_contour(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    existing = np.zeros(SHAPE[1:], np.uint8)
    existing[10:15, 10:20] = STORAGE.value_of(Structure.LV)
    click(study, Structure.LV, False, 2, 12.0, 17.0)
    click(study, Structure.RV, True, 2, 20.0, 30.0)
    take_new_prompts(study, frame=0)
    rv, lv = prompts_of(study, 0, 2, existing).structures
    assert np.array_equal(lv.mask, existing > 0)
    assert rv.mask is None


def test_negative_points_alone_say_what_is_missing(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    click(study, Structure.LV, False, 2, 12.0, 17.0)
    take_new_prompts(study, frame=0)
    with pytest.raises(UnusableInput, match="LV has only negative points"):
        prompts_of(study, 0, 2)


def test_negative_points_that_have_emptied_a_structure_are_no_prompts_any_more(study):
    from CardioSAMLib.mrml.prompts import prompts_of, take_new_prompts

    nothing = np.zeros(SHAPE[1:], np.uint8)
    click(study, Structure.LV, False, 2, 12.0, 17.0)
    take_new_prompts(study, frame=0)
    assert prompts_of(study, 0, 2, nothing) is None
    click(study, Structure.RV, True, 2, 20.0, 30.0)
    take_new_prompts(study, frame=0)
    assert [own.structure for own in prompts_of(study, 0, 2, nothing).structures] == [Structure.RV]


def test_each_point_and_box_belongs_to_the_frame_in_which_it_was_placed(study):
    from CardioSAMLib.mrml.prompts import new_prompts, prompts_of, take_new_prompts

    click(study, Structure.LV, True, 2, 12.0, 17.0)
    (point,) = new_prompts(study)
    draw_box(study, Structure.RV, (2, 14.0, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
    (box,) = new_prompts(study) - {point}
    click(study, Structure.MYO, True, 2, 20.0, 8.0)
    assert take_new_prompts(study, 5, {point: 1, box: 3}) == {(1, 2), (3, 2), (5, 2)}
    found = [prompts_of(study, frame, 2).structures[0].structure for frame in (1, 3, 5)]
    assert found == [Structure.LV, Structure.RV, Structure.MYO]
    assert not new_prompts(study)


def test_a_box_of_which_a_corner_was_never_placed_is_removed_and_one_being_placed_is_not(study):
    from CardioSAMLib.mrml.prompts import new_box, remove_unfinished_boxes

    drawn = draw_box(study, Structure.RV, (2, 14.0, 21.0), (15.0, 10.0, 4.0), axes_of_the_volume())
    new_box(study, Structure.LV)
    now = new_box(study, Structure.LV)
    remove_unfinished_boxes(study, now)
    assert study.parts("boxes") == (drawn, now)
    remove_unfinished_boxes(study, None)
    assert study.parts("boxes") == (drawn,)


def test_a_negative_point_has_another_color_than_the_structure_it_lies_on(study):
    from CardioSAMLib.mrml.prompts import point_list

    for structure in Structure:
        own = np.array(structure.color_rgb) / 255.0
        plus, minus = (point_list(study, structure, sign).GetDisplayNode().GetSelectedColor() for sign in (True, False))
        assert plus == pytest.approx(own)
        assert np.abs(np.array(minus) - own).max() > 0.5
