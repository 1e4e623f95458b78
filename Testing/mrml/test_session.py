"""The contours of a study that is open for reading, on real MRML and with the models that ship."""

from dataclasses import replace

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import write_nifti
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import Cancelled, silent
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, SlicePrompts, StructurePrompts
from CardioSAMLib.resources import find_model
from CardioSAMLib.segmentation import EmbeddingCache

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.cines import cine_nodes  # noqa: E402
from CardioSAMLib.mrml.history import UNDO_STEPS  # noqa: E402
from CardioSAMLib.mrml.imports import import_cine  # noqa: E402
from CardioSAMLib.mrml.prompts import place_prompts, point_list, prompts_of  # noqa: E402
from CardioSAMLib.mrml.session import Edits, Scope, StudySession  # noqa: E402
from CardioSAMLib.mrml.session_jobs import SegmentedCine, with_frozen  # noqa: E402
from CardioSAMLib.mrml.studies import SceneStudy  # noqa: E402

LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))
FRAMES, SLICES = 4, 5
IN_LV, IN_MYO, BELOW = (36, 36), (36, 44), (44, 36)  # row and column: cavity, wall, wall of the middle slice


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=72, columns=72, slices=SLICES, frames=FRAMES, spacing_mm=(3.0, 3.0, 18.0)))


@pytest.fixture
def open_study(scene, phantom, tmp_path):  # noqa: ARG001
    """A session of the phantom; drawn: with its true contours, as a model would have drawn them."""

    def opened(name="phantom", drawn=True, cine=phantom.cine):
        session = StudySession(SceneStudy.of(cine_nodes(cine, name).volume), EmbeddingCache(tmp_path / "cache"))
        if drawn:
            session.take_segmentation(SegmentedCine(session.cine, phantom.segmentation))
        return session

    return opened


def nothing(session, frames=tuple(range(FRAMES))):
    """What a model would give that draws nothing."""
    labels = np.zeros(session.cine.pixels.shape, np.uint8)
    return SegmentedCine(session.cine, CineSegmentation(labels, frames, Provenance("blind", "1", "0")))


def clicked(session, frame, slice_number, structure, positive, pixel):
    prompts = StructurePrompts(structure, (PointPrompt(*pixel, positive),)) if positive else None
    if prompts is not None:
        place_prompts(session.study, SlicePrompts(frame, slice_number, (prompts,)))
        return
    node = point_list(session.study, structure, positive)
    from CardioSAMLib.mrml.geometry import ras_position

    index = node.AddControlPointWorld(*ras_position(session.study.volume, (slice_number, *pixel)))
    node.SetNthControlPointDescription(index, f"frame {frame}")


def correct(session, frame, slice_number):
    session.take_correction(session.correct_job(frame, slice_number)(silent))


def labels_of(session):
    return session.segmentation.labels


def paint(session, name, where):
    """As Segment Editor does, in the frame that is shown."""
    segmentation, volume = session.study.segmentation, session.study.volume
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, name, volume).copy()
    mask[where] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, name, volume)


def state_of_scene(scene):
    return [(node.GetID(), node.GetMTime()) for node in (scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes()))]


@pytest.mark.usefixtures("scene")
def test_a_model_draws_what_the_command_draws_and_the_measurements_are_the_same(tmp_path):
    from CardioSAMLib.analysis import AnalysisOptions, analyze

    options = PhantomOptions(rows=112, columns=112, slices=5, frames=2, spacing_mm=(2.0, 2.0, 18.0))
    file = tmp_path / "study.nii.gz"
    write_nifti(make_phantom(options).cine, file)
    expected = analyze(file, tmp_path / "out", AnalysisOptions()).study
    session = StudySession(SceneStudy.of(import_cine(file).volume), EmbeddingCache(tmp_path / "cache"))
    session.take_segmentation(session.segment_job()(silent))
    found = session.refresh()
    assert found.function.lv.ef_percent > 20.0
    for side in ("lv", "rv"):
        for key in ("edv_ml", "esv_ml", "ef_percent"):
            values = [getattr(getattr(study.function, side), key) for study in (found, expected)]
            assert values[0] == pytest.approx(values[1], abs=1e-6), key
    assert found.function.lv.mass_ed_g == pytest.approx(expected.function.lv.mass_ed_g, abs=1e-6)
    assert found.model == expected.model
    assert {note.code for note in found.notes} == {note.code for note in expected.notes}


