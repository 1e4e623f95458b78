"""Simulated prompts on the experts' contours of ACDC: the counts of docs/prompts.md and the two modes side by side."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from CardioSAMLib.io.images import load_labels
from CardioSAMLib.labels import ACDC, STORAGE, Structure
from CardioSAMLib.prompts import SlicePrompts, StructurePrompts, box_around
from CardioSAMLib.segmentation.corrective import corrections
from CardioSAMLib.segmentation.simulate import (
    STEIN_CORRECTED,
    STEIN_LITERAL,
    PromptCounts,
    simulate,
    slices_of_passes,
)

COUNTS = PromptCounts(positives=2, negatives=1, box=True)


@pytest.fixture(scope="module")
def volumes(data_dir):
    """Labels of all 100 patients at ED and ES, each `(slices, rows, columns)` in storage order."""
    files = sorted((data_dir / "acdc").glob("patient*/patient*_frame*_gt.nii.gz"))
    volumes = [load_labels(file, ACDC)[0] for file in files]
    assert len(volumes) == 200
    return volumes


@pytest.fixture(scope="module")
def whole_slices(volumes):
    """Slices with all three structures."""
    values = {STORAGE.value_of(structure) for structure in Structure}
    return [labels for volume in volumes for labels in volume if values <= set(np.unique(labels).tolist())]


@pytest.fixture(scope="module")
def some_slices(whole_slices):
    return whole_slices[::12]


def test_of_1841_annotated_slices_1543_have_all_structures(volumes, whole_slices):
    corrected = [slices_of_passes(volume, STEIN_CORRECTED, 0) for volume in volumes]
    assert sum(len(slices) for (slices,) in corrected) == 1841
    assert len(whole_slices) == 1543


def test_the_literal_mode_takes_five_whole_slices_of_every_volume(volumes):
    for number, volume in enumerate(volumes):
        for (chosen,) in slices_of_passes(volume, STEIN_LITERAL, (0, number)):
            assert {STORAGE.value_of(one) for one in Structure} <= set(np.unique(volume[chosen]).tolist())


@pytest.mark.parametrize(("structure", "percent"), [(Structure.LV, 100.0), (Structure.RV, 99.1), (Structure.MYO, 2.5)])
def test_the_center_of_mass_misses_nearly_every_myocardium(structure, percent, volumes):
    masks = [labels == STORAGE.value_of(structure) for volume in volumes for labels in volume]
    masks = [mask for mask in masks if mask.any()]
    inside = [mask[tuple(int(center) for center in ndimage.center_of_mass(mask))] for mask in masks]
    assert 100.0 * np.mean(inside) == pytest.approx(percent, abs=0.05)


def test_the_literal_mode_starts_at_the_center_of_mass_where_it_can(some_slices):
    for labels in some_slices:
        for prompts in simulate(labels, STEIN_LITERAL, COUNTS, 0).structures:
            mask = labels == STORAGE.value_of(prompts.structure)
            center = tuple(int(value) for value in ndimage.center_of_mass(mask))
            if mask[center]:
                assert prompts.positives[0].pixel == center


def test_every_corrected_point_lies_where_it_says_and_every_prompt_is_usable(volumes):
    """On each annotated slice of every fourth patient, the thin and partial ones included."""
    seen = 0
    for volume in volumes[::4]:
        ((slices),) = slices_of_passes(volume, STEIN_CORRECTED, 0)
        for number in slices:
            simulated = simulate(volume[number], STEIN_CORRECTED, COUNTS, (0, number)).structures
            for prompts in SlicePrompts(0, number, simulated).structures:
                value = STORAGE.value_of(prompts.structure)
                prompts.check(volume[number].shape)
                assert all(volume[number][point.pixel] == value for point in prompts.positives)
                assert all(volume[number][point.pixel] not in (0, value) for point in prompts.negatives)
                assert len(prompts.negatives) == len(simulated) - 1
                seen += 1
    assert seen > 1000


def test_one_negative_is_three_points_as_published_and_two_when_corrected(some_slices):
    for mode, background in ((STEIN_LITERAL, [0]), (STEIN_CORRECTED, [])):
        for labels in some_slices:
            for prompts in simulate(labels, mode, COUNTS, 0).structures:
                others = [STORAGE.value_of(one) for one in Structure if one is not prompts.structure] + background
                assert Counter(int(labels[point.pixel]) for point in prompts.negatives) == Counter(others)


def test_no_box_of_an_expert_contour_reaches_the_border_so_both_modes_agree_on_it(some_slices):
    for labels in some_slices:
        literal, corrected = (simulate(labels, mode, COUNTS, 0).structures for mode in (STEIN_LITERAL, STEIN_CORRECTED))
        for one, other in zip(literal, corrected, strict=True):
            assert one.box == other.box
            assert one.box.first_row_px == box_around(labels == STORAGE.value_of(one.structure)).first_row_px - 5


def test_only_the_literal_box_of_the_background_leaves_the_image(some_slices):
    rows, columns = some_slices[0].shape
    box = simulate(some_slices[0], STEIN_LITERAL, COUNTS, 0).background.box
    assert (box.first_row_px, box.first_column_px, box.last_row_px, box.last_column_px) == (0, 0, rows, columns)


def test_each_click_at_a_contour_that_is_off_makes_it_better(some_slices):
    """The model answers with the wall moved by 4 pixels, and is right within 8 pixels of each corrective click."""
    for labels in some_slices[:20]:
        reference = labels == STORAGE.value_of(Structure.MYO)
        shifted = np.roll(reference, (4, -4), axis=(0, 1))
        start = StructurePrompts(Structure.MYO, box=box_around(reference))

        def predict(prompts, reference=reference, shifted=shifted):
            far = np.ones(shifted.shape, bool)
            for point in prompts.points:
                far[point.pixel] = False
            near = ndimage.distance_transform_edt(far) <= 8 if prompts.points else ~far
            return np.where(near, reference, shifted)

        wrong = [np.count_nonzero(step.mask ^ reference) for step in corrections(predict, reference, start)]
        assert len(wrong) > 2
        assert all(after < before for before, after in pairwise(wrong))
