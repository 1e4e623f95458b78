"""Claims about the other libraries: what is timed of them computes what it says, and nothing needs them."""

import sys

import numpy as np
import pytest

from CardioSAMLib.bench_libraries import LIBRARIES
from CardioSAMLib.evaluation.masks import MaskPair
from CardioSAMLib.evaluation.metrics import METRICS, score

MONAI, SURFACE_DISTANCE = LIBRARIES

# surface-distance calls what scipy deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")


@pytest.fixture(scope="module")
def pairs():
    """Two boxes, moved by one and by three rows."""
    reference = np.zeros((4, 20, 16), bool)
    reference[1:3, 4:12, 4:12] = True
    return [MaskPair(reference, np.roll(reference, rows, axis=1), (8.0, 1.5, 1.5)) for rows in (1, 3)]


def test_monai_is_asked_for_the_metrics_of_its_keys_in_their_order(pairs):
    pytest.importorskip("monai")
    values = MONAI.scorer()(pairs)
    assert len(values) == len(MONAI.keys)
    for number, pair in enumerate(pairs):
        ours = score(pair)
        theirs = [float(np.ravel(value)[number]) for value in values]
        assert theirs == pytest.approx([ours[key] for key in MONAI.keys], rel=1e-5)


def test_surface_distance_is_asked_for_the_metrics_of_its_keys_in_their_order(pairs):
    # It draws the surface through the corners between voxels: distances agree within the diagonal of a voxel.
    pytest.importorskip("surface_distance")
    for pair, (dice, hausdorff_mm, hd95_mm, assd_mm, _) in zip(pairs, SURFACE_DISTANCE.scorer()(pairs), strict=True):
        ours, diagonal_mm = score(pair), np.linalg.norm(pair.spacing_mm)
        assert dice == pytest.approx(ours["dice"])
        assert hausdorff_mm == pytest.approx(ours["hausdorff_mm"], abs=diagonal_mm)
        assert hd95_mm == pytest.approx(ours["hd95_mm"], abs=diagonal_mm)
        assert np.mean(assd_mm) == pytest.approx(ours["assd_mm"], abs=diagonal_mm)
    assert SURFACE_DISTANCE.keys == ("dice", "hausdorff_mm", "hd95_mm", "assd_mm", "nsd_2mm")


def test_monai_computes_on_one_core_and_leaves_the_number_of_threads_alone(pairs, monkeypatch):
    metrics = pytest.importorskip("monai.metrics")
    import torch

    seen, compute_dice = [], metrics.compute_dice

    def watched(*arguments, **options):
        seen.append(torch.get_num_threads())
        return compute_dice(*arguments, **options)

    monkeypatch.setattr(metrics, "compute_dice", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        MONAI.scorer()(pairs)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


@pytest.mark.parametrize(("library", "module"), [(MONAI, "monai"), (SURFACE_DISTANCE, "surface_distance")])
def test_a_library_that_is_not_installed_has_no_scorer(library, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, f"{module}.metrics", None)
    assert library.scorer() is None


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_what_is_compared_is_in_our_registry(library):
    assert set(library.keys) <= {metric.key for metric in METRICS}