def test_a_study_without_contours_says_so_and_has_nothing_to_undo(open_study):
    session = open_study(drawn=False)
    assert (session.can_undo, session.undo(), session.redo()) == (False, (), ())
    with pytest.raises(UnusableInput, match="no contours yet"):
        _ = session.segmentation
    assert session.take_edits().slices == frozenset()


def test_a_model_that_draws_again_leaves_corrected_and_locked_slices_and_frozen_structures(open_study, phantom):
    session = open_study()
    session.lock(0, 1)
    session.accept(2, 3)
    session.freeze(Structure.RV, True)
    session.take_segmentation(nothing(session))
    before, after = phantom.segmentation.labels, labels_of(session)
    assert np.array_equal(after[0, 1], before[0, 1])
    assert np.array_equal(after[2, 3], before[2, 3])
    expected = np.where(before == RV, RV, 0)
    expected[0, 1], expected[2, 3] = before[0, 1], before[2, 3]
    assert np.array_equal(after, expected)


def test_a_second_segmentation_is_one_step_and_undone_with_who_drew_it(open_study, phantom):
    session = open_study()
    session.take_segmentation(nothing(session))
    assert not labels_of(session).any()
    assert session.segmentation.provenance.model_id == "blind"
    assert session.undo() == tuple(range(FRAMES))
    assert np.array_equal(labels_of(session), phantom.segmentation.labels)
    assert session.segmentation.provenance.model_id == "phantom"
    assert session.redo() == tuple(range(FRAMES))
    assert session.segmentation.provenance.model_id == "blind"


def test_undoing_the_first_segmentation_leaves_a_study_without_contours(open_study):
    session = open_study()
    assert session.has_contours
    session.undo()
    assert not session.has_contours
    with pytest.raises(UnusableInput, match="no contours yet"):
        _ = session.segmentation


def test_frames_that_a_model_did_not_draw_stay_and_are_told_apart(open_study, phantom):
    session = open_study()
    session.take_segmentation(nothing(session, frames=(1, 3)))
    after = session.segmentation
    assert np.array_equal(after.labels[[0, 2]], phantom.segmentation.labels[[0, 2]])
    assert not after.labels[[1, 3]].any()
    assert after.segmented_frames == (0, 1, 2, 3)
    assert after.provenance.settings["Other frames"] == "phantom in 0, 2"


def test_a_click_changes_its_slice_alone_and_counts_as_a_correction(open_study, phantom):
    session = open_study()
    assert phantom.segmentation.labels[1, 2][IN_MYO] != LV
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    correct(session, 1, 2)
    after, expected = session.segmentation, phantom.segmentation.labels.copy()
    assert after.labels[1, 2][IN_MYO] == LV
    expected[1, 2] = after.labels[1, 2]
    assert np.array_equal(after.labels, expected)
    assert session.study.corrected == {(1, 2)}
    assert after.provenance.settings["Corrected slices"] == "frame 1: 2"
    card = find_model("cardiosam-prompt")
    settings = after.provenance.settings
    assert (settings["corrected_with"], settings["corrected_with_version"]) == (card.id, card.version)
    assert settings["corrected_with_sha256"] == card.files_sha256


def test_a_negative_click_takes_away(open_study, phantom):
    session = open_study()
    assert phantom.segmentation.labels[0, 2][IN_LV] == LV
    clicked(session, 0, 2, Structure.LV, False, IN_LV)
    correct(session, 0, 2)
    assert labels_of(session)[0, 2][IN_LV] != LV


def test_undo_takes_back_contour_mark_and_click_and_redo_brings_them_again(open_study, phantom):
    session = open_study()
    for pixel in (IN_MYO, BELOW):
        own = StructurePrompts(Structure.LV, (PointPrompt(*pixel, True),))
        before = prompts_of(session.study, 1, 2)
        points = own.points if before is None else (*before.structures[0].points, *own.points)
        place_prompts(session.study, SlicePrompts(1, 2, (replace(own, points=points),)))
        correct(session, 1, 2)
    twice = labels_of(session)
    assert session.undo() == (1,)
    assert len(prompts_of(session.study, 1, 2).structures[0].points) == 1
    assert session.study.corrected == {(1, 2)}
    assert session.undo() == (1,)
    assert prompts_of(session.study, 1, 2) is None
    assert session.study.corrected == frozenset()
    assert np.array_equal(labels_of(session), phantom.segmentation.labels)
    session.redo()
    session.redo()
    assert np.array_equal(labels_of(session), twice)
    assert len(prompts_of(session.study, 1, 2).structures[0].points) == 2
    assert session.study.corrected == {(1, 2)}


