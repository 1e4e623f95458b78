"""Claims about cines to train on, read from patient folders and put on the training grid."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import resources_dir
from CardioSAMLib.training.cine_dataset import load_cines

FRAMES, SLICES, SIDE = 5, 3, 40
ED, ES = 3, 1
"""Counted from 0; end-diastole need not come first."""


def write(path, values):
    volumes = [sitk.GetImageFromArray(volume) for volume in (values if values.ndim == 4 else [values])]
    for volume in volumes:
        volume.SetSpacing((2.0, 2.0, 9.0))
    sitk.WriteImage(sitk.JoinSeries(volumes, 0.0, 1.0) if values.ndim == 4 else volumes[0], str(path))


@pytest.fixture
def data(tmp_path):
    """A disk of LV around (20, 18) that is larger in every frame, as bright as the number of its frame."""
    folder = tmp_path / "patient001"
    folder.mkdir()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    radii = np.arange(FRAMES) + 6.0
    disks = np.hypot(rows - 20, columns - 18) < radii[:, None, None]
    disks = np.repeat(disks[:, None], SLICES, axis=1)
    write(folder / "patient001_4d.nii.gz", (disks * (np.arange(FRAMES) + 1)[:, None, None, None]).astype(np.int16))
    for phase, frame in (("ED", ED), ("ES", ES)):
        write(folder / f"patient001_{phase}_gt.nii.gz", disks[frame].astype(np.uint8) * 3)
    (folder / "Info.cfg").write_text(f"ED: {ED + 1}\nES: {ES + 1}\nGroup: NOR\n")
    return tmp_path


def test_all_frames_are_on_the_grid_and_the_labels_at_theirs(data):
    (cine,) = load_cines(data, ["patient001"], 1.0)
    assert cine.images.shape == (FRAMES, SLICES, 2 * SIDE, 2 * SIDE)
    assert list(cine.labeled) == [ED, ES]
    assert cine.slice_mm == 9.0
    for frame, volume in cine.labeled.items():
        bright = cine.images[frame].astype(float) > 0.5 * cine.images[frame].astype(float).max()
        assert (bright == (volume.targets[:, 3] > 127)).mean() > 0.99
    # The middle of the pixel (20, 18) of 2 mm.
    assert cine.center_px == pytest.approx((40.5, 36.5), abs=0.6)


def test_frames_stay_as_bright_beside_each_other_as_they_are(data):
    (cine,) = load_cines(data, ["patient001"], 2.0)
    found = cine.images.astype(float).max(axis=(1, 2, 3))
    assert found / found[0] == pytest.approx([1, 2, 3, 4, 5], rel=1e-3)


def test_a_cycle_has_the_slices_asked_for_in_all_frames(data):
    (cine,) = load_cines(data, ["patient001"], 2.0)
    cycle = cine.cycle([2, 1, 1]).numpy()
    assert cycle.shape == (FRAMES, 3, SIDE, SIDE)
    np.testing.assert_array_equal(cycle[4, 0], cine.images[4, 2].astype(np.float32))


def test_a_patient_of_whom_only_two_frames_are_there_is_refused(data):
    folder = data / "patient001"
    whole = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "patient001_4d.nii.gz")))
    for frame in (ED, ES):
        write(folder / f"patient001_frame{frame + 1:02d}.nii.gz", whole[frame])
    (folder / "patient001_4d.nii.gz").unlink()
    with pytest.raises(UnusableInput, match=r"patient001 has no file \*_4d.nii.gz with all frames"):
        load_cines(data, ["patient001"], 2.0)


def test_a_patient_without_labels_is_refused(data):
    (data / "patient001" / "patient001_ES_gt.nii.gz").unlink()
    with pytest.raises(UnusableInput, match="no label files"):
        load_cines(data, ["patient001"], 2.0)


def test_no_patient_of_the_cines_changes_sides():
    """The decoder to begin with was trained on the 80: none of these may be validated on."""
    splits = resources_dir() / "splits"
    cines, volumes = (
        json.loads((splits / name).read_text())
        for name in ("acdc_cine7_validation3.json", "acdc_train80_validation20.json")
    )
    for part in ("train", "validation"):
        assert set(cines[part]) < set(volumes[part])
