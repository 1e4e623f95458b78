"""What a script calls in Slicer without a window, and the example script that does so."""

import csv
import importlib.util
from pathlib import Path

import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import DicomLayout, write_dicom, write_nifti
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.resources import DEFAULT_MODEL_ID

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml import workflow  # noqa: E402

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "batch_in_slicer.py"
OPTIONS = PhantomOptions(rows=112, columns=112, slices=5, frames=2, spacing_mm=(2.0, 2.0, 18.0))


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(OPTIONS)


@pytest.fixture(scope="module")
def example():
    specification = importlib.util.spec_from_file_location("batch_in_slicer", EXAMPLE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("scene")
def test_from_a_file_to_numbers_and_files(phantom, tmp_path):
    write_nifti(phantom.cine, tmp_path / "study.nii.gz")
    volume = workflow.load_study(tmp_path / "study.nii.gz")
    with pytest.raises(UnusableInput, match="no contours yet"):
        workflow.measure(volume)
    segmentation = workflow.segment(volume)
    assert segmentation.GetScene() is slicer.mrmlScene
    measured = workflow.measure(volume)
    assert measured["schema"] == 1
    assert measured["model"]["id"] == DEFAULT_MODEL_ID
    assert (measured["ed_frame"], measured["es_frame"]) == (0, 1)
    assert measured["lv"]["ef_percent"] == pytest.approx(phantom.truth.lv.ef_percent, abs=12.0)
    written = workflow.export(volume, tmp_path / "out")
    assert (tmp_path / "out" / "report.html") in written


@pytest.mark.usefixtures("scene")
def test_the_built_in_heart_is_a_cine_of_the_scene():
    volume = workflow.load_phantom()
    browser = slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(volume)
    assert browser.GetNumberOfItems() == PhantomOptions().frames
    assert volume.GetName() == "Phantom"


@pytest.mark.usefixtures("scene")
def test_the_example_measures_a_folder_and_names_what_cannot_be_used(example, phantom, tmp_path, capsys):
    studies = tmp_path / "studies"
    studies.mkdir()
    write_nifti(phantom.cine, studies / "first.nii.gz")
    write_dicom(phantom.cine, studies / "second", DicomLayout.SERIES_PER_SLICE)
    (studies / "third.txt").write_text("no image")
    for name in ("one", "other"):
        write_dicom(phantom.cine, studies / "two stacks" / name)
    status = example.main([str(studies), str(tmp_path / "table.csv")])
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["study"] for row in rows] == ["first.nii.gz", "second", "third.txt", "two stacks"]
    assert [bool(row["problem"]) for row in rows] == [False, False, True, True]
    assert rows[3]["problem"].startswith("It holds several cines; give each a folder of its own: ")
    assert "--series" not in rows[3]["problem"]
    first, second = rows[:2]
    assert float(first["lv_edv_ml"]) == pytest.approx(phantom.truth.lv.edv_ml, rel=0.2)
    assert float(second["lv_ef_percent"]) == pytest.approx(float(first["lv_ef_percent"]), abs=1.0)
    assert float(second["heart_rate_bpm"]) == pytest.approx(OPTIONS.heart_rate_bpm, abs=0.5)
    assert status == 3
    assert "third.txt" in capsys.readouterr().out
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