def test_a_frozen_structure_keeps_each_pixel_of_a_clicked_slice(open_study, phantom):
    session = open_study()
    session.freeze(Structure.RV, True)
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    correct(session, 1, 2)
    assert np.array_equal(labels_of(session) == RV, phantom.segmentation.labels == RV)
    session.freeze(Structure.RV, False)
    assert session.study.frozen == frozenset()


def test_a_slice_without_prompts_has_nothing_to_correct_and_a_locked_one_refuses(open_study):
    session = open_study()
    assert session.correct_job(1, 2) is None
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    session.lock(1, 2)
    with pytest.raises(UnusableInput, match="Slice 2 of frame 1 is locked"):
        session.correct_job(1, 2)
    session.unlock(1, 2)
    assert session.correct_job(1, 2) is not None


def test_cleared_prompts_are_gone_and_the_contour_stays(open_study):
    session = open_study()
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    correct(session, 1, 2)
    session.clear_prompts(1, 2)
    assert prompts_of(session.study, 1, 2) is None
    assert labels_of(session)[1, 2][IN_MYO] == LV


def test_a_box_on_a_study_without_contours_draws_the_first(open_study):
    session = open_study(drawn=False)
    own = StructurePrompts(Structure.LV, (PointPrompt(*IN_LV, True),), BoxPrompt(27.0, 27.0, 45.0, 45.0))
    place_prompts(session.study, SlicePrompts(0, 2, (own,)))
    correct(session, 0, 2)
    drawn = np.argwhere(labels_of(session))
    assert set(map(tuple, drawn[:, :2])) == {(0, 2)}
    assert labels_of(session)[0, 2][IN_LV] == LV


def test_slices_are_encoded_ahead_nearest_first_and_then_found_in_the_cache(open_study, tmp_path):
    session = open_study()
    told = []
    session.prepare_job(0, 2, neighbors=1)(lambda _fraction, message: told.append(message))
    assert told == [f"encoding slice {number} on the CPU" for number in (2, 1, 3)]
    assert EmbeddingCache(tmp_path / "cache").info().entries == 3
    clicked(session, 0, 2, Structure.LV, True, IN_MYO)
    correct(session, 0, 2)
    assert EmbeddingCache(tmp_path / "cache").info().entries == 3


def test_propagation_draws_its_scope_and_leaves_corrected_and_locked_slices(open_study, phantom):
    session = open_study()
    session.take_segmentation(nothing(session))
    session.take_segmentation(
        SegmentedCine(session.cine, CineSegmentation(only(phantom, {(0, 2), (2, 2)}), (0, 2), Provenance("phantom")))
    )
    session.accept(0, 2)
    session.lock(2, 2)
    session.accept(1, 3)
    session.take_propagation(session.propagate_job(Scope.SLICE, 0, 2)(silent))
    after = session.segmentation
    assert np.array_equal(after.labels[[0, 2], 2], phantom.segmentation.labels[[0, 2], 2])
    assert not after.labels[:, [0, 1, 3, 4]].any()
    for frame in (1, 3):
        true = phantom.segmentation.labels[frame, 2] == LV
        found = after.labels[frame, 2] == LV
        assert 2.0 * (true & found).sum() / (true.sum() + found.sum()) > 0.8
    assert "registration" in after.provenance.settings["propagation_over_frames"]
    assert session.undo() == (1, 3)
    assert not labels_of(session)[[1, 3]].any()


def only(phantom, keys):
    labels = np.zeros_like(phantom.segmentation.labels)
    for key in keys:
        labels[key] = phantom.segmentation.labels[key]
    return labels


def test_propagation_along_the_frame_leaves_other_frames(open_study):
    session = open_study()
    session.accept(1, 2)
    before = labels_of(session)
    session.take_propagation(session.propagate_job(Scope.FRAME, 1, 2)(silent))
    after = labels_of(session)
    assert np.array_equal(np.delete(after, 1, axis=0), np.delete(before, 1, axis=0))
    assert np.array_equal(after[1, 2], before[1, 2])


