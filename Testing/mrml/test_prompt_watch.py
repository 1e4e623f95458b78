"""Which slices have other prompts than before."""

import pytest

from CardioSAMLib.labels import Structure


@pytest.fixture
def study(scene, make_cine):  # noqa: ARG001
    from CardioSAMLib.mrml.cines import cine_nodes
    from CardioSAMLib.mrml.studies import SceneStudy

    return SceneStudy.of(cine_nodes(make_cine()).volume)


@pytest.fixture
def watched(study):
    """A watch on the study, and the list to which it adds an entry for each event."""
    from CardioSAMLib.mrml.prompt_watch import PromptWatch

    events = []
    watch = PromptWatch(study, lambda: events.append(1))
    yield watch, events
    watch.stop()


def place(study, slice_number, row, column, *, structure=Structure.LV, positive=True):
    from CardioSAMLib.mrml.geometry import ras_position
    from CardioSAMLib.mrml.prompts import point_list

    return point_list(study, structure, positive).AddControlPointWorld(
        *ras_position(study.volume, (slice_number, row, column))
    )


def test_a_new_point_is_told_and_belongs_to_the_frame_shown(study, watched):
    from CardioSAMLib.mrml.prompts import point_list

    watch, events = watched
    point_list(study, Structure.LV, True)
    watch.follow()
    study.browser.SetSelectedItemNumber(2)
    place(study, 3, 5.0, 6.0)
    assert events
    assert watch.take().slices == ((2, 3),)
    assert watch.take().slices == ()


def test_a_point_belongs_to_the_frame_of_its_click_though_another_is_shown_by_now(study, watched):
    from CardioSAMLib.mrml.prompts import point_list

    watch, _ = watched
    point_list(study, Structure.LV, True)
    watch.follow()
    for frame in (2, 1):
        study.browser.SetSelectedItemNumber(frame)
        place(study, 3, 5.0, 6.0 + frame)
    study.browser.SetSelectedItemNumber(0)
    assert watch.take().slices == ((1, 3), (2, 3))


def test_negative_points_alone_are_a_change_too(study, watched):
    watch, _ = watched
    place(study, 1, 5.0, 6.0, positive=False)
    assert watch.take().slices == ((0, 1),)


def test_a_dragged_point_changes_the_slice_where_it_lies_now(study, watched):
    from CardioSAMLib.mrml.geometry import ras_position
    from CardioSAMLib.mrml.prompts import point_list

    watch, _ = watched
    index = place(study, 1, 5.0, 6.0)
    watch.take()
    node = point_list(study, Structure.LV, True)
    node.SetNthControlPointPositionWorld(index, *ras_position(study.volume, (2, 7.0, 7.0)))
    assert watch.take().slices == ((0, 2),)


def test_a_point_beside_the_image_is_a_problem_and_the_others_are_taken(study, watched):
    watch, _ = watched
    place(study, 1, 5.0, 6.0)
    place(study, 1, 900.0, 6.0)
    changes = watch.take()
    assert changes.slices == ((0, 1),)
    assert "outside of the image" in changes.problem


def test_our_own_placing_is_neither_told_nor_a_change(study, watched):
    from CardioSAMLib.mrml.prompts import place_prompts
    from CardioSAMLib.prompts import PointPrompt, SlicePrompts, StructurePrompts

    watch, events = watched
    points = StructurePrompts(Structure.RV, (PointPrompt(5.0, 6.0, True),))
    with watch.paused():
        place_prompts(study, SlicePrompts(0, 1, (points,)))
    assert not events
    assert watch.take().slices == ()


def test_freezing_a_structure_is_no_change(study, watched):
    watch, _ = watched
    place(study, 1, 5.0, 6.0)
    watch.take()
    study.frozen = {Structure.RV}
    assert watch.take().slices == ()


def test_after_stopping_nothing_is_told(study, watched):
    watch, events = watched
    place(study, 1, 5.0, 6.0)
    watch.take()
    watch.stop()
    events.clear()
    place(study, 1, 8.0, 6.0)
    assert not events
