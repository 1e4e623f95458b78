"""The outputs of an expert's contours on a real patient of ACDC."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from CardioSAMLib.function import measure
from CardioSAMLib.io import load_cine, load_labels
from CardioSAMLib.labels import ACDC, CineSegmentation, Provenance
from CardioSAMLib.report import Study, write_outputs


@pytest.fixture(scope="module")
def written(data_dir, tmp_path_factory):
    """patient001: end-diastole is frame 1, end-systole frame 12 of the data set."""
    folder = data_dir / "acdc" / "patient001"
    cine = load_cine(folder)
    experts = [load_labels(path, ACDC) for path in sorted(folder.glob("*_gt.nii*"))]
    segmentation = CineSegmentation(np.concatenate(experts), (0, 1), Provenance("expert"))
    function = measure(cine, segmentation)
    out = tmp_path_factory.mktemp("out")
    write_outputs(Study("patient001", cine, segmentation, function, (*cine.notes, *function.notes)), out)
    return folder, out


def test_the_written_labels_lie_on_the_grid_of_the_input(written):
    folder, out = written
    image = sitk.ReadImage(str(out / "segmentation.nii.gz"))
    for frame, path in enumerate(sorted(folder.glob("*_gt.nii*"))):
        expert = sitk.ReadImage(str(path))
        volume = image[..., frame]
        assert volume.GetSpacing() == pytest.approx(expert.GetSpacing(), abs=1e-4)
        assert volume.GetOrigin() == pytest.approx(expert.GetOrigin(), abs=1e-3)
        assert volume.GetDirection() == pytest.approx(expert.GetDirection(), abs=1e-4)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(volume), sitk.GetArrayFromImage(expert))


def test_the_written_volume_is_that_of_the_expert(written):
    # Counted by pixdim: 295.5 mL at end-diastole.
    _, out = written
    document = json.loads((out / "measurements.json").read_text(encoding="utf-8"))
    (row,) = csv.DictReader((out / "measurements.csv").open(encoding="utf-8"))
    assert document["lv"]["edv_ml"] == pytest.approx(295.5, abs=0.05)
    assert float(row["lv_edv_ml"]) == document["lv"]["edv_ml"]
    assert "295.5" in (out / "report.html").read_text(encoding="utf-8")