def test_propagation_leaves_what_was_corrected_or_frozen_while_it_ran(open_study, phantom):
    session = open_study()
    session.accept(0, 2)
    session.freeze(Structure.RV, True)
    result = session.propagate_job(Scope.ALL, 0, 2)(silent)
    session.accept(3, 1)
    session.take_propagation(result)
    after = labels_of(session)
    assert np.array_equal(after[3, 1], phantom.segmentation.labels[3, 1])
    assert np.array_equal(after == RV, phantom.segmentation.labels == RV)
    assert not np.array_equal(after, phantom.segmentation.labels)


def test_propagation_says_what_it_needs(open_study):
    session = open_study()
    with pytest.raises(UnusableInput, match="correct or accept one"):
        session.propagate_job(Scope.ALL, 0, 0)
    for frame in range(FRAMES):
        session.accept(frame, 2)
    with pytest.raises(UnusableInput, match="nothing is left to draw"):
        session.propagate_job(Scope.SLICE, 0, 2)


def test_what_was_painted_by_hand_becomes_a_correction_without_prompts(open_study):
    session = open_study()
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    correct(session, 1, 2)
    session.study.browser.SetSelectedItemNumber(1)
    paint(session, "RV", (2, slice(0, 4), slice(0, 4)))
    paint(session, "RV", (3, slice(0, 4), slice(0, 4)))
    edits = session.take_edits()
    assert edits.slices == {(1, 2), (1, 3)}
    assert session.study.corrected == {(1, 2), (1, 3)}
    assert (labels_of(session)[1, 3, :4, :4] == RV).all()
    assert prompts_of(session.study, 1, 2) is None
    assert session.take_edits().slices == frozenset()


def test_painting_over_another_structure_is_resolved_told_and_shown(open_study):
    session = open_study()
    paint(session, "LV", (2, *IN_MYO))
    edits = session.take_edits()
    assert edits.slices == {(0, 2)}
    assert edits.messages == ("Segments overlapped in 1 voxel of 1 frame; LV was kept before MYO, and MYO before RV.",)
    wall = slicer.util.arrayFromSegmentBinaryLabelmap(session.study.segmentation, "MYO", session.study.volume)
    assert not wall[2][IN_MYO]
    assert session.take_edits() == Edits(frozenset(), ())
    # What loses by the rule is told as well, though nothing that is counted has changed.
    paint(session, "RV", (2, *IN_LV))
    edits = session.take_edits()
    assert edits.slices == frozenset()
    assert len(edits.messages) == 1


def test_undo_of_a_click_leaves_what_was_painted_in_another_slice_of_its_frame(open_study, phantom):
    session = open_study()
    session.take_edits()
    paint(session, "RV", (3, slice(0, 4), slice(0, 4)))
    session.take_edits()
    painted = labels_of(session)[0, 3].copy()
    clicked(session, 0, 2, Structure.LV, True, IN_MYO)
    correct(session, 0, 2)
    assert session.undo() == (0,)
    assert np.array_equal(labels_of(session)[0, 3], painted)
    assert np.array_equal(labels_of(session)[0, 2], phantom.segmentation.labels[0, 2])
    assert session.study.corrected == {(0, 3)}


def test_painting_by_hand_is_a_step_that_is_undone_and_redone(open_study, phantom):
    session = open_study()
    clicked(session, 0, 2, Structure.LV, True, IN_MYO)
    correct(session, 0, 2)
    answered = labels_of(session)[0, 2].copy()
    paint(session, "RV", (2, slice(0, 4), slice(0, 4)))
    painted = answered.copy()
    painted[:4, :4] = RV
    assert session.undo() == (0,)  # what was painted is noticed by itself
    assert np.array_equal(labels_of(session)[0, 2], answered)
    assert len(prompts_of(session.study, 0, 2).structures[0].points) == 1
    assert session.undo() == (0,)
    assert np.array_equal(labels_of(session), phantom.segmentation.labels)
    session.redo()
    session.redo()
    assert np.array_equal(labels_of(session)[0, 2], painted)
    assert prompts_of(session.study, 0, 2) is None
    assert session.study.corrected == {(0, 2)}


def test_painting_by_hand_ends_the_redo(open_study):
    session = open_study()
    clicked(session, 0, 2, Structure.LV, True, IN_MYO)
    correct(session, 0, 2)
    session.undo()
    paint(session, "RV", (3, slice(0, 4), slice(0, 4)))
    assert session.redo() == ()


