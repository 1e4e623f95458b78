"""Claims about `prompted`: with a stand-in for the model that notes what it is shown, and with the one that ships."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from CardioSAMLib.cine import Cine, Geometry
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.progress import silent
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID, find_model
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, heart_box_of, promptable_of
from CardioSAMLib.segmentation.promptable import SlicePrediction
from CardioSAMLib.segmentation.propagation.prompted import (
    FRAME_PROMPTS,
    SLICE_PROMPTS,
    CorrectedFrames,
    MaskPrompts,
    PromptedFrames,
    PromptedSlices,
    StopRule,
)

RV, MYO, LV = (STORAGE.value_of(one) for one in (Structure.RV, Structure.MYO, Structure.LV))
SHAPE = (30, 40)
FRAMES = 8


@pytest.fixture
def cine():
    return Cine(np.random.default_rng(0).random((FRAMES, 3, *SHAPE)), Geometry((1.5, 1.5, 10.0)))


@pytest.fixture
def labels():
    """RV 6 x 8, wall around an LV of 6 x 6."""
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[10:16, 4:12] = RV
    drawn[8:18, 14:24] = MYO
    drawn[10:16, 16:22] = LV
    return drawn


@dataclass
class Prompted:
    """A stand-in for `Prompter`: answers with the same labels each time, and notes prompts and regions."""

    answer: np.ndarray
    scores: dict = field(default_factory=lambda: dict.fromkeys(Structure, 0.9))
    shown: list = field(default_factory=list)
    regions: list = field(default_factory=list)

    def predict(self, _cine, prompts, region):
        self.shown.append(prompts)
        self.regions.append(region)
        asked = [own.structure for own in prompts.structures]
        return SlicePrediction(self.answer, np.ones(SHAPE, np.float32), {one: self.scores[one] for one in asked}, {})


def test_prompts_are_made_from_the_neighbors_contours(labels):
    prompts = MaskPrompts(mask=True, box_margin_px=2.0, point=True, negatives=True).of(labels, (4, 1))
    assert (prompts.frame, prompts.slice_number) == (4, 1)
    assert [own.structure for own in prompts.structures] == list(Structure)
    for own in prompts.structures:
        mask = labels == STORAGE.value_of(own.structure)
        assert np.array_equal(own.mask, mask)
        assert all(mask[point.pixel] for point in own.positives)
        assert not any(mask[point.pixel] for point in own.negatives)
        assert len(own.positives) == 1
        assert len(own.negatives) == 2
    right = prompts.structures[0]
    assert (right.box.first_row_px, right.box.first_column_px) == (8, 2)
    assert (right.box.last_row_px, right.box.last_column_px) == (17, 13)


def test_only_what_is_asked_for_is_shown(labels):
    for own in FRAME_PROMPTS.of(labels, (0, 0)).structures:
        assert own.mask is not None
        assert own.box is None
        assert own.points == ()
    for own in SLICE_PROMPTS.of(labels, (0, 0)).structures:
        assert own.mask is own.box is None
        assert [point.positive for point in own.points] == [True]


def test_no_background_is_left_between_cavity_and_wall(cine, labels):
    answer = labels.copy()
    answer[10, 16:22] = 0
    for drawn in (
        PromptedSlices(Prompted(answer)).next_slice(cine, labels, (0, 1)),
        PromptedFrames(Prompted(answer)).through_frames(cine, 1, {0: labels}, (1,), silent)[1],
    ):
        assert (drawn[10, 16:22] == MYO).all()
        drawn[10, 16:22] = 0
        assert np.array_equal(drawn, answer)


def test_where_the_cavity_has_ended_the_wall_closes_over_it(cine, labels):
    ended = Prompted(labels, {**dict.fromkeys(Structure, 0.9), Structure.LV: 0.3})
    drawn = PromptedSlices(ended).next_slice(cine, labels, (0, 1))
    assert np.array_equal(drawn, np.where(labels == LV, MYO, labels))


def test_a_structure_that_the_neighbor_does_not_have_is_not_prompted_for(labels):
    labels[labels == RV] = 0
    assert [own.structure for own in SLICE_PROMPTS.of(labels, (0, 0)).structures] == [Structure.MYO, Structure.LV]
    assert SLICE_PROMPTS.of(np.zeros(SHAPE, np.uint8), (0, 0)) is None


def test_a_structure_that_has_shrunk_to_less_than_a_tenth_has_ended(cine, labels):
    answer = labels.copy()
    answer[answer == RV] = 0
    answer[10, 4:8] = RV  # 4 of 48 pixels
    drawn = PromptedSlices(Prompted(answer)).next_slice(cine, labels, (0, 1))
    assert not (drawn == RV).any()
    assert np.array_equal(drawn == LV, labels == LV)
    answer[10, 4:9] = RV  # 5 of 48
    assert (PromptedSlices(Prompted(answer)).next_slice(cine, labels, (0, 1)) == RV).sum() == 5


def test_a_structure_that_the_model_itself_doubts_has_ended(cine, labels):
    prompter = Prompted(labels, {Structure.RV: 0.39, Structure.MYO: 0.41, Structure.LV: 0.9})
    drawn = PromptedSlices(prompter).next_slice(cine, labels, (0, 1))
    assert set(np.unique(drawn)) == {0, MYO, LV}
    lenient = PromptedSlices(prompter, stop=StopRule(smallest_share=0.0, lowest_score=0.0))
    assert np.array_equal(lenient.next_slice(cine, labels, (0, 1)), labels)


def test_a_structure_that_lies_wholly_beside_its_neighbor_has_ended(cine, labels):
    answer = np.where(labels == RV, 0, labels)
    answer[20:26, 4:12] = RV
    drawn = PromptedSlices(Prompted(answer)).next_slice(cine, labels, (0, 1))
    assert set(np.unique(drawn)) == {0, MYO, LV}


def test_a_wall_inside_the_cavity_of_the_neighbors_wall_goes_on(cine, labels):
    answer = np.zeros(SHAPE, np.uint8)
    answer[11:15, 17:21] = MYO
    answer[12:14, 18:20] = LV
    drawn = PromptedSlices(Prompted(answer)).next_slice(cine, labels, (0, 1))
    assert np.array_equal(drawn, answer)


def test_the_answer_of_the_model_is_not_changed_by_leaving_out_a_structure(cine, labels):
    answer = labels.copy()
    PromptedSlices(Prompted(answer, dict.fromkeys(Structure, 0.1))).next_slice(cine, labels, (0, 1))
    assert np.array_equal(answer, labels)


def test_frames_follow_each_other_outward_from_the_nearest_drawn_one(cine, labels):
    prompter = Prompted(labels)
    found = PromptedFrames(prompter).through_frames(cine, 1, {0: labels}, range(1, FRAMES), silent)
    assert sorted(found) == list(range(1, FRAMES))
    assert [prompts.frame for prompts in prompter.shown] == [1, 7, 2, 6, 3, 5, 4]
    assert {prompts.slice_number for prompts in prompter.shown} == {1}


def test_only_frames_on_the_way_to_a_target_are_drawn(cine, labels):
    prompter = Prompted(labels)
    found = PromptedFrames(prompter).through_frames(cine, 0, {0: labels, 4: labels}, [6], silent)
    assert sorted(found) == [6]
    assert [prompts.frame for prompts in prompter.shown] == [5, 6]


def test_nothing_is_asked_where_nothing_is_left(cine, labels):
    prompter = Prompted(np.zeros(SHAPE, np.uint8))
    found = PromptedFrames(prompter).through_frames(cine, 0, {0: labels}, [1, 2, 3], silent)
    assert len(prompter.shown) == 1
    assert not any(one.any() for one in found.values())


def test_what_another_way_has_found_is_shown_to_the_model(cine, labels):
    class Found:
        method = "somehow"

        def through_frames(self, _cine, _slice_number, drawn, targets, _progress):
            return {frame: drawn[0] if frame != 3 else np.zeros_like(drawn[0]) for frame in targets}

    answer = np.where(labels == LV, LV, 0).astype(np.uint8)
    prompter = Prompted(answer)
    corrected = CorrectedFrames(Found(), prompter)
    found = corrected.through_frames(cine, 0, {0: labels}, [2, 3], silent)
    assert np.array_equal(found[2], answer)
    assert not found[3].any()
    assert [prompts.frame for prompts in prompter.shown] == [2]
    assert corrected.method == "somehow, then prompts"


def test_the_region_is_the_one_given_or_that_of_the_neighbors_heart(cine, labels):
    given = heart_box_of(labels, (1.0, 1.0))
    prompter = Prompted(labels)
    PromptedSlices(prompter, given).next_slice(cine, labels, (0, 1))
    PromptedSlices(prompter).next_slice(cine, labels, (0, 1))
    assert prompter.regions == [given, heart_box_of(labels, (1.5, 1.5))]


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=128, columns=128, slices=8, frames=2))


def test_the_model_that_ships_draws_the_next_slice_of_the_phantom(phantom, tmp_path):
    prompter = Prompter(promptable_of(find_model(DEFAULT_PROMPTABLE_ID), threads=1), EmbeddingCache(tmp_path))
    truth = phantom.segmentation.labels[0]
    region = heart_box_of(truth, phantom.cine.geometry.spacing_mm[:2])
    drawn = PromptedSlices(prompter, region).next_slice(phantom.cine, truth[4], (0, 5))
    for value in (RV, MYO, LV):
        found, there = drawn == value, truth[5] == value
        assert 2 * (found & there).sum() > 0.8 * (found.sum() + there.sum())