def test_accepting_a_slice_is_a_step_and_undone_before_the_contours_it_is_about(open_study):
    session = open_study()
    session.accept(1, 2)
    session.accept(1, 2)
    assert session.undo() == (1,)
    assert session.study.corrected == frozenset()
    assert session.has_contours
    session.redo()
    assert session.study.corrected == {(1, 2)}
    session.undo()
    session.undo()
    assert not session.has_contours
    assert session.study.corrected == frozenset()


def test_undo_leaves_locked_slices_and_refuses_where_there_are_only_such(open_study, phantom):
    session = open_study()
    session.take_segmentation(nothing(session))
    session.lock(1, 2)
    session.undo()
    expected = phantom.segmentation.labels.copy()
    expected[1, 2] = 0
    assert np.array_equal(labels_of(session), expected)
    session.redo()
    session.unlock(1, 2)
    clicked(session, 0, 2, Structure.LV, True, IN_LV)
    own = StructurePrompts(Structure.LV, (PointPrompt(*IN_LV, True),), BoxPrompt(27.0, 27.0, 45.0, 45.0))
    place_prompts(session.study, SlicePrompts(0, 2, (own,)))
    correct(session, 0, 2)
    drawn = labels_of(session)
    assert drawn[0, 2].any()
    session.lock(0, 2)
    with pytest.raises(UnusableInput, match="Slice 2 of frame 0 is locked; unlock it to undo"):
        session.undo()
    assert np.array_equal(labels_of(session), drawn)
    session.unlock(0, 2)
    assert session.undo() == (0,)
    assert not labels_of(session).any()


def test_a_step_after_an_undo_ends_the_redo(open_study):
    session = open_study()
    session.take_segmentation(nothing(session))
    session.undo()
    session.accept(0, 2)
    assert not session.can_redo
    assert session.redo() == ()


def test_the_oldest_steps_are_forgotten(open_study):
    session = open_study()
    for number in range(UNDO_STEPS + 2):
        session.accept(number % FRAMES, number // FRAMES % SLICES)
    steps = [session.undo() for _ in range(UNDO_STEPS + 2)]
    assert sum(map(bool, steps)) == UNDO_STEPS
    assert session.has_contours


def test_two_studies_in_one_scene_do_not_mix(open_study, phantom):
    first, second = open_study("first"), open_study("second")
    clicked(first, 1, 2, Structure.LV, True, IN_MYO)
    correct(first, 1, 2)
    assert second.correct_job(1, 2) is None
    assert second.study.corrected == frozenset()
    assert np.array_equal(labels_of(second), phantom.segmentation.labels)
    second.undo()
    assert labels_of(first)[1, 2][IN_MYO] == LV
    with pytest.raises(UnusableInput, match="was changed meanwhile"):
        second.take_segmentation(nothing(first))


def test_a_saved_study_goes_on_after_loading(open_study, loaded_again, tmp_path):
    from CardioSAMLib.mrml.studies import all_studies

    session = open_study()
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    correct(session, 1, 2)
    before, numbers = session.segmentation, session.refresh().function
    encoded = EmbeddingCache(tmp_path / "cache").info().entries
    loaded_again()
    (study,) = all_studies()
    again = StudySession(study, EmbeddingCache(tmp_path / "cache"))
    assert np.array_equal(again.segmentation.labels, before.labels)
    assert again.segmentation.provenance == before.provenance
    loaded = again.refresh().function
    assert (loaded.ed_frame, loaded.es_frame) == (numbers.ed_frame, numbers.es_frame)
    for key in ("edv_ml", "esv_ml", "ef_percent", "mass_ed_g", "co_l_min"):
        assert getattr(loaded.lv, key) == pytest.approx(getattr(numbers.lv, key), abs=1e-6)
    assert again.take_edits().slices == frozenset()
    clicked(again, 1, 2, Structure.LV, True, BELOW)
    correct(again, 1, 2)
    assert again.segmentation.labels[1, 2][BELOW] == LV
    assert EmbeddingCache(tmp_path / "cache").info().entries == encoded == 1


def test_an_oblique_study_under_a_transform_has_the_volumes_and_clicks_of_an_upright_one(
    open_study, phantom, put_under, turned, oblique_geometry
):
    upright = open_study("upright")
    spacing = phantom.cine.geometry.spacing_mm
    oblique = open_study("oblique", cine=replace(phantom.cine, geometry=replace(oblique_geometry, spacing_mm=spacing)))
    put_under(oblique.study.volume, turned)
    to_world = turned @ np.diag([-1.0, -1.0, 1.0, 1.0])
    for session, matrix in ((upright, np.diag([-1.0, -1.0, 1.0, 1.0])), (oblique, to_world)):
        geometry = phantom.cine.geometry if session is upright else replace(oblique_geometry, spacing_mm=spacing)
        world = matrix @ [*geometry.world_of((*IN_MYO, 2)), 1.0]
        session.study.browser.SetSelectedItemNumber(1)
        point_list(session.study, Structure.LV, True).AddControlPointWorld(*world[:3])
        assert session.take_new_prompts() == {(1, 2)}
        correct(session, 1, 2)
    assert np.array_equal(labels_of(oblique), labels_of(upright))
    assert labels_of(oblique)[1, 2][IN_MYO] == LV
    numbers = [session.refresh().function for session in (upright, oblique)]
    for key in ("edv_ml", "esv_ml", "mass_ed_g"):
        assert getattr(numbers[1].lv, key) == pytest.approx(getattr(numbers[0].lv, key), rel=1e-6)


def test_a_canceled_job_leaves_the_scene_as_it_was(scene, open_study):
    session = open_study()
    session.accept(0, 2)
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    jobs = [
        session.segment_job(),
        session.prepare_job(0, 2),
        session.correct_job(1, 2),
        session.propagate_job(Scope.ALL, 0, 2),
        session.assess_job(),
    ]
    before, labels = state_of_scene(scene), labels_of(session)

    def cancel(fraction, _message):
        if fraction > 0.0 or job is not jobs[0]:
            raise Cancelled

    for job in jobs:
        with pytest.raises(Cancelled):
            job(cancel)
    assert state_of_scene(scene) == before
    assert np.array_equal(labels_of(session), labels)


def test_a_result_is_refused_where_its_cine_was_changed_or_closed_meanwhile(scene, open_study, put_under, turned):
    session = open_study()
    result = nothing(session)
    put_under(session.study.volume, turned)
    with pytest.raises(UnusableInput, match="was changed meanwhile"):
        session.take_segmentation(result)
    assert labels_of(session).any()
    result = nothing(session)
    scene.Clear(0)
    with pytest.raises(UnusableInput, match="no longer in the scene"):
        session.take_segmentation(result)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_the_cine_is_read_once_until_its_pixels_change(open_study):
    session = open_study()
    cine = session.cine
    session.study.browser.SetSelectedItemNumber(2)
    assert session.cine is cine
    item = session.study.browser.GetMasterSequenceNode().GetNthDataNode(0)
    slicer.util.arrayFromVolume(item)[0, 0, 0] += 1
    item.GetImageData().Modified()
    assert session.cine is not cine
    assert session.cine.pixels[0, 0, 0, 0] == cine.pixels[0, 0, 0, 0] + 1


def test_frozen_structures_neither_grow_nor_shrink():
    before, labels = np.array([[LV, LV, MYO, RV]], np.uint8), np.array([[MYO, RV, LV, LV]], np.uint8)
    assert with_frozen(before, labels, {Structure.LV}).tolist() == [[LV, LV, 0, 0]]
    assert with_frozen(before, labels, {Structure.RV}).tolist() == [[MYO, 0, LV, RV]]
    assert with_frozen(before, labels, set()).tolist() == labels.tolist()


def test_contours_are_read_again_whoever_changed_them(open_study):
    session = open_study()
    before = labels_of(session)
    assert np.array_equal(labels_of(session), before)
    session.study.browser.SetSelectedItemNumber(3)
    paint(session, "RV", (0, slice(0, 2), slice(0, 2)))
    after = labels_of(session)
    assert (after[3, 0, :2, :2] == RV).all()
    after[3, 0, :2, :2] = before[3, 0, :2, :2]
    assert np.array_equal(after, before)
    item = session.study.browser.GetSequenceNode(session.study.segmentation).GetNthDataNode(1)
    item.GetSegmentation().RemoveSegment("LV")
    assert not (labels_of(session)[1] == LV).any()


def test_another_promptable_model_answers_the_next_click(open_study):
    session = open_study()
    clicked(session, 1, 2, Structure.LV, True, IN_MYO)
    session.promptable_id = "no such model"
    job = session.correct_job(1, 2)
    with pytest.raises(UnusableInput, match="no such model"):
        job(silent)
    session.promptable_id = "cardiosam-prompt"
    correct(session, 1, 2)
    assert session.segmentation.provenance.settings["corrected_with"] == "cardiosam-prompt"
